use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use super::output::Output;
use super::phrase;
use super::renderer::Renderer;
use super::roster::Roster;
use super::style::{Role, View};
use super::text;
use crate::execution::{Event, ImageOutcome, StepProgress};
use crate::plan::{Action, Plan};

/// Names are aligned up to this width.
const MAX_NAME: usize = 32;

/// Lines of text as they come: `acme/shared │ #5 [2/4] RUN make`.
pub struct PlainRenderer {
    output: Output,
    view: View,
    roster: Roster,
    name_width: usize,
    /// What was said about a step: its number is told apart from other images' by theirs.
    steps: HashMap<(usize, usize), Said>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Begun,
    Ended,
}

impl PlainRenderer {
    /// Writes into `writer`. The view's size does not matter: lines are never cut.
    pub fn new(view: View, writer: Box<dyn Write + Send>, plan: &Plan) -> Self {
        let roster = Roster::new(plan);
        let built = roster.images().iter().filter(|image| image.action == Action::Build);
        let name_width = built.map(|image| text::columns(&image.name)).max().unwrap_or(0).min(MAX_NAME);
        Self { output: Output::new(writer), view, roster, name_width, steps: HashMap::new() }
    }

    fn line(&mut self, image: usize, role: Role, text: &str) {
        let name = self.roster.name(image);
        let theme = self.view.theme;
        let mut line = format!(
            "{}{} {}",
            theme.paint(Role::Name, name),
            text::padding(name, self.name_width),
            theme.paint(Role::Faint, theme.bar()),
        );
        if !text.is_empty() {
            let _ = write!(line, " {}", theme.paint(role, text));
        }
        line.push('\n');
        self.output.write(&line);
    }

    fn progress(&mut self, image: usize, step: &StepProgress) {
        let said = self.steps.get(&(image, step.id)).copied();
        let id = step.id;
        match (said, step.completed || step.cached) {
            (Some(Said::Ended), _) | (Some(Said::Begun), false) => return,
            (None, ended) => {
                let cached = if step.cached { " (cached)" } else { "" };
                self.line(image, Role::Plain, &format!("#{id} {}{cached}", text::one_line(&step.name)));
                // A step that is first heard of when it is over was none worth a second line.
                let said = if ended { Said::Ended } else { Said::Begun };
                self.steps.insert((image, id), said);
                return;
            }
            (Some(Said::Begun), true) => {
                let how = if step.cached { "cached" } else { "done" };
                self.line(image, Role::Faint, &format!("#{id} {how}"));
            }
        }
        self.steps.insert((image, id), Said::Ended);
    }

    fn finished(&mut self, image: usize, outcome: &ImageOutcome, elapsed: Duration) {
        let took = phrase::duration(elapsed);
        match outcome {
            ImageOutcome::Built => self.line(image, Role::Success, &format!("built in {took}")),
            ImageOutcome::Failed { message, .. } => {
                self.line(image, Role::Error, &format!("failed after {took}: {}", text::one_line(message)));
            }
            ImageOutcome::DependencyFailed { dependency } => {
                let text = format!("not started: {} failed", self.roster.name(*dependency));
                self.line(image, Role::Warning, &text);
            }
            ImageOutcome::Cancelled if elapsed > Duration::ZERO => {
                self.line(image, Role::Warning, &format!("stopped after {took}"));
            }
            ImageOutcome::Cancelled => self.line(image, Role::Warning, "not started"),
            // The table above has said so.
            ImageOutcome::Reused | ImageOutcome::Blocked => {}
        }
        self.steps.retain(|(of, _), _| *of != image);
    }
}

impl Renderer for PlainRenderer {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Started { .. } | Event::ContextSent { .. } | Event::Finished { .. } => {}
            Event::PullStarted { reference } => {
                self.output.write(&format!("pulling {}\n", text::one_line(reference)));
            }
            Event::PullFinished { reference, elapsed, error: None } => {
                let took = phrase::duration(*elapsed);
                self.output.write(&format!("pulled {} in {took}\n", text::one_line(reference)));
            }
            Event::PullFinished { reference, error: Some(error), .. } => {
                let failed = self.view.theme.paint(Role::Error, "could not pull");
                let line = format!("{failed} {}: {}\n", text::one_line(reference), text::one_line(error));
                self.output.write(&line);
            }
            Event::BuildStarted { image } => self.line(*image, Role::Work, "build"),
            Event::BuildProgress { image, step } => self.progress(*image, step),
            Event::BuildLog { image, step, line, .. } => {
                let shown = format!("#{step} {}", text::log_line(line));
                self.line(*image, Role::Plain, shown.trim_end());
            }
            Event::ImageFinished { image, outcome, elapsed } => self.finished(*image, outcome, *elapsed),
            Event::Tagged { image, reference, .. } => {
                if self.view.verbose {
                    self.line(*image, Role::Faint, &format!("tagged {}", text::one_line(reference)));
                }
            }
            Event::Removed { reference } => {
                self.output.write(&format!("removed {}\n", text::one_line(reference)));
            }
            Event::Notice { text: sentence } => {
                let note = self.view.theme.paint(Role::Note, "note");
                self.output.write(&format!("{note}: {}\n", text::one_line(sentence)));
            }
            Event::Interrupted => {
                self.output.write(&format!("{}\n", self.view.theme.paint(Role::Warning, "interrupted")));
            }
        }
    }

    fn print(&mut self, text: &str) {
        self.output.write(text);
    }

    fn error(&self) -> Option<&io::Error> {
        self.output.error()
    }
}
