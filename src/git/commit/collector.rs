//! Reads the trees of a commit into one sorted list of files.

use std::ops::Range;

use git2::{ObjectType, OdbObject, Oid};

use crate::git::commit::tree_object::TreeEntries;
use crate::git::repository::objects::Objects;
use crate::git::work_tree::cached_trees::CachedTrees;
use crate::git::work_tree::files::Files;
use crate::git::work_tree::index::{self, Index};
use crate::git::{BlobId, CheckoutError, InputKind, NodeKind};

/// Git itself refuses to write deeper trees (`core.maxTreeDepth`).
pub(in crate::git) const DEEPEST: usize = 2048;

/// Trees that name each other several times can stand for any number of files.
pub(in crate::git) const MOST: usize = 4_000_000;

pub(in crate::git) struct TreeFile {
    pub(in crate::git) mode: u32,
    pub(in crate::git) blob: BlobId,
    pub(in crate::git) part: u32,
    /// As the index has it; 0 where it says nothing.
    pub(in crate::git) size: u32,
}

impl TreeFile {
    pub(in crate::git) fn node_kind(&self) -> NodeKind {
        if index::is_link(self.mode) { NodeKind::Link } else { NodeKind::File }
    }

    pub(in crate::git) fn kind(&self) -> InputKind {
        if index::is_link(self.mode) {
            InputKind::Link
        } else if self.mode & 0o100 != 0 {
            InputKind::Executable
        } else {
            InputKind::File
        }
    }
}

/// Gathers the files of one repository's tree, in order.
pub(in crate::git) struct Collector<'a> {
    pub(in crate::git) objects: &'a Objects,
    /// Where git has noted in it that a folder equals a tree, its entries are taken from there.
    pub(in crate::git) index: &'a Index,
    /// The number of the repository among those of the checkout.
    pub(in crate::git) part: u32,
    /// Its folder with a `/`; empty for the checkout itself.
    pub(in crate::git) prefix: Vec<u8>,
    pub(in crate::git) links_are_files: bool,
    pub(in crate::git) files: &'a mut Files<TreeFile>,
    /// Submodules that were found: path and commit.
    pub(in crate::git) submodules: Vec<(Vec<u8>, Oid)>,
}

/// A folder in the middle of whose entries the collector is.
struct Open<'a> {
    tree: OdbObject<'a>,
    /// Where in the tree's bytes the next entry is.
    at: usize,
    /// Length of the folder's path with its `/`.
    path: usize,
    cached: Option<(usize, Range<usize>)>,
}

impl Collector<'_> {
    /// Reads the tree `root` and all below it. Trees can be as deep as they like, so the way back up is a list.
    pub(in crate::git) fn collect(&mut self, root: Oid) -> Result<(), CheckoutError> {
        let cached = CachedTrees::of(self.index);
        let whole = cached.as_ref().map(|_| (0, 0..self.index.len()));
        if !self.take_from_index(root, cached.as_ref(), whole.as_ref()) {
            self.walk(root, cached.as_ref(), whole)?;
        }
        self.count()
    }

    fn walk(
        &mut self,
        root: Oid,
        cached: Option<&CachedTrees>,
        whole: Option<(usize, Range<usize>)>,
    ) -> Result<(), CheckoutError> {
        let objects = self.objects.reader()?;
        let tree = objects.read(root, ObjectType::Tree)?;
        let mut path = Vec::new();
        let mut open = vec![Open { tree, at: 0, path: 0, cached: whole }];
        while let Some(folder) = open.last_mut() {
            let mut entries = TreeEntries::new(&folder.tree.data()[folder.at..]);
            let Some(entry) = entries.next() else {
                open.pop();
                continue;
            };
            folder.at = folder.tree.len() - entries.left();
            path.truncate(folder.path);
            path.extend_from_slice(entry.name);
            if !entry.is_folder() {
                self.file(entry.mode, BlobId::new(entry.id), 0, &path)?;
                continue;
            }
            let (id, depth) = (entry.oid(), open.len());
            let below = cached.zip(open[depth - 1].cached.as_ref()).and_then(|(trees, (at, range))| {
                let child = trees.child(*at, entry_name(&path))?;
                Some((child, self.index.below(&path, range.clone())))
            });
            path.push(b'/');
            if self.take_from_index(id, cached, below.as_ref()) {
                continue;
            }
            if depth > DEEPEST {
                return Err(too_much("its folders are too deep"));
            }
            let tree = objects.read(id, ObjectType::Tree)?;
            open.push(Open { tree, at: 0, path: path.len(), cached: below });
        }
        Ok(())
    }

    fn count(&self) -> Result<(), CheckoutError> {
        if self.files.len() > MOST { Err(too_much("it has too many files")) } else { Ok(()) }
    }

    /// Takes the entries of a folder from the index, where that says that they are those of the tree.
    fn take_from_index(
        &mut self,
        tree: Oid,
        cached: Option<&CachedTrees>,
        folder: Option<&(usize, Range<usize>)>,
    ) -> bool {
        let (Some(cached), Some((at, range))) = (cached, folder) else { return false };
        if cached.valid(*at) != Some((range.len(), tree)) {
            return false;
        }
        for at in range.clone() {
            let (mode, blob, size) = (self.index.mode(at), self.index.blob(at), self.index.size(at));
            if self.part == 0 && !index::is_submodule(mode) {
                let mode = self.mode(mode);
                self.files.push_indexed(at, TreeFile { mode, blob, part: 0, size });
            } else {
                self.push(mode, blob, size, self.index.path(at));
            }
        }
        true
    }

    fn file(&mut self, mode: u32, blob: BlobId, size: u32, path: &[u8]) -> Result<(), CheckoutError> {
        self.count()?;
        self.push(mode, blob, size, path);
        Ok(())
    }

    fn push(&mut self, mode: u32, blob: BlobId, size: u32, path: &[u8]) {
        if index::is_submodule(mode) {
            self.submodules.push(([&self.prefix[..], path].concat(), blob.oid()));
        } else {
            let mode = self.mode(mode);
            self.files.push(&[&self.prefix, path], TreeFile { mode, blob, part: self.part, size });
        }
    }

    fn mode(&self, mode: u32) -> u32 {
        if self.links_are_files { index::written_link(mode) } else { mode }
    }
}

fn entry_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

fn too_much(message: &str) -> CheckoutError {
    CheckoutError::Git { action: "read a tree", message: message.to_owned() }
}
