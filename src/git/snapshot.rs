use std::io::{self, Read};
use std::path::PathBuf;

use bstr::BStr;

use super::{BlobId, FileTree, Node, NodeKind, Obstacle, Tracking};
use crate::path::TreePath;

/// What git's trees can hold, and so the kinds that an image can have as inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InputKind {
    File,
    Executable,
    /// A symbolic link; its bytes are its target.
    Link,
    /// A folder of which only the folder is an input.
    Folder,
}

impl InputKind {
    pub fn git_mode(self) -> &'static str {
        match self {
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Link => "120000",
            Self::Folder => "040000",
        }
    }

    /// Reads what [`InputKind::git_mode`] gives.
    pub fn from_git_mode(mode: &[u8]) -> Option<Self> {
        let kinds = [Self::File, Self::Executable, Self::Link, Self::Folder];
        kinds.into_iter().find(|kind| kind.git_mode().as_bytes() == mode)
    }
}

/// What a file contributes to a content key, and what sending it needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// File, executable or link.
    pub kind: InputKind,
    /// Of the bytes that a build sees, which are not always those that git stores (line endings, filters).
    pub blob: BlobId,
    /// In bytes.
    pub size: u64,
    /// When the file was changed, in nanoseconds since 1970; a commit's files have no such time.
    pub modified_ns: Option<i128>,
}

/// All the files of a checkout at one moment.
pub trait Snapshot: FileTree {
    /// Tracked and untracked files, not those in ignored folders, sorted by the bytes of their paths. The
    /// first call pays for one allocation a file; [`Snapshot::visit`] does not.
    fn nodes(&self) -> &[Node];

    /// Calls `visitor` for each of [`Snapshot::nodes`], in the same order.
    fn visit(&self, visitor: &mut dyn FnMut(&BStr, NodeKind, Tracking));

    /// The identities of files and links, ignored ones included, in the order of `paths` (fastest when that
    /// is sorted). A path that cannot be read, or is neither file nor link, is an error that names it.
    fn identify(&self, paths: &[&TreePath]) -> io::Result<Vec<Identity>>;

    /// How many bytes [`Snapshot::open`] will give of a file that was identified. Its identity says so too, but
    /// git's index, out of which a commit's sizes come, keeps 32 bits of them.
    fn length(&self, _path: &TreePath, identified: u64) -> io::Result<u64> {
        Ok(identified)
    }

    /// The bytes of a file, or of a link's target.
    fn open(&self, path: &TreePath) -> io::Result<Box<dyn Read + Send>>;

    /// The bytes of what was identified as being of this kind; nothing for a folder. An error if something else
    /// stands there by now: a link in place of a file, an executable in place of a text, a link in place of a folder
    /// on the way. What a commit holds does not change.
    fn open_planned(&self, path: &TreePath, kind: InputKind) -> io::Result<Box<dyn Read + Send>> {
        if kind == InputKind::Folder { Ok(Box::new(io::empty())) } else { self.open(path) }
    }

    /// Why a file that is listed cannot be read here, if that is so whatever is tried.
    fn obstacle(&self, _path: &TreePath) -> Option<Obstacle> {
        None
    }

    /// Whether attributes give any file to Git LFS, and its pointers can stand in place of files here.
    fn has_lfs(&self) -> bool {
        false
    }

    /// Whether a file that attributes give to Git LFS is still the pointer to its content.
    fn is_lfs_pointer(&self, _path: &TreePath) -> bool {
        false
    }

    /// Where what was found out about contents may be kept until the next run; it need not exist.
    fn cache_folder(&self) -> Option<PathBuf> {
        None
    }

    /// The folders of the submodules that are here, sorted.
    fn submodules(&self) -> &[TreePath];

    /// Folders that cannot be listed, sorted, each with the reason: what is in them is not known.
    fn unreadable_folders(&self) -> &[(TreePath, String)] {
        &[]
    }
}
