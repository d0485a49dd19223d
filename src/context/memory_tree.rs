//! A tree of files in memory, for tests. It counts what is asked of it.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::dockerfile::{LocalSource, SourceInstruction, SourcePattern};
use crate::git::{FileTree, Node, NodeKind, Tracking};
use crate::path::TreePath;

#[derive(Default)]
pub(super) struct MemoryTree {
    nodes: BTreeMap<TreePath, (NodeKind, Tracking, Vec<u8>)>,
    /// How many files `list` came across.
    pub(super) visited: AtomicUsize,
}

impl MemoryTree {
    /// Tracked empty files.
    pub(super) fn of(files: &[&str]) -> Self {
        files.iter().fold(Self::default(), |tree, file| tree.file(file, ""))
    }

    pub(super) fn file(self, path: &str, content: &str) -> Self {
        self.with(path, NodeKind::File, Tracking::Tracked, content)
    }

    pub(super) fn link(self, path: &str, target: &str) -> Self {
        self.with(path, NodeKind::Link, Tracking::Tracked, target)
    }

    pub(super) fn with(mut self, path: &str, kind: NodeKind, tracking: Tracking, content: &str) -> Self {
        self.nodes.insert(path.into(), (kind, tracking, content.into()));
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

    fn read(&self, path: &TreePath, _: u64) -> io::Result<Vec<u8>> {
        let node = self.nodes.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(node.2.clone())
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
}

/// `COPY pattern`, as the Dockerfile model gives it.
pub(super) fn source(pattern: &str) -> LocalSource {
    LocalSource {
        instruction: SourceInstruction::Copy,
        pattern: SourcePattern::Path(pattern.to_owned()),
        written: if pattern.is_empty() { ".".to_owned() } else { pattern.to_owned() },
        plain: !pattern.contains(['*', '?', '[']),
        span: 5..5 + pattern.len(),
        line: 1,
        inherited: false,
        elsewhere: false,
    }
}
