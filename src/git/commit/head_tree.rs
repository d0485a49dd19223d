use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use bstr::BStr;

use crate::git::{CommitTree, FileTree, Identity, Node, NodeKind, Snapshot, Tracking, WorkTree};
use crate::path::TreePath;

/// HEAD's files for comparison with the work tree's. What only a program of the user's makes out of a blob
/// (a filter, an encoding) nobody can tell by the commit alone; there, git's word that the file on disk is the
/// committed one must do.
pub(crate) struct HeadTree {
    commit: CommitTree,
    work_tree: Arc<WorkTree>,
}

impl HeadTree {
    /// The files of HEAD's commit, beside the work tree that it is checked out in.
    pub(crate) fn new(commit: CommitTree, work_tree: Arc<WorkTree>) -> Self {
        Self { commit: commit.with_links_of(&work_tree), work_tree }
    }

    fn read_from(&self, path: &TreePath) -> ReadFrom {
        if self.commit.obstacle(path).is_none() {
            return ReadFrom::Commit;
        }
        match self.commit.raw_blob(path) {
            // A file that cannot be looked at is not known to be the same.
            Some(blob) if self.work_tree.is_as_in_index(path, blob).unwrap_or(false) => ReadFrom::Disk,
            _ => ReadFrom::Raw,
        }
    }
}

/// Where the bytes of a file of HEAD come from.
enum ReadFrom {
    Commit,
    /// From disk, where git says that the file is the committed one.
    Disk,
    /// Out of the commit, but as the blob is: something else than what is on disk.
    Raw,
}

impl FileTree for HeadTree {
    fn kind(&self, path: &TreePath) -> Option<NodeKind> {
        self.commit.kind(path)
    }

    fn is_tracked(&self, path: &TreePath) -> bool {
        self.commit.is_tracked(path)
    }

    fn has_versioned_below(&self, folder: &TreePath) -> bool {
        self.commit.has_versioned_below(folder)
    }

    fn read(&self, path: &TreePath, limit: u64) -> io::Result<Vec<u8>> {
        match self.read_from(path) {
            ReadFrom::Commit => self.commit.read(path, limit),
            ReadFrom::Disk => self.work_tree.read(path, limit),
            ReadFrom::Raw => self.commit.read_raw(path, limit),
        }
    }

    fn list(&self, folder: &TreePath, prune: &mut dyn FnMut(&TreePath) -> bool) -> io::Result<Vec<Node>> {
        self.commit.list(folder, prune)
    }

    fn absent_submodule(&self, path: &TreePath) -> Option<TreePath> {
        self.commit.absent_submodule(path)
    }
}

impl Snapshot for HeadTree {
    fn nodes(&self) -> &[Node] {
        self.commit.nodes()
    }

    fn visit(&self, visitor: &mut dyn FnMut(&BStr, NodeKind, Tracking)) {
        self.commit.visit(visitor);
    }

    fn identify(&self, paths: &[&TreePath]) -> io::Result<Vec<Identity>> {
        if paths.iter().all(|path| self.commit.obstacle(path).is_none()) {
            return self.commit.identify(paths);
        }
        let one = |path: &&TreePath| match self.read_from(path) {
            ReadFrom::Commit => Ok(self.commit.identify(&[*path])?[0]),
            ReadFrom::Disk => Ok(self.work_tree.identify(&[*path])?[0]),
            ReadFrom::Raw => self.commit.identify_raw(path),
        };
        paths.iter().map(one).collect()
    }

    fn open(&self, path: &TreePath) -> io::Result<Box<dyn Read + Send>> {
        match self.read_from(path) {
            ReadFrom::Commit => self.commit.open(path),
            ReadFrom::Disk => self.work_tree.open(path),
            ReadFrom::Raw => Ok(Box::new(io::Cursor::new(self.commit.read_raw(path, u64::MAX)?))),
        }
    }

    fn cache_folder(&self) -> Option<PathBuf> {
        self.commit.cache_folder()
    }

    fn submodules(&self) -> &[TreePath] {
        self.commit.submodules()
    }
}
