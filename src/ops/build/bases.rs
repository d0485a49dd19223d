use std::collections::BTreeMap;

use crate::engine::EngineError;
use crate::execution::BasePull;
use crate::image::ImageReference;
use crate::plan::{Action, Plan, StepId};
use crate::store::ImageStore;

/// External bases that the engine lacks, or all with `--pull`, each with the steps that need it. What is locked
/// is known by its digest, which names nothing else tomorrow.
pub(super) async fn base_pulls(
    store: &dyn ImageStore,
    plan: &Plan,
    always: bool,
) -> Result<Vec<BasePull>, EngineError> {
    let mut needed: BTreeMap<String, Vec<StepId>> = BTreeMap::new();
    for (at, step) in plan.numbered().filter(|(_, step)| step.action == Action::Build) {
        for base in &step.bases {
            let digest = step.locked.get(base).map(|digest| format!("@{digest}")).unwrap_or_default();
            needed.entry(format!("{base}{digest}")).or_default().push(at);
        }
    }
    let references: Vec<(String, ImageReference)> =
        needed.keys().filter_map(|base| Some((base.clone(), base.parse().ok()?))).collect();
    let asked: Vec<ImageReference> = references.iter().map(|(_, reference)| known_as(reference)).collect();
    let found = store.inspect_all(&asked).await?;
    Ok(references
        .into_iter()
        .zip(found)
        .filter(|((_, reference), found)| found.is_none() || always && reference.digest.is_none())
        .filter_map(|((base, _), _)| Some(BasePull { images: needed.remove(&base)?, reference: base }))
        .collect())
}

/// By which name an engine has a base: where there is a digest, the tag beside it means nothing.
fn known_as(reference: &ImageReference) -> ImageReference {
    match &reference.digest {
        Some(digest) => reference.repository.with_digest(digest.clone()),
        None => reference.clone(),
    }
}
