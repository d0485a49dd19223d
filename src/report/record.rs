use std::collections::BTreeMap;
use std::time::Duration;

use super::roster::Roster;
use crate::execution::{Event, ImageOutcome, Outcome, RunSummary};
use crate::plan::StepId;

/// What the summary needs of a run: how each image ended, and why.
#[derive(Debug)]
pub(super) struct Record {
    pub roster: Roster,
    pub run: RunSummary,
    pub failures: BTreeMap<StepId, RecordedFailure>,
    /// The images that were not started, by the one whose failure it was.
    pub skipped: BTreeMap<StepId, Vec<StepId>>,
    /// How long each build took that ended well.
    pub took: BTreeMap<StepId, Duration>,
    /// How many builds were cut short; the other cancelled ones never began.
    pub cut_short: usize,
    /// Whatever else went wrong, a sentence each.
    pub errors: Vec<String>,
    /// Moving tags that could not be put, and why.
    pub tag_failures: Vec<(String, String)>,
    /// Why moving tags were left where they were although every image is there.
    pub held: Option<String>,
    /// Superseded images, and what they hold, where that is much.
    pub superseded: Option<(Vec<String>, u64)>,
    /// Whether what failed builds printed was shown when they failed.
    pub log_was_shown: bool,
    /// Whether work was dropped because the user asked to stop.
    is_cut: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RecordedFailure {
    pub message: String,
    pub line: Option<usize>,
    pub log: Vec<String>,
    pub hint: Option<String>,
}

impl Record {
    pub(super) fn new(roster: Roster) -> Self {
        Self {
            roster,
            run: RunSummary::default(),
            failures: BTreeMap::new(),
            skipped: BTreeMap::new(),
            took: BTreeMap::new(),
            cut_short: 0,
            errors: Vec::new(),
            tag_failures: Vec::new(),
            held: None,
            superseded: None,
            log_was_shown: false,
            is_cut: false,
        }
    }

    pub(super) fn event(&mut self, event: &Event) {
        self.run.apply(event);
        match event {
            Event::ImageFinished { image, outcome, elapsed } => match outcome {
                ImageOutcome::Failed { message, line, log, hint } => {
                    let (message, line, log, hint) = (message.clone(), *line, log.clone(), hint.clone());
                    self.failures.insert(*image, RecordedFailure { message, line, log, hint });
                }
                ImageOutcome::DependencyFailed { dependency } => {
                    self.skipped.entry(*dependency).or_default().push(*image);
                }
                ImageOutcome::Cancelled => self.cut_short += usize::from(!elapsed.is_zero()),
                ImageOutcome::Built => {
                    self.took.insert(*image, *elapsed);
                }
                ImageOutcome::Reused | ImageOutcome::Blocked => {}
            },
            Event::PushFinished { reference, error: Some(error), .. } => {
                self.errors.push(format!("{reference} could not be pushed: {error}"));
            }
            Event::TagFailed { reference, error, .. } => {
                self.tag_failures.push((reference.clone(), error.clone()));
            }
            Event::Superseded { references, bytes } => {
                self.superseded = Some((references.clone(), *bytes));
            }
            Event::Interrupted => self.is_cut = true,
            Event::TagsHeld { reason } => self.held = Some(reason.clone()),
            _ => {}
        }
    }

    /// Whether everything is in place; an interruption may have come too late to stop anything.
    pub(super) fn is_complete(&self) -> bool {
        match self.run.outcome {
            Some(Outcome::Succeeded) => true,
            Some(Outcome::Interrupted) => !self.is_cut,
            Some(Outcome::Failed) | None => false,
        }
    }
}
