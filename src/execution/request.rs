use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::spread::{Offer, Wish};
use super::{Lane, LockScope, Task};
use crate::plan::{Action, Plan, PlannedTag, Step, StepId, TagKind};

#[derive(Clone, Copy, Debug)]
pub(crate) struct RunRequest<'a> {
    pub plan: &'a Plan,
    /// External bases to pull before the builds that share them.
    pub pulls: &'a [BasePull],
    pub options: &'a RunOptions,
}

/// An external base that is absent, or that `--pull` asks for anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BasePull {
    pub reference: String,
    pub images: Vec<StepId>,
}

/// How a plan is carried out.
#[derive(Clone, Debug)]
pub(crate) struct RunOptions {
    /// How many builds run side by side on each builder; 0 counts as 1.
    pub jobs: usize,
    /// Builders that images are spread over, in the worker's order; none: an engine does all.
    pub builders: Vec<Offer>,
    /// Stop everything at the first failure.
    pub fail_fast: bool,
    /// Why moving tags must stay where they are even if all goes well, such as an invalid Dockerfile in the
    /// selection. The run then counts as failed.
    pub hold_tags: Option<String>,
    /// Which runs must not move tags at the same time as this one; none for no lock.
    pub lock: Option<LockScope>,
    /// How long builds took the last time, where that is known.
    pub expected: BTreeMap<StepId, Duration>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            jobs: 4,
            builders: Vec::new(),
            fail_fast: false,
            hold_tags: None,
            lock: None,
            expected: BTreeMap::new(),
        }
    }
}

impl RunRequest<'_> {
    pub(super) fn images(&self) -> usize {
        self.plan.steps.len()
    }

    pub(super) fn action(&self, image: StepId) -> Action {
        self.plan.steps[image].action
    }

    /// Blocked images and all that would be built from one.
    pub(super) fn blocked(&self) -> Vec<bool> {
        let steps = &self.plan.steps;
        let mut blocked: Vec<bool> = steps.iter().map(|step| step.action == Action::Blocked).collect();
        // Steps stand in build order, so one pass is enough; the loop costs nothing and trusts no order.
        loop {
            let is_next = |(at, step): &(StepId, &Step)| {
                !blocked[*at] && step.action == Action::Build && step.needs().any(|needed| blocked[needed])
            };
            let more: Vec<StepId> = self.plan.numbered().filter(is_next).map(|(at, _)| at).collect();
            if more.is_empty() {
                return blocked;
            }
            for image in more {
                blocked[image] = true;
            }
        }
    }

    /// Images first, by the numbers of their steps, then the pulls.
    pub(super) fn tasks(&self, blocked: &[bool]) -> Vec<Task> {
        let mut pulls: HashMap<StepId, Vec<usize>> = HashMap::new();
        for (number, pull) in self.pulls.iter().enumerate() {
            for image in &pull.images {
                pulls.entry(*image).or_default().push(self.images() + number);
            }
        }
        let builds = |image: StepId| self.action(image) == Action::Build && !blocked[image];
        let images = self.plan.numbered().map(|(image, step)| {
            let lane = match step.action {
                _ if blocked[image] => None,
                Action::Build => Some(Lane::Build),
                Action::Pull => Some(Lane::Pull),
                Action::Tag if missing_immutable(step).next().is_some() => Some(Lane::Tag),
                Action::Tag | Action::None | Action::Blocked => None,
            };
            let mut dependencies = Vec::new();
            if builds(image) {
                // A dependency that has its key already is waited for by nobody, whatever other tags it lacks.
                let waits_for = step.needs().filter(|it| !has_key(&self.plan.steps[*it]));
                dependencies.extend(waits_for.map(|StepId(task)| task));
                dependencies.extend(pulls.remove(&image).unwrap_or_default());
            }
            Task { dependencies, lane, wish: wish(step) }
        });
        let mut tasks: Vec<Task> = images.collect();
        tasks.extend(self.pulls.iter().map(|pull| {
            let needed = pull.images.iter().any(|image| builds(*image));
            Task { dependencies: Vec::new(), lane: needed.then_some(Lane::Pull), wish: Wish::default() }
        }));
        tasks
    }

    /// The image whose failure keeps `image` from being built, by what is known of its dependencies.
    pub(super) fn culprit(&self, image: StepId, culprits: &[Option<StepId>]) -> Option<StepId> {
        self.plan.steps[image].needs().find_map(|needed| culprits[needed])
    }

    /// What a task downloads, if that is what it does.
    pub(super) fn pulled_by(&self, task: usize) -> Option<String> {
        match self.plan.steps.get(task) {
            Some(step) => (step.action == Action::Pull).then(|| reference(step)),
            None => self.pulls.get(task - self.images()).map(|pull| pull.reference.clone()),
        }
    }
}

/// What its builder is chosen by.
fn wish(step: &Step) -> Wish {
    Wish { name: step.name(), platform: step.platform.clone() }
}

/// `NAMESPACE/NAME:src-KEY`.
pub(super) fn reference(step: &Step) -> String {
    step.reference.as_ref().map_or_else(|| step.name(), ToString::to_string)
}

pub(super) fn missing_immutable(step: &Step) -> impl Iterator<Item = &PlannedTag> {
    step.tags.iter().filter(|tag| !tag.moves() && !tag.in_place)
}

/// Whether dependents can be built from this image without anything being done to it.
fn has_key(step: &Step) -> bool {
    matches!(step.action, Action::Tag | Action::None)
        && !missing_immutable(step).any(|missing| missing.kind == TagKind::Key)
}
