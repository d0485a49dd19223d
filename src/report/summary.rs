use std::fmt::Write as _;
use std::ops::Range;

use bstr::ByteSlice;

use super::diagnostic::{Sources, diagnostic};
use super::phrase;
use super::record::{Failure, Record};
use super::style::{Role, View};
use super::text;
use crate::diagnostic::{Diagnostic, Location};
use crate::execution::Outcome;
use crate::plan::Action;

/// Where a moving tag points, for the sentence that says it did not move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagPosition {
    /// For example `feature-login`.
    pub tag: String,
    /// What it names.
    pub at: Position,
}

/// What a moving tag names, on all the images that have it together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// No image has the tag.
    Nowhere,
    /// The images of this commit.
    Commit(String),
    /// Images that hold uncommitted changes.
    Uncommitted,
    /// Images of no one commit.
    Elsewhere,
}

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
        out.push_str(&log_end(&failure.log, view));
        if let Some(hint) = &failure.hint {
            let _ = writeln!(out, "{}: {}", view.theme.paint(Role::Name, "help"), text::lines(hint));
        }
    }
    let dependents = not_started(record, view);
    if !out.is_empty() || !dependents.is_empty() {
        out.push('\n');
    }
    out.push_str(&dependents);
    out.push_str(&moving_tags(record, view, sources, positions));
    out.push_str(&total(record, view));
    out
}

/// Failures, those that say the same of several images (a base that cannot be pulled) once.
fn failures(record: &Record) -> Vec<(Vec<usize>, &Failure)> {
    let mut failures: Vec<(Vec<usize>, &Failure)> = Vec::new();
    for (image, failure) in &record.failures {
        let of_no_line = |other: &Failure| other.line.is_none() && other.log.is_empty();
        match failures.iter_mut().find(|(_, other)| of_no_line(other) && *other == failure) {
            Some((images, _)) => images.push(*image),
            None => failures.push((vec![*image], failure)),
        }
    }
    failures
}

fn failed(record: &Record, images: &[usize], failure: &Failure, view: &View, sources: Sources<'_>) -> String {
    let names: Vec<&str> = images.iter().map(|image| record.roster.name(*image)).collect();
    let names = phrase::list(&names, MAX_NAMES);
    let mut failed = Diagnostic::error(format!("{names} could not be built: {}", failure.message));
    let dockerfiles = images.iter().filter_map(|image| record.roster.images().get(*image));
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

fn log_end(log: &[String], view: &View) -> String {
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
            phrase::list(&names, limit),
            record.roster.name(*dependency)
        );
    }
    out
}

/// Where the moving tags are, unless all of them are where they should be.
fn moving_tags(record: &Record, view: &View, sources: Sources<'_>, positions: &[TagPosition]) -> String {
    if let [(_, error), ..] = record.tag_failures.as_slice() {
        let names: Vec<&str> = record.tag_failures.iter().map(|(name, _)| name.as_str()).collect();
        let failed =
            Diagnostic::error(format!("{} could not be moved: {error}", phrase::list(&names, MAX_NAMES)))
                .hint("the other moving tags have moved; the next run moves the rest");
        return diagnostic(&failed, view, sources);
    }
    if record.run.outcome == Some(Outcome::Succeeded) || record.run.moved > 0 {
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
    for TagPosition { tag, at } in positions {
        let tag = format!("`{}`", text::one_line(tag));
        match groups.iter_mut().find(|(of, _)| *of == at) {
            Some((_, tags)) => tags.push(tag),
            None => groups.push((at, vec![tag])),
        }
    }
    let sentences: Vec<String> = groups
        .iter()
        .map(|(at, tags)| {
            let (s, es) = if tags.len() == 1 { ("s", "es") } else { ("", "") };
            let tags = phrase::list(tags, MAX_NAMES);
            match at {
                Position::Nowhere => format!("{tags} do{es} not exist yet"),
                Position::Commit(commit) => format!("{tags} still point{s} at {}", text::one_line(commit)),
                Position::Uncommitted => format!("{tags} still point{s} at uncommitted changes of before"),
                Position::Elsewhere => format!("{tags} still point{s} at the images of before"),
            }
        })
        .collect();
    phrase::list(&sentences, sentences.len())
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
        _ => format!("{} are where they were", phrase::list(&tags, MAX_NAMES)),
    }
}

/// `4 images: 2 built, 2 tagged, 6.1 s`.
fn total(record: &Record, view: &View) -> String {
    let (theme, run) = (view.theme, &record.run);
    let all = record.roster.images().len();
    let is_pull = |image: &&usize| {
        record.roster.images().get(**image).is_some_and(|image| image.action == Action::Pull)
    };
    let reused = run.reused.iter().filter(is_pull).count();
    let pulled = run.tagged.iter().filter(is_pull).count();
    let silent = all.saturating_sub(run.images());
    // Only a run that succeeded can say that all tags are in place.
    let idle = if run.outcome == Some(Outcome::Succeeded) { "in place" } else { "unchanged" };
    let parts: Vec<String> = [
        (run.built.len(), "built", Role::Success),
        (reused + pulled, "pulled", Role::Success),
        (run.tagged.len() - pulled, "tagged", Role::Success),
        (run.reused.len() - reused, idle, Role::Plain),
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
        Some(Outcome::Interrupted) => format!("{}: {line}\n", theme.paint(Role::Warning, "interrupted")),
        Some(Outcome::Succeeded | Outcome::Failed) | None => line + "\n",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use snapbox::{IntoData as _, assert_data_eq, str};

    use super::*;
    use crate::execution::{Event, ImageOutcome};
    use crate::plan::Plan;
    use crate::report::roster::Roster;
    use crate::report::testing::run::{failing_run, failure, finished, good_run, over, seconds};
    use crate::report::testing::{ascii, colored, narrow, piped, plan, shop, step, visible};

    const DOCKERFILE: &str =
        "FROM busybox\nCOPY . /src\nRUN cd /src && \\\n    # build it\n    make\nCMD x\n";

    fn sum_up(plan: &Plan, view: &View, events: &[Event], positions: &[TagPosition]) -> String {
        let mut record = Record::new(Roster::new(plan));
        events.iter().for_each(|event| record.event(event));
        let sources = |path: &crate::path::TreePath| {
            (path.as_bytes() == b"shared/Dockerfile").then(|| DOCKERFILE.as_bytes().to_vec())
        };
        summary(&record, view, &sources, positions)
    }

    #[test]
    fn a_good_run() {
        assert_data_eq!(
            sum_up(&shop(), &piped(), &good_run(), &[]),
            str![[r#"
4 images: 2 built, 2 tagged, 6.1 s

"#]]
        );
        assert_data_eq!(
            visible(&sum_up(&shop(), &colored(), &good_run(), &[])),
            str![[r#"
4 images: ␛[32m2 built␛[0m, ␛[32m2 tagged␛[0m, 6.1 s

"#]]
        );
    }

    #[test]
    fn a_failing_run() {
        let positions = [
            TagPosition { tag: "feature-login".into(), at: Position::Commit("9f3b21c04d55".into()) },
            TagPosition { tag: "latest".into(), at: Position::Nowhere },
        ];
        assert_data_eq!(
            sum_up(&shop(), &piped(), &failing_run(), &positions),
            str![[r#"

error: acme/shared could not be built: process "/bin/sh -c make" did not complete successfully: exit code: 2
 --> shared/Dockerfile:3:1
  |
3 | / RUN cd /src && \
4 | |     # build it
5 | |     make
  | |________^
  the end of its output:
  │ cc -c main.c
  │ 100%
  │ main.c:3: error: expected ';'
  │ make: *** [all] Error 1
help: run it alone with `-e shared`

not started: acme/service1, which needs acme/shared
not moved: `feature-login` still points at 9f3b21c04d55 and `latest` does not exist yet
4 images: 2 unchanged, 1 failed, 1 not started, 6.1 s

"#]]
            .raw()
        );
        assert_data_eq!(
            sum_up(&shop(), &ascii(), &failing_run(), &[]),
            str![[r#"

error: acme/shared could not be built: process "/bin/sh -c make" did not complete successfully: exit code: 2
 --> shared/Dockerfile:3:1
  |
3 | / RUN cd /src && \
4 | |     # build it
5 | |     make
  | |________^
  the end of its output:
  | cc -c main.c
  | 100%
  | main.c:3: error: expected ';'
  | make: *** [all] Error 1
help: run it alone with `-e shared`

not started: acme/service1, which needs acme/shared
not moved: `feature-login` and `latest` are where they were
4 images: 2 unchanged, 1 failed, 1 not started, 6.1 s

"#]]
            .raw()
        );
        assert_data_eq!(visible(&sum_up(&shop(), &colored(), &failing_run(), &[])), str![[r#"

␛[1m␛[91merror␛[0m␛[1m: acme/shared could not be built: process "/bin/sh -c make" did not complete successfully: exit code: 2␛[0m
 ␛[1m␛[94m--> ␛[0mshared/Dockerfile:3:1
  ␛[1m␛[94m|␛[0m
␛[1m␛[94m3␛[0m ␛[1m␛[94m|␛[0m ␛[1m␛[91m/␛[0m RUN cd /src && \
␛[1m␛[94m4␛[0m ␛[1m␛[94m|␛[0m ␛[1m␛[91m|␛[0m     # build it
␛[1m␛[94m5␛[0m ␛[1m␛[94m|␛[0m ␛[1m␛[91m|␛[0m     make
  ␛[1m␛[94m|␛[0m ␛[1m␛[91m|________^␛[0m
  ␛[2mthe end of its output:␛[0m
  ␛[2m│␛[0m cc -c main.c
  ␛[2m│␛[0m 100%
  ␛[2m│␛[0m main.c:3: error: expected ';'
  ␛[2m│␛[0m make: *** [all] Error 1
␛[1mhelp␛[0m: run it alone with `-e shared`

␛[1m␛[33mnot started␛[0m: acme/service1, which needs acme/shared
␛[1m␛[33mnot moved␛[0m: `feature-login` and `latest` are where they were
4 images: 2 unchanged, ␛[1m␛[91m1 failed␛[0m, ␛[1m␛[33m1 not started␛[0m, 6.1 s

"#]].raw());
        assert_data_eq!(
            sum_up(&shop(), &narrow(20), &failing_run(), &[]),
            str![[r#"

error: acme/shared could not be built: process "/bin/sh -c make" did not complete successfully: exit code: 2
 --> shared/Dockerfile:3:1
  |
3 | / RUN cd /src && \
4 | |     # build it
5 | |     make
  | |________^
  the end of its output:
  │ cc -c main.c
  │ 100%
  │ main.c:3: error: expected ';'
  │ make: *** [all] Error 1
help: run it alone with `-e shared`

not started: acme/service1, which needs acme/shared
not moved: `feature-login` and `latest` are where they were
4 images: 2 unchanged, 1 failed, 1 not started, 6.1 s

"#]]
            .raw()
        );
    }

    #[test]
    fn without_a_line_or_a_source_the_dockerfile_is_named() {
        let run = |image, line| [finished(image, failure(line), 1.0), over(Outcome::Failed, 1.0)];
        assert_data_eq!(
            sum_up(&shop(), &piped(), &run(1, None), &[]),
            str![[r#"

error: acme/shared could not be built: process "/bin/sh -c make" did not complete successfully: exit code: 2
--> shared/Dockerfile
  the end of its output:
  │ cc -c main.c
  │ 100%
  │ main.c:3: error: expected ';'
  │ make: *** [all] Error 1
help: run it alone with `-e shared`

not moved: `feature-login` and `latest` are where they were
4 images: 1 failed, 3 not started, 1.0 s

"#]]
            .raw()
        );
        assert_data_eq!(
            sum_up(&shop(), &piped(), &run(2, Some(7)), &[]),
            str![[r#"

error: acme/service1 could not be built: process "/bin/sh -c make" did not complete successfully: exit code: 2
--> service1/Dockerfile:7
  the end of its output:
  │ cc -c main.c
  │ 100%
  │ main.c:3: error: expected ';'
  │ make: *** [all] Error 1
help: run it alone with `-e shared`

not moved: `feature-login` and `latest` are where they were
4 images: 1 failed, 3 not started, 1.0 s

"#]]
            .raw()
        );
        assert_data_eq!(
            sum_up(&shop(), &piped(), &run(1, Some(70)), &[]),
            str![[r#"

error: acme/shared could not be built: process "/bin/sh -c make" did not complete successfully: exit code: 2
--> shared/Dockerfile:70
  the end of its output:
  │ cc -c main.c
  │ 100%
  │ main.c:3: error: expected ';'
  │ make: *** [all] Error 1
help: run it alone with `-e shared`

not moved: `feature-login` and `latest` are where they were
4 images: 1 failed, 3 not started, 1.0 s

"#]]
            .raw()
        );
    }

    #[test]
    fn an_interrupted_run() {
        let events = [
            finished(0, ImageOutcome::Reused, 0.0),
            Event::Interrupted,
            finished(1, ImageOutcome::Cancelled, 2.0),
            finished(2, ImageOutcome::Cancelled, 0.0),
            over(Outcome::Interrupted, 2.0),
        ];
        assert_data_eq!(
            sum_up(&shop(), &piped(), &events, &[]),
            str![[r#"
not moved: `feature-login` and `latest` are where they were
interrupted: 4 images: 1 unchanged, 1 stopped, 2 not started, 2.0 s

"#]]
        );
    }

    #[test]
    fn a_base_that_cannot_be_pulled_fails_its_images_in_one_sentence() {
        let failed = ImageOutcome::Failed {
            message: "cannot pull acme.internal/base:1: no such host".into(),
            line: None,
            log: Vec::new(),
            hint: None,
        };
        let error = Some("no such host".to_owned());
        let reference = "acme.internal/base:1".to_owned();
        let events = [
            Event::PullFinished { reference, elapsed: seconds(1.0), error },
            finished(1, failed.clone(), 0.0),
            finished(2, failed, 0.0),
            over(Outcome::Failed, 1.0),
        ];
        assert_data_eq!(sum_up(&shop(), &piped(), &events, &[]), str![[r#"

error: acme/shared and acme/service1 could not be built: cannot pull acme.internal/base:1: no such host

not moved: `feature-login` and `latest` are where they were
4 images: 2 failed, 2 not started, 1.0 s

"#]]);
    }

    #[test]
    fn a_push_that_failed() {
        let events = [
            finished(0, ImageOutcome::Reused, 0.0),
            Event::PushFinished {
                image: 0,
                reference: "hub.acme.com/acme/base:src-1".into(),
                elapsed: seconds(1.0),
                error: Some("denied\u{1b}[2J".into()),
            },
            over(Outcome::Failed, 1.0),
        ];
        assert_data_eq!(sum_up(&shop(), &piped(), &events, &[]), str![[r#"

error: hub.acme.com/acme/base:src-1 could not be pushed: denied\u{1b}[2J

not moved: `feature-login` and `latest` are where they were
4 images: 1 unchanged, 3 not started, 1.0 s

"#]].raw());
    }

    #[test]
    fn a_tag_that_could_not_be_moved() {
        let mut events = good_run();
        events.truncate(events.len() - 2);
        events.push(Event::TagFailed {
            image: 3,
            reference: "acme/admin:feature-login".into(),
            error: "no space left".into(),
        });
        events.push(over(Outcome::Failed, 6.1));
        assert_data_eq!(sum_up(&shop(), &piped(), &events, &[]), str![[r#"
error: acme/admin:feature-login could not be moved: no space left
hint: the other moving tags have moved; the next run moves the rest
4 images: 2 built, 1 tagged, 1 unchanged, 6.1 s

"#]]);
    }

    #[test]
    fn tags_that_were_held() {
        let events = [
            Event::TagsHeld { reason: "errors were found in the checkout".into() },
            over(Outcome::Failed, 6.1),
        ];
        let at = |at| [TagPosition { tag: "main".into(), at }];
        let mut text = String::new();
        for position in [Position::Uncommitted, Position::Elsewhere] {
            text += &sum_up(&shop(), &piped(), &events, &at(position));
        }
        assert_data_eq!(text, str![[r#"
not moved: `main` still points at uncommitted changes of before, because errors were found in the checkout
4 images: 4 not started, 6.1 s
not moved: `main` still points at the images of before, because errors were found in the checkout
4 images: 4 not started, 6.1 s

"#]]);
    }

    #[test]
    fn nothing_to_do() {
        let idle = |n: usize| step(Action::None, &format!("s{n}"), &["unchanged"]);
        let mut steps: Vec<_> = (0..30).map(idle).collect();
        let done = |count: usize| -> Vec<Event> {
            let each = (0..count).map(|image| finished(image, ImageOutcome::Reused, 0.0));
            each.chain([over(Outcome::Succeeded, 0.06)]).collect()
        };
        assert_data_eq!(
            sum_up(&plan(steps.clone()), &piped(), &done(30), &[]),
            str![[r#"
30 images: 30 in place, 0.1 s

"#]]
        );
        steps.push(step(Action::Blocked, "b", &["set BASE"]));
        assert_data_eq!(
            sum_up(&plan(steps), &piped(), &done(30), &[]),
            str![[r#"
31 images: 30 in place, 1 not started, 0.1 s

"#]]
        );
        assert_data_eq!(
            sum_up(&plan(Vec::new()), &piped(), &done(0), &[]),
            str![[r#"
no images: no Dockerfile was found or selected

"#]]
        );
    }

    #[test]
    fn a_thousand_images_of_which_most_did_not_start() {
        let steps = (0..1000).map(|n| step(Action::Build, &format!("s{n}"), &["never built here"])).collect();
        let mut events = vec![finished(0, failure(None), 1.0)];
        events.extend((1..1000).map(|n| finished(n, ImageOutcome::DependencyFailed { dependency: 0 }, 0.0)));
        events.push(over(Outcome::Failed, 3_840.0));
        assert_data_eq!(
            sum_up(&plan(steps), &piped(), &events, &[]),
            str![[r#"

error: acme/s0 could not be built: process "/bin/sh -c make" did not complete successfully: exit code: 2
--> s0/Dockerfile
  the end of its output:
  │ cc -c main.c
  │ 100%
  │ main.c:3: error: expected ';'
  │ make: *** [all] Error 1
help: run it alone with `-e shared`

not started: acme/s1, acme/s2, acme/s3, acme/s4, acme/s5, acme/s6, acme/s7, acme/s8 and 991 more, which need acme/s0
not moved: `feature-login` and `latest` are where they were
1000 images: 1 failed, 999 not started, 1 h 04 min

"#]]
        );
    }

    proptest! {
        #[test]
        fn any_line_of_any_file(source in proptest::collection::vec(any::<u8>(), 0..99), line in 0_usize..99) {
            if let Some(span) = instruction(&source, line) {
                prop_assert!(span.start < span.end && span.end <= source.len());
            }
        }
    }
}
