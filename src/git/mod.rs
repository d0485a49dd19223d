//! The checkout as git and the file system have it. The only user of git2.
//!
//! A [`Checkout`] is found from any folder inside it. Its files come as a [`WorkTree`] (what is on disk) or as
//! a [`CommitTree`] (what a commit holds); both are [`Snapshot`]s, so that everything behind this module works on
//! either. [`Checkout::revisions`] asks history.

mod commit;
mod error;
mod history;
mod id;
#[cfg(test)]
pub(crate) mod memory_tree;
mod repository;
mod snapshot;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tree;
mod work_tree;

pub use commit::blob_hasher::BlobHasher;
pub use commit::commit_tree::CommitTree;
pub use commit::head_tree::HeadTree;
pub use error::CheckoutError;
pub use history::pathspec::{PathPattern, Pathspecs};
pub use history::questions::Questions;
pub use id::{BlobId, CommitId, InvalidObjectId};
pub use repository::branch_tag::branch_tag;
pub use repository::checkout::Checkout;
use repository::discover::UserFolders;
pub use repository::head::Head;
pub use repository::hooks::HooksFolder;
pub use repository::moment::Moment;
pub use repository::obstacle::Obstacle;
pub use snapshot::{Identity, InputKind, Snapshot};
pub use tree::{FileTree, Node, NodeKind, Tracking};
pub use work_tree::follow::{Target, follow};
pub use work_tree::tree::{Differences, WorkTree};
pub use work_tree::tree_ignores::{NamedIgnores, is_named_ignored};
pub use work_tree::whole::{at_most, read_file, read_on_disk, read_own};
