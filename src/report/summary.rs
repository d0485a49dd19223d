use super::diagnostic::Sources;
use super::duration::duration;
use super::failure::{Failure, failure_text};
use super::style::{ATTENTION, BAD, GOOD, Look};
use crate::execution::{Event, ImageOutcome, Outcome, RunSummary};
use crate::plan::{Plan, Step};
use crate::printable::printable;

/// What a run came to: each failure with its instruction and log, what was not started, and one line that
/// counts.
pub fn summary_text(plan: &Plan, events: &[Event], sources: &Sources<'_>, look: Look) -> String {
    let summary = RunSummary::of(events);
    let mut text = String::new();
    for event in events {
        if let Event::ImageFinished {
            image,
            outcome: ImageOutcome::Failed { message, line, log, hint },
            ..
        } = event
        {
            let Some(step) = plan.steps.get(*image) else { continue };
            let failure = Failure { step, message, line: *line, log, hint: hint.as_deref() };
            text.push_str(&failure_text(&failure, sources, look));
        }
    }
    for event in events {
        if let Event::ImageFinished {
            image, outcome: ImageOutcome::DependencyFailed { dependency }, ..
        } = event
        {
            let name = |at: usize| plan.steps.get(at).map(Step::name).unwrap_or_default();
            text.push_str(&format!("not started: {}, because {} failed\n", name(*image), name(*dependency)));
        }
    }
    text.push_str(&still(plan, &summary, events, look));
    text.push_str(&count(plan, &summary, look));
    text
}

/// Where the moving tags are, if they did not move.
fn still(plan: &Plan, summary: &RunSummary, events: &[Event], look: Look) -> String {
    let held = events.iter().find_map(|event| match event {
        Event::TagsHeld { reason } => Some(reason.as_str()),
        _ => None,
    });
    if !summary.tags_failed.is_empty() {
        let tags = summary.tags_failed.join(", ");
        let text =
            format!("these tags did not move, the others did: {}; run shipwright again", printable(&tags));
        return format!("{}\n", look.paint(BAD, &text));
    }
    if summary.outcome == Some(Outcome::Succeeded) || summary.moved > 0 {
        return String::new();
    }
    let mut tags: Vec<&str> = Vec::new();
    for tag in plan.steps.iter().flat_map(|step| &step.tags).filter(|tag| tag.moves) {
        if !tags.contains(&tag.tag.as_str()) {
            tags.push(tag.tag.as_str());
        }
    }
    let why = held.map(|reason| format!(": {}", printable(reason))).unwrap_or_default();
    let which = if tags.is_empty() { "no moving tag".to_owned() } else { tags.join(", ") };
    let text = format!("{which}: not moved, all images keep these tags where they were{why}");
    format!("{}\n", look.paint(ATTENTION, &text))
}

fn count(plan: &Plan, summary: &RunSummary, look: Look) -> String {
    let parts: Vec<String> = [
        (summary.built.len(), "built"),
        (summary.tagged.len(), "tagged"),
        (summary.reused.len(), "in place"),
        (summary.failed.len(), "failed"),
        (summary.not_started.len(), "not started"),
        (summary.cancelled.len(), "stopped"),
        (summary.blocked.len(), "blocked"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect();
    let total = plan.steps.len();
    let images = if total == 1 { "1 image".to_owned() } else { format!("{total} images") };
    let (word, style) = match summary.outcome {
        Some(Outcome::Succeeded) => ("", GOOD),
        Some(Outcome::Interrupted) => ("interrupted: ", ATTENTION),
        Some(Outcome::Failed) | None => ("failed: ", BAD),
    };
    let text = format!("{images}: {}", parts.join(", "));
    let text = if total == 0 { "no image".to_owned() } else { text };
    format!("{}{}, {}\n", look.paint(style, word), text, duration(summary.elapsed))
}
