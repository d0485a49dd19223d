use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::output::Output;
use super::plan_json::terminal_safe;
use super::renderer::Renderer;
use super::roster::Roster;
use crate::execution::{Event, ImageOutcome, LogStream, Outcome};
use crate::plan::Plan;

/// One JSON object a line, for programs: `{"schema":1,"event":"build-started","image":"acme/shared"}`.
/// Fields may be added, never renamed; durations are whole milliseconds.
pub struct JsonRenderer {
    output: Output,
    roster: Roster,
}

impl JsonRenderer {
    /// Writes into `writer`.
    pub fn new(writer: Box<dyn Write + Send>, plan: &Plan) -> Self {
        Self { output: Output::new(writer), roster: Roster::new(plan) }
    }
}

impl Renderer for JsonRenderer {
    fn event(&mut self, event: &Event) {
        // These types hold neither maps with other keys than text nor numbers JSON lacks.
        if let Ok(line) = serde_json::to_string(&Line { schema: 1, fields: fields(event, &self.roster) }) {
            self.output.write(&(terminal_safe(line) + "\n"));
        }
    }

    fn error(&self) -> Option<&io::Error> {
        self.output.error()
    }
}

#[derive(Serialize)]
struct Line<'a> {
    schema: u32,
    #[serde(flatten)]
    fields: Fields<'a>,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Fields<'a> {
    Started {
        builds: usize,
    },
    PullStarted {
        reference: &'a str,
    },
    PullFinished {
        reference: &'a str,
        elapsed_ms: u64,
        error: Option<&'a str>,
    },
    BuildStarted {
        image: &'a str,
    },
    BuildProgress {
        image: &'a str,
        step: usize,
        name: &'a str,
        /// `[2, 5]`: the second of five.
        position: Option<(usize, usize)>,
        completed: bool,
        cached: bool,
        bytes: Option<u64>,
        total_bytes: Option<u64>,
    },
    BuildLog {
        image: &'a str,
        step: usize,
        stream: &'static str,
        line: &'a str,
    },
    ContextSent {
        image: &'a str,
        bytes: u64,
    },
    ImageFinished {
        image: &'a str,
        outcome: &'static str,
        elapsed_ms: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        failure: Option<Failure<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        dependency: Option<&'a str>,
    },
    Tagged {
        image: &'a str,
        reference: &'a str,
        moves: bool,
    },
    Removed {
        reference: &'a str,
    },
    Notice {
        text: &'a str,
    },
    Interrupted,
    Finished {
        outcome: &'static str,
        elapsed_ms: u64,
    },
}

#[derive(Serialize)]
struct Failure<'a> {
    message: &'a str,
    line: Option<usize>,
    log: &'a [String],
    hint: Option<&'a str>,
}

fn fields<'a>(event: &'a Event, roster: &'a Roster) -> Fields<'a> {
    match event {
        Event::Started { builds } => Fields::Started { builds: *builds },
        Event::PullStarted { reference } => Fields::PullStarted { reference },
        Event::PullFinished { reference, elapsed, error } => {
            Fields::PullFinished { reference, elapsed_ms: milliseconds(*elapsed), error: error.as_deref() }
        }
        Event::BuildStarted { image } => Fields::BuildStarted { image: roster.name(*image) },
        Event::BuildProgress { image, step } => Fields::BuildProgress {
            image: roster.name(*image),
            step: step.id,
            name: &step.name,
            position: step.position,
            completed: step.completed,
            cached: step.cached,
            bytes: step.bytes.map(|(done, _)| done),
            total_bytes: step.bytes.and_then(|(_, total)| total),
        },
        Event::BuildLog { image, step, stream, line } => {
            let stream = match stream {
                LogStream::Out => "stdout",
                LogStream::Err => "stderr",
            };
            Fields::BuildLog { image: roster.name(*image), step: *step, stream, line }
        }
        Event::ContextSent { image, bytes } => {
            Fields::ContextSent { image: roster.name(*image), bytes: *bytes }
        }
        Event::ImageFinished { image, outcome, elapsed } => finished(*image, outcome, *elapsed, roster),
        Event::Tagged { image, reference, moves } => {
            Fields::Tagged { image: roster.name(*image), reference, moves: *moves }
        }
        Event::Removed { reference } => Fields::Removed { reference },
        Event::Notice { text } => Fields::Notice { text },
        Event::Interrupted => Fields::Interrupted,
        Event::Finished { outcome, elapsed } => {
            let outcome = match outcome {
                Outcome::Succeeded => "succeeded",
                Outcome::Failed => "failed",
                Outcome::Interrupted => "interrupted",
            };
            Fields::Finished { outcome, elapsed_ms: milliseconds(*elapsed) }
        }
    }
}

fn finished<'a>(
    image: usize,
    outcome: &'a ImageOutcome,
    elapsed: Duration,
    roster: &'a Roster,
) -> Fields<'a> {
    let (word, failure, dependency) = match outcome {
        ImageOutcome::Built => ("built", None, None),
        ImageOutcome::Reused => ("reused", None, None),
        ImageOutcome::Failed { message, line, log, hint } => {
            let failure = Failure { message, line: *line, log, hint: hint.as_deref() };
            ("failed", Some(failure), None)
        }
        ImageOutcome::DependencyFailed { dependency } => {
            ("dependency-failed", None, Some(roster.name(*dependency)))
        }
        ImageOutcome::Cancelled => ("cancelled", None, None),
        ImageOutcome::Blocked => ("blocked", None, None),
    };
    Fields::ImageFinished {
        image: roster.name(image),
        outcome: word,
        elapsed_ms: milliseconds(elapsed),
        failure,
        dependency,
    }
}

fn milliseconds(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use snapbox::{IntoData as _, assert_data_eq, str};

    use super::*;
    use crate::report::testing::run::{failing_run, good_run, log};
    use crate::report::testing::{Capture, shop};

    fn play(events: &[Event]) -> String {
        let capture = Capture::default();
        let mut renderer = JsonRenderer::new(capture.boxed(), &shop());
        events.iter().for_each(|event| renderer.event(event));
        capture.take()
    }

    #[test]
    fn a_line_an_event() {
        assert_data_eq!(play(&failing_run()), str![[r#"
{"schema":1,"event":"started","builds":2}
{"schema":1,"event":"image-finished","image":"acme/base","outcome":"reused","elapsed_ms":0}
{"schema":1,"event":"image-finished","image":"acme/admin","outcome":"reused","elapsed_ms":0}
{"schema":1,"event":"pull-started","reference":"busybox:latest"}
{"schema":1,"event":"pull-finished","reference":"busybox:latest","elapsed_ms":1200,"error":null}
{"schema":1,"event":"build-started","image":"acme/shared"}
{"schema":1,"event":"build-progress","image":"acme/shared","step":1,"name":"[internal] load build context","position":null,"completed":false,"cached":false,"bytes":null,"total_bytes":null}
{"schema":1,"event":"context-sent","image":"acme/shared","bytes":1500000}
{"schema":1,"event":"build-progress","image":"acme/shared","step":1,"name":"[internal] load build context","position":null,"completed":true,"cached":false,"bytes":null,"total_bytes":null}
{"schema":1,"event":"build-progress","image":"acme/shared","step":2,"name":"[1/2] FROM docker.io/library/busybox:latest","position":[1,2],"completed":true,"cached":true,"bytes":null,"total_bytes":null}
{"schema":1,"event":"build-progress","image":"acme/shared","step":3,"name":"[2/2] RUN make","position":[2,2],"completed":false,"cached":false,"bytes":null,"total_bytes":null}
{"schema":1,"event":"build-progress","image":"acme/shared","step":3,"name":"[2/2] RUN make","position":[2,2],"completed":false,"cached":false,"bytes":null,"total_bytes":null}
{"schema":1,"event":"build-log","image":"acme/shared","step":3,"stream":"stdout","line":"cc -c \u001b[1mmain.c\u001b[0m"}
{"schema":1,"event":"build-log","image":"acme/shared","step":3,"stream":"stdout","line":""}
{"schema":1,"event":"build-log","image":"acme/shared","step":3,"stream":"stdout","line":" 10%\r100%\r"}
{"schema":1,"event":"build-log","image":"acme/shared","step":3,"stream":"stdout","line":"\u001b]0;owned\u0007main.c:3: error \u009b31m"}
{"schema":1,"event":"notice","text":"`base:1.0` already names another key\nand stays"}
{"schema":1,"event":"image-finished","image":"acme/shared","outcome":"failed","elapsed_ms":4200,"failure":{"message":"process \"/bin/sh -c make\" did not complete successfully: exit code: 2","line":3,"log":["cc -c \u001b[1mmain.c\u001b[0m"," 10%\r100%\r","main.c:3: error: expected ';'\u0007","make: *** [all] Error 1",""],"hint":"run it alone with `-e shared`"}}
{"schema":1,"event":"image-finished","image":"acme/service1","outcome":"dependency-failed","elapsed_ms":0,"dependency":"acme/shared"}
{"schema":1,"event":"removed","reference":"acme/admin:src-1234567890abcdef"}
{"schema":1,"event":"finished","outcome":"failed","elapsed_ms":6100}

"#]].raw());
        let good = play(&good_run());
        let last: Vec<&str> = good.lines().rev().take(2).collect();
        assert_data_eq!(
            last.join("\n"),
            str![[r#"
{"schema":1,"event":"finished","outcome":"succeeded","elapsed_ms":6100}
{"schema":1,"event":"tagged","image":"acme/admin","reference":"acme/admin:feature-login","moves":true}
"#]]
            .raw()
        );
    }

    proptest! {
        #[test]
        fn any_text_comes_back_as_it_was(line in any::<String>()) {
            let written = play(&[log(1, 2, &line)]);
            prop_assert_eq!(written.lines().count(), 1);
            prop_assert!(!written.trim_end_matches('\n').chars().any(char::is_control), "{}", written);
            let read: serde_json::Value = serde_json::from_str(&written).expect("valid JSON");
            prop_assert_eq!(read["line"].as_str(), Some(line.as_str()));
        }
    }
}
