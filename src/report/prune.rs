use serde_json::{Value, json};

use super::json::{SCHEMA, document};
use super::phrase::{bytes, count};
use super::text::padding;
use crate::ops::{BuildCache, CacheLimit, Pruned, Removed};
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

/// What the build cache holds, before anything is done.
pub(crate) fn build_cache_text(cache: &BuildCache) -> String {
    let what = match cache.limit {
        CacheLimit::Size(kept) => match cache.held.saturating_sub(kept) {
            0 => "nothing of it goes".to_owned(),
            more => format!("up to {} of it go", bytes(more)),
        },
        CacheLimit::Age(age) => format!("what nobody used for {} goes", age_text(age.as_secs())),
    };
    format!("build cache of all users of the engine: it holds {}; {what}\n", bytes(cache.held))
}

fn age_text(seconds: u64) -> String {
    let (number, unit) = match seconds {
        days if days % 86_400 == 0 => (days / 86_400, "day"),
        hours if hours % 3600 == 0 => (hours / 3600, "hour"),
        minutes if minutes % 60 == 0 => (minutes / 60, "minute"),
        seconds => (seconds, "second"),
    };
    count(usize::try_from(number).unwrap_or(usize::MAX), unit)
}

/// One line about all of it, and one about the build cache.
pub(crate) fn prune_total(pruned: &Pruned) -> String {
    let images = images_total(pruned);
    let cache = match &pruned.build_cache {
        Some(BuildCache { freed: Some(freed), .. }) => format!("build cache: freed {}\n", bytes(*freed)),
        _ => String::new(),
    };
    format!("{images}{cache}")
}

fn images_total(pruned: &Pruned) -> String {
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
        "build_cache": pruned.build_cache.map(|it| json!({"bytes": it.held, "freed": it.freed})),
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
