//! Reads the trees of a commit into one sorted list of files.

use std::ops::Range;

use git2::{Oid, Repository};

use super::commit_tree::TreeFile;
use super::files::Files;
use super::index::{self, CachedTree, Index};
use super::part::oid;
use super::tree_object::TreeEntries;
use super::{BlobId, CheckoutError};

/// Git itself refuses to write deeper trees (`core.maxTreeDepth`).
const DEEPEST: usize = 2048;

/// Gathers the files of one repository's tree, in order.
pub(super) struct Collector<'a> {
    pub(super) repository: &'a Repository,
    /// Where git has noted in it that a folder equals a tree, its entries are taken from there.
    pub(super) index: &'a Index,
    /// The number of the repository among those of the checkout.
    pub(super) part: u32,
    /// Its folder with a `/`; empty for the checkout itself.
    pub(super) prefix: Vec<u8>,
    pub(super) files: &'a mut Files<TreeFile>,
    /// Submodules that were found: path and commit.
    pub(super) submodules: Vec<(Vec<u8>, Oid)>,
}

impl Collector<'_> {
    /// Reads the tree `root` and all below it.
    pub(super) fn collect(&mut self, root: Oid) -> Result<(), CheckoutError> {
        let cached = self.index.cached_trees();
        let cached = cached.as_ref().map(|cached| (cached, 0..self.index.len()));
        self.folder(root, &mut Vec::new(), cached.as_ref(), 0)
    }

    /// `path` is the folder with its `/`; `cached` what the index knows of it.
    fn folder(
        &mut self,
        tree: Oid,
        path: &mut Vec<u8>,
        cached: Option<&(&CachedTree, Range<usize>)>,
        depth: usize,
    ) -> Result<(), CheckoutError> {
        if let Some((cached, range)) = cached
            && cached.valid == Some((range.len(), tree))
        {
            for at in range.clone() {
                let (mode, blob, size) = (self.index.mode(at), self.index.blob(at), self.index.size(at));
                if self.part == 0 && !index::is_submodule(mode) {
                    self.files.push_indexed(at, TreeFile { mode, blob, part: 0, size });
                } else {
                    self.file(mode, blob, size, self.index.path(at));
                }
            }
            return Ok(());
        }
        if depth > DEEPEST {
            return Err(CheckoutError::Git {
                action: "read a tree",
                message: "its folders are too deep".to_owned(),
            });
        }
        let odb = self.repository.odb().map_err(|error| CheckoutError::git("read a tree", &error))?;
        let object = odb.read(tree).map_err(|error| CheckoutError::object(tree, &error))?;
        let length = path.len();
        for entry in TreeEntries::new(object.data()) {
            path.truncate(length);
            path.extend_from_slice(entry.name);
            if index::is_folder(entry.mode) {
                let below = cached.and_then(|(cached, range)| {
                    let child = cached.child(entry.name)?;
                    Some((child, self.index.below(path, range.clone())))
                });
                path.push(b'/');
                self.folder(entry.oid(), path, below.as_ref(), depth + 1)?;
            } else {
                self.file(entry.mode, BlobId::new(entry.id), 0, path);
            }
        }
        path.truncate(length);
        Ok(())
    }

    fn file(&mut self, mode: u32, blob: BlobId, size: u32, path: &[u8]) {
        if index::is_submodule(mode) {
            self.submodules.push(([&self.prefix[..], path].concat(), oid(blob)));
        } else {
            self.files.push(&[&self.prefix, path], TreeFile { mode, blob, part: self.part, size });
        }
    }
}
