use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use crate::execution::{Event, ImageOutcome};
use crate::git::{Checkout, read_own, replace_file};
use crate::plan::{Action, Plan, StepId};

/// More images than this, and those that were not built for longest are forgotten.
const MOST: usize = 4096;
/// A repository's name has at most 255 bytes, a tag 128, milliseconds of a year eleven digits.
const LARGEST: u64 = 400 * MOST as u64;

/// How long the last build of each image took, by its name, so that a run can tell how much is left of it. A line each,
/// `MILLISECONDS NAME`, the one that was built last at the end. No state: it may be deleted at any time.
pub(super) struct Durations {
    path: PathBuf,
    took: Vec<(StepId, Duration)>,
}

impl Durations {
    /// Those of a repository, all its worktrees together.
    pub(super) fn of(checkout: &Checkout) -> Self {
        Self { path: checkout.common_dir().join("shipwright").join("durations"), took: Vec::new() }
    }

    /// How long the last build of each image took, by its name.
    pub(super) fn known(&self) -> HashMap<String, Duration> {
        self.read().into_iter().collect()
    }

    /// What is known of the images that are to be built.
    pub(super) fn expected(&self, plan: &Plan) -> BTreeMap<StepId, Duration> {
        let known = self.known();
        let builds = plan.numbered().filter(|(_, step)| step.action == Action::Build);
        builds.filter_map(|(at, step)| Some((at, *known.get(&step.name())?))).collect()
    }

    pub(super) fn event(&mut self, event: &Event) {
        if let Event::ImageFinished { image, outcome: ImageOutcome::Built, elapsed } = event {
            self.took.push((*image, *elapsed));
        }
    }

    /// Remembers what was built. A checkout that cannot be written to remembers nothing; of two runs at the same time
    /// one may.
    pub(super) fn keep(self, plan: &Plan) {
        let named = |(at, took): &(StepId, Duration)| Some((plan.steps.get(at.0)?.name(), *took));
        let new: Vec<(String, Duration)> = self.took.iter().filter_map(named).collect();
        if new.is_empty() {
            return;
        }
        let is_new = |name: &str| new.iter().any(|(other, _)| other == name);
        let mut all: Vec<(String, Duration)> =
            self.read().into_iter().filter(|(name, _)| !is_new(name)).collect();
        all.extend(new.iter().cloned());
        let forgotten = all.len().saturating_sub(MOST);
        let line = |(name, took): &(String, Duration)| format!("{} {name}\n", took.as_millis());
        let text: String = all[forgotten..].iter().map(line).collect();
        replace_file(&self.path, text.as_bytes());
    }

    fn read(&self) -> Vec<(String, Duration)> {
        let text = read_own(&self.path, LARGEST).ok().flatten().unwrap_or_default();
        let line = |line: &str| {
            let (took, name) = line.split_once(' ')?;
            Some((name.to_owned(), Duration::from_millis(took.parse().ok()?)))
        };
        String::from_utf8_lossy(&text).lines().filter_map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::TagPolicy;
    use crate::plan::testing::{plan, project};

    fn built(at: usize, milliseconds: u64) -> Event {
        Event::ImageFinished {
            image: StepId(at),
            outcome: ImageOutcome::Built,
            elapsed: Duration::from_millis(milliseconds),
        }
    }

    #[test]
    fn the_last_build_of_each_image_counts_and_no_more_than_so_many_are_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shipwright").join("durations");
        let project = project(&[("a/Dockerfile", "FROM busybox\n"), ("b/Dockerfile", "FROM scratch\n")], &[]);
        let plan = plan(&project, &TagPolicy::default(), &[]);
        let durations = || Durations { path: path.clone(), took: Vec::new() };
        assert!(durations().expected(&plan).is_empty());
        for (at, took) in [(0, 1500), (1, 20), (0, 2500)] {
            let mut run = durations();
            run.event(&built(at, took));
            run.keep(&plan);
        }
        let expected: Vec<u64> = durations()
            .expected(&plan)
            .values()
            .map(|took| took.as_millis().try_into().expect("short"))
            .collect();
        assert_eq!(expected, [2500, 20]);

        let many: String =
            (0..MOST + 9).map(|at| format!("1 x{at}\n")).chain(["odd\n\u{0}\n".to_owned()]).collect();
        std::fs::write(&path, many).expect("written");
        let mut run = durations();
        run.event(&built(0, 3));
        run.keep(&plan);
        let kept = std::fs::read_to_string(&path).expect("kept");
        assert_eq!(kept.lines().count(), MOST);
        assert_eq!(kept.lines().last(), Some("3 acme/a"));
        assert!(!kept.contains(" x0\n") && kept.contains(" x99\n"));
    }
}
