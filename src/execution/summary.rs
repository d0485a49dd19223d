use std::collections::BTreeSet;
use std::time::Duration;

use super::{Event, ImageOutcome, Outcome};
use crate::plan::StepId;

/// What a run came to: a fold of its events. Images are steps of the plan, each in exactly one of
/// the sets once it is done with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RunSummary {
    pub built: BTreeSet<StepId>,
    /// Not built; at least one tag was put on them.
    pub tagged: BTreeSet<StepId>,
    pub reused: BTreeSet<StepId>,
    pub failed: BTreeSet<StepId>,
    /// Not started because of a failure.
    pub not_started: BTreeSet<StepId>,
    /// Stopped or not started because of an interruption or `--fail-fast`.
    pub cancelled: BTreeSet<StepId>,
    pub blocked: BTreeSet<StepId>,
    pub moved: usize,
    /// References of moving tags that could not be put.
    pub tags_failed: Vec<String>,
    /// How the run ended; none while it goes on.
    pub outcome: Option<Outcome>,
    pub elapsed: Duration,
    /// Tags come before an image's end as well as after it.
    touched: BTreeSet<StepId>,
}

impl RunSummary {
    pub(crate) fn apply(&mut self, event: &Event) {
        match event {
            Event::ImageFinished { image, outcome, .. } => {
                let touched = self.touched.contains(image);
                let set = match outcome {
                    ImageOutcome::Built => &mut self.built,
                    ImageOutcome::Reused if touched => &mut self.tagged,
                    ImageOutcome::Reused => &mut self.reused,
                    ImageOutcome::Failed { .. } => &mut self.failed,
                    ImageOutcome::DependencyFailed { .. } => &mut self.not_started,
                    ImageOutcome::Cancelled => &mut self.cancelled,
                    ImageOutcome::Blocked => &mut self.blocked,
                };
                set.insert(*image);
            }
            Event::Tagged { image, moves, .. } => {
                self.touched.insert(*image);
                self.moved += usize::from(*moves);
                if self.reused.remove(image) {
                    self.tagged.insert(*image);
                }
            }
            Event::TagFailed { reference, .. } => self.tags_failed.push(reference.clone()),
            Event::Finished { outcome, elapsed } => {
                self.outcome = Some(*outcome);
                self.elapsed = *elapsed;
            }
            _ => {}
        }
    }

    pub(crate) fn was_touched(&self, image: StepId) -> bool {
        self.touched.contains(&image)
    }

    pub(crate) fn images(&self) -> usize {
        let sets = [
            &self.built,
            &self.tagged,
            &self.reused,
            &self.failed,
            &self.not_started,
            &self.cancelled,
            &self.blocked,
        ];
        sets.iter().map(|set| set.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(image: StepId, outcome: ImageOutcome) -> Event {
        Event::ImageFinished { image, outcome, elapsed: Duration::ZERO }
    }

    fn tagged(image: StepId, moves: bool) -> Event {
        Event::Tagged { image, reference: "acme/base:main".to_owned(), moves }
    }

    #[test]
    fn each_image_is_counted_once_whenever_its_tags_come() {
        let mut summary = RunSummary::default();
        let events = [
            tagged(StepId(0), false),
            finished(StepId(0), ImageOutcome::Reused),
            finished(StepId(1), ImageOutcome::Reused),
            finished(StepId(2), ImageOutcome::Built),
            finished(StepId(3), ImageOutcome::Reused),
            finished(StepId(4), ImageOutcome::DependencyFailed { dependency: StepId(9) }),
            tagged(StepId(1), true),
            tagged(StepId(1), true),
            tagged(StepId(2), true),
            Event::TagFailed {
                image: StepId(2),
                reference: "acme/x:main".to_owned(),
                error: "full".to_owned(),
            },
            Event::Finished { outcome: Outcome::Failed, elapsed: Duration::from_secs(7) },
        ];
        for event in &events {
            summary.apply(event);
        }
        assert_eq!(summary.tagged, [StepId(0), StepId(1)].into());
        assert_eq!(summary.built, [StepId(2)].into());
        assert_eq!(summary.reused, [StepId(3)].into());
        assert_eq!(summary.not_started, [StepId(4)].into());
        assert_eq!((summary.images(), summary.moved), (5, 3));
        assert_eq!(summary.tags_failed, ["acme/x:main"]);
        assert_eq!((summary.outcome, summary.elapsed), (Some(Outcome::Failed), Duration::from_secs(7)));
    }
}
