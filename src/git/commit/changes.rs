//! What differs between the trees of two commits. Trees that are equal are not read.

use git2::{Delta, DiffOptions};

use crate::git::work_tree::index;
use crate::git::{BlobId, Checkout, CheckoutError, CommitId, InputKind};
use crate::path::TreePath;

/// A file whose entry differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TreeChange {
    pub path: TreePath,
    pub kind: ChangeKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    /// A regular file has other bytes or another mode.
    Content {
        mode: u32,
        blob: BlobId,
    },
    /// A file or link is there that was not.
    Added,
    Removed,
    /// Something else than files, or something in place of something else: links, submodules.
    Other,
}

impl Checkout {
    /// The files that differ from one commit to another.
    pub(crate) fn changes(&self, from: CommitId, to: CommitId) -> Result<Vec<TreeChange>, CheckoutError> {
        let opened = self.opened();
        let repository = opened.objects.all()?;
        let tree = |id: CommitId| {
            let commit = repository.find_commit(id.oid());
            commit.and_then(|commit| commit.tree()).map_err(|error| CheckoutError::object(id.oid(), &error))
        };
        let (from, to) = (tree(from)?, tree(to)?);
        let mut options = DiffOptions::new();
        options.skip_binary_check(true).include_typechange(true).ignore_submodules(false);
        let diff = repository
            .diff_tree_to_tree(Some(&from), Some(&to), Some(&mut options))
            .map_err(|error| CheckoutError::git("compare two commits", &error))?;
        let mut changes = Vec::new();
        for delta in diff.deltas() {
            let (old, new) = (delta.old_file(), delta.new_file());
            let (before, after) = (u32::from(old.mode()), u32::from(new.mode()));
            let path = new.path_bytes().or_else(|| old.path_bytes()).unwrap_or_default();
            let kind = match delta.status() {
                Delta::Added if !is_regular(after) => ChangeKind::Other,
                Delta::Deleted if !is_regular(before) => ChangeKind::Other,
                Delta::Added => ChangeKind::Added,
                Delta::Deleted => ChangeKind::Removed,
                Delta::Modified if is_regular(before) && is_regular(after) => {
                    let blob = new.id().as_bytes().first_chunk().map(|bytes| BlobId::new(*bytes));
                    blob.map_or(ChangeKind::Other, |blob| ChangeKind::Content { mode: after, blob })
                }
                _ => ChangeKind::Other,
            };
            changes.push(TreeChange { path: TreePath::new(path), kind });
        }
        Ok(changes)
    }

    /// Whether a commit has a folder, or anything else, at a path.
    pub(crate) fn has_at(&self, commit: CommitId, path: &TreePath) -> Result<bool, CheckoutError> {
        let opened = self.opened();
        let repository = opened.objects.all()?;
        let root = repository.find_commit(commit.oid()).and_then(|commit| commit.tree());
        let mut tree = root.map_err(|error| CheckoutError::object(commit.oid(), &error))?;
        let mut components = path.components().peekable();
        while let Some(name) = components.next() {
            let Some(id) = tree.iter().find(|entry| entry.name_bytes() == &**name).map(|entry| entry.id())
            else {
                return Ok(false);
            };
            if components.peek().is_none() {
                return Ok(true);
            }
            match repository.find_tree(id) {
                Ok(below) => tree = below,
                Err(_) => return Ok(false),
            }
        }
        Ok(true)
    }
}

fn is_regular(mode: u32) -> bool {
    mode & 0o170_000 == 0o100_000 && !index::is_target(mode)
}

/// The kind that a regular file of this mode is as an input.
pub(in crate::git) fn input_kind(mode: u32) -> InputKind {
    if mode & 0o100 != 0 { InputKind::Executable } else { InputKind::File }
}
