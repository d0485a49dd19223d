//! Files as a commit has them, read from git's objects.

pub(in crate::git) mod blob_hasher;
pub(in crate::git) mod blob_stream;
pub(in crate::git) mod changes;
pub(in crate::git) mod collector;
pub(in crate::git) mod commit_object;
pub(in crate::git) mod commit_tree;
pub(in crate::git) mod differences;
pub(in crate::git) mod gitmodules;
pub(in crate::git) mod head_tree;
pub(in crate::git) mod recorded_tree;
pub(in crate::git) mod tree_object;
pub(in crate::git) mod tree_part;
