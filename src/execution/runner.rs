use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::build::{ImageTask, Unfinished, failed, pull_base};
use super::moving_tags::{TAGS, move_tags};
use super::outbox::Outbox;
use super::spread::{BuilderId, Spread};
use super::{Event, ImageOutcome, Limits, Outcome, RunOptions, RunRequest, Scheduler, Worker};
use crate::diagnostic::{Diagnostic, Severity};
use crate::image::ImageReference;
use crate::plan::{Action, StepId};

/// A good size for the channel of events: renderers draw in batches, and a build that prints a million lines
/// is slowed down instead of held in memory.
pub(crate) const EVENT_CAPACITY: usize = 1024;

/// How often an image may lose its builder and go to another.
const MOVES: u32 = 3;
/// Downloads side by side; the engine limits layers by itself.
const PULLS: usize = 4;
/// How long cancelled builds have to end before they are left behind.
const PATIENCE: Duration = Duration::from_millis(900);

/// Carries out a plan. The last event is always [`Event::Finished`], with the outcome that this gives.
///
/// `events` must be drained while this runs: a full channel holds the builds back (never the reaction to an
/// interruption). Cancelling `interruption` before the moving tags begin to move stops everything within a
/// second; after that the tags are finished first. Further interruptions change nothing.
pub(crate) async fn run(
    request: RunRequest<'_>,
    worker: Arc<dyn Worker>,
    events: mpsc::Sender<Event>,
    interruption: CancellationToken,
) -> Outcome {
    let begun = Instant::now();
    let mut run = Run::new(request, worker, events);
    let mut outcome = run.carry_out(&interruption).await;
    // What was finished first was interrupted all the same.
    if outcome == Outcome::Succeeded && interruption.is_cancelled() {
        outcome = Outcome::Interrupted;
    }
    run.outbox.push(Event::Finished { outcome, elapsed: begun.elapsed() });
    run.outbox.flush().await;
    outcome
}

/// Tasks are the plan's images by the numbers of their steps, then the pulls of external bases.
struct Run<'a> {
    request: RunRequest<'a>,
    worker: Arc<dyn Worker>,
    outbox: Outbox,
    blocked: Vec<bool>,
    scheduler: Scheduler,
    running: JoinSet<(usize, Result<(), Unfinished>)>,
    /// How often each image lost its builder.
    moves: Vec<u32>,
    started: Vec<Option<Instant>>,
    /// Tasks whose last event is sent or queued.
    ended: Vec<bool>,
    /// For each image that failed or was skipped: the image whose failure it was.
    culprits: Vec<Option<StepId>>,
    failed: bool,
}

enum Stop {
    Interrupted,
    FailFast,
}

impl<'a> Run<'a> {
    fn new(request: RunRequest<'a>, worker: Arc<dyn Worker>, events: mpsc::Sender<Event>) -> Self {
        let blocked = request.blocked();
        let tasks = request.tasks(&blocked);
        let limits = Limits { pulls: PULLS, tags: TAGS };
        let RunOptions { jobs, builders, .. } = request.options;
        let spread =
            if builders.is_empty() { Spread::one(*jobs) } else { Spread::new(builders.clone(), *jobs) };
        let mut run = Self {
            worker,
            outbox: Outbox::new(events),
            scheduler: Scheduler::new(&tasks, limits, spread, request.options.fail_fast),
            running: JoinSet::new(),
            started: vec![None; tasks.len()],
            ended: vec![false; tasks.len()],
            culprits: vec![None; request.images()],
            moves: vec![0; request.images()],
            failed: false,
            request,
            blocked,
        };
        let images = || StepId::all(&request.plan.steps);
        let builds = images().filter(|it| !run.blocked[*it] && request.action(*it) == Action::Build);
        let (builds, jobs) = (builds.count(), jobs.max(&1) * builders.len().max(1));
        let expected = run.request.options.expected.clone();
        run.outbox.push(Event::Started { builds, jobs, expected });
        for image in images().filter(|image| tasks[*image].lane.is_none()) {
            let outcome = if run.blocked[image] { ImageOutcome::Blocked } else { ImageOutcome::Reused };
            run.settle(image, outcome, Duration::ZERO);
        }
        run
    }

    async fn carry_out(&mut self, interruption: &CancellationToken) -> Outcome {
        match self.work(interruption).await {
            Some(Stop::Interrupted) => {
                self.cancel(Some(Event::Interrupted)).await;
                return Outcome::Interrupted;
            }
            Some(Stop::FailFast) => {
                self.cancel(None).await;
                return Outcome::Failed;
            }
            None => {}
        }
        for image in StepId::all(&self.request.plan.steps) {
            if !self.ended[image] {
                self.failed = true;
                let message = "it waits for itself: its dependencies form a cycle".to_owned();
                self.settle(image, failed(message), Duration::ZERO);
            }
        }
        if self.failed {
            return Outcome::Failed;
        }
        if let Some(reason) = &self.request.options.hold_tags {
            self.outbox.push(Event::TagsHeld { reason: reason.clone() });
            return Outcome::Failed;
        }
        move_tags(self.request, &self.blocked, &*self.worker, &mut self.outbox, interruption).await
    }

    /// Pulls, builds and immutable tags, until all is done or something stops it.
    async fn work(&mut self, interruption: &CancellationToken) -> Option<Stop> {
        loop {
            if interruption.is_cancelled() {
                return Some(Stop::Interrupted);
            }
            if self.scheduler.is_stopped() {
                return Some(Stop::FailFast);
            }
            while let Some(task) = self.scheduler.next() {
                if self.is_hopeless(task) {
                    self.give_up(task);
                } else {
                    self.start(task);
                }
            }
            if self.running.is_empty() {
                return None;
            }
            tokio::select! {
                biased;
                () = interruption.cancelled() => {}
                Some(joined) = self.running.join_next() => self.joined(joined),
                () = self.outbox.send_one(), if !self.outbox.is_empty() => {}
            }
        }
    }

    fn start(&mut self, task: usize) {
        self.started[task] = Some(Instant::now());
        let (worker, events) = (Arc::clone(&self.worker), self.outbox.sender());
        if let Some(step) = self.request.plan.steps.get(task) {
            let image = ImageTask::new(StepId(task), step, self.builder_of(task), worker, events);
            self.running.spawn(async move { (task, image.run().await) });
        } else {
            let reference = self.request.pulls[task - self.request.images()].reference.clone();
            self.running.spawn(async move {
                let pulled = pull_base(reference, worker, events).await;
                (task, pulled.map_err(|error| Unfinished::NoBase { error }))
            });
        }
    }

    /// Who builds a task, and its name where there are several.
    fn builder_of(&self, task: usize) -> (BuilderId, Option<String>) {
        let id = self.scheduler.builder_of(task).unwrap_or(BuilderId(0));
        let are_several = self.request.options.builders.len() > 1;
        (id, are_several.then(|| self.scheduler.spread().name(id).to_owned()))
    }

    /// Whether it is a build that no builder is left for.
    fn is_hopeless(&self, task: usize) -> bool {
        let step = self.request.plan.steps.get(task);
        step.is_some_and(|step| step.action == Action::Build) && self.scheduler.builder_of(task).is_none()
    }

    fn give_up(&mut self, task: usize) {
        let losses: Vec<String> =
            self.scheduler.spread().losses().map(|(name, why)| format!("{name}: {why}")).collect();
        let what = if self.scheduler.spread().is_deserted() {
            "no builder is left"
        } else {
            "no builder is left for its platform"
        };
        let message = format!("{what} ({})", losses.join("; "));
        let hint = "see to the builders, and run again: what was built is there".to_owned();
        self.fail(task, message, Some(hint));
    }

    /// Settles a build that its builders, and not itself, made fail.
    fn fail(&mut self, task: usize, message: String, hint: Option<String>) {
        let outcome = ImageOutcome::Failed { message, line: None, log: Vec::new(), hint };
        let elapsed = self.started[task].map(|at| at.elapsed()).unwrap_or_default();
        self.settle(StepId(task), outcome, elapsed);
        self.joined(Ok((task, Err(Unfinished::Failed))));
    }

    /// An image whose builder is gone goes to another, unless it takes one after the other with it.
    fn orphaned(&mut self, task: usize, reason: &str) {
        let (builder, _) = self.builder_of(task);
        let name = self.scheduler.spread().name(builder).to_owned();
        if self.scheduler.lost(builder, reason) {
            self.outbox.push(Event::Notice { text: format!("the builder {name} is lost: {reason}") });
        }
        self.moves[task] += 1;
        if self.moves[task] > MOVES {
            let message = format!("{MOVES} other builders were lost with it before {name} was: {reason}");
            self.fail(
                task,
                message,
                Some("see what it does to them: their memory may be too small".to_owned()),
            );
            return;
        }
        self.scheduler.put_back(task);
    }

    fn joined(&mut self, joined: Result<(usize, Result<(), Unfinished>), JoinError>) {
        let (task, result) = match joined {
            Ok(ended) => ended,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => return,
        };
        if let Err(Unfinished::Orphaned { reason }) = &result {
            self.orphaned(task, reason);
            return;
        }
        self.ended[task] = true;
        let skipped = self.scheduler.finished(task, result.is_ok()).skipped;
        let error = match result {
            Ok(()) => return,
            Err(Unfinished::NoBase { error }) => error,
            // The task itself has told what went wrong.
            Err(Unfinished::Failed | Unfinished::Orphaned { .. }) => String::new(),
        };
        self.failed = true;
        if let Some(culprit) = self.culprits.get_mut(task) {
            *culprit = Some(StepId(task));
        }
        for image in skipped {
            self.skip(StepId(image), task, &error);
        }
    }

    /// Settles an image that cannot be built because of `task`: an image that failed, or a pull.
    fn skip(&mut self, image: StepId, task: usize, error: &str) {
        let pull = task.checked_sub(self.request.images()).and_then(|number| self.request.pulls.get(number));
        let outcome = match pull {
            Some(pull) if pull.images.contains(&image) => {
                self.culprits[image] = Some(image);
                let hint = closest_hint(&self.request.plan.diagnostics, &pull.reference);
                let message = format!("cannot pull {}: {error}", pull.reference);
                ImageOutcome::Failed { message, line: None, log: Vec::new(), hint }
            }
            _ => {
                let culprit = self.request.culprit(image, &self.culprits).unwrap_or(StepId(task));
                self.culprits[image] = Some(culprit);
                ImageOutcome::DependencyFailed { dependency: culprit }
            }
        };
        self.settle(image, outcome, Duration::ZERO);
    }

    fn settle(&mut self, image: StepId, outcome: ImageOutcome, elapsed: Duration) {
        self.ended[image] = true;
        self.outbox.push(Event::ImageFinished { image, outcome, elapsed });
    }

    /// Drops everything that runs, and accounts for every image.
    async fn cancel(&mut self, first: Option<Event>) {
        self.scheduler.stop();
        self.running.abort_all();
        if let Some(event) = first {
            self.outbox.push(event);
        }
        // What ended before it could be dropped has sent its last event. What does not end is left behind.
        let ends = async {
            while let Some(joined) = self.running.join_next().await {
                // A task that lost its builder has told nothing.
                if let Ok((task, Ok(()) | Err(Unfinished::Failed | Unfinished::NoBase { .. }))) = joined {
                    self.ended[task] = true;
                }
            }
        };
        tokio::time::timeout(PATIENCE, ends).await.ok();
        self.running.detach_all();
        for task in 0..self.ended.len() {
            if self.ended[task] {
                continue;
            }
            let elapsed = self.started[task].map(|at| at.elapsed());
            if let (Some(reference), Some(elapsed)) = (self.request.pulled_by(task), elapsed) {
                let error = Some("cancelled".to_owned());
                self.outbox.push(Event::PullFinished { reference, elapsed, error });
            }
            if task < self.request.images() {
                self.settle(StepId(task), ImageOutcome::Cancelled, elapsed.unwrap_or_default());
            }
        }
    }
}

/// What was said of a base when it was taken for a published image: the names here that read like it. Whoever cannot pull it
/// wants to know, and the warning may have scrolled away.
fn closest_hint(findings: &[Diagnostic], base: &str) -> Option<String> {
    let complete = |text: &str| text.parse::<ImageReference>().ok().map(|reference| reference.complete());
    let is_about = |found: &&Diagnostic| {
        let subject = found.message.split(' ').next().unwrap_or_default();
        found.severity == Severity::Warning && complete(subject).is_some_and(|it| Some(it) == complete(base))
    };
    findings.iter().find(is_about)?.hint.clone()
}
