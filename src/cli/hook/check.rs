//! Looking for mistakes in commits, and telling the new ones from those that a remote has already.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::checkout::{Checkout, CommitId, Snapshot};
use crate::cli::args::{GlobalArgs, ImageArgs, SelectionArgs};
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::cli::files::Files;
use crate::cli::settings;
use crate::diagnostic::Diagnostic;
use crate::hook::{Comparison, compare};
use crate::project::check;

/// Reads commits of one checkout.
pub(super) struct Examiner<'a> {
    pub(super) checkout: &'a Checkout,
    pub(super) global: &'a GlobalArgs,
    pub(super) environment: &'a Environment,
}

/// What was found in a commit.
pub(super) struct Examined {
    /// Its files.
    pub(super) tree: Arc<dyn Snapshot + Send + Sync>,
    /// Whether it makes any images.
    pub(super) has_images: bool,
    /// What is wrong with them.
    pub(super) faults: Vec<Diagnostic>,
}

impl Examiner<'_> {
    /// Looks for mistakes in a commit; in its settings first, because without them nothing else can be said.
    pub(super) fn examine(&self, commit: CommitId) -> Result<Examined, CliError> {
        let files = Files::open(self.checkout, Some(&commit.to_string()))?;
        let tree = files.snapshot();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let resolved = files.settings(self.checkout).and_then(|file| {
            let (selection, image) = (SelectionArgs::default(), ImageArgs::default());
            settings::resolve(&file, self.global, &selection, &image, self.environment, now)
        });
        let options = match resolved {
            Ok(resolved) => resolved.options,
            Err(error) => return Ok(Examined { tree, has_images: true, faults: error.diagnostics }),
        };
        let found = check(&*tree, self.checkout.name(), self.checkout.origin_url(), &options)?;
        Ok(Examined { tree, has_images: found.images > 0, faults: found.faults })
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
