use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::time::Duration;

use bstr::ByteSlice;

use super::diagnostic::{Sources, diagnostic};
use super::phrase;
use super::record::{Record, RecordedFailure};
use super::style::{Role, View};
use super::text;
use crate::diagnostic::{Diagnostic, Location};
use crate::execution::Outcome;
use crate::ops::{Position, TagPosition};
use crate::plan::{Action, StepId};
use crate::printable::list;

/// How many names are listed before `and 5 more`.
const MAX_NAMES: usize = 8;

/// The end of a run: what failed and why, what was not started, what the moving tags are on, and the total
/// as the last line.
pub(super) fn summary(
    record: &Record,
    view: &View,
    sources: Sources<'_>,
    positions: &[TagPosition],
) -> String {
    let mut out = String::new();
    for error in &record.errors {
        let _ = write!(out, "\n{}", diagnostic(&Diagnostic::error(error.as_str()), view, sources));
    }
    for (images, failure) in failures(record) {
        out.push('\n');
        out.push_str(&failed(record, &images, failure, view, sources));
        out.push_str(&output(record, &images, failure, view));
        if let Some(hint) = &failure.hint {
            let _ = writeln!(out, "{}: {}", view.theme.paint(Role::Name, "hint"), text::lines(hint));
        }
    }
    let dependents = not_started(record, view);
    if !out.is_empty() || !dependents.is_empty() {
        out.push('\n');
    }
    out.push_str(&dependents);
    out.push_str(&moving_tags(record, view, sources, positions));
    out.push_str(&slowest_chain(record, view));
    out.push_str(&superseded(record, view));
    out.push_str(&total(record, view));
    out
}

/// What failed, in short, each at the line of its instruction.
pub(super) fn build_failures(record: &Record) -> Vec<Diagnostic> {
    let one = |(images, failure): (Vec<StepId>, &RecordedFailure)| {
        let names: Vec<&str> = images.iter().map(|image| record.roster.name(*image)).collect();
        let (names, message) = (list(&names, MAX_NAMES), phrase::failure(&failure.message, "..."));
        let failed = Diagnostic::error(format!("{names} could not be built: {message}"));
        match (record.roster.images().get(images[0].0), failure.line) {
            (Some(image), Some(line)) => {
                failed.at(Location { path: image.dockerfile.clone(), span: None, line: Some(line) })
            }
            _ => failed,
        }
    };
    failures(record).into_iter().map(one).collect()
}

/// Failures, those that say the same of several images (a base that cannot be pulled) once.
fn failures(record: &Record) -> Vec<(Vec<StepId>, &RecordedFailure)> {
    let mut failures: Vec<(Vec<StepId>, &RecordedFailure)> = Vec::new();
    for (image, failure) in &record.failures {
        let of_no_line = |other: &RecordedFailure| other.line.is_none() && other.log.is_empty();
        match failures.iter_mut().find(|(_, other)| of_no_line(other) && *other == failure) {
            Some((images, _)) => images.push(*image),
            None => failures.push((vec![*image], failure)),
        }
    }
    failures
}

fn failed(
    record: &Record,
    images: &[StepId],
    failure: &RecordedFailure,
    view: &View,
    sources: Sources<'_>,
) -> String {
    let names: Vec<&str> = images.iter().map(|image| record.roster.name(*image)).collect();
    let names = list(&names, MAX_NAMES);
    let message = phrase::failure(&failure.message, view.theme.ellipsis());
    let mut failed = Diagnostic::error(format!("{names} could not be built: {message}"));
    let dockerfiles = images.iter().filter_map(|image| record.roster.images().get(image.0));
    if let [dockerfile] = dockerfiles.map(|image| &image.dockerfile).collect::<Vec<_>>().as_slice() {
        let source = failure.line.and_then(|_| sources(dockerfile));
        let span = failure.line.zip(source).and_then(|(line, source)| instruction(&source, line));
        failed.location = Some(Location { path: (*dockerfile).clone(), span, line: failure.line });
    }
    diagnostic(&failed, view, sources)
}

/// The bytes of the instruction that begins on `line`: lines that end in a continuation, comments between
/// them, and the line that ends it. Where the file has another escape character this is its first line.
fn instruction(source: &[u8], line: usize) -> Option<Range<usize>> {
    let mut start = 0;
    for _ in 1..line {
        start += source[start..].find_byte(b'\n')? + 1;
    }
    let mut end = start;
    for text in source[start..].lines_with_terminator() {
        end += text.len();
        let text = text.trim();
        if !text.ends_with(b"\\") && !text.starts_with(b"#") {
            break;
        }
    }
    let blank = source[start..end].len() - source[start..end].trim_start().len();
    (start + blank < end).then_some(start + blank..end)
}

/// The end of what a failed build printed, unless it was shown when it failed.
fn output(record: &Record, images: &[StepId], failure: &RecordedFailure, view: &View) -> String {
    match (record.log_was_shown, images) {
        (true, [image]) if !failure.log.is_empty() => {
            let name = record.roster.name(*image);
            let text = format!("its output is above; `shipwright logs {name}` shows all of it");
            format!("  {}\n", view.theme.paint(Role::Faint, text))
        }
        _ => log_end(&failure.log, view),
    }
}

/// The end of what a failed build printed.
pub(super) fn log_end(log: &[String], view: &View) -> String {
    let theme = view.theme;
    let mut out = String::new();
    let lines: Vec<String> = log.iter().map(|line| text::log_line(line)).collect();
    let blank = |line: &&String| line.is_empty();
    let first = lines.iter().take_while(blank).count();
    let last = lines.len() - lines[first..].iter().rev().take_while(blank).count();
    if first == last {
        return out;
    }
    let _ = writeln!(out, "  {}", theme.paint(Role::Faint, "the end of its output:"));
    for line in &lines[first..last] {
        let line = format!("  {} {line}", theme.paint(Role::Faint, theme.bar()));
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

/// `not started: acme/api and acme/web, which need acme/shared`.
fn not_started(record: &Record, view: &View) -> String {
    let mut out = String::new();
    for (dependency, images) in &record.skipped {
        let names: Vec<&str> = images.iter().map(|image| record.roster.name(*image)).collect();
        let limit = if view.verbose { names.len() } else { MAX_NAMES };
        let need = if names.len() == 1 { "needs" } else { "need" };
        let _ = writeln!(
            out,
            "{}: {}, which {need} {}",
            view.theme.paint(Role::Warning, "not started"),
            list(&names, limit),
            record.roster.name(*dependency)
        );
    }
    out
}

/// Where the moving tags are, unless all of them are where they should be.
fn moving_tags(record: &Record, view: &View, sources: Sources<'_>, positions: &[TagPosition]) -> String {
    if let [(_, error), ..] = record.tag_failures.as_slice() {
        let names: Vec<&str> = record.tag_failures.iter().map(|(name, _)| name.as_str()).collect();
        let failed = Diagnostic::error(format!("{} could not be moved: {error}", list(&names, MAX_NAMES)))
            .hint("the other moving tags have moved; the next run moves the rest");
        return diagnostic(&failed, view, sources);
    }
    if record.is_complete() || record.run.moved > 0 {
        return String::new();
    }
    let still = if positions.is_empty() { unknown_positions(record) } else { known_positions(positions) };
    if still.is_empty() {
        return String::new();
    }
    let why =
        record.held.as_ref().map(|why| format!(", because {}", text::one_line(why))).unwrap_or_default();
    format!("{}: {still}{why}\n", view.theme.paint(Role::Warning, "not moved"))
}

/// `main` and `latest` still point at 9f3b21c04d55
fn known_positions(positions: &[TagPosition]) -> String {
    let mut groups: Vec<(&Position, Vec<String>)> = Vec::new();
    for TagPosition { tag, position } in positions {
        let tag = format!("`{}`", text::one_line(tag));
        match groups.iter_mut().find(|(of, _)| *of == position) {
            Some((_, tags)) => tags.push(tag),
            None => groups.push((position, vec![tag])),
        }
    }
    let sentences: Vec<String> = groups
        .iter()
        .map(|(at, tags)| {
            let (s, es) = if tags.len() == 1 { ("s", "es") } else { ("", "") };
            let tags = list(tags, MAX_NAMES);
            match at {
                Position::Absent => format!("{tags} do{es} not exist yet"),
                Position::Commit(commit) => format!("{tags} still point{s} at {}", text::one_line(commit)),
                Position::Uncommitted => {
                    format!("{tags} still point{s} at images with uncommitted changes")
                }
                Position::Mixed => format!("{tags} still point{s} at the images from before"),
            }
        })
        .collect();
    list(&sentences, sentences.len())
}

/// `main` and `latest` are where they were
fn unknown_positions(record: &Record) -> String {
    let mut tags: Vec<String> = Vec::new();
    for tag in record.roster.images().iter().flat_map(|image| &image.moving) {
        let tag = format!("`{tag}`");
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    match tags.len() {
        0 => String::new(),
        1 => format!("{} is where it was", tags[0]),
        _ => format!("{} are where they were", list(&tags, MAX_NAMES)),
    }
}

/// `superseded: 12 images of earlier edits hold up to 6.2 GB`. Nothing removes them by itself: an edit that comes back
/// finds its image.
fn superseded(record: &Record, view: &View) -> String {
    let Some((references, bytes)) = &record.superseded.as_ref().filter(|_| record.is_complete()) else {
        return String::new();
    };
    format!(
        "{}: {} of earlier edits hold{} up to {}; `shipwright prune` removes what nothing needs\n",
        view.theme.paint(Role::Note, "superseded"),
        phrase::count(references.len(), "image"),
        if references.len() == 1 { "s" } else { "" },
        phrase::bytes(*bytes),
    )
}

/// A run that takes less needs no explanation.
const LONG: Duration = Duration::from_secs(10);

/// More images of a chain than this are not named one by one.
const CHAIN: usize = 6;

/// `slowest chain: acme/base 12 s → acme/shared 20 s, 32 s together`: what decided how long the run took.
fn slowest_chain(record: &Record, view: &View) -> String {
    let is_long = record.run.elapsed >= LONG || view.verbose;
    if !is_long || !record.is_complete() || record.took.len() < 2 {
        return String::new();
    }
    let chain = chain(record);
    let name = |image: &StepId| {
        let took = record.took.get(image).copied().unwrap_or_default();
        format!("{} {}", record.roster.name(*image), phrase::duration(took))
    };
    let mut names: Vec<String> = chain.iter().map(name).collect();
    let all: Duration = chain.iter().filter_map(|image| record.took.get(image)).sum();
    if names.len() > CHAIN {
        names.splice(1..names.len() - (CHAIN - 2), [view.theme.ellipsis().to_owned()]);
    }
    let together =
        if chain.len() > 1 { format!(", {} together", phrase::duration(all)) } else { String::new() };
    let word = if chain.len() > 1 { "slowest chain" } else { "slowest" };
    let names = names.join(&format!(" {} ", view.theme.arrow()));
    format!("{}: {names}{together}\n", view.theme.paint(Role::Name, word))
}

/// Of the images that were built, those that took longest one after the other.
fn chain(record: &Record) -> Vec<StepId> {
    // What an image and all before it took, and which is the last before it. Steps stand in build order.
    let mut longest: BTreeMap<StepId, (Duration, Option<StepId>)> = BTreeMap::new();
    for (image, took) in &record.took {
        let needs = record.roster.images().get(image.0).map(|image| &image.needs[..]).unwrap_or_default();
        let before = needs.iter().filter_map(|needed| Some((longest.get(needed)?.0, *needed)));
        let before = before.max_by_key(|(took, _)| *took);
        let all = took.saturating_add(before.map(|(took, _)| took).unwrap_or_default());
        longest.insert(*image, (all, before.map(|(_, needed)| needed)));
    }
    let mut chain = Vec::new();
    let mut last = longest.iter().max_by_key(|(_, (took, _))| *took).map(|(image, _)| *image);
    while let Some(image) = last {
        chain.push(image);
        last = longest.get(&image).and_then(|(_, before)| *before);
    }
    chain.reverse();
    chain
}

/// `4 images: 2 built, 2 tagged, 6.1 s`.
pub(super) fn total(record: &Record, view: &View) -> String {
    let (theme, run) = (view.theme, &record.run);
    let all = record.roster.images().len();
    let is_pull = |image: &&StepId| {
        record.roster.images().get(image.0).is_some_and(|image| image.action == Action::Pull)
    };
    let reused = run.reused.iter().filter(is_pull).count();
    let pulled = run.tagged.iter().filter(is_pull).count();
    let silent = all.saturating_sub(run.images());
    let parts: Vec<String> = [
        (run.built.len(), "built", Role::Success),
        (reused + pulled, "pulled", Role::Success),
        (run.tagged.len() - pulled, "tagged", Role::Success),
        (run.reused.len() - reused, "unchanged", Role::Plain),
        (run.failed.len(), "failed", Role::Error),
        (record.cut_short, "stopped", Role::Warning),
        (
            run.not_started.len() + run.cancelled.len() - record.cut_short + silent,
            "not started",
            Role::Warning,
        ),
        (run.blocked.len(), "blocked", Role::Warning),
    ]
    .into_iter()
    .filter(|(count, ..)| *count > 0)
    .map(|(count, what, role)| theme.paint(role, format!("{count} {what}")).to_string())
    .collect();
    let line = if all == 0 {
        phrase::NO_IMAGES.to_owned()
    } else {
        let took = phrase::duration(run.elapsed);
        format!("{}: {}, {took}", phrase::count(all, "image"), parts.join(", "))
    };
    match run.outcome {
        Some(Outcome::Interrupted) if !record.is_complete() => {
            format!("{}: {line}\n", theme.paint(Role::Warning, "interrupted"))
        }
        _ => line + "\n",
    }
}

#[cfg(test)]
mod tests;
