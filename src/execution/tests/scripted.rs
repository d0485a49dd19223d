//! A worker that does what a test says, and remembers what was asked of it and when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::builder::{BuildEvent, OutputStream, StepState};
use crate::diagnostic::Diagnostic;
use crate::execution::superseded::Superseded;
use crate::execution::{
    BasePull, BuildFailure, BuilderId, Event, Outcome, RunOptions, RunRequest, Worker, run,
};
use crate::image::{ContentKey, Platform, Repository, Tag};
use crate::path::TreePath;
use crate::plan::{
    Action, CheckoutSummary, Dependency, DependencyKind, ImageId, InputSummary, Namespace, NamespaceSource,
    Plan, PlannedTag, Step, StepId, TagKind,
};

/// What a test writes down before the run.
#[derive(Clone, Default)]
pub(super) struct Script {
    pub(super) actions: Vec<Action>,
    /// What all images are for.
    pub(super) platform: Option<Platform>,
    pub(super) dependencies: Vec<Vec<usize>>,
    pub(super) pulls: Vec<BasePull>,
    pub(super) options: RunOptions,
    /// Seconds that a build takes; 10 where nothing is said.
    pub(super) seconds: BTreeMap<usize, u64>,
    /// How long a pull takes, and a tag call.
    pub(super) pull_seconds: u64,
    pub(super) tag_seconds: u64,
    pub(super) build_fails: BTreeMap<usize, BuildFailure>,
    /// Builders that are gone from the second on, each with all that it builds from then on.
    pub(super) builders_go: BTreeMap<usize, u64>,
    /// References that cannot be pulled, and `image:tag` that cannot be put.
    pub(super) pull_fails: BTreeSet<String>,
    pub(super) tag_fails: BTreeSet<String>,
    /// What was found before.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Lines that a build prints.
    pub(super) lines: BTreeMap<usize, usize>,
    /// Images that somebody removes before the tags move.
    pub(super) vanish: BTreeSet<usize>,
    /// What nothing but keys names.
    pub(super) superseded: Superseded,
    /// Tags that are in place, `image:tag`, by what the plan saw.
    pub(super) in_place: BTreeSet<String>,
    /// Cancelled while the worker looks where the tags are.
    pub(super) interrupted_by_survey: Option<CancellationToken>,
    /// Tags, `image:tag`, that another run takes before the survey of this number, from 1.
    pub(super) taken: BTreeMap<usize, BTreeSet<String>>,
    /// What the plan was made for and is no more when tags are to move.
    pub(super) gone: Option<String>,
    /// Those that another run takes away after planning.
    pub(super) stolen: BTreeSet<String>,
}

impl Script {
    /// Images to build with these dependencies.
    pub(super) fn builds(dependencies: &[&[usize]]) -> Self {
        Self {
            actions: vec![Action::Build; dependencies.len()],
            dependencies: dependencies.iter().map(|it| it.to_vec()).collect(),
            ..Self::default()
        }
    }

    fn plan(&self) -> Plan {
        let steps = StepId::all(&self.actions).zip(&self.actions);
        let steps = steps.map(|(image, action)| step(self, image, *action)).collect();
        Plan {
            checkout: CheckoutSummary { name: "shop".into(), head: None, branch: None, dirty: false },
            namespace: Namespace { value: "acme".into(), source: NamespaceSource::Flag },
            steps,
            diagnostics: self.diagnostics.clone(),
        }
    }

    /// Runs it with nobody interrupting.
    pub(super) async fn run(self) -> Record {
        self.run_until(CancellationToken::new()).await
    }

    /// Runs it and interrupts after so many seconds.
    pub(super) async fn interrupted_after(self, seconds: f64) -> Record {
        let token = CancellationToken::new();
        let trigger = token.clone();
        tokio::spawn(async move {
            sleep(Duration::from_secs_f64(seconds)).await;
            trigger.cancel();
            // A second Ctrl-C does no harm.
            sleep(Duration::from_millis(10)).await;
            trigger.cancel();
        });
        self.run_until(token).await
    }

    /// Runs it until `interruption`.
    pub(super) async fn run_until(self, interruption: CancellationToken) -> Record {
        let (sender, mut receiver) = mpsc::channel(16);
        let drain = tokio::spawn(async move {
            let mut events = Vec::new();
            while let Some(event) = receiver.recv().await {
                events.push(event);
            }
            events
        });
        let begun = Instant::now();
        let (worker, running) = self.spawn(sender, interruption);
        let outcome = running.await.expect("the run does not panic");
        let elapsed = begun.elapsed();
        let events = drain.await.expect("drained");
        let state = worker.state().clone();
        Record { outcome, elapsed, events, state }
    }

    /// Interrupts a run whose events nobody reads, looks at it a second later, and only then reads on.
    pub(super) async fn run_stuck(self, until: Duration) -> State {
        let (sender, mut receiver) = mpsc::channel(16);
        let token = CancellationToken::new();
        let (worker, running) = self.spawn(sender, token.clone());
        sleep(until).await;
        token.cancel();
        sleep(Duration::from_secs(1)).await;
        let state = worker.state().clone();
        while receiver.recv().await.is_some() {}
        assert_eq!(running.await.expect("the run does not panic"), Outcome::Interrupted);
        state
    }

    /// Runs it with the renderer gone.
    pub(super) async fn run_unheard(self) -> State {
        let (worker, running) = self.spawn(mpsc::channel(1).0, CancellationToken::new());
        assert_eq!(running.await.expect("the run does not panic"), Outcome::Succeeded);
        worker.state().clone()
    }

    /// As a task of its own, as the command line does: the future must be Send.
    fn spawn(
        self,
        sender: mpsc::Sender<Event>,
        interruption: CancellationToken,
    ) -> (Arc<Scripted>, JoinHandle<Outcome>) {
        let worker = Scripted::new(self.clone());
        let shared: Arc<dyn Worker> = Arc::clone(&worker) as Arc<dyn Worker>;
        let running = tokio::spawn(async move {
            let plan = self.plan();
            let request = RunRequest { plan: &plan, pulls: &self.pulls, options: &self.options };
            run(request, shared, sender, interruption).await
        });
        (worker, running)
    }
}

fn step(script: &Script, image: StepId, action: Action) -> Step {
    let key = ContentKey::new([u8::try_from(image.0).expect("few images"); 32]);
    let repository = Repository::new(&format!("acme/i{}", image.0)).expect("valid");
    let tag = |tag: Tag, kind: TagKind| {
        let in_place = script.in_place.contains(&format!("{}:{tag}", image.0));
        PlannedTag { tag, kind, withheld: None, in_place }
    };
    let dependency = |needed: &usize| Dependency {
        image: format!("acme/i{needed}"),
        step: Some(StepId(*needed)),
        kind: DependencyKind::From,
        line: None,
        is_inferred: false,
    };
    let tags = vec![
        PlannedTag { in_place: matches!(action, Action::Tag | Action::None), ..tag(key.tag(), TagKind::Key) },
        tag(Tag::new("3f9ac0d1e2b4").expect("valid"), TagKind::Commit),
        tag(Tag::new("main").expect("valid"), TagKind::Branch),
        tag(Tag::new("latest").expect("valid"), TagKind::Latest),
    ];
    Step {
        image: ImageId(image.0),
        platform: script.platform.clone(),
        reference: Some(repository.with_tag(key.tag())),
        repository,
        short_name: format!("i{}", image.0),
        dockerfile: TreePath::from("Dockerfile"),
        context: None,
        target: None,
        key: Some(key),
        pulled_from: None,
        revision: None,
        dirty: false,
        tag_prefix: None,
        aside: false,
        published: true,
        unversioned: Vec::new(),
        dependencies: script.dependencies.get(image.0).into_iter().flatten().map(dependency).collect(),
        bases: Vec::new(),
        locked: std::collections::BTreeMap::new(),
        contexts: Vec::new(),
        evidence: Vec::new(),
        inputs: InputSummary::default(),
        action,
        reasons: Vec::new(),
        tags,
    }
}

/// What happened.
pub(super) struct Record {
    pub(super) outcome: Outcome,
    pub(super) elapsed: Duration,
    pub(super) events: Vec<Event>,
    pub(super) state: State,
}

impl Record {
    pub(super) fn outcome_of(&self, wanted: usize) -> Option<&crate::execution::ImageOutcome> {
        let mut outcomes = self.events.iter().filter_map(|event| match event {
            Event::ImageFinished { image, outcome, .. } if image.0 == wanted => Some(outcome),
            _ => None,
        });
        let outcome = outcomes.next();
        assert_eq!(outcomes.next(), None, "image {wanted} ended twice");
        outcome
    }

    pub(super) fn position(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().position(wanted).expect("such an event")
    }

    /// Moving tags that were put.
    pub(super) fn moved(&self) -> Vec<&str> {
        let moving = |call: &&str| call.ends_with(":main") || call.ends_with(":latest");
        self.state.tagged.iter().map(String::as_str).filter(moving).collect()
    }
}

#[derive(Clone, Default)]
pub(super) struct State {
    /// Images, with the seconds at which their builds began and ended.
    pub(super) began: BTreeMap<usize, u64>,
    pub(super) ended: BTreeMap<usize, u64>,
    pub(super) dropped: BTreeSet<usize>,
    pub(super) pulled: Vec<String>,
    /// Successful tag calls, `image:tag`, in order.
    pub(super) tagged: Vec<String>,
    /// Where tags are since somebody touched them: here, or elsewhere.
    pub(super) standing: BTreeMap<String, bool>,
    pub(super) surveys: usize,
    pub(super) lines_sent: usize,
    pub(super) most_at_once: usize,
    /// Which image was begun by which builder.
    pub(super) built_by: Vec<(usize, usize)>,
    at_once: usize,
}

pub(super) struct Scripted {
    script: Script,
    state: Mutex<State>,
    begun: Instant,
}

impl Scripted {
    fn new(script: Script) -> Arc<Self> {
        Arc::new(Self { script, state: Mutex::default(), begun: Instant::now() })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("not poisoned")
    }

    async fn pause(seconds: u64) {
        sleep(Duration::from_secs(seconds)).await;
    }
}

/// Notes the end of a build, in whatever way it ends.
struct Running<'a> {
    worker: &'a Scripted,
    image: StepId,
    done: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut state = self.worker.state();
        state.at_once -= 1;
        state.ended.insert(self.image.0, self.worker.begun.elapsed().as_secs());
        if !self.done {
            state.dropped.insert(self.image.0);
        }
    }
}

#[async_trait]
impl Worker for Scripted {
    async fn pull(&self, reference: &str) -> Result<(), String> {
        Self::pause(self.script.pull_seconds).await;
        self.state().pulled.push(reference.to_owned());
        if self.script.pull_fails.contains(reference) { Err("no route".to_owned()) } else { Ok(()) }
    }

    async fn build(
        &self,
        image: StepId,
        builder: BuilderId,
        updates: mpsc::Sender<BuildEvent>,
    ) -> Result<(), BuildFailure> {
        {
            let mut state = self.state();
            state.at_once += 1;
            state.most_at_once = state.most_at_once.max(state.at_once);
            state.began.insert(image.0, self.begun.elapsed().as_secs());
        }
        self.state().built_by.push((image.0, builder.0));
        let mut running = Running { worker: self, image, done: false };
        let failure = self.script.build_fails.get(&image.0);
        let step = |failed: bool| {
            BuildEvent::Step(StepState {
                id: 3,
                name: "[2/2] RUN make".to_owned(),
                position: Some((2, 2)),
                completed: failed,
                error: failed.then(|| "it failed".to_owned()),
                ..StepState::default()
            })
        };
        updates.send(step(false)).await.ok();
        for number in 0..self.script.lines.get(&image.0).copied().unwrap_or(0) {
            let line = BuildEvent::Log { step: 3, stream: OutputStream::Out, line: format!("line {number}") };
            updates.send(line).await.ok();
            self.state().lines_sent += 1;
        }
        let seconds = self.script.seconds.get(&image.0).copied().unwrap_or(10);
        let now = self.begun.elapsed().as_secs();
        if let Some(gone) = self.script.builders_go.get(&builder.0).filter(|gone| **gone < now + seconds) {
            Self::pause(gone.saturating_sub(now)).await;
            running.done = true;
            return Err(BuildFailure { is_of_builder: true, ..BuildFailure::new("connection reset") });
        }
        Self::pause(seconds).await;
        if self.script.lines.contains_key(&image.0) {
            // Printed with its last breath.
            let line = BuildEvent::Log { step: 3, stream: OutputStream::Out, line: "the end".to_owned() };
            updates.send(line).await.ok();
        }
        running.done = true;
        match failure {
            Some(failure) => {
                updates.send(step(true)).await.ok();
                Err(failure.clone())
            }
            None => Ok(()),
        }
    }

    async fn fetch(&self, image: StepId) -> Result<(), String> {
        self.pull(&format!("i{}", image.0)).await
    }

    async fn tag(&self, image: StepId, tag: &PlannedTag) -> Result<(), String> {
        Self::pause(self.script.tag_seconds).await;
        let call = format!("{}:{}", image.0, tag.tag);
        if self.script.tag_fails.contains(&call) {
            return Err("no space left".to_owned());
        }
        let mut state = self.state();
        state.standing.insert(call.clone(), true);
        state.tagged.push(call);
        Ok(())
    }

    async fn present_tags(&self, images: &[StepId]) -> Result<Vec<Option<Vec<Tag>>>, String> {
        let standing = {
            let mut state = self.state();
            state.surveys += 1;
            let taken = self.script.taken.get(&state.surveys).into_iter().flatten();
            for call in taken {
                state.standing.insert(call.clone(), false);
            }
            state.standing.clone()
        };
        let plan = self.script.plan();
        let present = |image: &StepId| {
            let step = &plan.steps[*image];
            let is_new = matches!(step.action, Action::Build | Action::Pull);
            let there = step.tags.iter().filter(|tag| {
                let call = format!("{}:{}", image.0, tag.tag);
                let planned = tag.in_place && !self.script.stolen.contains(&call) && !is_new;
                !tag.moves() || standing.get(&call).copied().unwrap_or(planned)
            });
            let tags = there.map(|tag| tag.tag.clone()).collect();
            (!self.script.vanish.contains(&image.0)).then_some(tags)
        };
        Ok(images.iter().map(present).collect())
    }

    async fn confirm_plan(&self) -> Result<(), String> {
        if let Some(token) = &self.script.interrupted_by_survey {
            token.cancel();
        }
        self.script.gone.clone().map_or(Ok(()), Err)
    }

    async fn superseded(&self) -> Superseded {
        self.script.superseded.clone()
    }
}
