use crate::execution::Event;

/// Shows events as they come.
pub trait Renderer {
    /// Takes in the next event.
    fn event(&mut self, event: &Event);

    /// Called about ten times a second, for what changes with time alone.
    fn tick(&mut self) {}
}

/// Shows nothing; the summary still tells how it went.
#[derive(Debug)]
pub struct Silent;

impl Renderer for Silent {
    fn event(&mut self, _: &Event) {}
}
