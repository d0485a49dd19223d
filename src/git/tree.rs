use std::io;

use crate::path::TreePath;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A regular file, executable or not.
    File,
    /// A symbolic link, which is not followed.
    Link,
    Folder,
    /// A socket, FIFO or device: never an input.
    Other,
}

/// How git sees a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracking {
    /// In the index (or in the commit's tree).
    Tracked,
    /// Neither tracked nor ignored.
    Untracked,
    Ignored,
}

/// A file or link of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub path: TreePath,
    /// File, link or other; never a folder.
    pub kind: NodeKind,
    pub tracking: Tracking,
}

/// The files of a checkout at one moment: its work tree, or the tree of a commit.
pub trait FileTree: Sync {
    /// What stands at `path`, ignored files included; `None` if nothing does. Links are not followed,
    /// neither at the end of the path nor on the way.
    fn kind(&self, path: &TreePath) -> Option<NodeKind>;

    /// Whether git tracks the file at `path`, or any file below it.
    fn is_tracked(&self, path: &TreePath) -> bool;

    /// Whether a file or link below `folder` is tracked, or would be if it were added: one that git does not
    /// ignore.
    fn has_versioned_below(&self, folder: &TreePath) -> bool;

    /// The bytes of a file, or the target of a link; an error if there are more than `limit`. Links are not
    /// followed; [`read_file`](super::read_file) does that.
    fn read(&self, path: &TreePath, limit: u64) -> io::Result<Vec<u8>>;

    /// All files and links below `folder` (not folders), ignored ones included, sorted by the bytes of
    /// their paths. `prune` is asked about each folder below; one that it prunes is not entered.
    /// The folder `.git` is never entered.
    fn list(&self, folder: &TreePath, prune: &mut dyn FnMut(&TreePath) -> bool) -> io::Result<Vec<Node>>;

    /// The submodule that `path` is or is in, if git has it there and its files are not here.
    fn absent_submodule(&self, _path: &TreePath) -> Option<TreePath> {
        None
    }
}
