use std::io::Write;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::json::{SCHEMA, harmless};
use super::renderer::Renderer;
use crate::execution::{Event, ImageOutcome, LogStream, Outcome};
use crate::plan::Plan;

/// Events as JSON lines, for programs. The first line has the schema's version.
pub struct JsonEvents {
    plan: Arc<Plan>,
    out: Box<dyn Write + Send>,
}

impl JsonEvents {
    /// Writes to `out`; what cannot be written is lost, because a build goes on without its audience.
    pub fn new(plan: Arc<Plan>, out: Box<dyn Write + Send>) -> Self {
        Self { plan, out }
    }

    fn name(&self, image: usize) -> String {
        self.plan.steps.get(image).map(crate::plan::Step::name).unwrap_or_default()
    }

    fn fields(&self, event: &Event) -> Value {
        match event {
            Event::Started { builds } => {
                let images: Vec<Value> = self
                    .plan
                    .steps
                    .iter()
                    .map(|step| json!({"image": step.name(), "action": step.action.as_str()}))
                    .collect();
                json!({"event": "started", "schema": SCHEMA, "builds": builds, "images": images})
            }
            Event::PullStarted { reference } => json!({"event": "pull-started", "reference": reference}),
            Event::PullFinished { reference, elapsed, error } => json!({
                "event": "pull-finished", "reference": reference, "seconds": elapsed.as_secs_f64(), "error": error,
            }),
            Event::BuildStarted { image } => json!({"event": "build-started", "image": self.name(*image)}),
            Event::BuildProgress { image, step } => json!({
                "event": "build-progress", "image": self.name(*image), "step": step.id, "name": step.name,
                "position": step.position.map(|(at, of)| json!([at, of])),
                "completed": step.completed, "cached": step.cached,
                "bytes": step.bytes.map(|(bytes, _)| bytes),
                "bytes_total": step.bytes.and_then(|(_, total)| total),
            }),
            Event::BuildLog { image, step, stream, line } => json!({
                "event": "build-log", "image": self.name(*image), "step": step,
                "stream": match stream { LogStream::Out => "out", LogStream::Err => "err" }, "line": line,
            }),
            Event::ContextSent { image, bytes } => {
                json!({"event": "context-sent", "image": self.name(*image), "bytes": bytes})
            }
            Event::ImageFinished { image, outcome, elapsed } => {
                let mut fields = json!({
                    "event": "image-finished", "image": self.name(*image), "seconds": elapsed.as_secs_f64(),
                });
                self.outcome(outcome, &mut fields);
                fields
            }
            Event::PushStarted { image, reference } => {
                json!({"event": "push-started", "image": self.name(*image), "reference": reference})
            }
            Event::PushProgress { image, reference, bytes } => json!({
                "event": "push-progress", "image": self.name(*image), "reference": reference, "bytes": bytes,
            }),
            Event::PushFinished { image, reference, elapsed, error } => json!({
                "event": "push-finished", "image": self.name(*image), "reference": reference,
                "seconds": elapsed.as_secs_f64(), "error": error,
            }),
            Event::Tagged { image, reference, moves } => {
                json!({"event": "tagged", "image": self.name(*image), "reference": reference, "moves": moves})
            }
            Event::TagFailed { image, reference, error } => {
                json!({"event": "tag-failed", "image": self.name(*image), "reference": reference, "error": error})
            }
            Event::TagsHeld { reason } => json!({"event": "tags-held", "reason": reason}),
            Event::Removed { reference } => json!({"event": "removed", "reference": reference}),
            Event::Notice { text } => json!({"event": "notice", "text": text}),
            Event::Interrupted => json!({"event": "interrupted"}),
            Event::Finished { outcome, elapsed } => json!({
                "event": "finished",
                "outcome": match outcome {
                    Outcome::Succeeded => "succeeded",
                    Outcome::Failed => "failed",
                    Outcome::Interrupted => "interrupted",
                },
                "seconds": elapsed.as_secs_f64(),
            }),
        }
    }

    fn outcome(&self, outcome: &ImageOutcome, fields: &mut Value) {
        let Some(fields) = fields.as_object_mut() else { return };
        let mut set = |name: &str, value: Value| drop(Map::insert(fields, name.to_owned(), value));
        let word = match outcome {
            ImageOutcome::Built => "built",
            ImageOutcome::Reused => "reused",
            ImageOutcome::Failed { .. } => "failed",
            ImageOutcome::DependencyFailed { .. } => "dependency-failed",
            ImageOutcome::Cancelled => "cancelled",
            ImageOutcome::Blocked => "blocked",
        };
        set("outcome", json!(word));
        match outcome {
            ImageOutcome::Failed { message, line, log, hint } => {
                set("message", json!(message));
                set("line", json!(line));
                set("log", json!(log));
                set("hint", json!(hint));
            }
            ImageOutcome::DependencyFailed { dependency } => set("dependency", json!(self.name(*dependency))),
            _ => {}
        }
    }
}

impl Renderer for JsonEvents {
    fn event(&mut self, event: &Event) {
        let line = format!("{}\n", harmless(&self.fields(event).to_string()));
        let finished = matches!(event, Event::Finished { .. });
        if self.out.write_all(line.as_bytes()).is_ok() && finished {
            // A reader that is gone is no failure of the build.
            let _ = self.out.flush();
        }
    }
}
