use serde_json::{Value, json};

use super::json::{SCHEMA, document};
use super::phrase::count;
use super::text::padding;
use crate::ops::{RegistryPruned, RegistryRemoved};
use crate::plan::{RegistryStep, TagStep};
use crate::printable::printable;

/// A line for what goes of each image, and with `verbose` one for what stays; each with its reason.
pub(crate) fn registry_prune_text(steps: &[RegistryStep], verbose: bool) -> String {
    let lines: Vec<(&str, String, &str)> = steps
        .iter()
        .flat_map(parts)
        .filter(|(_, tags)| tags[0].removes || verbose)
        .map(|(step, tags)| {
            let name = step.repository.with_tag(tags[0].tag.clone());
            let more = if tags.len() > 1 { format!(" (+{})", tags.len() - 1) } else { String::new() };
            (
                if tags[0].removes { "remove" } else { "keep" },
                format!("{name}{more}"),
                tags[0].reason.as_str(),
            )
        })
        .collect();
    let width = lines.iter().map(|(_, name, _)| name.chars().count()).max().unwrap_or_default();
    let line = |(verb, name, reason): &(&str, String, &str)| {
        format!("{verb:<6}  {name}{}  {}\n", padding(name, width), printable(reason))
    };
    lines.iter().map(line).collect()
}

/// The tags of an image that have one fate for one reason.
fn parts(step: &RegistryStep) -> Vec<(&RegistryStep, Vec<&TagStep>)> {
    let mut parts: Vec<(&RegistryStep, Vec<&TagStep>)> = Vec::new();
    for tag in &step.tags {
        let is_same = |other: &TagStep| {
            // One line tells of an image that goes, whichever of its tags is a branch's.
            (step.removes_all() && other.removes)
                || (other.removes, &other.reason) == (tag.removes, &tag.reason)
        };
        match parts.iter_mut().find(|(_, tags)| is_same(tags[0])) {
            Some((_, tags)) => tags.push(tag),
            None => parts.push((step, vec![tag])),
        }
    }
    parts
}

pub(crate) fn registry_prune_total(pruned: &RegistryPruned) -> String {
    let tags = || pruned.steps.iter().flat_map(|step| &step.tags);
    let kept = count(tags().filter(|tag| !tag.removes).count(), "tag");
    let going = tags().filter(|tag| tag.removes).count();
    let images = pruned.steps.iter().filter(|step| step.removes_all()).count();
    // Tags that leave an image behind are told with those of images that go.
    let what = |tags, images| match images {
        0 => count(tags, "tag"),
        _ => format!("{} with {}", count(images, "image"), count(tags, "tag")),
    };
    match &pruned.removed {
        Some(RegistryRemoved { images, tags }) => format!("removed {}; kept {kept}\n", what(*tags, *images)),
        None if going == 0 => format!("nothing to remove; kept {kept}\n"),
        None => format!("would remove {}; keep {kept}\n", what(going, images)),
    }
}

/// All of it for programs, as docs/cli.md describes it.
pub(crate) fn registry_prune_json(pruned: &RegistryPruned) -> String {
    document(&registry_document(pruned))
}

/// The same as a record to be kept: with `at`, when it was, in seconds since 1970, and the commit that was checked out.
pub(crate) fn registry_certificate(pruned: &RegistryPruned, at: u64) -> String {
    let mut value = registry_document(pruned);
    value["shipwright"] = json!(env!("CARGO_PKG_VERSION"));
    value["at"] = json!(at);
    value["head"] = json!(pruned.head.map(|head| head.to_string()));
    value["source"] = json!(pruned.source);
    let needed = pruned.needed.iter().map(|(key, who)| json!({"key": key.to_string(), "by": who}));
    value["needed"] = needed.collect();
    document(&value)
}

fn registry_document(pruned: &RegistryPruned) -> Value {
    let removed = pruned.removed.map(|removed| json!({"images": removed.images, "tags": removed.tags}));
    json!({
        "schema": SCHEMA,
        "registry": pruned.steps.iter().map(image).collect::<Vec<_>>(),
        "removed": removed,
    })
}

fn image(step: &RegistryStep) -> Value {
    let tag = |tag: &TagStep| {
        let action = if tag.removes { "remove" } else { "keep" };
        json!({"tag": tag.tag.as_str(), "action": action, "reason": tag.reason})
    };
    json!({
        "repository": step.repository.to_string(),
        "digest": step.digest.as_ref().map(ToString::to_string),
        "key": step.key.map(|key| key.to_string()),
        "tags": step.tags.iter().map(tag).collect::<Vec<_>>(),
    })
}
