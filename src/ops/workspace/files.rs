//! Which files a command is about: those of the work tree, or those of the commit that `--rev` names.

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::git::{Checkout, CheckoutError, CommitId, CommitTree, FileTree, Snapshot, WorkTree, read_file};
use crate::lockfile::{self, Lockfile};
use crate::ops::Error;
use crate::path::TreePath;
use crate::settings::{self, SettingsFile};

pub(in crate::ops) enum CheckoutFiles {
    WorkTree(Arc<WorkTree>),
    /// As a commit has them. Nothing of the work tree is read.
    Commit {
        tree: Arc<CommitTree>,
        /// The branch that `--rev` names, if it is one.
        branch: Option<String>,
    },
}

impl CheckoutFiles {
    /// Reads the work tree, or the tree of the commit that `rev` names.
    pub(in crate::ops) fn open(checkout: &Checkout, rev: Option<&str>) -> Result<Self, CheckoutError> {
        let Some(rev) = rev else { return Ok(Self::WorkTree(Arc::new(checkout.work_tree()?))) };
        let commit = checkout.resolve(rev)?;
        Ok(Self::Commit {
            tree: Arc::new(checkout.commit_tree(commit)?.complete()),
            branch: checkout.branch_at(rev, commit),
        })
    }

    pub(in crate::ops) fn snapshot(&self) -> Arc<dyn Snapshot + Send + Sync> {
        match self {
            Self::WorkTree(tree) => tree.clone(),
            Self::Commit { tree, .. } => tree.clone(),
        }
    }

    /// The commit that they are compared with, or that they are; an unborn branch has none.
    pub(super) fn commit(&self, checkout: &Checkout) -> Option<CommitId> {
        match self {
            Self::WorkTree(_) => checkout.head().commit,
            Self::Commit { tree, .. } => Some(tree.commit()),
        }
    }

    /// What may surprise: submodules whose Dockerfiles cannot be seen.
    pub(super) fn notes(&self) -> Vec<Diagnostic> {
        let absent = match self {
            Self::WorkTree(_) => Vec::new(),
            Self::Commit { tree, .. } => tree.absent_submodules(),
        };
        let note = |path: TreePath| {
            Diagnostic::note(format!("the submodule {path} is not here: its Dockerfiles are not seen"))
                .hint(format!("`git submodule update --init '{path}'` fetches it"))
        };
        absent.into_iter().map(note).collect()
    }

    pub(in crate::ops) fn settings(&self, checkout: &Checkout) -> Result<SettingsFile, Error> {
        match self {
            Self::WorkTree(_) => {
                settings::load(checkout.root()).map_err(|found| Error::in_files(checkout.root(), found))
            }
            Self::Commit { tree, .. } => settings_in(&**tree).map_err(Error::wrong),
        }
    }
}

pub(in crate::ops) fn settings_in(tree: &dyn FileTree) -> Result<SettingsFile, Vec<Diagnostic>> {
    settings::load_from(&|path, limit| read_file(tree, path, limit))
}

pub(super) fn lock_in(tree: &dyn FileTree) -> Result<Lockfile, Vec<Diagnostic>> {
    lockfile::load(&|path, limit| read_file(tree, path, limit))
}
