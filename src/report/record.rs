use std::time::Duration;

use super::roster::Roster;
use crate::execution::{Event, ImageOutcome, Outcome};

/// What the summary needs of a run: how each image ended.
#[derive(Debug)]
pub(super) struct Record {
    pub roster: Roster,
    /// By image; those that were never heard of again have none.
    pub outcomes: Vec<Option<ImageOutcome>>,
    /// Whether any tag was put on the image.
    pub tagged: Vec<bool>,
    /// Moving tags that moved.
    pub moved: usize,
    /// References that could not be pulled, and why.
    pub pulls: Vec<(String, String)>,
    /// The last event.
    pub end: Option<(Outcome, Duration)>,
}

impl Record {
    pub(super) fn new(roster: Roster) -> Self {
        let images = roster.images().len();
        Self {
            roster,
            outcomes: vec![None; images],
            tagged: vec![false; images],
            moved: 0,
            pulls: Vec::new(),
            end: None,
        }
    }

    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::ImageFinished { image, outcome, .. } => {
                if let Some(slot) = self.outcomes.get_mut(*image) {
                    *slot = Some(outcome.clone());
                }
            }
            Event::Tagged { image, moves, .. } => {
                self.moved += usize::from(*moves);
                if let Some(slot) = self.tagged.get_mut(*image) {
                    *slot = true;
                }
            }
            Event::PullFinished { reference, error: Some(error), .. } => {
                self.pulls.push((reference.clone(), error.clone()));
            }
            Event::Finished { outcome, elapsed } => self.end = Some((*outcome, *elapsed)),
            _ => {}
        }
    }
}
