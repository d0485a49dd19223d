//! A tree in memory, for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use bstr::BStr;

use crate::git::{FileTree, Identity, Node, NodeKind, Snapshot, Tracking, at_most};
use crate::path::TreePath;

pub(super) struct MemoryTree {
    files: BTreeMap<TreePath, (NodeKind, Vec<u8>)>,
    unreadable: BTreeSet<TreePath>,
}

impl MemoryTree {
    pub(super) fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let file = |(path, text): (&str, &str)| (TreePath::from(path), (NodeKind::File, text.into()));
        Self { files: files.into_iter().map(file).collect(), unreadable: BTreeSet::new() }
    }

    pub(super) fn link(mut self, path: &str, target: &str) -> Self {
        self.files.insert(path.into(), (NodeKind::Link, target.into()));
        self
    }

    pub(super) fn unreadable(mut self, path: &str) -> Self {
        self.unreadable.insert(path.into());
        self
    }
}

impl FileTree for MemoryTree {
    fn kind(&self, path: &TreePath) -> Option<NodeKind> {
        let is_below = |other: &TreePath| other.is_under(path);
        let folder = || self.files.keys().any(is_below).then_some(NodeKind::Folder);
        self.files.get(path).map(|(kind, _)| *kind).or_else(folder)
    }

    fn is_tracked(&self, path: &TreePath) -> bool {
        self.kind(path).is_some()
    }

    fn has_versioned_below(&self, folder: &TreePath) -> bool {
        self.kind(folder) == Some(NodeKind::Folder)
    }

    fn read(&self, path: &TreePath, limit: u64) -> io::Result<Vec<u8>> {
        if self.unreadable.contains(path) {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("{path}: not allowed")));
        }
        at_most(&self.files.get(path).ok_or(io::ErrorKind::NotFound)?.1[..], limit)
    }

    fn list(&self, _: &TreePath, _: &mut dyn FnMut(&TreePath) -> bool) -> io::Result<Vec<Node>> {
        unimplemented!("discovery does not list folders")
    }
}

impl Snapshot for MemoryTree {
    fn nodes(&self) -> &[Node] {
        unimplemented!("discovery visits")
    }

    fn visit(&self, visitor: &mut dyn FnMut(&BStr, NodeKind, Tracking)) {
        for (path, (kind, _)) in &self.files {
            visitor(path.as_bstr(), *kind, Tracking::Tracked);
        }
    }

    fn identify(&self, _: &[&TreePath]) -> io::Result<Vec<Identity>> {
        unimplemented!("discovery reads")
    }

    fn open(&self, path: &TreePath) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(io::Cursor::new(self.read(path, u64::MAX)?)))
    }

    fn submodules(&self) -> &[TreePath] {
        &[]
    }
}
