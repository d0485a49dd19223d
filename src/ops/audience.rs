use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::{Error, News};
use crate::diagnostic::Diagnostic;
use crate::execution::Event;
use crate::git::Snapshot;
use crate::plan::Plan;

/// How often a display is drawn.
const FRAME: Duration = Duration::from_millis(100);

/// Files that findings are about.
pub type Files = Arc<dyn Snapshot + Send + Sync>;

/// Says something at any time, from any thread.
pub type Speaker = Arc<dyn Fn(Said<'_>) + Send + Sync>;

/// What is said while the audience is lent to others.
#[derive(Clone, Copy, Debug)]
pub enum Said<'a> {
    /// Something was found, in no file.
    Finding(&'a Diagnostic),
    /// Something has to be waited for, or done again.
    Line(&'a str),
}

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Images are built and tagged on the engine.
    Build,
    /// They go to a registry.
    Publish,
}

/// Whoever wants to know what a use case does while it does it: a terminal, a log, a test. All of it may be ignored;
/// what comes of the use case it gives back.
///
/// A run is told as [`begins`](Self::begins), events with ticks between them, and [`ends`](Self::ends).
pub trait Audience {
    /// Findings are about these files from now on.
    fn reads(&mut self, _files: &Files) {}

    /// Something was found.
    fn finds(&mut self, _findings: &[Diagnostic]) {}

    /// Something happened that is no finding.
    fn hears(&mut self, _news: News<'_>) {}

    /// A plan is about to be carried out.
    ///
    /// # Errors
    ///
    /// Whoever relies on the events and cannot take them ends the use case here.
    fn begins(&mut self, _plan: &Arc<Plan>, _work: Work) -> Result<(), Error> {
        Ok(())
    }

    /// What happens in the run.
    fn event(&mut self, _event: &Event) {}

    /// So much time has passed since the run began.
    fn tick(&mut self, _elapsed: Duration) {}

    /// The last event of the run has been told. Where moving tags were left alone, these are where they are.
    fn ends(&mut self, _positions: &[TagPosition]) {}

    /// For what is found while the audience is lent to a run.
    fn speaker(&self) -> Speaker {
        Arc::new(|_| {})
    }
}

impl Audience for () {}

/// A moving tag that a run has left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagPosition {
    /// The tag, without any prefix of its image.
    pub tag: String,
    /// What it names.
    pub position: Position,
}

/// What a moving tag names, on all the images that have it together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// No image has the tag.
    Absent,
    /// The images of this commit.
    Commit(String),
    /// Images that hold uncommitted changes.
    Uncommitted,
    /// Images of no one commit.
    Mixed,
}

/// Tells a run, and `also` whoever keeps it, until its last event. Gives whether work was dropped because somebody asked for the end.
pub(super) async fn follow(
    audience: &mut dyn Audience,
    mut events: mpsc::Receiver<Event>,
    also: &mut (dyn FnMut(&Event) + Send),
) -> bool {
    let mut is_cut = false;
    let begun = Instant::now();
    let mut frames = tokio::time::interval(FRAME);
    loop {
        tokio::select! {
            biased;
            event = events.recv() => {
                let Some(event) = event else { return is_cut };
                is_cut |= matches!(event, Event::Interrupted);
                also(&event);
                audience.event(&event);
            }
            _ = frames.tick() => audience.tick(begun.elapsed()),
        }
    }
}
