use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Facts, PreviousImage, shown_base};
use super::model::{Reason, ReasonKind};
use crate::dockerfile::EvaluatedStage;
use crate::graph::ImageId;
use crate::image::{Digest, ImageReference};
use crate::inputs::{Fingerprint, InputFile, Material};
use crate::path::TreePath;
use crate::project::{Evidence, Image};

/// How many changed files are named one by one.
const NAMED_FILES: usize = 3;

/// What made an image be built in the end: a change of its own, or of something that it is built from. None where all that is
/// known is that it is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cause {
    image: ImageId,
    text: String,
}

pub(super) type Builds = BTreeMap<ImageId, Option<Cause>>;

pub(super) fn cause(facts: &Facts<'_>, id: ImageId, reasons: &[Reason], builds: &Builds) -> Option<Cause> {
    let is_own = |reason: &&Reason| {
        use ReasonKind::{Dependency, Forced, KeyMissing, NeverBuilt, NotAsked};
        !matches!(reason.kind, Dependency | Forced | KeyMissing | NeverBuilt | NotAsked)
    };
    match reasons.iter().find(is_own) {
        Some(own) => Some(Cause { image: id, text: own.text.clone() }),
        None => {
            let dependencies = facts.project.images[id].dependencies();
            dependencies.iter().find_map(|dependency| builds.get(dependency)?.clone())
        }
    }
}

/// `acme/shared is rebuilt`; where that has its cause further down ` ← base: base/Dockerfile:2`.
fn is_rebuilt(facts: &Facts<'_>, dependency: ImageId, builds: &Builds) -> String {
    let images = &facts.project.images;
    let text = format!("{} is rebuilt", images[dependency].name.full());
    match builds.get(&dependency) {
        Some(Some(cause)) if cause.image != dependency => {
            let what = cause.text.strip_suffix(" changed").unwrap_or(&cause.text);
            format!("{text} ← {}: {what}", images[cause.image].name.title())
        }
        _ => text,
    }
}

/// Why image `at` is built.
pub(super) fn build_reasons(facts: &Facts<'_>, id: ImageId, builds: &Builds) -> Vec<Reason> {
    let image = &facts.project.images[id];
    let mut reasons = Vec::new();
    match (image.ready(), &facts.known[id].previous) {
        (Some(ready), Some(previous)) => {
            let from = from_change(image, &ready.material.fingerprint(), &previous.fingerprint);
            reasons.extend(file_reasons(image, &ready.material, previous));
            reasons.extend(component_reasons(facts, image, &ready.material, previous));
            if let Some(OtherBase { before, now }) = &from {
                // The one reason says what these would say.
                let said = [before, now].map(|name| [changed(name), base_change(name, None, None)]).concat();
                reasons.retain(|reason| !said.contains(&reason.text));
                let text = format!("FROM {before} → {now}");
                reasons
                    .insert(0, Reason { kind: ReasonKind::Base, path: Some(image.dockerfile.clone()), text });
            }
            reasons.extend(dockerfile_reason(image, &ready.material, &previous.fingerprint));
        }
        _ if facts.known[id].existing.is_none() => return vec![never_built(facts)],
        _ => {}
    }
    // That it is rebuilt says more than that its key differs from last time's.
    let rebuilt: Vec<String> = image
        .bound
        .iter()
        .filter(|bound| builds.contains_key(&bound.image))
        .map(|bound| changed(&shown_dependency(&bound.expanded)))
        .chain(image.declared.iter().filter(|id| builds.contains_key(id)).map(|_| changed(DECLARED)))
        .collect();
    reasons.retain(|reason| reason.kind != ReasonKind::Dependency || !rebuilt.contains(&reason.text));
    for dependency in image.dependencies() {
        if builds.contains_key(&dependency) {
            let text = is_rebuilt(facts, dependency, builds);
            reasons.push(Reason { kind: ReasonKind::Dependency, path: None, text });
        }
    }
    if facts.rebuilt.contains(&id) && reasons.is_empty() {
        reasons.push(Reason { kind: ReasonKind::Forced, path: None, text: "--no-cache".into() });
    }
    if reasons.is_empty() {
        reasons.push(unexplained(facts, id));
    }
    reasons
}

/// What the settings' `depends_on` names stands in a fingerprint without a reference.
const DECLARED: &str = "an image of depends_on";

/// A reference to an image of this checkout as Docker shows names, however it is written: `acme/shared`.
fn shown_dependency(written: &str) -> String {
    if written.is_empty() {
        return DECLARED.to_owned();
    }
    match written.parse::<ImageReference>() {
        Ok(reference) if reference.is_latest() => reference.repository.familiar(),
        Ok(reference) => reference.to_string(),
        Err(_) => written.to_owned(),
    }
}

/// A fingerprint's references in the form that is shown; one that an earlier version wrote has them as its Dockerfile.
fn named<V>(by_reference: &BTreeMap<String, V>, shown: fn(&str) -> String) -> BTreeMap<String, &V> {
    by_reference.iter().map(|(reference, value)| (shown(reference), value)).collect()
}

fn changed(what: &str) -> String {
    format!("{what} changed")
}

/// What is said where no component differs from the earlier image's, or none is known.
pub(super) fn unexplained(facts: &Facts<'_>, id: ImageId) -> Reason {
    match facts.known[id].previous {
        Some(_) => Reason {
            kind: ReasonKind::KeyMissing,
            path: None,
            text: match facts.project.images[id].key() {
                Some(key) => format!("the engine no longer has {}", key.tag()),
                None => "its image is no longer on the engine".into(),
            },
        },
        None => never_built(facts),
    }
}

fn never_built(facts: &Facts<'_>) -> Reason {
    let (kind, text) = if facts.asked {
        (ReasonKind::NeverBuilt, "never built here")
    } else {
        (ReasonKind::NotAsked, "not asked")
    };
    Reason { kind, path: None, text: text.into() }
}

/// Another image in a FROM line.
struct OtherBase {
    before: String,
    now: String,
}

/// The one image that stands in place of another one, if FROM names it: of more it is not known which replaced which.
fn from_change(image: &Image, new: &Fingerprint, old: &Fingerprint) -> Option<OtherBase> {
    let names = |of: &Fingerprint| -> BTreeSet<String> {
        let dependencies = of.dependencies.keys().map(|name| shown_dependency(name));
        dependencies.chain(of.bases.keys().map(|name| shown_base(name))).collect()
    };
    let (before, now) = (names(old), names(new));
    let mut gone = before.difference(&now);
    let mut come = now.difference(&before);
    let (Some(before), None, Some(now), None) = (gone.next(), gone.next(), come.next(), come.next()) else {
        return None;
    };
    let is_from = |stage: &EvaluatedStage| {
        let Ok(base) = &stage.base_expanded else { return false };
        stage.needed && [shown_dependency(base), shown_base(base)].contains(now)
    };
    let is_from = image.evaluation.stages.iter().any(is_from);
    is_from.then(|| OtherBase { before: before.clone(), now: now.clone() })
}

fn file_reasons(image: &Image, material: &Material, previous: &PreviousImage) -> Vec<Reason> {
    let Some(old) = &previous.files else {
        let fingerprint = material.fingerprint();
        if fingerprint.files == previous.fingerprint.files
            && fingerprint.contexts == previous.fingerprint.contexts
        {
            return Vec::new();
        }
        return vec![Reason { kind: ReasonKind::FileChanged, path: None, text: "its files changed".into() }];
    };
    let mut changes = file_changes(old, &material.files, &image.context.root);
    for (name, context) in &image.named {
        let (old, new) = (previous.contexts.get(name), material.contexts.get(name));
        if let (Some(old), Some(new)) = (old, new) {
            changes.extend(file_changes(old, new, &context.root));
        }
    }
    let more = changes.len().saturating_sub(NAMED_FILES);
    changes.truncate(NAMED_FILES);
    let mut reasons: Vec<Reason> = changes
        .into_iter()
        .map(|(kind, path)| {
            let what = match kind {
                ReasonKind::FileAdded => "added",
                ReasonKind::FileRemoved => "removed",
                ReasonKind::FileMode => "changed its mode",
                _ => "changed",
            };
            Reason { kind, text: format!("{path} {what}"), path: Some(path) }
        })
        .collect();
    if more > 0 {
        let text = format!("{more} more files changed");
        reasons.push(Reason { kind: ReasonKind::FileChanged, path: None, text });
    }
    reasons
}

/// What became of the files below `root`.
fn file_changes(old: &[InputFile], new: &[InputFile], root: &TreePath) -> Vec<(ReasonKind, TreePath)> {
    let mut before: BTreeMap<&TreePath, &InputFile> = old.iter().map(|file| (&file.path, file)).collect();
    let mut changes = Vec::new();
    for file in new {
        let kind = match before.remove(&file.path) {
            None => ReasonKind::FileAdded,
            Some(old) if old.blob != file.blob => ReasonKind::FileChanged,
            Some(old) if old.kind != file.kind => ReasonKind::FileMode,
            Some(_) => continue,
        };
        changes.push((kind, root.join(file.path.as_bytes())));
    }
    changes.extend(before.into_keys().map(|path| (ReasonKind::FileRemoved, root.join(path.as_bytes()))));
    changes
}

fn component_reasons(
    facts: &Facts<'_>,
    image: &Image,
    material: &Material,
    previous: &PreviousImage,
) -> Vec<Reason> {
    let (new, old) = (material.fingerprint(), &previous.fingerprint);
    let mut reasons = Vec::new();
    let elsewhere = |kind, field: &str| {
        said_elsewhere(image, kind, field).or_else(|| said_before(facts, previous, kind, field))
    };
    if new.target != old.target {
        reasons.push(elsewhere(ReasonKind::Target, "target").unwrap_or_else(|| Reason {
            kind: ReasonKind::Target,
            path: None,
            text: "another target".into(),
        }));
    }
    for name in differing(&old.build_args, &new.build_args) {
        let kind = ReasonKind::BuildArgument;
        let said = elsewhere(kind, &format!("args.{name}"));
        let plain = || Reason { kind, path: None, text: format!("build argument {name} changed") };
        reasons.push(said.unwrap_or_else(plain));
    }
    // Of one that was there before and is there now, its files say more.
    let other_contexts = differing(&old.contexts, &new.contexts)
        .into_iter()
        .filter(|name| old.contexts.contains_key(*name) != new.contexts.contains_key(*name));
    for name in other_contexts {
        let kind = ReasonKind::FileChanged;
        let plain = || Reason { kind, path: None, text: changed(&format!("build context {name}")) };
        reasons.push(elsewhere(kind, &format!("contexts.{name}")).unwrap_or_else(plain));
    }
    let mut reason = |kind, text: String| reasons.push(Reason { kind, path: None, text });
    if new.platform != old.platform {
        reason(ReasonKind::Platform, format!("platform {} instead of {}", new.platform, old.platform));
    }
    let (old_bases, new_bases) = (named(&old.bases, shown_base), named(&new.bases, shown_base));
    for name in differing(&old_bases, &new_bases) {
        let (old, new) = (old_bases.get(name).copied(), new_bases.get(name).copied());
        reason(ReasonKind::Base, base_change(name, old, new));
    }
    let (old_keys, new_keys) =
        (named(&old.dependencies, shown_dependency), named(&new.dependencies, shown_dependency));
    for name in differing(&old_keys, &new_keys) {
        reason(ReasonKind::Dependency, changed(name));
    }
    if new.metadata != old.metadata || new.refresh != old.refresh {
        reason(ReasonKind::KeyMissing, "metadata or refresh period changed".into());
    }
    reasons
}

/// Where a value comes from that is another one: a file of the checkout that is no Dockerfile.
fn said_elsewhere(image: &Image, kind: ReasonKind, field: &str) -> Option<Reason> {
    let evidence = image.evidence.iter().find(|evidence| evidence.field == field)?;
    let Evidence { value, path, line, .. } = evidence;
    let what = field.strip_prefix("args.").unwrap_or(field);
    let text = format!("{path}:{line} now says {what} {value}");
    Some(Reason { kind, path: Some(path.clone()), text })
}

/// Where a value came from that nothing says any more.
fn said_before(facts: &Facts<'_>, previous: &PreviousImage, kind: ReasonKind, field: &str) -> Option<Reason> {
    let path = previous.said.get(field)?;
    let what = field.strip_prefix("args.").unwrap_or(field);
    let text = if facts.project.evidence.binary_search(path).is_ok() {
        format!("{path} no longer says {what}")
    } else {
        format!("{path}, which said {what}, is gone")
    };
    Some(Reason { kind, path: Some(path.clone()), text })
}

/// What is new about a base; its digest is that of the lock file.
fn base_change(name: &str, old: Option<&Option<String>>, new: Option<&Option<String>>) -> String {
    match (old, new) {
        (Some(Some(old)), Some(Some(new))) => {
            format!("base {name} moved: {} → {}", short_digest(old), short_digest(new))
        }
        (Some(None), Some(Some(new))) => format!("base {name} is locked to {}", short_digest(new)),
        (Some(Some(_)), Some(None)) => format!("base {name} is not locked any more"),
        _ => format!("base {name} changed"),
    }
}

/// A label may say anything.
fn short_digest(text: &str) -> String {
    Digest::new(text).map_or_else(|_| "something else".to_owned(), |digest| digest.short().to_owned())
}

/// Names the first line that is another one.
fn dockerfile_reason(image: &Image, material: &Material, old: &Fingerprint) -> Option<Reason> {
    let new = material.fingerprint();
    if new.instructions == old.instructions {
        return None;
    }
    let first = new.first_difference(old).and_then(|at| image.evaluation.logical_lines.get(at));
    let line = first.map(|first| format!(":{}", first.line)).unwrap_or_default();
    Some(Reason {
        kind: ReasonKind::Dockerfile,
        path: Some(image.dockerfile.clone()),
        text: format!("{}{line} changed", image.dockerfile),
    })
}

fn differing<'a, V: PartialEq>(old: &'a BTreeMap<String, V>, new: &'a BTreeMap<String, V>) -> Vec<&'a str> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names.into_iter().filter(|name| old.get(*name) != new.get(*name)).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_as_docker_shows_them() {
        for (written, shown) in [
            ("acme/shared", "acme/shared"),
            ("acme/shared:latest", "acme/shared"),
            ("docker.io/acme/shared:latest", "acme/shared"),
            ("index.docker.io/acme/shared", "acme/shared"),
            ("acme/shared:dev", "acme/shared:dev"),
            ("", DECLARED),
            ("no reference", "no reference"),
        ] {
            assert_eq!(shown_dependency(written), shown, "{written}");
        }
    }

    #[test]
    fn a_reference_is_the_same_however_a_fingerprint_has_it() {
        let by_reference = |names: &[&str]| -> BTreeMap<String, u8> {
            names.iter().map(|name| ((*name).to_owned(), 1)).collect()
        };
        let (old, new) =
            (by_reference(&["acme/shared", "x:1"]), by_reference(&["acme/shared:latest", "x:1"]));
        for shown in [shown_dependency, shown_base] {
            assert!(differing(&named(&old, shown), &named(&new, shown)).is_empty());
        }
    }

    #[test]
    fn a_base_comes_moves_and_is_let_go() {
        let digest = |byte: &str| Some(format!("sha256:{}", byte.repeat(32)));
        let (old, new) = (digest("1a"), digest("3c"));
        let change = |old, new| base_change("busybox:latest", old, new);
        for (old, new, text) in [
            (Some(&old), Some(&new), "base busybox:latest moved: 1a1a1a1a1a1a → 3c3c3c3c3c3c"),
            (Some(&None), Some(&new), "base busybox:latest is locked to 3c3c3c3c3c3c"),
            (Some(&old), Some(&None), "base busybox:latest is not locked any more"),
            (None, Some(&new), "base busybox:latest changed"),
            (Some(&old), None, "base busybox:latest changed"),
            (
                Some(&Some("\u{1b}".to_owned())),
                Some(&new),
                "base busybox:latest moved: something else → 3c3c3c3c3c3c",
            ),
        ] {
            assert_eq!(change(old, new), text);
        }
    }
}
