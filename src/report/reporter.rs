use std::io::{self, Write};
use std::time::Duration;

use super::diagnostic::Sources;
use super::json::JsonRenderer;
use super::live::LiveRenderer;
use super::output::Output;
use super::plain::PlainRenderer;
use super::record::Record;
use super::renderer::{Mode, Renderer};
use super::roster::Roster;
use super::style::{Size, View};
use super::summary::{TagPosition, summary};
use crate::execution::{Event, Outcome};
use crate::plan::Plan;

/// Shows a run while it happens and sums it up at its end. See the [module](super) for how it is driven.
pub struct Reporter {
    mode: Mode,
    view: View,
    renderers: Vec<Box<dyn Renderer>>,
    record: Record,
}

impl Reporter {
    /// A reporter for one run of `plan`, which it need not be given again.
    pub fn new(mode: Mode, view: View, writer: Box<dyn Write + Send>, plan: &Plan) -> Self {
        let renderer: Box<dyn Renderer> = match mode {
            Mode::Live => Box::new(LiveRenderer::new(view, writer, plan)),
            Mode::Plain => Box::new(PlainRenderer::new(view, writer, plan)),
            Mode::Json => Box::new(JsonRenderer::new(writer, plan)),
            Mode::Quiet => Box::new(QuietRenderer { output: Output::new(writer) }),
        };
        Self { mode, view, renderers: vec![renderer], record: Record::new(Roster::new(plan)) }
    }

    /// Gives every event to `renderer` as well: `--events FILE`.
    #[must_use]
    pub fn also(mut self, renderer: Box<dyn Renderer>) -> Self {
        self.renderers.push(renderer);
        self
    }

    /// Ends the run: what failed, with its place in the Dockerfile and the end of its output, where moving
    /// tags still point, and the total. To be called after [`Event::Finished`].
    pub fn finish(&mut self, sources: Sources<'_>, positions: &[TagPosition]) {
        let succeeded = matches!(self.record.end, Some((Outcome::Succeeded, _)));
        if self.mode == Mode::Json || (self.mode == Mode::Quiet && succeeded) {
            return;
        }
        self.print(&summary(&self.record, &self.view, sources, positions));
    }
}

impl Renderer for Reporter {
    fn event(&mut self, event: &Event) {
        self.record.event(event);
        self.renderers.iter_mut().for_each(|renderer| renderer.event(event));
    }

    fn tick(&mut self, now: Duration) {
        self.renderers.iter_mut().for_each(|renderer| renderer.tick(now));
    }

    fn resize(&mut self, size: Size) {
        self.view.size = Some(size);
        self.renderers.iter_mut().for_each(|renderer| renderer.resize(size));
    }

    fn print(&mut self, text: &str) {
        self.renderers.iter_mut().for_each(|renderer| renderer.print(text));
    }

    fn error(&self) -> Option<&io::Error> {
        self.renderers.iter().find_map(|renderer| renderer.error())
    }
}

/// Shows nothing but what is printed in so many words.
struct QuietRenderer {
    output: Output,
}

impl Renderer for QuietRenderer {
    fn event(&mut self, _event: &Event) {}

    fn print(&mut self, text: &str) {
        self.output.write(text);
    }

    fn error(&self) -> Option<&io::Error> {
        self.output.error()
    }
}
