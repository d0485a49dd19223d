//! What the checkout says about its images outside of their Dockerfiles, where settings say nothing.

use std::collections::HashMap;

use super::definition::Definition;
use super::images::LockedReference;
use super::settings::ImageSettings;
use crate::dockerfile::{ImageUse, Problem, ProblemKind};
use crate::evidence::{Account, NamedContext, Place, Said};
use crate::graph::ImageId;
use crate::image::ImageReference;
use crate::path::TreePath;
use crate::printable::printable;

/// A value that counts for an image because a file of the checkout, which is no Dockerfile, says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What it is: `name`, `context`, `target`, `args.VERSION`, `contexts.base`.
    pub field: String,
    /// The value, as text.
    pub value: String,
    /// The file.
    pub path: TreePath,
    /// The line, from 1.
    pub line: usize,
}

impl Evidence {
    pub(super) fn of<T>(field: impl Into<String>, value: &str, said: &Said<T>) -> Self {
        let Place { path, line } = said.place.clone();
        Self { field: field.into(), value: value.to_owned(), path, line }
    }
}

/// What `settings` say, and for the rest what `account` says; with a list of the latter.
pub(super) fn completed(settings: &ImageSettings, account: &Account) -> (ImageSettings, Vec<Evidence>) {
    let (mut options, mut evidence) = (settings.clone(), Vec::new());
    if let Some(context) = account.context.as_ref().filter(|_| options.context.is_none()) {
        options.context = Some(context.value.clone());
        let text = if context.value.is_root() { ".".to_owned() } else { context.value.to_text() };
        evidence.push(Evidence::of("context", &text, context));
    }
    if let Some(target) = account.target.as_ref().filter(|_| options.target.is_none()) {
        options.target = Some(target.value.clone());
        evidence.push(Evidence::of("target", &target.value, target));
    }
    for (name, value) in &account.args {
        if !options.args.contains_key(name) {
            options.args.insert(name.clone(), value.value.clone());
            evidence.push(Evidence::of(format!("args.{name}"), &value.value, value));
        }
    }
    (options, evidence)
}

/// Which image each claim is about.
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
    /// An image of this checkout.
    Local(ImageId),
    /// Another image.
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
