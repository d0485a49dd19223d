use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use super::Event;
use crate::plan::{Action, Plan, StepId};

/// How long the rest of a run takes, by what its builds took in earlier runs. A pure fold of the plan and the events of
/// a run: it is told the time.
#[derive(Clone, Debug)]
pub(crate) struct Forecast {
    steps: Vec<Forecasted>,
    jobs: usize,
    /// Downloads under way, of which nobody knows how long they take.
    pulls: usize,
}

#[derive(Clone, Debug)]
struct Forecasted {
    needs: Vec<usize>,
    action: Action,
    expected: Option<Duration>,
    started: Option<Duration>,
    is_over: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Remaining {
    /// Places of what has to be done before, all of them earlier in the list.
    needs: Vec<usize>,
    takes: Duration,
    is_running: bool,
}

impl Forecast {
    /// Knows nothing before the run's first event.
    pub(crate) fn new(plan: &Plan) -> Self {
        let step = |step: &crate::plan::Step| Forecasted {
            needs: step.needs().map(|StepId(at)| at).collect(),
            action: step.action,
            expected: None,
            started: None,
            is_over: false,
        };
        Self { steps: plan.steps.iter().map(step).collect(), jobs: 1, pulls: 0 }
    }

    /// Takes in an event that happened at `now`, since the run began.
    pub(crate) fn event(&mut self, event: &Event, now: Duration) {
        match event {
            Event::Started { jobs, expected, .. } => self.begin(*jobs, expected),
            Event::BuildStarted { image, .. } => {
                if let Some(step) = self.steps.get_mut(image.0) {
                    step.started = Some(now);
                }
            }
            Event::ImageFinished { image, .. } => {
                if let Some(step) = self.steps.get_mut(image.0) {
                    step.is_over = true;
                }
            }
            Event::PullStarted { .. } => self.pulls += 1,
            Event::PullFinished { .. } => self.pulls = self.pulls.saturating_sub(1),
            _ => {}
        }
    }

    fn begin(&mut self, jobs: usize, expected: &BTreeMap<StepId, Duration>) {
        self.jobs = jobs.max(1);
        for (at, takes) in expected {
            if let Some(step) = self.steps.get_mut(at.0) {
                step.expected = Some(*takes);
            }
        }
    }

    /// How long it is until the last build ends. None where too little is known: fewer than three of four builds, or what
    /// a download takes; and where everything should be over already. A build that nothing is known of counts as the mean
    /// of those that are known.
    pub(crate) fn left(&self, now: Duration) -> Option<Duration> {
        let open = || self.steps.iter().enumerate().filter(|(_, step)| !step.is_over);
        if self.pulls > 0 || open().any(|(_, step)| step.action == Action::Pull) {
            return None;
        }
        let builds: Vec<usize> =
            open().filter(|(_, step)| step.action == Action::Build).map(|(at, _)| at).collect();
        let known: Vec<Duration> = builds.iter().filter_map(|at| self.steps[*at].expected).collect();
        if known.is_empty() || known.len() * 4 < builds.len() * 3 {
            return None;
        }
        let mean = known.iter().sum::<Duration>() / u32::try_from(known.len()).ok()?;
        let places: BTreeMap<usize, usize> =
            builds.iter().enumerate().map(|(place, at)| (*at, place)).collect();
        let remaining: Vec<Remaining> = builds
            .iter()
            .map(|at| {
                let step = &self.steps[*at];
                let gone = step.started.map_or(Duration::ZERO, |started| now.saturating_sub(started));
                let needs = step.needs.iter().filter_map(|needed| places.get(needed).copied());
                Remaining {
                    needs: needs.collect(),
                    takes: step.expected.unwrap_or(mean).saturating_sub(gone),
                    is_running: step.started.is_some(),
                }
            })
            .collect();
        Some(makespan(&remaining, self.jobs)).filter(|left| !left.is_zero())
    }
}

/// How long `remaining` takes with `jobs` at a time, where what has the longest chain behind it goes first, as the
/// scheduler has it (list scheduling, Graham 1969).
fn makespan(remaining: &[Remaining], jobs: usize) -> Duration {
    let mut dependents: Vec<Vec<usize>> = vec![Vec::new(); remaining.len()];
    let mut waits_for: Vec<usize> = vec![0; remaining.len()];
    for (at, one) in remaining.iter().enumerate() {
        for needed in one.needs.iter().filter(|needed| **needed < at) {
            dependents[*needed].push(at);
            waits_for[at] += 1;
        }
    }
    let mut chains = vec![Duration::ZERO; remaining.len()];
    for at in (0..remaining.len()).rev() {
        let behind = dependents[at].iter().map(|next| chains[*next]).max().unwrap_or_default();
        chains[at] = remaining[at].takes.saturating_add(behind);
    }
    let mut ready = BinaryHeap::new();
    let mut running = BinaryHeap::new();
    for (at, one) in remaining.iter().enumerate() {
        if one.is_running {
            running.push(Reverse((one.takes, at)));
        } else if waits_for[at] == 0 {
            ready.push((chains[at], Reverse(at)));
        }
    }
    let mut now = Duration::ZERO;
    loop {
        while running.len() < jobs
            && let Some((_, Reverse(at))) = ready.pop()
        {
            running.push(Reverse((now.saturating_add(remaining[at].takes), at)));
        }
        let Some(Reverse((end, at))) = running.pop() else { return now };
        now = end;
        for next in &dependents[at] {
            waits_for[*next] -= 1;
            if waits_for[*next] == 0 && !remaining[*next].is_running {
                ready.push((chains[*next], Reverse(*next)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::execution::ImageOutcome;
    use crate::plan::TagPolicy;
    use crate::plan::testing::{plan, project};

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn work(takes: u64, needs: &[usize]) -> Remaining {
        Remaining { needs: needs.to_vec(), takes: seconds(takes), is_running: false }
    }

    #[test]
    fn the_rest_takes_as_long_as_its_longest_chain_or_as_the_jobs_allow() {
        let diamond = [work(10, &[]), work(20, &[0]), work(5, &[0]), work(1, &[1, 2])];
        assert_eq!(makespan(&diamond, 4), seconds(31));
        assert_eq!(makespan(&diamond, 1), seconds(36));
        let chain_first = [work(3, &[]), work(3, &[]), work(4, &[]), work(4, &[2])];
        assert_eq!(makespan(&chain_first, 2), seconds(8), "the chain begins at once");
        let under_way = [Remaining { is_running: true, ..work(7, &[]) }, work(2, &[])];
        assert_eq!(makespan(&under_way, 1), seconds(9));
        assert_eq!(makespan(&[], 4), Duration::ZERO);
    }

    /// `base`, two on it, and what happened so far.
    fn forecast(expected: &[(usize, u64)]) -> Forecast {
        let on_base = "FROM acme/base\n";
        let files = [
            ("base/Dockerfile", "FROM busybox\n"),
            ("a/Dockerfile", on_base),
            ("b/Dockerfile", on_base),
            ("c/Dockerfile", on_base),
        ];
        let plan = plan(&project(&files, &[]), &TagPolicy::default(), &[]);
        let mut forecast = Forecast::new(&plan);
        let expected = expected.iter().map(|(at, takes)| (StepId(*at), seconds(*takes))).collect();
        forecast.event(&Event::Started { builds: 4, jobs: 2, expected }, Duration::ZERO);
        forecast
    }

    fn over(image: usize) -> Event {
        Event::ImageFinished { image: StepId(image), outcome: ImageOutcome::Built, elapsed: seconds(1) }
    }

    #[test]
    fn what_is_left_shrinks_with_the_time_and_with_what_is_done() {
        let mut forecast = forecast(&[(0, 10), (1, 20), (2, 20), (3, 20)]);
        assert_eq!(forecast.left(Duration::ZERO), Some(seconds(50)));
        forecast.event(&Event::BuildStarted { image: StepId(0), builder: None }, seconds(1));
        assert_eq!(forecast.left(seconds(5)), Some(seconds(46)));
        forecast.event(&over(0), seconds(6));
        (1..=2).for_each(|at| {
            forecast.event(&Event::BuildStarted { image: StepId(at), builder: None }, seconds(6));
        });
        (1..=3).for_each(|at| forecast.event(&over(at), seconds(30)));
        assert_eq!(forecast.left(seconds(30)), None, "nothing is left");
    }

    #[test]
    fn nothing_is_said_where_too_little_is_known() {
        assert_eq!(forecast(&[]).left(Duration::ZERO), None);
        assert_eq!(forecast(&[(0, 10), (1, 20)]).left(Duration::ZERO), None, "half of it");
        let known = forecast(&[(0, 10), (1, 20), (2, 30)]);
        assert_eq!(known.left(Duration::ZERO), Some(seconds(50)), "the fourth counts as the mean, 20 s");
        let mut pulling = known.clone();
        pulling.event(&Event::PullStarted { reference: "busybox".to_owned() }, seconds(1));
        assert_eq!(pulling.left(seconds(1)), None, "who knows how long that takes");
        let mut late = known;
        late.event(&Event::BuildStarted { image: StepId(0), builder: None }, Duration::ZERO);
        (1..=3).for_each(|at| late.event(&over(at), Duration::ZERO));
        assert_eq!(late.left(seconds(60)), None, "it should be over by now");
    }

    proptest! {
        #[test]
        fn never_less_than_the_longest_chain_nor_than_what_the_jobs_can_do(
            tasks in prop::collection::vec((0_u64..100, prop::collection::vec(any::<prop::sample::Index>(), 0..3)), 0..12),
            jobs in 1_usize..5,
        ) {
            let tasks: Vec<Remaining> = tasks.iter().enumerate().map(|(at, (takes, needs))| {
                let needs = needs.iter().filter(|_| at > 0).map(|index| index.index(at));
                let needs: std::collections::BTreeSet<usize> = needs.collect();
                work(*takes, &needs.into_iter().collect::<Vec<_>>())
            }).collect();
            let took = makespan(&tasks, jobs);
            let all: Duration = tasks.iter().map(|task| task.takes).sum();
            prop_assert!(took <= all);
            prop_assert!(took * u32::try_from(jobs).expect("few") >= all);
            prop_assert!(makespan(&tasks, 1) == all);
            let longest = makespan(&tasks, tasks.len().max(1));
            prop_assert!(took >= longest);
        }
    }
}
