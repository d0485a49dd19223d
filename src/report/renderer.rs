use std::io;
use std::time::Duration;

use super::style::Size;
use crate::execution::Event;

/// Shows a run while it happens. A renderer is a function of the plan, the events and the time it is told:
/// it reads neither a clock nor the environment, and it never fails; see [`Renderer::error`].
pub(crate) trait Renderer: Send {
    /// Takes one event. Cheap, whatever it is: an image may log thousands of lines a second.
    fn event(&mut self, event: &Event);

    /// Tells how long the run has taken. To be called some ten times a second; only then a live display is
    /// drawn.
    fn tick(&mut self, _now: Duration) {}

    /// Tells that the terminal has another size.
    fn resize(&mut self, _size: Size) {}

    /// Shows finished text, such as diagnostics, between other output. It ends with a line break, and
    /// everything in it is printable already.
    fn print(&mut self, _text: &str) {}

    /// The error that ended the output, if one did. What follows it is lost; the run goes on.
    fn error(&self) -> Option<&io::Error> {
        None
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RenderMode {
    /// A line an image in flight, redrawn in place: needs a terminal.
    Live,
    /// Every line of every build, prefixed with its image: for pipes and CI.
    Plain,
    Json,
    /// Failures and notices only.
    Quiet,
}
