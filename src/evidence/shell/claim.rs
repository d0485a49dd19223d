//! From a build as it is called to what it says about a Dockerfile.

use super::build::{Build, split_assignment};
use super::marks::ROOT;
use crate::evidence::{Claim, ClaimedName, Door, Kind, NamedContext, Place, Said, Text, inside};
use crate::image::{ImageReference, Platform};
use crate::path::TreePath;

/// Where a build stands, and where it runs.
pub(in crate::evidence) struct Spot<'s> {
    pub kind: Kind,
    pub place: &'s Place,
    pub folder: Option<&'s TreePath>,
}

/// The claim that a build is; `None` where it does not say which of the checkout's Dockerfiles it is about.
pub(in crate::evidence) fn claim(build: &Build, spot: &Spot<'_>, door: &Door<'_>) -> Option<Claim> {
    let written = build.context.as_ref().and_then(Text::known);
    if written.as_deref().is_some_and(is_elsewhere) {
        return None;
    }
    let context = match &written {
        Some(context) => Some(resolved(spot.folder, context)?),
        None => None,
    };
    let dockerfile = dockerfile(build, spot.folder, context.as_ref(), door)?;
    let said = |value: String| Said { value, place: spot.place.clone() };
    let mut claim = Claim::new(spot.kind, spot.place.clone(), dockerfile);
    // A context that only a build step makes is none of the checkout.
    claim.context = context
        .filter(|context| door.is_folder(context))
        .map(|value| Said { value, place: spot.place.clone() });
    claim.name = name(&build.tags).map(|value| Said { value, place: spot.place.clone() });
    claim.target = build.target.as_ref().and_then(plain).filter(|target| !target.is_empty()).map(said);
    for arg in &build.args {
        if let Some((name, value)) = split_assignment(arg) {
            // The later one counts, known or not.
            if let Some(value) = plain(&value) {
                claim.open_args.remove(&name);
                claim.args.insert(name, said(value));
            } else {
                claim.args.remove(&name);
                claim.open_args.insert(name);
            }
        }
    }
    for list in &build.platforms {
        let platforms: Option<Vec<Platform>> =
            plain(list).and_then(|list| list.split(',').map(|one| one.trim().parse().ok()).collect());
        for value in platforms.unwrap_or_default() {
            claim.platforms.push(Said { value, place: spot.place.clone() });
        }
    }
    for context in &build.contexts {
        if let Some((name, what)) = split_assignment(context)
            && let Some(value) = named_context(&what, spot.folder)
        {
            claim.contexts.insert(name, Said { value, place: spot.place.clone() });
        }
    }
    Some(claim)
}

/// The first tag that gives a name; if what is behind its colon is variable, what another one of that name has there.
fn name(tags: &[Text]) -> Option<ClaimedName> {
    let mut names = tags.iter().filter(|tag| is_plain(tag)).filter_map(ClaimedName::of);
    let mut first = names.next()?;
    if first.tag.is_none() {
        first.tag = names.find_map(|name| name.tag.filter(|_| name.repository == first.repository));
    }
    Some(first)
}

fn dockerfile(
    build: &Build,
    folder: Option<&TreePath>,
    context: Option<&TreePath>,
    door: &Door<'_>,
) -> Option<TreePath> {
    let Some(file) = &build.file else { return door.dockerfile_in(context?) };
    let file = file.known()?;
    let from = |folder: Option<&TreePath>| door.dockerfile(&resolved(folder, &file)?);
    // Docker looks from where it runs, podman and kaniko also in the context.
    from(folder).or_else(|| from(context))
}

fn resolved(folder: Option<&TreePath>, path: &str) -> Option<TreePath> {
    match path.strip_prefix(ROOT) {
        Some(path) => inside(&TreePath::root(), path.trim_start_matches('/')),
        None => inside(folder?, path),
    }
}

/// Standard input, a URL, a place in the network.
fn is_elsewhere(context: &str) -> bool {
    context == "-"
        || context.contains("://")
        || context.starts_with("git@")
        || context.starts_with("github.com/")
}

/// Whether no path of the machine on which it is built stands in it.
fn is_plain(text: &Text) -> bool {
    !text
        .parts()
        .iter()
        .any(|part| matches!(part, crate::evidence::Part::Known(known) if known.contains(ROOT)))
}

fn plain(text: &Text) -> Option<String> {
    text.known().filter(|known| !known.contains(ROOT))
}

fn named_context(what: &Text, folder: Option<&TreePath>) -> Option<NamedContext> {
    let what = what.known()?;
    if let Some(image) = what.strip_prefix("docker-image://") {
        return image.parse::<ImageReference>().ok().map(NamedContext::Image);
    }
    if is_elsewhere(&what) || what.starts_with('/') {
        return Some(NamedContext::Elsewhere(what));
    }
    match resolved(folder, &what) {
        Some(folder) => Some(NamedContext::Folder(folder)),
        // Where the command runs is known, and this leads out of the checkout.
        None => folder.map(|_| NamedContext::Elsewhere(what)),
    }
}
