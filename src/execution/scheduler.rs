use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::spread::{BuilderId, Choice, Spread, Wish};

/// What a task occupies while it runs; each lane has its own limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// A build: limited by `--jobs` a builder.
    Build,
    /// A download: waits for the network, not for processors.
    Pull,
    /// Tag calls for an image that exists.
    Tag,
}

/// How many tasks of each other lane run at once. Zero counts as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Of [`Lane::Pull`].
    pub pulls: usize,
    /// Of [`Lane::Tag`].
    pub tags: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    /// Indices of the tasks that must have succeeded before this one starts.
    pub dependencies: Vec<usize>,
    /// Where it runs; none if there is nothing to do, which is done from the beginning.
    pub lane: Option<Lane>,
    /// What a builder is chosen by, if it is a build.
    pub wish: Wish,
}

/// What the end of a task leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Aftermath {
    /// Tasks that will not start because they depend on the one that failed, dependencies first.
    pub skipped: Vec<usize>,
    /// Tasks that will not start because everything stops at the first failure.
    pub cancelled: Vec<usize>,
}

/// Among how many builds one is looked for whose preferred builder is free.
const LOOK_AHEAD: usize = 256;

/// Decides what starts when. A pure state machine: no clock, no tasks, no engine.
///
/// A task starts the moment its dependencies are done and its lane, or a builder that can do it, has room. Among those that
/// could start at the builder that they prefer, else among all, the one with the longest chain of dependents behind it goes
/// first, because that chain decides how long the whole takes; then the one that the plan lists first. A failure stops what depends on it, and nothing
/// else unless `fail_fast` is set.
#[derive(Clone, Debug)]
pub(crate) struct Scheduler {
    slots: Vec<Slot>,
    ready: [BinaryHeap<(usize, Reverse<usize>)>; 3],
    /// Of the lanes that are not for builders to limit.
    limits: [usize; 3],
    running: [usize; 3],
    spread: Spread,
    fail_fast: bool,
    stopped: bool,
}

#[derive(Clone, Debug)]
struct Slot {
    lane: Option<Lane>,
    dependents: Vec<usize>,
    /// Dependencies that are not done.
    waits_for: usize,
    /// Length of the longest chain of dependents, itself included.
    rank: usize,
    state: State,
    wish: Wish,
    /// The builders that can do it, once it was asked for them.
    preferences: Option<Vec<BuilderId>>,
    /// Whoever builds it, while it runs.
    builder: Option<BuilderId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    Over,
}

impl Scheduler {
    /// Takes the tasks. Dependencies outside the list are ignored; tasks on a cycle never start.
    pub(crate) fn new(tasks: &[Task], limits: Limits, spread: Spread, fail_fast: bool) -> Self {
        let mut slots: Vec<Slot> = tasks
            .iter()
            .map(|task| Slot {
                lane: task.lane,
                dependents: Vec::new(),
                waits_for: 0,
                rank: 0,
                state: if task.lane.is_some() { State::Waiting } else { State::Over },
                wish: task.wish.clone(),
                preferences: None,
                builder: None,
            })
            .collect();
        for (index, task) in tasks.iter().enumerate().filter(|(_, task)| task.lane.is_some()) {
            for &dependency in &task.dependencies {
                if tasks.get(dependency).is_some_and(|task| task.lane.is_some()) {
                    slots[dependency].dependents.push(index);
                    slots[index].waits_for += 1;
                }
            }
        }
        rank(&mut slots);
        let mut scheduler = Self {
            slots,
            ready: Default::default(),
            limits: [usize::MAX, limits.pulls.max(1), limits.tags.max(1)],
            running: [0; 3],
            spread,
            fail_fast,
            stopped: false,
        };
        for index in 0..tasks.len() {
            scheduler.offer(index);
        }
        scheduler
    }

    /// A task to start now, which counts as running from here on. None if nothing can start at the moment. A build for
    /// which no builder is left is given as well, without a builder.
    pub(crate) fn next(&mut self) -> Option<usize> {
        let index = self.next_build().or_else(|| {
            let has_room = |lane: &usize| self.running[*lane] < self.limits[*lane];
            let lane = (1..3).find(|lane| has_room(lane) && !self.ready[*lane].is_empty())?;
            self.ready[lane].pop().map(|(_, Reverse(index))| index)
        })?;
        let slot = &mut self.slots[index];
        slot.state = State::Running;
        if let Some(lane) = slot.lane {
            self.running[lane as usize] += 1;
        }
        Some(index)
    }

    /// Of the builds that come first in their order the first whose preferred builder takes it; only where there is none,
    /// the first that another takes: builders that are all at work would else get whatever comes next, and find
    /// nothing of it in their caches.
    fn next_build(&mut self) -> Option<usize> {
        let mut looked_at = Vec::new();
        let mut found = None;
        while self.spread.has_room() || self.spread.is_deserted() {
            if found.is_some() && looked_at.len() >= LOOK_AHEAD {
                break;
            }
            let Some(first) = self.ready[Lane::Build as usize].pop() else { break };
            let Reverse(index) = first.1;
            looked_at.push(first);
            let choice = self.choose(index, found.is_some());
            match choice {
                Choice::Home(_) | Choice::Never => {
                    found = Some((index, choice));
                    break;
                }
                Choice::Away(_) => found = found.or(Some((index, choice))),
                Choice::Later => {}
            }
        }
        let taken = found.map(|(index, _)| index);
        looked_at.retain(|(_, Reverse(index))| Some(*index) != taken);
        self.ready[Lane::Build as usize].extend(looked_at);
        if let Some((index, Choice::Home(builder) | Choice::Away(builder))) = found {
            self.spread.begins(builder);
            self.slots[index].builder = Some(builder);
        }
        taken
    }

    /// Who builds a task, if it starts now. Where `only_home` is of interest, less is looked at.
    fn choose(&mut self, index: usize, only_home: bool) -> Choice {
        let slot = &mut self.slots[index];
        let preferences = slot.preferences.get_or_insert_with(|| self.spread.preferences(&slot.wish));
        match preferences.first() {
            Some(home) if only_home && self.spread.is_full(*home) => Choice::Later,
            _ => self.spread.choose(preferences),
        }
    }

    /// Who builds a running task.
    pub(crate) fn builder_of(&self, index: usize) -> Option<BuilderId> {
        self.slots.get(index)?.builder
    }

    /// The builders, and what became of them.
    pub(crate) fn spread(&self) -> &Spread {
        &self.spread
    }

    /// A builder is gone and gets nothing any more. Tells whether that is news.
    pub(crate) fn lost(&mut self, builder: BuilderId, reason: &str) -> bool {
        // Where it was the last of a platform, others come into question.
        self.slots.iter_mut().for_each(|slot| slot.preferences = None);
        self.spread.lose(builder, reason)
    }

    /// A running task has to be done again, by whoever is left.
    pub(crate) fn put_back(&mut self, index: usize) {
        if self.leave(index).is_some() {
            self.slots[index].state = State::Waiting;
            self.offer(index);
        }
    }

    /// A running task does not run any more. None if it did not.
    fn leave(&mut self, index: usize) -> Option<()> {
        let slot = self.slots.get_mut(index)?;
        let (Some(lane), State::Running) = (slot.lane, slot.state) else { return None };
        slot.state = State::Over;
        self.running[lane as usize] -= 1;
        if let Some(builder) = slot.builder.take() {
            self.spread.ends(builder);
        }
        Some(())
    }

    /// Notes how a running task ended. Other indices are ignored.
    pub(crate) fn finished(&mut self, index: usize, succeeded: bool) -> Aftermath {
        if self.leave(index).is_none() {
            return Aftermath::default();
        }
        if succeeded {
            for dependent in std::mem::take(&mut self.slots[index].dependents) {
                self.slots[dependent].waits_for -= 1;
                self.offer(dependent);
            }
            return Aftermath::default();
        }
        let skipped = self.skip_dependents(index);
        let cancelled = if self.fail_fast { self.stop() } else { Vec::new() };
        Aftermath { skipped, cancelled }
    }

    /// Starts nothing any more, and returns what had not started.
    pub(crate) fn stop(&mut self) -> Vec<usize> {
        self.stopped = true;
        self.ready.iter_mut().for_each(BinaryHeap::clear);
        let waiting: Vec<usize> = self.with_state(State::Waiting).collect();
        for &index in &waiting {
            self.slots[index].state = State::Over;
        }
        waiting
    }

    /// Whether [`Scheduler::stop`] or a failure under `fail_fast` ended it.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }

    fn with_state(&self, state: State) -> impl Iterator<Item = usize> {
        self.slots.iter().enumerate().filter(move |(_, slot)| slot.state == state).map(|(index, _)| index)
    }

    fn offer(&mut self, index: usize) {
        let slot = &self.slots[index];
        if let (State::Waiting, 0, Some(lane), false) = (slot.state, slot.waits_for, slot.lane, self.stopped)
        {
            self.ready[lane as usize].push((slot.rank, Reverse(index)));
        }
    }

    fn skip_dependents(&mut self, failed: usize) -> Vec<usize> {
        let mut skipped = Vec::new();
        let mut front = vec![failed];
        while let Some(index) = front.pop() {
            for position in 0..self.slots[index].dependents.len() {
                let dependent = self.slots[index].dependents[position];
                if self.slots[dependent].state == State::Waiting {
                    self.slots[dependent].state = State::Over;
                    skipped.push(dependent);
                    front.push(dependent);
                }
            }
        }
        // A longer chain behind it means nearer to the failure.
        skipped.sort_by_key(|&index| (Reverse(self.slots[index].rank), index));
        skipped
    }
}

/// Sets every slot's rank, dependents before dependencies. What lies on or behind a cycle keeps a rank of 0.
fn rank(slots: &mut [Slot]) {
    let mut waits_for: Vec<usize> = slots.iter().map(|slot| slot.waits_for).collect();
    let mut order: Vec<usize> = (0..slots.len()).filter(|&index| waits_for[index] == 0).collect();
    let mut position = 0;
    while let Some(&index) = order.get(position) {
        position += 1;
        for &dependent in &slots[index].dependents {
            waits_for[dependent] -= 1;
            if waits_for[dependent] == 0 {
                order.push(dependent);
            }
        }
    }
    for &index in order.iter().rev() {
        let behind = slots[index].dependents.iter().map(|&dependent| slots[dependent].rank).max();
        slots[index].rank = behind.unwrap_or(0) + 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn build(dependencies: &[usize]) -> Task {
        Task { dependencies: dependencies.to_vec(), lane: Some(Lane::Build), wish: Wish::default() }
    }

    fn scheduler(tasks: &[Task], builds: usize, fail_fast: bool) -> Scheduler {
        Scheduler::new(tasks, Limits { pulls: 2, tags: 2 }, Spread::one(builds), fail_fast)
    }

    fn startable(scheduler: &mut Scheduler) -> Vec<usize> {
        std::iter::from_fn(|| scheduler.next()).collect()
    }

    #[test]
    fn the_longest_chain_goes_first_then_the_order_of_the_plan() {
        // 2 ← 3 ← 4 is the longest chain.
        let tasks = [build(&[]), build(&[]), build(&[]), build(&[2]), build(&[3])];
        let mut scheduler = scheduler(&tasks, 1, false);
        let mut order = Vec::new();
        while let Some(index) = scheduler.next() {
            assert_eq!(scheduler.next(), None, "one at a time");
            order.push(index);
            scheduler.finished(index, true);
        }
        assert_eq!(order, [2, 3, 0, 1, 4]);
    }

    #[test]
    fn an_image_starts_the_moment_its_own_dependencies_are_done() {
        let tasks = [build(&[]), build(&[]), build(&[0])];
        let mut scheduler = scheduler(&tasks, 8, false);
        assert_eq!(startable(&mut scheduler), [0, 1]);
        scheduler.finished(0, true);
        assert_eq!(startable(&mut scheduler), [2], "1 is still running");
    }

    #[test]
    fn a_failure_skips_its_dependents_in_order_and_nothing_else() {
        let tasks = [build(&[]), build(&[0]), build(&[]), build(&[1, 2]), build(&[2])];
        let mut scheduler = scheduler(&tasks, 8, false);
        assert_eq!(startable(&mut scheduler), [0, 2]);
        assert_eq!(scheduler.finished(0, false), Aftermath { skipped: vec![1, 3], cancelled: vec![] });
        scheduler.finished(2, true);
        assert_eq!(startable(&mut scheduler), [4]);
    }

    #[test]
    fn fail_fast_and_stop_leave_nothing_to_start() {
        let tasks = [build(&[]), build(&[0]), build(&[]), build(&[2])];
        let mut scheduler = scheduler(&tasks, 8, true);
        assert_eq!(startable(&mut scheduler), [0, 2]);
        assert_eq!(scheduler.finished(0, false), Aftermath { skipped: vec![1], cancelled: vec![3] });
        assert!(scheduler.is_stopped());
        assert_eq!(scheduler.with_state(State::Running).collect::<Vec<_>>(), [2]);
        assert_eq!(scheduler.finished(2, true), Aftermath::default());
        assert_eq!(scheduler.next(), None);
    }

    #[test]
    fn lanes_do_not_take_each_others_room() {
        let pull = Task { dependencies: vec![], lane: Some(Lane::Pull), wish: Wish::default() };
        let tag = Task { dependencies: vec![], lane: Some(Lane::Tag), wish: Wish::default() };
        let nothing = Task { dependencies: vec![], lane: None, wish: Wish::default() };
        let tasks = [build(&[]), build(&[]), pull.clone(), pull.clone(), pull, tag, nothing, build(&[2, 6])];
        let mut scheduler = scheduler(&tasks, 1, false);
        let mut first = startable(&mut scheduler);
        first.sort_unstable();
        assert_eq!(first, [0, 2, 3, 5]);
    }

    #[test]
    fn a_cycle_never_starts_and_hangs_nothing() {
        let tasks = [build(&[1]), build(&[0]), build(&[])];
        let mut scheduler = scheduler(&tasks, 8, false);
        assert_eq!(startable(&mut scheduler), [2]);
        scheduler.finished(2, true);
        assert_eq!(scheduler.next(), None);
        assert_eq!(scheduler.stop(), [0, 1]);
    }

    #[test]
    fn an_end_that_was_never_a_start_changes_nothing() {
        let mut scheduler = scheduler(&[build(&[]), build(&[0])], 8, false);
        assert_eq!(scheduler.finished(1, false), Aftermath::default());
        assert_eq!(scheduler.finished(9, true), Aftermath::default());
        assert_eq!(startable(&mut scheduler), [0]);
        scheduler.finished(0, true);
        scheduler.finished(0, true);
        assert_eq!(startable(&mut scheduler), [1]);
    }

    fn two_builders() -> Spread {
        let offer = |name: &str| super::super::spread::Offer { name: name.to_owned(), ..Default::default() };
        Spread::new(vec![offer("a"), offer("b")], 1)
    }

    #[test]
    fn what_a_lost_builder_was_doing_goes_to_another() {
        let tasks = [build(&[]), build(&[]), build(&[0])];
        let mut scheduler = Scheduler::new(&tasks, Limits { pulls: 2, tags: 2 }, two_builders(), false);
        assert_eq!(startable(&mut scheduler), [0, 1], "one a builder");
        let (first, second) =
            (scheduler.builder_of(0).expect("runs"), scheduler.builder_of(1).expect("runs"));
        assert_ne!(first, second);
        assert!(scheduler.lost(first, "gone") && !scheduler.lost(first, "gone"));
        scheduler.put_back(0);
        scheduler.put_back(0);
        assert!(startable(&mut scheduler).is_empty(), "the other is busy");
        scheduler.finished(1, true);
        assert_eq!(startable(&mut scheduler), [0]);
        assert_eq!(scheduler.builder_of(0), Some(second));
        scheduler.finished(0, true);
        assert_eq!(startable(&mut scheduler), [2], "a dependency is done once");
    }

    #[test]
    fn without_any_builder_nothing_waits_for_one() {
        let tasks = [build(&[]), build(&[]), build(&[1])];
        let mut scheduler = Scheduler::new(&tasks, Limits { pulls: 2, tags: 2 }, two_builders(), false);
        assert_eq!(startable(&mut scheduler), [1, 0]);
        for index in [0, 1] {
            let builder = scheduler.builder_of(index).expect("runs");
            scheduler.lost(builder, "gone");
            scheduler.put_back(index);
        }
        assert_eq!(startable(&mut scheduler), [1, 0]);
        assert_eq!((scheduler.builder_of(0), scheduler.builder_of(1)), (None, None));
        assert_eq!(scheduler.finished(1, false).skipped, [2]);
        assert_eq!(scheduler.finished(0, false), Aftermath::default());
        assert_eq!(scheduler.spread().losses().count(), 2);
    }

    prop_compose! {
        fn graph()(size in 1usize..24)(
            tasks in (0..size).map(|index| (
                prop::collection::vec(0..index.max(1), 0..4),
                prop_oneof![
                    6 => Just(Some(Lane::Build)), 1 => Just(Some(Lane::Pull)),
                    1 => Just(Some(Lane::Tag)), 1 => Just(None),
                ],
            )).collect::<Vec<_>>(),
            fails in prop::collection::vec(prop::bool::weighted(0.15), size),
        ) -> (Vec<Task>, Vec<bool>) {
            let tasks = tasks.into_iter().enumerate().map(|(index, (mut dependencies, lane))| {
                dependencies.retain(|&dependency| dependency < index);
                Task { dependencies, lane, wish: Wish::default() }
            }).collect();
            (tasks, fails)
        }
    }

    /// Whether a task comes to run if nothing stops it: what it waits for, directly or not, all succeeds.
    fn can_run(tasks: &[Task], fails: &[bool], index: usize) -> bool {
        tasks[index].dependencies.iter().all(|&dependency| {
            tasks[dependency].lane.is_none() || (!fails[dependency] && can_run(tasks, fails, dependency))
        })
    }

    proptest! {
        #[test]
        fn keeps_its_promises(
            (tasks, fails) in graph(), jobs in 0usize..5, fail_fast: bool,
            mut choices in prop::collection::vec(0usize..1000, 64),
        ) {
            let mut scheduler = scheduler(&tasks, jobs, fail_fast);
            let (mut running, mut succeeded, mut skipped, mut cancelled) = (vec![], vec![], vec![], vec![]);
            let mut started = 0;
            loop {
                while let Some(index) = scheduler.next() {
                    started += 1;
                    for &dependency in &tasks[index].dependencies {
                        prop_assert!(tasks[dependency].lane.is_none() || succeeded.contains(&dependency));
                    }
                    running.push(index);
                    let builds = running.iter().filter(|&&it| tasks[it].lane == Some(Lane::Build)).count();
                    prop_assert!(builds <= jobs.max(1));
                }
                prop_assert_eq!(scheduler.with_state(State::Running).count(), running.len());
                if running.is_empty() {
                    break;
                }
                let choice = choices.pop().unwrap_or(0) % running.len();
                let index = running.swap_remove(choice);
                let aftermath = scheduler.finished(index, !fails[index]);
                if !fails[index] {
                    succeeded.push(index);
                }
                skipped.extend(aftermath.skipped);
                cancelled.extend(aftermath.cancelled);
            }
            let work = tasks.iter().filter(|task| task.lane.is_some()).count();
            prop_assert_eq!(started + skipped.len() + cancelled.len(), work, "everything is settled once");
            prop_assert!(fail_fast || cancelled.is_empty());
            for (index, _) in tasks.iter().enumerate().filter(|(_, task)| task.lane.is_some()) {
                let runs = can_run(&tasks, &fails, index);
                if !fail_fast {
                    prop_assert_eq!(succeeded.contains(&index), runs && !fails[index]);
                }
                prop_assert!(!skipped.contains(&index) || !runs, "only dependents of a failure are skipped");
            }
        }
    }
}
