use std::collections::HashSet;
use std::io::Write;
use std::sync::Arc;

use super::duration::duration;
use super::log_text::log_text;
use super::renderer::Renderer;
use super::style::{BAD, FAINT, GOOD, Look};
use crate::execution::{Event, ImageOutcome};
use crate::plan::{Plan, Step};
use crate::printable::printable;

/// Lines with the image in front, for pipes and logs: `acme/api | [2/4] RUN make`.
pub struct Plain {
    plan: Arc<Plan>,
    out: Box<dyn Write + Send>,
    look: Look,
    announced: HashSet<(usize, usize)>,
}

impl Plain {
    /// Writes to `out`.
    pub fn new(plan: Arc<Plan>, out: Box<dyn Write + Send>, look: Look) -> Self {
        Self { plan, out, look, announced: HashSet::new() }
    }

    fn say(&mut self, text: &str) {
        // A build goes on when nobody listens any more.
        let _ = self.out.write_all(format!("{text}\n").as_bytes());
    }

    fn say_of(&mut self, image: usize, text: &str) {
        let name = self.plan.steps.get(image).map(Step::name).unwrap_or_default();
        let front = self.look.paint(FAINT, &format!("{name} |"));
        self.say(&format!("{front} {text}"));
    }

    fn finished(&mut self, image: usize, outcome: &ImageOutcome, elapsed: std::time::Duration) {
        let took = duration(elapsed);
        match outcome {
            ImageOutcome::Built => {
                let text = format!("{} in {took}", self.look.paint(GOOD, "built"));
                self.say_of(image, &text);
            }
            ImageOutcome::Failed { message, .. } => {
                let text = format!("{} after {took}: {}", self.look.paint(BAD, "failed"), printable(message));
                self.say_of(image, &text);
            }
            ImageOutcome::Cancelled if !elapsed.is_zero() => self.say_of(image, "stopped"),
            ImageOutcome::Cancelled
            | ImageOutcome::Reused
            | ImageOutcome::Blocked
            | ImageOutcome::DependencyFailed { .. } => {}
        }
    }
}

impl Renderer for Plain {
    fn event(&mut self, event: &Event) {
        match event {
            Event::PullStarted { reference } => self.say(&format!("pulling {}", printable(reference))),
            Event::PullFinished { reference, error: Some(error), .. } => {
                self.say(&format!("pulling {} failed: {}", printable(reference), printable(error)));
            }
            Event::BuildStarted { image } => self.say_of(*image, "build"),
            Event::BuildProgress { image, step } => {
                let cached = if step.cached { " (cached)" } else { "" };
                if !step.name.starts_with("[internal]") && self.announced.insert((*image, step.id)) {
                    let name = printable(&step.name).into_owned();
                    self.say_of(*image, &format!("{name}{cached}"));
                }
            }
            Event::BuildLog { image, line, .. } => self.say_of(*image, &format!("  {}", log_text(line))),
            Event::ImageFinished { image, outcome, elapsed } => self.finished(*image, outcome, *elapsed),
            Event::PushStarted { reference, .. } => self.say(&format!("pushing {}", printable(reference))),
            Event::PushFinished { reference, error: Some(error), .. } => {
                self.say(&format!("pushing {} failed: {}", printable(reference), printable(error)));
            }
            Event::PushFinished { reference, elapsed, .. } => {
                self.say(&format!("pushed {} in {}", printable(reference), duration(*elapsed)));
            }
            Event::TagFailed { reference, error, .. } => {
                self.say(&format!("cannot tag {}: {}", printable(reference), printable(error)));
            }
            Event::Removed { reference } => {
                self.say(&format!("removed {}, which no branch uses", printable(reference)));
            }
            Event::Notice { text } => self.say(&printable(text)),
            Event::Interrupted => self.say("interrupted: stopping"),
            Event::Started { .. }
            | Event::PullFinished { .. }
            | Event::ContextSent { .. }
            | Event::PushProgress { .. }
            | Event::Tagged { .. }
            | Event::TagsHeld { .. }
            | Event::Finished { .. } => {}
        }
    }
}
