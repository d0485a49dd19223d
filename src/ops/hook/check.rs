//! Looking for mistakes in commits, and telling the new ones from those that a remote has already.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::diagnostic::Diagnostic;
use crate::git::{Checkout, CommitId, Snapshot};
use crate::hook::{Comparison, compare};
use crate::ops::Error;
use crate::ops::workspace::CheckoutFiles;
use crate::project::{Options, check, mistyped};
use crate::settings::{self, Choices};

type Tree = Arc<dyn Snapshot + Send + Sync>;

/// Reads commits of one checkout.
pub(super) struct Examiner<'a> {
    pub(super) checkout: &'a Checkout,
    pub(super) choices: &'a Choices,
}

pub(super) struct Examined {
    pub(super) tree: Tree,
    pub(super) has_images: bool,
    pub(super) faults: Vec<Diagnostic>,
    /// What its references say the namespace is.
    inferred: Option<String>,
    /// Whether only the commits before it can tell the namespace.
    pub(super) may_have_lost_namespace: bool,
}

impl Examiner<'_> {
    /// Looks for mistakes in a commit; in its settings first, because without them nothing else can be said.
    pub(super) fn examine(&self, commit: CommitId) -> Result<Examined, Error> {
        let (tree, options) = self.open(commit)?;
        let options = match options {
            Ok(options) => options,
            Err(faults) => {
                return Ok(Examined {
                    tree,
                    has_images: true,
                    faults,
                    inferred: None,
                    may_have_lost_namespace: false,
                });
            }
        };
        let found = check(&*tree, self.checkout.name(), self.checkout.origin_url(), &options)?;
        Ok(Examined {
            tree,
            has_images: found.images > 0,
            faults: found.faults,
            inferred: found.inferred,
            may_have_lost_namespace: found.may_have_lost_namespace,
        })
    }

    /// A commit whose only reference into the namespace is mistyped says nothing about the namespace any more. What
    /// it begins from does.
    pub(super) fn mistyped(&self, commit: CommitId, known: &[CommitId]) -> Result<Vec<Diagnostic>, Error> {
        for begin in self.checkout.where_new_begins(commit, known)? {
            let Some(namespace) = self.examine(begin)?.inferred.filter(|_| begin != commit) else { continue };
            let (tree, Ok(options)) = self.open(commit)? else { continue };
            let (name, origin) = (self.checkout.name(), self.checkout.origin_url());
            return Ok(mistyped(&*tree, name, origin, &options, &namespace));
        }
        Ok(Vec::new())
    }

    /// The files of a commit and what its settings say, or what is wrong with them.
    fn open(&self, commit: CommitId) -> Result<(Tree, Result<Options, Vec<Diagnostic>>), Error> {
        let files = CheckoutFiles::open(self.checkout, Some(&commit.to_string()))?;
        let tree = files.snapshot();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let file = files.settings(self.checkout).map_err(Error::into_findings);
        let resolved = file.and_then(|file| settings::resolve(self.choices, &file, now));
        Ok((tree, resolved.map(|resolved| resolved.options)))
    }

    /// Tells which faults of a commit are in none of the commits, known to the remote, that it begins from.
    pub(super) fn compare(
        &self,
        commit: CommitId,
        faults: Vec<Diagnostic>,
        known: &[CommitId],
    ) -> Result<Comparison, Error> {
        let mut comparison = Comparison { introduced: faults, known: Vec::new() };
        for begin in self.checkout.where_new_begins(commit, known)? {
            if comparison.introduced.is_empty() {
                break;
            }
            if begin == commit {
                comparison.known.append(&mut comparison.introduced);
                break;
            }
            let before = self.examine(begin)?.faults;
            let Comparison { introduced, known } =
                compare(std::mem::take(&mut comparison.introduced), &before);
            comparison.introduced = introduced;
            comparison.known.extend(known);
        }
        Ok(comparison)
    }
}
