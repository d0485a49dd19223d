//! Files as they are on disk, with what the index and the ignore and attribute files say of them.

pub(in crate::git) mod attributes;
pub(in crate::git) mod blob_sizes;
pub(in crate::git) mod cached_trees;
pub(in crate::git) mod conversion;
pub(in crate::git) mod disk;
pub(in crate::git) mod entry;
pub(in crate::git) mod files;
pub(in crate::git) mod folder_cache;
pub(in crate::git) mod follow;
pub(in crate::git) mod identify;
pub(in crate::git) mod ignores;
pub(in crate::git) mod index;
pub(in crate::git) mod index_check;
pub(in crate::git) mod index_file;
pub(in crate::git) mod part;
pub(in crate::git) mod partition;
pub(in crate::git) mod stat_cache;
pub(in crate::git) mod tree;
pub(in crate::git) mod tree_ignores;
pub(in crate::git) mod walk;
pub(in crate::git) mod whole;
pub(in crate::git) mod wildcard;
pub(in crate::git) mod write;
