//! Events of a run, with as little noise as they allow.

use std::time::Duration;

use crate::builder::{OutputStream, StepState};
use crate::execution::{Event, ImageOutcome, Outcome};
use crate::plan::StepId;

pub(in crate::report) fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// A run of which nothing is known.
pub(in crate::report) fn started(builds: usize) -> Event {
    Event::Started { builds, jobs: 2, expected: std::collections::BTreeMap::new() }
}

/// A step that begins; `[2/4] RUN make` has a position.
pub(in crate::report) fn progress(id: usize, name: &str) -> StepState {
    let position = name.split_once(']').and_then(|(head, _)| {
        let (number, of) = head.rsplit([' ', '[']).next()?.split_once('/')?;
        Some((number.parse().ok()?, of.parse().ok()?))
    });
    StepState { id, name: name.into(), position, ..StepState::default() }
}

pub(in crate::report) fn begin(image: usize, id: usize, name: &str) -> Event {
    Event::BuildProgress { image: StepId(image), step: progress(id, name) }
}

pub(in crate::report) fn end(image: usize, id: usize, name: &str, cached: bool) -> Event {
    Event::BuildProgress {
        image: StepId(image),
        step: StepState { completed: true, cached, ..progress(id, name) },
    }
}

pub(in crate::report) fn log(image: usize, step: usize, line: &str) -> Event {
    Event::BuildLog { image: StepId(image), step, stream: OutputStream::Out, line: line.into() }
}

pub(in crate::report) fn finished(image: usize, outcome: ImageOutcome, after: f64) -> Event {
    Event::ImageFinished { image: StepId(image), outcome, elapsed: seconds(after) }
}

pub(in crate::report) fn over(outcome: Outcome, after: f64) -> Event {
    Event::Finished { outcome, elapsed: seconds(after) }
}

/// What a failing `RUN make` leaves behind.
pub(in crate::report) fn failure(line: Option<usize>) -> ImageOutcome {
    ImageOutcome::Failed {
        message: "process \"/bin/sh -c make\" did not complete successfully: exit code: 2".into(),
        line,
        log: vec![
            "cc -c \u{1b}[1mmain.c\u{1b}[0m".into(),
            " 10%\r100%\r".into(),
            "main.c:3: error: expected ';'\u{7}".into(),
            "make: *** [all] Error 1".into(),
            String::new(),
        ],
        hint: Some("run it alone with `-e shared`".into()),
    }
}

/// All kinds of events, on the images of [`super::shop`]; a dependency fails.
pub(in crate::report) fn failing_run() -> Vec<Event> {
    vec![
        started(2),
        finished(0, ImageOutcome::Reused, 0.0),
        finished(3, ImageOutcome::Reused, 0.0),
        Event::PullStarted { reference: "busybox:latest".into() },
        Event::PullFinished { reference: "busybox:latest".into(), elapsed: seconds(1.2), error: None },
        Event::BuildStarted { image: StepId(1), builder: None },
        begin(1, 1, "[internal] load build context"),
        Event::ContextSent { image: StepId(1), bytes: 1_500_000 },
        end(1, 1, "[internal] load build context", false),
        end(1, 2, "[1/2] FROM docker.io/library/busybox:latest", true),
        begin(1, 3, "[2/2] RUN make"),
        begin(1, 3, "[2/2] RUN make"),
        log(1, 3, "cc -c \u{1b}[1mmain.c\u{1b}[0m"),
        log(1, 3, ""),
        log(1, 3, " 10%\r100%\r"),
        log(1, 3, "\u{1b}]0;owned\u{7}main.c:3: error \u{9b}31m"),
        Event::Notice { text: "`base:1.0` already names another key\nand stays".into() },
        finished(1, failure(Some(3)), 4.2),
        finished(2, ImageOutcome::DependencyFailed { dependency: StepId(1) }, 0.0),
        Event::Superseded {
            references: vec!["acme/admin:src-1234567890abcdef".into()],
            bytes: 6_200_000_000,
        },
        over(Outcome::Failed, 6.1),
    ]
}

/// The same images, where all goes well.
pub(in crate::report) fn good_run() -> Vec<Event> {
    let mut events = vec![
        started(2),
        finished(0, ImageOutcome::Reused, 0.0),
        finished(3, ImageOutcome::Reused, 0.0),
        Event::BuildStarted { image: StepId(1), builder: None },
        begin(1, 1, "[1/2] FROM docker.io/library/busybox:latest"),
        end(1, 1, "[1/2] FROM docker.io/library/busybox:latest", false),
        finished(1, ImageOutcome::Built, 3.94),
        Event::BuildStarted { image: StepId(2), builder: None },
        finished(2, ImageOutcome::Built, 2.04),
    ];
    for (image, name) in ["base", "shared", "service1", "admin"].into_iter().enumerate() {
        events.push(Event::Tagged {
            image: StepId(image),
            reference: format!("acme/{name}:feature-login"),
            moves: true,
        });
    }
    events.push(over(Outcome::Succeeded, 6.1));
    events
}

/// Images go to a registry; one push and one tag fail.
pub(in crate::report) fn publishing_run() -> Vec<Event> {
    let (base, admin) =
        ("hub.acme.com/acme/base:src-1".to_owned(), "hub.acme.com/acme/admin:src-2".to_owned());
    vec![
        Event::PublishingStarted { registries: 1, pushes: 3 },
        Event::PushStarted { image: StepId(0), reference: base.clone() },
        Event::PushStarted { image: StepId(3), reference: admin.clone() },
        Event::PushProgress { image: StepId(0), reference: base.clone(), bytes: 12_300_000, all: 30_000_000 },
        Event::PushFinished {
            image: StepId(3),
            reference: admin,
            elapsed: seconds(0.3),
            error: Some("denied\u{7}".into()),
        },
        Event::PushFinished { image: StepId(0), reference: base.clone(), elapsed: seconds(1.5), error: None },
        Event::Published {
            image: StepId(0),
            reference: base,
            tags: vec!["main".into(), "v1\u{7}".into()],
            elapsed: Some(seconds(1.5)),
        },
        Event::TagFailed {
            image: StepId(0),
            reference: "hub.acme.com/acme/base:main".into(),
            error: "too many\nrequests".into(),
        },
        Event::TagsHeld { reason: "acme/base:src-1 is gone".into() },
        over(Outcome::Failed, 2.0),
    ]
}
