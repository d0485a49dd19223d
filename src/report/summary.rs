use std::fmt::Write as _;
use std::ops::Range;
use std::time::Duration;

use bstr::ByteSlice;

use super::diagnostic::{Sources, diagnostic};
use super::phrase;
use super::record::Record;
use super::style::{Role, View};
use super::text;
use crate::diagnostic::{Diagnostic, Location};
use crate::execution::{ImageOutcome, Outcome};
use crate::plan::Action;

/// Where a moving tag points, for the sentence that says it did not move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagPosition {
    /// For example `feature-login`.
    pub tag: String,
    /// The revision, or whatever names the image it is on; none where the tag does not exist.
    pub at: Option<String>,
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
    let (outcome, elapsed) = record.end.unwrap_or((Outcome::Failed, Duration::ZERO));
    for (reference, error) in &record.pulls {
        let failed = Diagnostic::error(format!("{reference} could not be pulled: {error}"));
        let _ = writeln!(out, "\n{}", diagnostic(&failed, view, sources).trim_end());
    }
    for (image, ended) in record.outcomes.iter().enumerate() {
        if let Some(ImageOutcome::Failed { message, line, log, hint }) = ended {
            out.push('\n');
            out.push_str(&failure(record, image, (message, *line), view, sources));
            out.push_str(&log_end(log, view));
            if let Some(hint) = hint {
                let _ = writeln!(out, "{}: {}", view.theme.paint(Role::Name, "help"), text::lines(hint));
            }
        }
    }
    let dependents = not_started(record, view);
    if !out.is_empty() || !dependents.is_empty() {
        out.push('\n');
    }
    out.push_str(&dependents);
    if outcome != Outcome::Succeeded {
        out.push_str(&moving_tags(record, positions));
    }
    out.push_str(&total(record, view, outcome, elapsed));
    out
}

fn failure(
    record: &Record,
    image: usize,
    (message, line): (&str, Option<usize>),
    view: &View,
    sources: Sources<'_>,
) -> String {
    let name = record.roster.name(image);
    let mut failed = Diagnostic::error(format!("{name} could not be built: {message}"));
    if let Some(dockerfile) = record.roster.images().get(image).map(|image| image.dockerfile.clone()) {
        let source = line.and_then(|_| sources(&dockerfile));
        let span = line.zip(source).and_then(|(line, source)| instruction(&source, line));
        failed.location = Some(Location { path: dockerfile, span, line });
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
    let mut by_dependency: Vec<(usize, Vec<&str>)> = Vec::new();
    for (image, ended) in record.outcomes.iter().enumerate() {
        if let Some(ImageOutcome::DependencyFailed { dependency }) = ended {
            let name = record.roster.name(image);
            match by_dependency.iter_mut().find(|(of, _)| of == dependency) {
                Some((_, names)) => names.push(name),
                None => by_dependency.push((*dependency, vec![name])),
            }
        }
    }
    let mut out = String::new();
    for (dependency, names) in by_dependency {
        let limit = if view.verbose { names.len() } else { MAX_NAMES };
        let need = if names.len() == 1 { "needs" } else { "need" };
        let _ = writeln!(
            out,
            "{}: {}, which {need} {}",
            view.theme.paint(Role::Warning, "not started"),
            phrase::list(&names, limit),
            record.roster.name(dependency)
        );
    }
    out
}

fn moving_tags(record: &Record, positions: &[TagPosition]) -> String {
    if record.moved > 0 {
        let moved = phrase::count(record.moved, "moving tag");
        return format!("{moved} had been moved already; the next run moves the rest\n");
    }
    let mut tags: Vec<&str> = Vec::new();
    for tag in record.roster.images().iter().flat_map(|image| &image.moving) {
        if !tags.contains(&tag.as_str()) {
            tags.push(tag.as_str());
        }
    }
    let known: Vec<String> = positions
        .iter()
        .map(|position| {
            let tag = text::one_line(&position.tag);
            match &position.at {
                Some(at) => format!("`{tag}` still points at {}", text::one_line(at)),
                None => format!("`{tag}` does not exist yet"),
            }
        })
        .collect();
    let rest = if known.is_empty() {
        let quoted: Vec<String> = tags.iter().map(|tag| format!("`{tag}`")).collect();
        match quoted.len() {
            0 => String::new(),
            1 => format!(": {} is where it was", quoted[0]),
            _ => format!(": {} are where they were", phrase::list(&quoted, MAX_NAMES)),
        }
    } else {
        format!(": {}", phrase::list(&known, MAX_NAMES))
    };
    format!("no moving tag was changed{rest}\n")
}

/// How an image ended, as the total counts it: in the order in which it is told.
const ENDS: [(End, Role); 8] = [
    (End::Built, Role::Success),
    (End::Pulled, Role::Success),
    (End::Tagged, Role::Success),
    (End::Idle, Role::Plain),
    (End::Failed, Role::Error),
    (End::NotStarted, Role::Warning),
    (End::Cancelled, Role::Warning),
    (End::Blocked, Role::Warning),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Built,
    Pulled,
    Tagged,
    Idle,
    Failed,
    NotStarted,
    Cancelled,
    Blocked,
}

impl End {
    fn of(record: &Record, image: usize) -> Self {
        let action = record.roster.images().get(image).map(|image| image.action);
        match record.outcomes.get(image).and_then(Option::as_ref) {
            Some(ImageOutcome::Built) => Self::Built,
            Some(ImageOutcome::Reused) if action == Some(Action::Pull) => Self::Pulled,
            Some(ImageOutcome::Reused) if record.tagged.get(image) == Some(&true) => Self::Tagged,
            Some(ImageOutcome::Reused) => Self::Idle,
            Some(ImageOutcome::Failed { .. }) => Self::Failed,
            Some(ImageOutcome::DependencyFailed { .. }) => Self::NotStarted,
            Some(ImageOutcome::Cancelled) => Self::Cancelled,
            Some(ImageOutcome::Blocked) => Self::Blocked,
            // Nothing was said about it, so what was planned tells.
            None if action == Some(Action::None) => Self::Idle,
            None if action == Some(Action::Blocked) => Self::Blocked,
            None => Self::NotStarted,
        }
    }

    fn words(self, outcome: Outcome) -> &'static str {
        match self {
            Self::Built => "built",
            Self::Pulled => "pulled",
            Self::Tagged => "tagged",
            // Only a run that succeeded can say that all tags are in place.
            Self::Idle if outcome == Outcome::Succeeded => "up to date",
            Self::Idle => "unchanged",
            Self::Failed => "failed",
            Self::NotStarted => "not started",
            Self::Cancelled => "cancelled",
            Self::Blocked => "blocked",
        }
    }
}

/// `4 images: 2 built, 2 tagged, 6.1 s`, or `nothing to do: 30 images up to date`.
fn total(record: &Record, view: &View, outcome: Outcome, elapsed: Duration) -> String {
    let theme = view.theme;
    let all = record.roster.images().len();
    let ends: Vec<End> = (0..all).map(|image| End::of(record, image)).collect();
    let number = |end: End| ends.iter().filter(|one| **one == end).count();
    let (idle, blocked) = (number(End::Idle), number(End::Blocked));
    let line = if all == 0 {
        "nothing to do: no images".to_owned()
    } else if outcome == Outcome::Succeeded && idle > 0 && idle + blocked == all {
        let rest = if blocked > 0 { format!(", {blocked} blocked") } else { String::new() };
        format!("nothing to do: {} up to date{rest}", phrase::count(idle, "image"))
    } else {
        let parts: Vec<String> = ENDS
            .into_iter()
            .map(|(end, role)| (number(end), end, role))
            .filter(|(count, ..)| *count > 0)
            .map(|(count, end, role)| {
                theme.paint(role, format!("{count} {}", end.words(outcome))).to_string()
            })
            .collect();
        let total = phrase::count(all, "image");
        format!("{total}: {}, {}", parts.join(", "), phrase::duration(elapsed))
    };
    match outcome {
        Outcome::Interrupted => format!("{}: {line}\n", theme.paint(Role::Warning, "interrupted")),
        Outcome::Succeeded | Outcome::Failed => line + "\n",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use snapbox::{IntoData as _, assert_data_eq, str};

    use super::*;
    use crate::execution::Event;
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
            TagPosition { tag: "feature-login".into(), at: Some("9f3b21c04d55".into()) },
            TagPosition { tag: "latest".into(), at: None },
        ];
        assert_data_eq!(
            sum_up(&shop(), &piped(), &failing_run(), &positions),
            str![[r#"

error: acme/shared could not be built: process "/bin/sh -c make" did not complete successfully: exit code: 2
  ╭▸ shared/Dockerfile:3:1
  │
3 │ ┏ RUN cd /src && \
4 │ ┃     # build it
5 │ ┃     make
  ╰╴┗━━━━━━━━┛
  the end of its output:
  │ cc -c main.c
  │ 100%
  │ main.c:3: error: expected ';'
  │ make: *** [all] Error 1
help: run it alone with `-e shared`

not started: acme/service1, which needs acme/shared
no moving tag was changed: `feature-login` still points at 9f3b21c04d55 and `latest` does not exist yet
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
no moving tag was changed: `feature-login` and `latest` are where they were
4 images: 2 unchanged, 1 failed, 1 not started, 6.1 s

"#]]
            .raw()
        );
        assert_data_eq!(visible(&sum_up(&shop(), &colored(), &failing_run(), &[])), str![[r#"

␛[1m␛[91merror␛[0m␛[1m: acme/shared could not be built: process "/bin/sh -c make" did not complete successfully: exit code: 2␛[0m
 ␛[1m␛[94m ╭▸ ␛[0mshared/Dockerfile:3:1
  ␛[1m␛[94m│␛[0m
␛[1m␛[94m3␛[0m ␛[1m␛[94m│␛[0m ␛[1m␛[91m┏␛[0m RUN cd /src && \
␛[1m␛[94m4␛[0m ␛[1m␛[94m│␛[0m ␛[1m␛[91m┃␛[0m     # build it
␛[1m␛[94m5␛[0m ␛[1m␛[94m│␛[0m ␛[1m␛[91m┃␛[0m     make
  ␛[1m␛[94m╰╴␛[0m␛[1m␛[91m┗━━━━━━━━┛␛[0m
  ␛[2mthe end of its output:␛[0m
  ␛[2m│␛[0m cc -c main.c
  ␛[2m│␛[0m 100%
  ␛[2m│␛[0m main.c:3: error: expected ';'
  ␛[2m│␛[0m make: *** [all] Error 1
␛[1mhelp␛[0m: run it alone with `-e shared`

␛[1m␛[33mnot started␛[0m: acme/service1, which needs acme/shared
no moving tag was changed: `feature-login` and `latest` are where they were
4 images: 2 unchanged, ␛[1m␛[91m1 failed␛[0m, ␛[1m␛[33m1 not started␛[0m, 6.1 s

"#]].raw());
        assert_data_eq!(
            sum_up(&shop(), &narrow(20), &failing_run(), &[]),
            str![[r#"

error: acme/shared could not be built: process "/bin/sh -c make" did not complete successfully: exit code: 2
  ╭▸ shared/Dockerfile:3:1
  │
3 │ ┏ RUN cd /src && \
4 │ ┃     # build it
5 │ ┃     make
  ╰╴┗━━━━━━━━┛
  the end of its output:
  │ cc -c main.c
  │ 100%
  │ main.c:3: error: expected ';'
  │ make: *** [all] Error 1
help: run it alone with `-e shared`

not started: acme/service1, which needs acme/shared
no moving tag was changed: `feature-login` and `latest` are where they were
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
 ─▸ shared/Dockerfile
  the end of its output:
  │ cc -c main.c
  │ 100%
  │ main.c:3: error: expected ';'
  │ make: *** [all] Error 1
help: run it alone with `-e shared`

no moving tag was changed: `feature-login` and `latest` are where they were
4 images: 1 failed, 3 not started, 1.0 s

"#]]
            .raw()
        );
        assert_data_eq!(
            sum_up(&shop(), &piped(), &run(2, Some(7)), &[]),
            str![[r#"

error: acme/service1 could not be built: process "/bin/sh -c make" did not complete successfully: exit code: 2
 ─▸ service1/Dockerfile:7
  the end of its output:
  │ cc -c main.c
  │ 100%
  │ main.c:3: error: expected ';'
  │ make: *** [all] Error 1
help: run it alone with `-e shared`

no moving tag was changed: `feature-login` and `latest` are where they were
4 images: 1 failed, 3 not started, 1.0 s

"#]]
            .raw()
        );
        assert_data_eq!(
            sum_up(&shop(), &piped(), &run(1, Some(70)), &[]),
            str![[r#"

error: acme/shared could not be built: process "/bin/sh -c make" did not complete successfully: exit code: 2
 ─▸ shared/Dockerfile:70
  the end of its output:
  │ cc -c main.c
  │ 100%
  │ main.c:3: error: expected ';'
  │ make: *** [all] Error 1
help: run it alone with `-e shared`

no moving tag was changed: `feature-login` and `latest` are where they were
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
no moving tag was changed: `feature-login` and `latest` are where they were
interrupted: 4 images: 1 unchanged, 1 not started, 2 cancelled, 2.0 s

"#]]
        );
    }

    #[test]
    fn a_pull_that_failed() {
        let events = [
            Event::PullFinished {
                reference: "acme.internal/base:1".into(),
                elapsed: seconds(1.0),
                error: Some("no such host".into()),
            },
            over(Outcome::Failed, 1.0),
        ];
        assert_data_eq!(
            sum_up(&shop(), &piped(), &events, &[]),
            str![[r#"

error: acme.internal/base:1 could not be pulled: no such host

no moving tag was changed: `feature-login` and `latest` are where they were
4 images: 4 not started, 1.0 s

"#]]
        );
    }

    #[test]
    fn tags_that_had_moved() {
        let mut events = good_run();
        events.pop();
        events.pop();
        events.push(over(Outcome::Failed, 6.1));
        assert_data_eq!(
            sum_up(&shop(), &piped(), &events, &[]),
            str![[r#"
3 moving tags had been moved already; the next run moves the rest
4 images: 2 built, 1 tagged, 1 unchanged, 6.1 s

"#]]
        );
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
nothing to do: 30 images up to date

"#]]
        );
        steps.push(step(Action::Blocked, "b", &["set BASE"]));
        assert_data_eq!(
            sum_up(&plan(steps), &piped(), &done(30), &[]),
            str![[r#"
nothing to do: 30 images up to date, 1 blocked

"#]]
        );
        assert_data_eq!(
            sum_up(&plan(Vec::new()), &piped(), &done(0), &[]),
            str![[r#"
nothing to do: no images

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
 ─▸ s0/Dockerfile
  the end of its output:
  │ cc -c main.c
  │ 100%
  │ main.c:3: error: expected ';'
  │ make: *** [all] Error 1
help: run it alone with `-e shared`

not started: acme/s1, acme/s2, acme/s3, acme/s4, acme/s5, acme/s6, acme/s7, acme/s8 and 991 more, which need acme/s0
no moving tag was changed: `feature-login` and `latest` are where they were
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
