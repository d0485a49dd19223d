use std::collections::BTreeMap;

use crate::image::ImageReference;
use crate::plan::Step;
use crate::project::{Image, ReadyImage};

/// Holds the whole content key; compared before an image is reused.
pub(crate) const KEY_LABEL: &str = "io.shipwright.key";
/// Holds the fingerprint of the key's components, for the reasons of a later plan.
pub(crate) const INPUTS_LABEL: &str = "io.shipwright.inputs";
/// Holds the path of the Dockerfile, as the checkout has it.
pub(crate) const DOCKERFILE_LABEL: &str = "io.shipwright.dockerfile";
/// Holds the commit of a clean image. The name is the OCI image specification's (annotations.md).
pub(crate) const REVISION_LABEL: &str = "org.opencontainers.image.revision";
/// Holds where the checkout came from. The name is the OCI image specification's as well.
pub(crate) const SOURCE_LABEL: &str = "org.opencontainers.image.source";
const BASE_NAME_LABEL: &str = "org.opencontainers.image.base.name";
const BASE_DIGEST_LABEL: &str = "org.opencontainers.image.base.digest";

/// The labels of an image. Each build sets all of them, if only to nothing, because labels are inherited
/// from the base: an image must not carry what is true of its base alone.
pub(crate) fn labels(
    image: &Image,
    step: &Step,
    ready: &ReadyImage,
    origin_url: Option<&str>,
) -> BTreeMap<String, String> {
    let revision = step.revision.filter(|_| !step.dirty).map(|revision| revision.to_string());
    let base = base_name(image);
    [
        (KEY_LABEL, ready.key.to_string()),
        (INPUTS_LABEL, ready.material.fingerprint().to_label()),
        (DOCKERFILE_LABEL, image.dockerfile.to_text()),
        (REVISION_LABEL, revision.unwrap_or_default()),
        (SOURCE_LABEL, origin_url.unwrap_or_default().to_owned()),
        (BASE_DIGEST_LABEL, base.as_deref().and_then(|base| base_digest(image, base)).unwrap_or_default()),
        (BASE_NAME_LABEL, base.unwrap_or_default()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// The digest that is locked for the base, or that its reference has.
fn base_digest(image: &Image, base: &str) -> Option<String> {
    let own = || base.parse::<ImageReference>().ok()?.digest;
    image.locked_digest(base).cloned().or_else(own).map(|digest| digest.to_string())
}

/// The base of the target stage, stages followed down to the image they are FROM.
fn base_name(image: &Image) -> Option<String> {
    let stages = &image.evaluation.stages;
    let mut at = image.evaluation.target?;
    loop {
        let stage = stages.get(at).filter(|stage| stage.base_context.is_none())?;
        let base = stage.base_expanded.as_ref().ok()?;
        match stages[..at].iter().rposition(|stage| stage.name.as_deref() == Some(&base.to_lowercase())) {
            Some(earlier) => at = earlier,
            None => return Some(base.clone()),
        }
    }
}
