use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::bases::base_pulls;
use super::caches::{CacheChoice, caches};
use super::positions::tag_positions;
use crate::builder::{Builder, CacheLocation, Extras};
use crate::diagnostic::{Diagnostic, has_errors};
use crate::execution::{
    self, BasePull, BuildOptions, BuildSpecs, EVENT_CAPACITY, EngineWorker, Event, LockScope, Outcome,
    RunOptions, RunRequest, StepCaches, Worker,
};
use crate::ops::audience::follow;
use crate::ops::durations::Durations;
use crate::ops::logs::Logs;
use crate::ops::made_tags::MadeTags;
use crate::ops::workspace::Workspace;
use crate::ops::{Audience, Building, Ending, Error, News, Services, TagPosition, Work};
use crate::plan::{Action, Plan, Step, StepId};
use crate::store::ImageStore;

/// A run that builds, tags and pulls on the engine.
pub(in crate::ops) struct BuildRun<'a> {
    pub workspace: &'a Workspace,
    pub services: &'a Services,
    pub plan: &'a Arc<Plan>,
    pub building: &'a Building,
    /// Whether the builder forgets what it has cached.
    pub no_cache: bool,
}

impl BuildRun<'_> {
    /// Carries out the plan, and tells how.
    pub(in crate::ops) async fn carry_out(self, audience: &mut dyn Audience) -> Result<Outcome, Error> {
        let Self { workspace, services, plan, .. } = self;
        let store = services.store()?;
        let caches = self.caches()?;
        self.check(&**services.builder()?, &caches).await?;
        let pulls = base_pulls(&**store, plan, self.building.pull).await?;
        let options = self.options(&**store).await?;
        let worker = EngineWorker {
            store: Arc::clone(store),
            builder: Arc::clone(services.builder()?),
            specs: self.specs(caches),
        };
        let ended = self.execute(Arc::new(worker), &pulls, options, audience).await?;
        let positions = if ended.is_complete() {
            Vec::new()
        } else {
            tag_positions(workspace, &**store, plan, ended.outcome).await
        };
        Ok(ended.told(&positions, audience))
    }

    /// Has a worker carry out the plan while the audience is told.
    pub(super) async fn execute(
        &self,
        worker: Arc<dyn Worker>,
        pulls: &[BasePull],
        options: RunOptions,
        audience: &mut dyn Audience,
    ) -> Result<Ended, Error> {
        let Self { workspace, services, plan, .. } = self;
        let mut durations = Durations::of(&workspace.checkout);
        let options = RunOptions { expected: durations.expected(plan), ..options };
        let request = RunRequest { plan, pulls, options: &options };
        audience.begins(plan, Work::Build)?;
        MadeTags::of(&workspace.checkout).add(plan);
        let (events, received) = mpsc::channel(EVENT_CAPACITY);
        services.notices.shown_by(&events);
        let careful = services.interrupts.careful();
        let running = execution::run(request, worker, events, careful.token().clone());
        let mut logs = Logs::new(&workspace.checkout, plan);
        let mut heard = |event: &Event| {
            logs.event(event);
            durations.event(event);
        };
        let (outcome, is_cut) = tokio::join!(running, follow(audience, received, &mut heard));
        durations.keep(plan);
        Ok(Ended { outcome, is_cut, was_told: careful.was_told() })
    }

    /// The build caches of what is built.
    pub(super) fn caches(&self) -> Result<BTreeMap<StepId, StepCaches>, Error> {
        let built: Vec<(StepId, &Step)> =
            self.plan.numbered().filter(|(_, step)| step.action == Action::Build).collect();
        let choice = CacheChoice { from: &self.building.cache_from, to: &self.building.cache_to };
        caches(self.workspace, &built, choice)
    }

    async fn options(&self, store: &dyn ImageStore) -> Result<RunOptions, Error> {
        let has_errors = has_errors(&self.plan.diagnostics);
        let lock = match &self.services.state {
            Some(folder) => Some(LockScope {
                folder: folder.clone(),
                engine: store.id().await?,
                namespace: self.plan.namespace.value.clone(),
            }),
            None => None,
        };
        Ok(RunOptions {
            jobs: self.building.jobs(),
            fail_fast: self.building.fail_fast,
            hold_tags: has_errors.then(|| "errors were found in the checkout".to_owned()),
            lock,
            ..RunOptions::default()
        })
    }

    /// What this builder cannot do for any image ends the run before it begins.
    async fn check(&self, builder: &dyn Builder, caches: &BTreeMap<StepId, StepCaches>) -> Result<(), Error> {
        let kinds = |locations: fn(&StepCaches) -> &[CacheLocation]| {
            let all = caches.values().flat_map(locations);
            all.map(|location| location.kind.clone()).collect()
        };
        let builds = self.plan.steps.iter().any(|step| step.action == Action::Build);
        let extras = Extras {
            cache_from: kinds(|caches| &caches.from),
            cache_to: kinds(|caches| &caches.to),
            attestations: builds && !self.building.attestations.is_empty(),
        };
        builder.check(&extras).await.map_err(|error| match error.hint() {
            Some(hint) => Error::usage_with_hint(error, hint),
            None => Error::one(Ending::NoEngine, Diagnostic::error(error.to_string())),
        })
    }

    /// What builders are asked for the plan's images.
    pub(super) fn specs(&self, caches: BTreeMap<StepId, StepCaches>) -> BuildSpecs {
        let workspace = self.workspace;
        BuildSpecs {
            checkout: Arc::clone(&workspace.checkout),
            tree: Arc::clone(&workspace.tree),
            guard: workspace.guard(),
            project: Arc::clone(&workspace.project),
            plan: Arc::clone(self.plan),
            manifests: workspace.manifests(),
            credentials: Arc::clone(&self.services.credentials),
            caches,
            options: BuildOptions {
                unhashed_build_args: workspace.settings.options.unhashed_build_args.clone(),
                ..self.building.options(self.no_cache)
            },
        }
    }
}

/// How a run ended.
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    /// Whether it was interrupted before its end.
    is_cut: bool,
    was_told: bool,
}

impl Ended {
    /// Whether everything was done. An interruption may come too late to stop anything.
    pub(super) fn is_complete(&self) -> bool {
        match self.outcome {
            Outcome::Succeeded => true,
            Outcome::Interrupted => !self.is_cut,
            Outcome::Failed => false,
        }
    }

    /// Tells the audience, with where tags point that did not move.
    pub(super) fn told(self, positions: &[TagPosition], audience: &mut dyn Audience) -> Outcome {
        audience.ends(positions);
        if self.is_complete() && self.was_told {
            audience.hears(News::FinishedFirst);
            return Outcome::Interrupted;
        }
        self.outcome
    }
}
