//! The files of a build context: those of a tree below a root that its ignore file leaves in.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;

use super::emptied::emptied;
use super::ignore::{IgnoreRules, Walk};
use super::links::{Resolution, resolve};
use crate::git::{FileTree, Node, NodeKind, Tracking};
use crate::path::TreePath;

/// Reads a context. Paths are relative to its root; what was read once is kept.
pub(super) struct Reader<'a> {
    tree: &'a dyn FileTree,
    root: &'a TreePath,
    rules: Option<Walk<'a>>,
    below: BTreeMap<TreePath, Rc<Below>>,
    entries: BTreeMap<TreePath, Rc<Vec<TreePath>>>,
    nodes: BTreeMap<TreePath, Node>,
    /// Sockets, FIFOs and devices that were passed over, relative to the checkout.
    pub(super) others: BTreeSet<TreePath>,
}

/// What is left of a folder of the context. All paths are relative to the checkout.
#[derive(Default)]
pub(super) struct Below {
    /// Files and links, sorted.
    pub(super) nodes: Vec<Node>,
    /// The innermost folders, itself among them, that are left in but hold nothing that git could have.
    pub(super) emptied: Vec<TreePath>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(tree: &'a dyn FileTree, root: &'a TreePath, rules: Option<&'a IgnoreRules>) -> Self {
        Self {
            tree,
            root,
            rules: rules.filter(|rules| !rules.is_empty()).map(IgnoreRules::walk),
            below: BTreeMap::new(),
            entries: BTreeMap::new(),
            nodes: BTreeMap::new(),
            others: BTreeSet::new(),
        }
    }

    /// Follows links as far as the engine could: not those that are ignored.
    pub(super) fn resolve(&mut self, path: &TreePath) -> io::Result<Resolution> {
        let rules = &mut self.rules;
        resolve(self.tree, self.root, path, &mut |link| {
            !rules.as_mut().is_some_and(|rules| rules.is_ignored(link))
        })
    }

    /// Whether the rules leave a path out.
    pub(super) fn is_ignored(&mut self, path: &TreePath) -> bool {
        self.rules.as_mut().is_some_and(|rules| rules.is_ignored(path))
    }

    /// All files and links below a folder, except ignored ones and those in a `.git` below it. Folders of
    /// which nothing is wanted are not entered.
    pub(super) fn below(&mut self, folder: &TreePath) -> io::Result<Rc<Below>> {
        if let Some(below) = self.below.get(folder) {
            return Ok(Rc::clone(below));
        }
        let mut below = Below::default();
        if !self.is_pruned(folder) {
            let root = self.root;
            let rules = &mut self.rules;
            let start = root.join(folder.as_bytes());
            let mut left_in = Vec::new();
            if rules.as_mut().is_some_and(|rules| !folder.is_root() && !rules.is_ignored(folder)) {
                left_in.push(start.clone());
            }
            below.nodes = self.tree.list(&start, &mut |folder| {
                let Some(rules) = rules.as_mut() else { return false };
                let Some(path) = folder.relative_to(root) else { return false };
                if rules.is_ignored(&path) {
                    return rules.may_prune(&path);
                }
                left_in.push(folder.clone());
                false
            })?;
            let others = &mut self.others;
            below.nodes.retain(|node| {
                let Some(path) = node.path.relative_to(root) else { return false };
                let in_git = node.path.relative_to(&start).is_some_and(|below| names_git(&below));
                if in_git || rules.as_mut().is_some_and(|rules| rules.is_ignored(&path)) {
                    return false;
                }
                if matches!(node.kind, NodeKind::File | NodeKind::Link) {
                    return true;
                }
                others.insert(node.path.clone());
                false
            });
            left_in.retain(|folder| !folder.relative_to(&start).is_some_and(|below| names_git(&below)));
            below.emptied = emptied(self.tree, left_in, &below.nodes);
        }
        let below = Rc::new(below);
        self.below.insert(folder.clone(), Rc::clone(&below));
        Ok(below)
    }

    /// The paths of a folder's entries, folders included, ignored ones too unless the whole folder is.
    pub(super) fn entries(&mut self, folder: &TreePath) -> io::Result<Rc<Vec<TreePath>>> {
        if let Some(entries) = self.entries.get(folder) {
            return Ok(Rc::clone(entries));
        }
        let mut entries = Vec::new();
        if !self.is_pruned(folder) {
            let mut folders = Vec::new();
            let nodes = self.tree.list(&self.root.join(folder.as_bytes()), &mut |folder| {
                folders.push(folder.clone());
                true
            })?;
            let paths = folders.iter().chain(nodes.iter().map(|node| &node.path));
            entries.extend(
                paths
                    .filter(|path| path.file_name() != ".git")
                    .filter_map(|path| path.relative_to(self.root)),
            );
            self.nodes.extend(nodes.into_iter().map(|node| (node.path.clone(), node)));
        }
        let entries = Rc::new(entries);
        self.entries.insert(folder.clone(), Rc::clone(&entries));
        Ok(entries)
    }

    /// The file or link at a path, unless it is ignored. Only where git does not track it, its folder is
    /// read to learn why.
    pub(super) fn node(&mut self, path: &TreePath, kind: NodeKind) -> io::Result<Option<Node>> {
        let full = self.root.join(path.as_bytes());
        if self.rules.as_mut().is_some_and(|rules| rules.is_ignored(path)) {
            return Ok(None);
        }
        if !matches!(kind, NodeKind::File | NodeKind::Link) {
            self.others.insert(full);
            return Ok(None);
        }
        let mut tracking = Tracking::Tracked;
        if !self.tree.is_tracked(&full) {
            if !self.nodes.contains_key(&full) {
                self.entries(&path.parent().unwrap_or_default())?;
            }
            tracking = self.nodes.get(&full).map_or(Tracking::Untracked, |node| node.tracking);
        }
        Ok(Some(Node { path: full, kind, tracking }))
    }

    pub(super) fn relative(&self, path: &TreePath) -> Option<TreePath> {
        path.relative_to(self.root)
    }

    fn is_pruned(&mut self, folder: &TreePath) -> bool {
        self.rules.as_mut().is_some_and(|rules| rules.may_prune(folder))
    }
}

/// Whether a path leads through git's own folder (or to the file of that name in a linked worktree).
pub(super) fn names_git(path: &TreePath) -> bool {
    path.components().any(|name| name == ".git")
}
