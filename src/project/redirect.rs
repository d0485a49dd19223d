//! References that mean something else because a build context has their name.

use std::collections::{BTreeMap, HashMap};

use super::drafted::Drafted;
use super::images::LockedReference;
use super::settings::GivenContext;
use crate::dockerfile::{ImageUse, Problem, ProblemKind};
use crate::evidence::{NamedContext, Place};
use crate::graph::ImageId;
use crate::image::ImageReference;
use crate::printable::printable;

/// The images that build contexts can mean.
pub(super) struct Claimed {
    by_place: HashMap<Place, ImageId>,
    by_name: HashMap<String, ImageId>,
    titles: Vec<String>,
}

impl Claimed {
    pub(super) fn of(images: &[Drafted]) -> Self {
        let mut known = Self { by_place: HashMap::new(), by_name: HashMap::new(), titles: Vec::new() };
        if images.iter().all(|image| image.definition.options.contexts.is_empty()) {
            return known;
        }
        for (at, image) in ImageId::all(images).zip(images) {
            for place in &image.definition.account.places {
                known.by_place.insert(place.clone(), at);
            }
            for name in [image.name.title(), image.name.full()] {
                known.by_name.entry(name).or_insert(at);
            }
            known.titles.push(image.name.title());
        }
        known
    }

    /// The value by which `[image.NAME] contexts` says the same; none where it cannot.
    pub(super) fn setting(&self, context: &NamedContext) -> Option<String> {
        match context {
            NamedContext::Claimed { claim } | NamedContext::Required { claim } => {
                Some(format!("image:{}", self.titles.get(self.by_place.get(claim)?.0)?))
            }
            NamedContext::Built(name) => Some(format!("image:{name}")),
            NamedContext::Image(image) => Some(format!("docker-image://{image}")),
            NamedContext::Folder(folder) if folder.is_root() => Some(".".to_owned()),
            NamedContext::Folder(folder) => Some(folder.to_text()),
            NamedContext::Elsewhere(_) => None,
        }
    }
}

/// What a reference means because a build context has its name.
pub(super) enum Redirected {
    Local(ImageId),
    Image(ImageReference),
    /// What cannot be given to a build.
    Unavailable(Problem),
}

/// What `used` means in a build with these contexts. Of a folder it is no reference.
pub(super) fn redirected(
    contexts: &BTreeMap<String, GivenContext>,
    used: &ImageUse,
    claimed: &Claimed,
) -> Option<Redirected> {
    if contexts.is_empty() {
        return None;
    }
    let name = used.reference.as_ref()?.context_name();
    let GivenContext { what, path, line } = contexts.get(&name)?;
    let unavailable = |what: &str| {
        Some(Redirected::Unavailable(Problem {
            kind: ProblemKind::BadReference,
            message: format!(
                "needs the build context {}, which is {} ({path}:{line})",
                printable(&name),
                printable(what)
            ),
            span: used.span.clone(),
            line: used.line,
            hint: None,
        }))
    };
    match what {
        NamedContext::Claimed { claim } | NamedContext::Required { claim } => {
            claimed.by_place.get(claim).copied().map(Redirected::Local)
        }
        NamedContext::Built(image) => match claimed.by_name.get(image) {
            Some(image) => Some(Redirected::Local(*image)),
            None => unavailable(&format!("{image}, no image of this checkout")),
        },
        NamedContext::Image(image) => Some(Redirected::Image(image.clone())),
        NamedContext::Folder(_) => None,
        NamedContext::Elsewhere(place) if place.contains("://") => unavailable(place),
        NamedContext::Elsewhere(place) => unavailable(&format!("{place}, outside of this checkout")),
    }
}

/// `used`, replaced by another external image when the Dockerfile is sent.
pub(super) fn replaced(used: &ImageUse, image: ImageReference) -> LockedReference {
    LockedReference { expanded: image.to_string(), pinned: image, span: used.span.clone() }
}
