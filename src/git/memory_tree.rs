//! A tree of files in memory, for tests. It counts what is asked of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::sync::atomic::{AtomicUsize, Ordering};

use bstr::BStr;

use super::{BlobHasher, FileTree, Identity, InputKind, Node, NodeKind, Snapshot, Tracking, at_most};
use crate::path::TreePath;

#[derive(Default)]
pub(crate) struct MemoryTree {
    nodes: BTreeMap<TreePath, (NodeKind, Tracking, Vec<u8>)>,
    unreadable: BTreeSet<TreePath>,
    absent_submodules: BTreeSet<TreePath>,
    /// How many files `list` came across.
    pub(crate) visited: AtomicUsize,
}

impl MemoryTree {
    /// Tracked empty files.
    pub(crate) fn of(files: &[&str]) -> Self {
        files.iter().fold(Self::default(), |tree, file| tree.file(file, ""))
    }

    pub(crate) fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        files.into_iter().fold(Self::default(), |tree, (path, content)| tree.file(path, content))
    }

    pub(crate) fn file(self, path: &str, content: &str) -> Self {
        self.with(path, NodeKind::File, Tracking::Tracked, content)
    }

    pub(crate) fn link(self, path: &str, target: &str) -> Self {
        self.with(path, NodeKind::Link, Tracking::Tracked, target)
    }

    pub(crate) fn with(mut self, path: &str, kind: NodeKind, tracking: Tracking, content: &str) -> Self {
        self.nodes.insert(path.into(), (kind, tracking, content.into()));
        self
    }

    pub(crate) fn unreadable(mut self, path: &str) -> Self {
        self.unreadable.insert(path.into());
        self
    }

    /// A submodule that is not checked out.
    pub(crate) fn submodule(mut self, path: &str) -> Self {
        self.absent_submodules.insert(path.into());
        self
    }

    fn holds(&self, folder: &TreePath) -> bool {
        self.nodes.keys().any(|path| path != folder && path.is_under(folder))
    }
}

impl FileTree for MemoryTree {
    fn kind(&self, path: &TreePath) -> Option<NodeKind> {
        match self.nodes.get(path) {
            Some((kind, ..)) => Some(*kind),
            None => (path.is_root() || self.holds(path)).then_some(NodeKind::Folder),
        }
    }

    fn is_tracked(&self, path: &TreePath) -> bool {
        self.nodes
            .iter()
            .any(|(node, (_, tracking, _))| node.is_under(path) && *tracking == Tracking::Tracked)
    }

    fn has_versioned_below(&self, folder: &TreePath) -> bool {
        let is_versioned = |(path, (_, tracking, _)): (&TreePath, &(NodeKind, Tracking, Vec<u8>))| {
            path != folder && path.is_under(folder) && *tracking != Tracking::Ignored
        };
        self.nodes.iter().any(is_versioned)
    }

    fn read(&self, path: &TreePath, limit: u64) -> io::Result<Vec<u8>> {
        if self.unreadable.contains(path) {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("{path}: not allowed")));
        }
        at_most(&self.nodes.get(path).ok_or(io::ErrorKind::NotFound)?.2[..], limit)
    }

    fn list(&self, folder: &TreePath, prune: &mut dyn FnMut(&TreePath) -> bool) -> io::Result<Vec<Node>> {
        let mut asked: BTreeMap<TreePath, bool> = BTreeMap::new();
        let mut nodes = Vec::new();
        for (path, (kind, tracking, _)) in &self.nodes {
            let Some(inside) = path.relative_to(folder).filter(|inside| !inside.is_root()) else { continue };
            let mut at = folder.clone();
            let names: Vec<_> = inside.components().collect();
            let pruned = names[..names.len() - 1].iter().any(|name| {
                at = at.join(name);
                *name == ".git" || *asked.entry(at.clone()).or_insert_with(|| prune(&at))
            });
            if !pruned {
                self.visited.fetch_add(1, Ordering::Relaxed);
                nodes.push(Node { path: path.clone(), kind: *kind, tracking: *tracking });
            }
        }
        Ok(nodes)
    }

    fn absent_submodule(&self, path: &TreePath) -> Option<TreePath> {
        self.absent_submodules.iter().find(|submodule| path.is_under(submodule)).cloned()
    }
}

impl Snapshot for MemoryTree {
    fn nodes(&self) -> &[Node] {
        unimplemented!("what is tested here visits")
    }

    fn visit(&self, visitor: &mut dyn FnMut(&BStr, NodeKind, Tracking)) {
        for (path, (kind, tracking, _)) in &self.nodes {
            visitor(path.as_bstr(), *kind, *tracking);
        }
    }

    fn identify(&self, paths: &[&TreePath]) -> io::Result<Vec<Identity>> {
        let identity = |path: &&TreePath| {
            let (kind, _, content) = self.nodes.get(*path).ok_or(io::ErrorKind::NotFound)?;
            let kind = if *kind == NodeKind::Link { InputKind::Link } else { InputKind::File };
            let (blob, size) = (BlobHasher::hash(content), content.len() as u64);
            Ok(Identity { kind, blob, size, modified_ns: None })
        };
        paths.iter().map(identity).collect()
    }

    fn open(&self, path: &TreePath) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(io::Cursor::new(self.read(path, u64::MAX)?)))
    }

    fn submodules(&self) -> &[TreePath] {
        &[]
    }
}
