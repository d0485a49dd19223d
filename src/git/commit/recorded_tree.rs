//! A commit's files that remember what was asked about them, so that somebody can say which changes would have given
//! other answers.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bstr::BStr;

use crate::git::commit::changes::input_kind;
use crate::git::{BlobId, CommitTree, FileTree, Identity, Node, NodeKind, Obstacle, Snapshot, Tracking};
use crate::path::TreePath;

/// A [`CommitTree`] with what was asked about it. It keeps nothing from run to run: whoever remembers an answer asks less.
pub(crate) struct RecordedTree {
    tree: CommitTree,
    asked: Mutex<Asked>,
}

#[derive(Default)]
struct Asked {
    /// Files whose bytes were read.
    read: HashSet<TreePath>,
    /// Places of which it was asked what stands there, or below.
    there: HashSet<TreePath>,
    /// Folders that were listed, with the folders in them that no listing entered.
    listed: HashMap<TreePath, HashSet<TreePath>>,
}

impl RecordedTree {
    pub(crate) fn new(tree: CommitTree) -> Self {
        Self { tree, asked: Mutex::default() }
    }

    /// Whether somebody who knows the bytes of this file read them for what they mean, and not only to name them.
    pub(crate) fn was_read(&self, path: &TreePath) -> bool {
        self.asked().read.contains(path)
    }

    /// Whether answers would differ if a file came into being here, or were no more. `is_there` says of a folder around it
    /// whether the other tree has it.
    pub(crate) fn would_notice<E>(
        &self,
        path: &TreePath,
        mut is_there: impl FnMut(&TreePath) -> Result<bool, E>,
    ) -> Result<bool, E> {
        let asked = self.asked();
        if asked.there.contains(path) {
            return Ok(true);
        }
        for folder in std::iter::successors(path.parent(), TreePath::parent) {
            if let Some(left_out) = asked.listed.get(&folder)
                && !left_out.iter().any(|left_out| path.is_under(left_out))
            {
                return Ok(true);
            }
            if asked.there.contains(&folder) && !folder.is_root() {
                let was_there = self.tree.kind(&folder) == Some(NodeKind::Folder);
                if was_there != is_there(&folder)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// What a regular file here would be with another blob. Nothing where only a program of the user's could say that, now or
    /// before.
    pub(crate) fn identify_as(&self, path: &TreePath, mode: u32, blob: BlobId) -> Option<Identity> {
        if self.tree.obstacle(path).is_some() {
            return None;
        }
        let blob = self.tree.blob_as(path, blob).ok()?;
        Some(Identity { kind: input_kind(mode), blob, size: 0, modified_ns: None })
    }

    /// Whether a submodule of it is not here: what is in it may be known another time.
    pub(crate) fn is_incomplete(&self) -> bool {
        !self.tree.absent_submodules().is_empty()
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asks_whether_there(&self, path: &TreePath) {
        let mut asked = self.asked();
        if !asked.there.contains(path) {
            asked.there.insert(path.clone());
        }
    }

    fn reads(&self, path: &TreePath) {
        self.asks_whether_there(path);
        self.asked().read.insert(path.clone());
    }
}

impl FileTree for RecordedTree {
    fn kind(&self, path: &TreePath) -> Option<NodeKind> {
        self.asks_whether_there(path);
        self.tree.kind(path)
    }

    fn is_tracked(&self, path: &TreePath) -> bool {
        self.asks_whether_there(path);
        self.tree.is_tracked(path)
    }

    fn has_versioned_below(&self, folder: &TreePath) -> bool {
        self.asks_whether_there(folder);
        self.tree.has_versioned_below(folder)
    }

    fn read(&self, path: &TreePath, limit: u64) -> io::Result<Vec<u8>> {
        self.reads(path);
        self.tree.read(path, limit)
    }

    fn list(&self, folder: &TreePath, prune: &mut dyn FnMut(&TreePath) -> bool) -> io::Result<Vec<Node>> {
        let mut left_out = HashSet::new();
        let found = self.tree.list(folder, &mut |below| {
            let is_left_out = prune(below);
            if is_left_out {
                left_out.insert(below.clone());
            }
            is_left_out
        });
        let mut asked = self.asked();
        match asked.listed.get_mut(folder) {
            Some(known) => known.retain(|below| left_out.contains(below)),
            None => {
                asked.listed.insert(folder.clone(), left_out);
            }
        }
        found
    }

    fn absent_submodule(&self, path: &TreePath) -> Option<TreePath> {
        self.tree.absent_submodule(path)
    }
}

impl Snapshot for RecordedTree {
    fn nodes(&self) -> &[Node] {
        self.tree.nodes()
    }

    fn visit(&self, visitor: &mut dyn FnMut(&BStr, NodeKind, Tracking)) {
        self.tree.visit(visitor);
    }

    fn identify(&self, paths: &[&TreePath]) -> io::Result<Vec<Identity>> {
        self.tree.identify(paths)
    }

    fn length(&self, path: &TreePath, identified: u64) -> io::Result<u64> {
        self.tree.length(path, identified)
    }

    fn open(&self, path: &TreePath) -> io::Result<Box<dyn Read + Send>> {
        self.reads(path);
        self.tree.open(path)
    }

    fn obstacle(&self, path: &TreePath) -> Option<Obstacle> {
        self.tree.obstacle(path)
    }

    fn submodules(&self) -> &[TreePath] {
        self.tree.submodules()
    }
}
