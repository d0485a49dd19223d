//! The checkout as git and the file system have it. The only user of git2.
//!
//! A [`Checkout`] is found from any folder inside it. Its files come as a [`WorkTree`] (what is on disk) or as
//! a [`CommitTree`] (what a commit holds); both are [`Snapshot`]s, so that everything behind this module works on
//! either. [`Checkout::revisions`] asks history.

mod commit;
mod error;
mod history;
mod id;
#[cfg(any(test, fuzzing))]
pub(crate) mod memory_tree;
mod repository;
mod snapshot;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tree;
mod work_tree;

pub(crate) use commit::blob_hasher::BlobHasher;
pub(crate) use commit::changes::{ChangeKind, TreeChange};
pub(crate) use commit::commit_tree::CommitTree;
pub(crate) use commit::head_tree::HeadTree;
pub(crate) use commit::recorded_tree::RecordedTree;
pub(crate) use error::CheckoutError;
pub use history::first_parents::LineCommit;
pub(crate) use history::first_parents::LineEnd;
pub(crate) use history::pathspec::{PathPattern, Pathspecs};
pub(crate) use history::questions::Questions;
pub(crate) use id::{BlobId, CommitId};
pub(crate) use repository::branch_tag::branch_tag;
pub(crate) use repository::checkout::Checkout;
use repository::discover::UserFolders;
pub(crate) use repository::head::Head;
pub(crate) use repository::moment::Moment;
pub(crate) use repository::obstacle::Obstacle;
pub(crate) use repository::roots::{Root, RootKind};
pub(crate) use snapshot::{Identity, InputKind, Snapshot};
pub(crate) use tree::{FileTree, Node, NodeKind, Tracking};
pub(crate) use work_tree::follow::{LinkTarget, follow};
pub(crate) use work_tree::stat_cache::{forget_the_oldest, replace_file, sealed, unsealed};
pub(crate) use work_tree::tree::WorkTree;
pub(crate) use work_tree::tree_ignores::{NamedIgnores, is_named_ignored};
pub(crate) use work_tree::whole::{at_most, read_file, read_on_disk, read_own};
pub(crate) use work_tree::write::{Replacement, replace_on_disk};
