use std::collections::{HashMap, VecDeque};

use crate::builder::{BuildEvent, StepState};

/// As much as a summary shows of a failing step.
const LINES: usize = 20;
/// A progress bar that never breaks its line makes lines of any length.
const LINE_BYTES: usize = 2000;

/// The end of each unfinished step's output. It holds few lines however many are printed.
#[derive(Debug, Default)]
pub(super) struct LogTail {
    steps: HashMap<usize, VecDeque<String>>,
    failed: Option<usize>,
    latest: Option<usize>,
}

impl LogTail {
    pub(super) fn observe(&mut self, update: &BuildEvent) {
        match update {
            BuildEvent::Log { step, line, .. } => {
                let lines = self.steps.entry(*step).or_default();
                if lines.len() == LINES {
                    lines.pop_front();
                }
                lines.push_back(shortened(line));
                self.latest = Some(*step);
            }
            BuildEvent::Step(StepState { id, error: Some(_), .. }) => self.failed = Some(*id),
            BuildEvent::Step(step) if step.completed && self.latest != Some(step.id) => {
                self.steps.remove(&step.id);
            }
            BuildEvent::Step(_) | BuildEvent::Sent { .. } | BuildEvent::Warning { .. } => {}
        }
    }

    /// The lines of the failing step: the one that `named` or an update gave, else of the last one that printed.
    pub(super) fn take(mut self, named: Option<usize>) -> Vec<String> {
        let step = named.or(self.failed).or(self.latest);
        step.and_then(|step| self.steps.remove(&step)).map(Vec::from).unwrap_or_default()
    }
}

fn shortened(line: &str) -> String {
    if line.len() <= LINE_BYTES {
        return line.to_owned();
    }
    let end = (0..=LINE_BYTES).rev().find(|&end| line.is_char_boundary(end)).unwrap_or(0);
    format!("{}…", &line[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::OutputStream;

    fn log(step: usize, line: &str) -> BuildEvent {
        BuildEvent::Log { step, stream: OutputStream::Out, line: line.to_owned() }
    }

    fn step(id: usize, completed: bool, failed: bool) -> BuildEvent {
        let error = failed.then(|| "failed".to_owned());
        BuildEvent::Step(StepState { id, completed, error, ..StepState::default() })
    }

    #[test]
    fn holds_the_last_lines_of_the_failing_step() {
        let mut tail = LogTail::default();
        for number in 0..100 {
            tail.observe(&log(1, &format!("one {number}")));
            tail.observe(&log(2, &format!("two {number}")));
        }
        tail.observe(&step(1, true, true));
        let lines = tail.take(None);
        assert_eq!(lines.len(), LINES);
        assert_eq!(lines.first().map(String::as_str), Some("one 80"));
        assert_eq!(lines.last().map(String::as_str), Some("one 99"));
    }

    #[test]
    fn a_named_step_wins_and_a_silent_one_shows_nothing_of_others() {
        let mut tail = LogTail::default();
        tail.observe(&log(1, "a"));
        tail.observe(&log(2, "b"));
        tail.observe(&step(2, true, true));
        assert_eq!(tail.take(Some(1)), ["a"]);

        let mut tail = LogTail::default();
        tail.observe(&log(1, "a"));
        tail.observe(&step(7, true, true));
        assert!(tail.take(None).is_empty());
    }

    #[test]
    fn finished_steps_are_forgotten_and_long_lines_cut() {
        let mut tail = LogTail::default();
        for id in 0..1000 {
            tail.observe(&log(id, &"é".repeat(5000)));
            tail.observe(&log(id + 1, "x"));
            tail.observe(&step(id, true, false));
        }
        assert!(tail.steps.len() <= 2);
        assert!(shortened(&"é".repeat(5000)).len() <= LINE_BYTES + "…".len());
    }
}
