//! The checkout as git and the file system have it. The only user of git2.

mod id;
mod tree;

pub use id::{BlobId, CommitId, InvalidObjectId};
pub use tree::{FileTree, Node, NodeKind, Tracking};
