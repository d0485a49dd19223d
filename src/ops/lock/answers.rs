//! What registries say about bases.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};

use crate::diagnostic::Diagnostic;
use crate::image::{Digest, ImageReference};
use crate::lockfile::Lockfile;
use crate::registry::{Registry, RegistryError};

/// Bases that are asked about at once; the registry's client limits its requests itself.
const BASES: usize = 64;

/// Some answers, and why there are no others.
#[derive(Debug, Default)]
pub(super) struct Answers {
    pub digests: BTreeMap<ImageReference, Digest>,
    /// Tags that their registry does not have.
    absent: Vec<ImageReference>,
    /// Registries that do not answer, or not to this login.
    errors: Vec<RegistryError>,
}

pub(super) async fn ask(registry: &dyn Registry, bases: Vec<ImageReference>) -> Answers {
    // Collected first: a lazy iterator of borrowing futures would not be general enough for callers.
    let questions: Vec<_> =
        bases.into_iter().map(|base| async { (registry.head(&base).await, base) }).collect();
    let mut answered = stream::iter(questions).buffered(BASES);
    let mut answers = Answers::default();
    while let Some((answer, base)) = answered.next().await {
        match answer {
            Ok(Some(found)) => drop(answers.digests.insert(base, found.digest)),
            Ok(None) => answers.absent.push(base),
            Err(error) => answers.errors.push(error),
        }
    }
    answers
}

impl Answers {
    /// What is missing, as errors that name the base each.
    pub(super) fn failures(&self, lock: &Lockfile) -> Vec<Diagnostic> {
        let absent = self.absent.iter().map(|base| {
            let host = base.repository.host();
            match lock.digest(base) {
                Some(digest) => Diagnostic::error(format!(
                    "{host} no longer has {base}; it stays locked to {}",
                    digest.short()
                ))
                .hint("the tag is gone: refer to another one"),
                None => Diagnostic::error(format!("{host} has no {base}")).hint(
                    "what only an engine has cannot be locked: push it, or leave its images out with -x",
                ),
            }
        });
        let errors = self
            .errors
            .iter()
            .map(|error| Diagnostic { hint: error.hint(), ..Diagnostic::error(error.to_string()) });
        absent.chain(errors).collect()
    }
}

/// Of bases that moved, those whose locked image their registry has no more.
pub(super) async fn vanished(
    registry: &dyn Registry,
    lock: &Lockfile,
    moved: impl IntoIterator<Item = &ImageReference>,
) -> Vec<Diagnostic> {
    let by_digest = |base: &ImageReference| {
        let digest = lock.digest(base)?.clone();
        Some((base.repository.with_digest(digest), base.clone()))
    };
    let locked: BTreeMap<ImageReference, ImageReference> = moved.into_iter().filter_map(by_digest).collect();
    let answers = ask(registry, locked.keys().cloned().collect()).await;
    let of_one = |gone: &ImageReference| {
        let base = locked.get(gone)?;
        let digest = lock.digest(base)?.short();
        let host = base.repository.host();
        Some(
            Diagnostic::error(format!("{host} no longer has the {digest} that {base} is locked to"))
                .hint(format!("engines that lack it cannot build: `shipwright lock --update {base}`")),
        )
    };
    answers.absent.iter().filter_map(of_one).collect()
}
