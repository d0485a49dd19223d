//! The checkout as git and the file system have it. The only user of git2.
//!
//! A [`Checkout`] is found from any folder inside it. Its files come as a [`WorkTree`] (what is on disk) or as
//! a [`CommitTree`] (what a commit holds); both are [`Snapshot`]s, so that everything behind this module works on
//! either. [`Checkout::revisions`] asks history.

mod attributes;
mod blob_hasher;
mod blob_sizes;
mod blob_stream;
mod branch_tag;
mod cached_trees;
#[expect(clippy::module_inception, reason = "the module's main type has a file of its own")]
mod checkout;
pub mod ci;
mod ci_event;
mod collector;
mod commit_tree;
mod conversion;
mod discover;
mod disk;
mod error;
mod executable;
mod files;
mod folder_cache;
mod follow;
mod gitmodules;
mod head;
mod head_tree;
mod history;
mod hooks;
mod id;
mod identify;
mod ignores;
mod index;
mod index_check;
mod loose;
mod moment;
mod object;
mod obstacle;
mod origin;
mod packs;
mod part;
mod pathspec;
mod place;
mod pushed;
mod query_set;
mod questions;
mod revision_cache;
mod snapshot;
mod stat_cache;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tree;
mod tree_ignores;
mod tree_object;
mod tree_part;
mod walk;
mod whole;
mod wildcard;
mod work_tree;

pub use blob_hasher::BlobHasher;
pub use branch_tag::branch_tag;
pub use checkout::Checkout;
pub use commit_tree::CommitTree;
use discover::UserFolders;
pub use error::CheckoutError;
pub use follow::{Target, follow};
pub use head::Head;
pub use head_tree::HeadTree;
pub use hooks::HooksFolder;
pub use id::{BlobId, CommitId, InvalidObjectId};
pub use moment::Moment;
pub use obstacle::Obstacle;
pub use pathspec::{PathPattern, Pathspecs};
pub use questions::Questions;
pub use snapshot::{Identity, InputKind, Snapshot};
pub use tree::{FileTree, Node, NodeKind, Tracking};
pub use tree_ignores::is_named_ignored;
pub use whole::{at_most, read_file, read_on_disk, read_own};
pub use work_tree::{Differences, WorkTree};
