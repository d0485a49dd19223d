use serde_json::{Value, json};

use super::json::{SCHEMA, document};
use super::phrase::{bytes, count};
use super::text::padding;
use crate::ops::{Pruned, Removed};
use crate::plan::PruneStep;
use crate::printable::printable;

/// A line an image that goes, and with `verbose` one for each that stays; each with its reason.
pub(crate) fn prune_text(steps: &[PruneStep], verbose: bool) -> String {
    let shown: Vec<(&str, String, &PruneStep)> = steps
        .iter()
        .filter(|step| step.removes || verbose)
        .map(|step| (if step.removes { "remove" } else { "keep" }, name(step), step))
        .collect();
    let width = shown.iter().map(|(_, name, _)| name.chars().count()).max().unwrap_or_default();
    let line = |(verb, name, step): &(&str, String, &PruneStep)| {
        let size = bytes(step.size);
        let reason = printable(&step.reason);
        let containers: String = step
            .containers
            .iter()
            .map(|it| format!(", with the container {}", printable(&it.name)))
            .collect();
        format!("{verb:<6}  {name}{}  {size:>7}  {reason}{containers}\n", padding(name, width))
    };
    shown.iter().map(line).collect()
}

/// One line about all of it.
pub(crate) fn prune_total(pruned: &Pruned) -> String {
    let kept = pruned.steps.iter().filter(|step| !step.removes).count();
    let going: Vec<&PruneStep> = pruned.steps.iter().filter(|step| step.removes).collect();
    let size: u64 = going.iter().map(|step| step.size).sum();
    match &pruned.removed {
        Some(Removed { images, size, containers }) => {
            let containers = match containers {
                0 => String::new(),
                many => format!(" and {}", count(*many, "container")),
            };
            format!("removed {}{containers}, up to {}; kept {kept}\n", count(*images, "image"), bytes(*size))
        }
        None if going.is_empty() => format!("nothing to remove; kept {kept}\n"),
        None => format!("would remove {}, up to {}; keep {kept}\n", count(going.len(), "image"), bytes(size)),
    }
}

/// All of it for programs, as docs/cli.md describes it.
pub(crate) fn prune_json(pruned: &Pruned) -> String {
    let removed = pruned.removed.map(
        |removed| json!({"images": removed.images, "bytes": removed.size, "containers": removed.containers}),
    );
    document(&json!({
        "schema": SCHEMA,
        "images": pruned.steps.iter().map(image).collect::<Vec<_>>(),
        "removed": removed,
    }))
}

fn image(step: &PruneStep) -> Value {
    json!({
        "id": step.id,
        "key": step.key.to_string(),
        "dockerfile": step.dockerfile,
        "tags": step.references.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "bytes": step.size,
        "action": if step.removes { "remove" } else { "keep" },
        "reason": step.reason,
        "containers": step.containers.iter().map(|it| it.name.clone()).collect::<Vec<_>>(),
    })
}

/// The key's tag, and how many tags more.
fn name(step: &PruneStep) -> String {
    let first = step.references.first().map(ToString::to_string).unwrap_or_default();
    match step.references.len() {
        0 | 1 => first,
        count => format!("{first} (+{})", count - 1),
    }
}
