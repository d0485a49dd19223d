//! Looking for mistakes in commits, and telling the new ones from those that a remote has already.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::cli::args::{GlobalArgs, ImageArgs, SelectionArgs};
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::files::Files;
use crate::cli::settings;
use crate::diagnostic::Diagnostic;
use crate::git::{Checkout, CommitId, Snapshot};
use crate::hook::{Comparison, compare};
use crate::project::{Options, check, mistyped};

type Tree = Arc<dyn Snapshot + Send + Sync>;

/// Reads commits of one checkout.
pub(super) struct Examiner<'a> {
    pub(super) checkout: &'a Checkout,
    pub(super) global: &'a GlobalArgs,
    pub(super) environment: &'a Environment,
}

/// What was found in a commit.
pub(super) struct Examined {
    /// Its files.
    pub(super) tree: Tree,
    /// Whether it makes any images.
    pub(super) has_images: bool,
    /// What is wrong with them.
    pub(super) faults: Vec<Diagnostic>,
    /// What its references say the namespace is.
    inferred: Option<String>,
    /// Whether only the commits before it can tell the namespace.
    pub(super) may_have_lost_namespace: bool,
}

impl Examiner<'_> {
    /// Looks for mistakes in a commit; in its settings first, because without them nothing else can be said.
    pub(super) fn examine(&self, commit: CommitId) -> Result<Examined, CliError> {
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
    pub(super) fn mistyped(&self, commit: CommitId, known: &[CommitId]) -> Result<Vec<Diagnostic>, CliError> {
        for begin in self.checkout.where_new_begins(commit, known)? {
            let Some(namespace) = self.examine(begin)?.inferred.filter(|_| begin != commit) else { continue };
            let (tree, Ok(options)) = self.open(commit)? else { continue };
            let (name, origin) = (self.checkout.name(), self.checkout.origin_url());
            return Ok(mistyped(&*tree, name, origin, &options, &namespace));
        }
        Ok(Vec::new())
    }

    /// The files of a commit and what its settings say, or what is wrong with them.
    fn open(&self, commit: CommitId) -> Result<(Tree, Result<Options, Vec<Diagnostic>>), CliError> {
        let files = Files::open(self.checkout, Some(&commit.to_string()))?;
        let tree = files.snapshot();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let resolved = files.settings(self.checkout).and_then(|file| {
            let (selection, image) = (SelectionArgs::default(), ImageArgs::default());
            settings::resolve(&file, self.global, &selection, &image, self.environment, now)
        });
        Ok((tree, resolved.map(|resolved| resolved.options).map_err(|error| error.diagnostics)))
    }

    /// Tells which faults of a commit are in none of the commits, known to the remote, that it begins from.
    pub(super) fn compare(
        &self,
        commit: CommitId,
        faults: Vec<Diagnostic>,
        known: &[CommitId],
    ) -> Result<Comparison, CliError> {
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
