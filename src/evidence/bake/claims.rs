//! What bake's targets say about images.

use std::collections::HashSet;

use super::target::{Entry, Targets};
use super::value::Value;
use crate::evidence::{Claim, ClaimedName, Door, Kind, NamedContext, Said, Text, inside};
use crate::image::Platform;
use crate::path::TreePath;

/// The claims of targets whose Dockerfiles are here. `folder` holds their file; `elsewhere` names targets that other files
/// define, which these may only add to.
pub(super) fn claims<'t>(
    targets: &'t Targets,
    folder: &TreePath,
    elsewhere: &HashSet<&str>,
    door: &Door<'_>,
) -> Vec<Claim> {
    let Some(base) = base(targets, folder, door) else { return Vec::new() };
    let is_inherited: HashSet<&str> =
        targets.entries.iter().flat_map(|entry| &entry.target.inherits).map(|name| &**name).collect();
    let is_linked: HashSet<String> = targets
        .entries
        .iter()
        .flat_map(|entry| entry.target.contexts.entries.values())
        .filter_map(|context| Some(context.value.known()?.strip_prefix("target:")?.to_owned()))
        .collect();
    let builds = |entry: &'t Entry| {
        let target = &entry.target;
        let is_only_added_to = target.context.is_none() && target.dockerfile.is_none();
        if is_only_added_to && elsewhere.contains(&*entry.name) {
            return None;
        }
        let is_part = is_inherited.contains(&*entry.name)
            && is_only_added_to
            && target.stage.is_none()
            && !targets.grouped.contains(&entry.name)
            && !is_linked.contains(&entry.name);
        // `docker-metadata-action` and the like: tags for those that inherit them.
        if is_part {
            return None;
        }
        let built = built(entry, &base, door)?;
        let name = name(entry);
        let is_named =
            name.is_some() || targets.grouped.contains(&entry.name) || is_linked.contains(&entry.name);
        let is_abstract = entry.name.starts_with('_') || is_inherited.contains(&*entry.name);
        let is_image = is_linked.contains(&entry.name) || makes_image(entry);
        (is_image && (is_named || !is_abstract)).then_some((entry, built, name))
    };
    let built: Vec<_> = targets.entries.iter().filter_map(builds).collect();
    let names: HashSet<&str> = built.iter().map(|(entry, ..)| &*entry.name).collect();
    let claim = |(entry, built, name): &(&Entry, Built, Option<Said<ClaimedName>>)| {
        let target = &entry.target;
        let mut claim = Claim::new(Kind::Bake, entry.place.clone(), built.dockerfile.clone());
        claim.name.clone_from(name);
        claim.context = Some(match &target.context {
            Some(context) => Said { value: built.context.clone(), place: context.place.clone() },
            None => Said { value: built.context.clone(), place: entry.place.clone() },
        });
        claim.target = target.stage.as_ref().and_then(known).filter(|target| !target.value.is_empty());
        let args = target.args.entries.iter();
        claim.args = args.filter_map(|(name, value)| Some((name.clone(), known(value)?))).collect();
        claim.platforms = target.platforms.iter().flatten().filter_map(platform).collect();
        for (name, said) in &target.contexts.entries {
            let Some(text) = said.value.known().filter(|text| !text.is_empty()) else { continue };
            let value = named_context(&text, &base, targets, &names);
            claim.contexts.insert(name.clone(), Said { value, place: said.place.clone() });
        }
        claim
    };
    built.iter().map(claim).collect()
}

struct Built {
    context: TreePath,
    dockerfile: TreePath,
}

/// The folder in which bake runs: the file's own, or the one around it from which more of the Dockerfiles are there.
fn base(targets: &Targets, folder: &TreePath, door: &Door<'_>) -> Option<TreePath> {
    let mut best = None;
    let mut folder = Some(folder.clone());
    while let Some(here) = folder {
        let count = targets.entries.iter().filter(|entry| built(entry, &here, door).is_some()).count();
        folder = here.parent();
        if count > best.as_ref().map_or(0, |(most, _)| *most) {
            best = Some((count, here));
        }
    }
    best.map(|(_, folder)| folder)
}

/// What a target builds when bake runs in `base`, if that is in the checkout. Bake looks for the Dockerfile in the context.
fn built(entry: &Entry, base: &TreePath, door: &Door<'_>) -> Option<Built> {
    let target = &entry.target;
    if target.is_inline {
        return None;
    }
    let text = |said: &Option<Said<Text>>| match said {
        Some(said) => said.value.known(),
        None => Some(String::new()),
    };
    let context = text(&target.context)?;
    let context = context.strip_prefix(HERE).unwrap_or(&context);
    if is_elsewhere(context) {
        return None;
    }
    let context = inside(base, context)?;
    let dockerfile = text(&target.dockerfile)?;
    let dockerfile = match dockerfile.strip_prefix(HERE) {
        Some(path) => inside(base, path)?,
        None if dockerfile.is_empty() => door.dockerfile_in(&context)?,
        None => inside(&context, &dockerfile)?,
    };
    Some(Built { context, dockerfile: door.dockerfile(&dockerfile)? })
}

/// Stands in front of paths that are meant from where bake runs.
const HERE: &str = "cwd://";

fn is_elsewhere(context: &str) -> bool {
    let schemes = ["git@", "github.com/", "target:", "oci-layout:", "docker-image:"];
    context == "-" || context.contains("://") || schemes.iter().any(|scheme| context.starts_with(scheme))
}

fn known(said: &Said<Text>) -> Option<Said<String>> {
    Some(Said { value: said.value.known()?, place: said.place.clone() })
}

fn platform(said: &Said<Text>) -> Option<Said<Platform>> {
    Some(Said { value: said.value.known()?.trim().parse().ok()?, place: said.place.clone() })
}

/// The first tag that gives a name, else the name of an output.
fn name(entry: &Entry) -> Option<Said<ClaimedName>> {
    let tags = entry.target.tags.iter().flatten().cloned();
    let outputs = entry.target.outputs.iter().flatten().filter_map(|output| {
        Some(Said { value: field(&output.value, "name")?, place: output.place.clone() })
    });
    let mut texts = tags.chain(outputs);
    texts.find_map(|text| Some(Said { value: ClaimedName::of(&text.value)?, place: text.place }))
}

/// Whether some output may be an image. Without any, bake builds one and leaves it in its cache.
fn makes_image(entry: &Entry) -> bool {
    let is_image = |output: &Said<Value>| match field(&output.value, "type") {
        Some(kind) => kind.known().is_none_or(|kind| IMAGES.contains(&&*kind)),
        // `./folder`
        None => output.value.known_text().is_none_or(|text| text.is_empty()),
    };
    entry.target.outputs.as_ref().is_none_or(|outputs| outputs.is_empty() || outputs.iter().any(is_image))
}

const IMAGES: [&str; 4] = ["image", "registry", "docker", "oci"];

/// A field of an output: `type=image,name=acme/api`, or an object.
fn field(output: &Value, name: &str) -> Option<Text> {
    if let Some(fields) = output.as_map() {
        return fields.get(name).map(Value::to_text);
    }
    let text = output.known_text()?;
    let mut fields = text.split(',').filter_map(|field| field.split_once('='));
    fields.find(|(field, _)| field.trim() == name).map(|(_, value)| Text::from(value.trim()))
}

fn named_context(text: &str, base: &TreePath, targets: &Targets, claimed: &HashSet<&str>) -> NamedContext {
    let elsewhere = || NamedContext::Elsewhere(text.to_owned());
    if let Some(image) = text.strip_prefix("docker-image://") {
        return image.parse().map_or_else(|_| elsewhere(), NamedContext::Image);
    }
    if let Some(name) = text.strip_prefix("target:") {
        let Some(entry) = targets.get(name).filter(|entry| claimed.contains(&*entry.name)) else {
            return elsewhere();
        };
        if !entry.is_one_of_many {
            return NamedContext::Claimed { claim: entry.place.clone() };
        }
        // Its claim begins where others of its matrix do; its tag tells them apart.
        let tags = entry.target.tags.iter().flatten();
        let mut images = tags.filter_map(|tag| tag.value.known()?.parse().ok());
        return images.next().map_or_else(elsewhere, NamedContext::Image);
    }
    let path = text.strip_prefix(HERE).unwrap_or(text);
    inside(base, path).filter(|_| !is_elsewhere(path)).map_or_else(elsewhere, NamedContext::Folder)
}
