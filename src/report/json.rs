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
