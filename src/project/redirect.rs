//! References that mean something else because a build context has their name.

use std::collections::HashMap;

use super::definition::Definition;
use super::images::LockedReference;
use crate::dockerfile::{ImageUse, Problem, ProblemKind};
use crate::evidence::{Account, NamedContext, Place};
use crate::graph::ImageId;
use crate::image::ImageReference;
use crate::printable::printable;

pub(super) struct Claimed(HashMap<Place, ImageId>);

impl Claimed {
    pub(super) fn of<'d>(definitions: impl Iterator<Item = &'d Definition>) -> Self {
        let places = definitions.enumerate().flat_map(|(at, definition)| {
            definition.account.places.iter().map(move |place| (place.clone(), ImageId(at)))
        });
        Self(places.collect())
    }
}

/// What a reference means because a build context has its name.
pub(super) enum Redirected {
    Local(ImageId),
    Image(ImageReference),
    /// What cannot be given to a build.
    Unavailable(Problem),
}

/// What `used` means in a build with these contexts. BuildKit looks for the name without `latest`
/// (`NamedContext` of its `frontend/dockerui`).
pub(super) fn redirected(account: &Account, used: &ImageUse, claimed: &Claimed) -> Option<Redirected> {
    if account.contexts.is_empty() {
        return None;
    }
    let familiar = used.reference.as_ref()?.to_string();
    let name = familiar.strip_suffix(":latest").unwrap_or(&familiar);
    let said = account.contexts.get(name).or_else(|| account.contexts.get(&used.expanded))?;
    let Place { path, line } = &said.place;
    let unavailable = |what: &str| Problem {
        kind: ProblemKind::BadReference,
        message: format!(
            "needs the build context {}, which is {} ({path}:{line})",
            printable(name),
            printable(what)
        ),
        span: used.span.clone(),
        line: used.line,
        hint: None,
    };
    match &said.value {
        NamedContext::Claimed { claim } => claimed.0.get(claim).copied().map(Redirected::Local),
        NamedContext::Image(image) => Some(Redirected::Image(image.clone())),
        NamedContext::Folder(folder) => {
            Some(Redirected::Unavailable(unavailable(&format!("the folder {folder}"))))
        }
        NamedContext::Elsewhere(url) => Some(Redirected::Unavailable(unavailable(url))),
    }
}

/// `used`, replaced by another external image when the Dockerfile is sent.
pub(super) fn replaced(used: &ImageUse, image: ImageReference) -> LockedReference {
    LockedReference { expanded: image.to_string(), pinned: image, span: used.span.clone() }
}
