use std::collections::HashMap;

use super::{Lane, LockScope, Task};
use crate::plan::{Action, Plan, PlannedTag, Step};

/// What a run is to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunRequest<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// For each step the indices of the steps that it is built from. The plan itself names them by
    /// repository, which images with a tag prefix share.
    pub dependencies: &'a [Vec<usize>],
    /// External bases to pull before the builds that share them.
    pub pulls: &'a [BasePull],
    /// How to go about it.
    pub options: &'a RunOptions,
}

/// An external base that is absent, or that `--pull` asks for anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BasePull {
    /// The reference.
    pub reference: String,
    /// The steps that are built from it.
    pub images: Vec<usize>,
}

/// How a plan is carried out.
#[derive(Clone, Debug)]
pub(crate) struct RunOptions {
    /// How many builds run side by side; 0 counts as 1.
    pub jobs: usize,
    /// Stop everything at the first failure.
    pub fail_fast: bool,
    /// Why moving tags must stay where they are even if all goes well, such as an invalid Dockerfile in the
    /// selection. The run then counts as failed.
    pub hold_tags: Option<String>,
    /// Which runs must not move tags at the same time as this one; none for no lock.
    pub lock: Option<LockScope>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self { jobs: 4, fail_fast: false, hold_tags: None, lock: None }
    }
}

impl RunRequest<'_> {
    pub(super) fn images(&self) -> usize {
        self.plan.steps.len()
    }

    pub(super) fn action(&self, image: usize) -> Action {
        self.plan.steps[image].action
    }

    /// Blocked images and all that would be built from one.
    pub(super) fn blocked(&self) -> Vec<bool> {
        let mut blocked: Vec<bool> =
            self.plan.steps.iter().map(|step| step.action == Action::Blocked).collect();
        // Steps stand in build order, so one pass is enough; the loop costs nothing and trusts no order.
        loop {
            let more: Vec<usize> = (0..self.images())
                .filter(|&image| {
                    !blocked[image]
                        && self.action(image) == Action::Build
                        && self.dependencies_of(image).any(|dependency| blocked[dependency])
                })
                .collect();
            if more.is_empty() {
                return blocked;
            }
            for image in more {
                blocked[image] = true;
            }
        }
    }

    /// Images first, with their index in the plan, then the pulls.
    pub(super) fn tasks(&self, blocked: &[bool]) -> Vec<Task> {
        let mut pulls: HashMap<usize, Vec<usize>> = HashMap::new();
        for (number, pull) in self.pulls.iter().enumerate() {
            for image in &pull.images {
                pulls.entry(*image).or_default().push(self.images() + number);
            }
        }
        let builds =
            |image: usize| image < self.images() && self.action(image) == Action::Build && !blocked[image];
        let images = self.plan.steps.iter().enumerate().map(|(image, step)| {
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
                dependencies.extend(self.dependencies_of(image).filter(|&it| !has_key(&self.plan.steps[it])));
                dependencies.extend(pulls.remove(&image).unwrap_or_default());
            }
            Task { dependencies, lane }
        });
        let mut tasks: Vec<Task> = images.collect();
        tasks.extend(self.pulls.iter().map(|pull| {
            let needed = pull.images.iter().any(|&image| builds(image));
            Task { dependencies: Vec::new(), lane: needed.then_some(Lane::Pull) }
        }));
        tasks
    }

    fn dependencies_of(&self, image: usize) -> impl Iterator<Item = usize> {
        let images = self.images();
        self.dependencies.get(image).into_iter().flatten().copied().filter(move |&it| it < images)
    }

    /// The image whose failure keeps `image` from being built, by what is known of its dependencies.
    pub(super) fn culprit(&self, image: usize, culprits: &[Option<usize>]) -> Option<usize> {
        self.dependencies_of(image).find_map(|dependency| culprits[dependency])
    }

    /// What a task downloads, if that is what it does.
    pub(super) fn pulled_by(&self, task: usize) -> Option<String> {
        match self.plan.steps.get(task) {
            Some(step) => (step.action == Action::Pull).then(|| reference(step)),
            None => self.pulls.get(task - self.images()).map(|pull| pull.reference.clone()),
        }
    }
}

/// `NAMESPACE/NAME:src-KEY`.
pub(super) fn reference(step: &Step) -> String {
    step.reference.as_ref().map_or_else(|| step.name(), ToString::to_string)
}

/// Immutable tags that the engine lacks.
pub(super) fn missing_immutable(step: &Step) -> impl Iterator<Item = &PlannedTag> {
    step.tags.iter().filter(|tag| !tag.moves && !tag.in_place)
}

/// Whether dependents can be built from this image without anything being done to it.
fn has_key(step: &Step) -> bool {
    let key_tag = step.reference.as_ref().and_then(|reference| reference.tag.as_ref());
    matches!(step.action, Action::Tag | Action::None)
        && !missing_immutable(step).any(|missing| Some(&missing.tag) == key_tag)
}
