use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::args::{BuildArgs, GlobalArgs, RunArgs};
use super::build_options::{secrets, ssh_agents};
use super::environment::Environment;
use super::error::{CliError, ExitCode};
use super::lookup::{self, look_up};
use super::others;
use super::output::{Output, follow};
use super::positions::tag_positions;
use super::registries::Registries;
use super::session::{EngineNeed, Request, Session, has_errors};
use super::watch::{Watch, planned_again};
use crate::engine::Engine;
use crate::execution::{
    self, BasePull, BuildOptions, EVENT_CAPACITY, EngineWorker, LockScope, Outcome, RunOptions, RunRequest,
};
use crate::image::ImageReference;
use crate::plan::{Action, Known, Plan, TagPolicy};
use crate::report::Work;

/// `shipwright [build]`: build and tag what is needed.
pub(super) async fn run(
    global: &GlobalArgs,
    args: &BuildArgs,
    environment: &Environment,
    output: &mut Output,
) -> Result<ExitCode, CliError> {
    if global.offline {
        return Err(CliError::usage_with_hint(
            "build needs an engine",
            "`shipwright plan --offline` does not",
        ));
    }
    planned_again(environment, output, async |watch, output| {
        build(global, args, environment, watch, output).await
    })
    .await
}

async fn build(
    global: &GlobalArgs,
    args: &BuildArgs,
    environment: &Environment,
    watch: &Arc<Watch>,
    output: &mut Output,
) -> Result<ExitCode, CliError> {
    let options = build_options(&args.run, args.image.no_cache, environment)?;
    let request = Request {
        global,
        selection: &args.selection,
        image: &args.image,
        environment,
        engine: EngineNeed::Required,
        watch: Some(watch),
    };
    let session = Session::open(&request).await?;
    output.use_files(session.tree.clone());
    session.notices.said_by(output.speaker());
    let (tags, mut known) = session.known().await?;
    let registries = Registries::new(environment, &session, &args.registry.registry)?;
    let images = lookup::asked(&session, args.registry.pull_cache, &known);
    output.diagnostics(&look_up(&session, &registries, &images, &mut known).await?);
    let outcome = fetch_left_out(&session, &tags, &mut known, &args.run, environment, output).await?;
    if outcome != Outcome::Succeeded {
        return Ok(exit_code(outcome));
    }
    let plan = Arc::new(session.decide(&tags, &known));
    output.diagnostics(&plan.diagnostics);
    output.head(&plan);
    let Some(engine) = &session.engine else {
        return Err(CliError::usage("build needs an engine"));
    };
    let run = BuildRun {
        session: &session,
        engine,
        plan: &plan,
        images: &session.selected,
        args: &args.run,
        options,
    };
    let outcome = run.carry_out(environment, output).await?;
    if outcome == Outcome::Succeeded {
        output.diagnostics(others::on_engine(&session, engine, &plan).await.as_slice());
    }
    Ok(match outcome {
        Outcome::Interrupted => ExitCode::Interrupted,
        _ if has_errors(&plan.diagnostics) => ExitCode::Wrong,
        Outcome::Failed => ExitCode::Failed,
        Outcome::Succeeded => session.blocked_code(&plan),
    })
}

/// How a run that must succeed before anything else can follow ends the command.
pub(super) fn exit_code(outcome: Outcome) -> ExitCode {
    match outcome {
        Outcome::Interrupted => ExitCode::Interrupted,
        Outcome::Failed => ExitCode::Failed,
        Outcome::Succeeded => ExitCode::Done,
    }
}

/// Pulls what the images of `--exact` are built from and only a registry has.
pub(super) async fn fetch_left_out(
    session: &Session,
    tags: &TagPolicy,
    known: &mut [Known],
    args: &RunArgs,
    environment: &Environment,
    output: &mut Output,
) -> Result<Outcome, CliError> {
    let mut images = lookup::left_out(session, known);
    images.retain(|at| known[*at].remote.is_some());
    let (Some(engine), false) = (&session.engine, images.is_empty()) else { return Ok(Outcome::Succeeded) };
    let mut plan = session.decide_for(&images, &tags.without_moving(), known);
    plan.diagnostics.clear();
    let options = build_options(args, false, environment)?;
    let run = BuildRun { session, engine, plan: &Arc::new(plan), images: &images, args, options };
    let outcome = run.carry_out(environment, output).await?;
    if outcome == Outcome::Succeeded {
        for at in images {
            known[at].existing = session.project.images[at].key().map(|key| [key.tag()].into());
        }
    }
    Ok(outcome)
}

/// What `--secret`, `--ssh` and the like ask for; found wrong before anything is read.
pub(super) fn build_options(
    args: &RunArgs,
    no_cache: bool,
    environment: &Environment,
) -> Result<BuildOptions, CliError> {
    Ok(BuildOptions {
        unhashed_build_args: BTreeMap::new(),
        secrets: secrets(args, environment)?,
        ssh: ssh_agents(args, environment)?,
        network: args.network.clone(),
        add_hosts: args.add_host.clone(),
        no_cache,
        offline: false,
    })
}

/// A run that builds, tags and pulls on the engine.
pub(super) struct BuildRun<'a> {
    pub(super) session: &'a Session,
    pub(super) engine: &'a Arc<Engine>,
    pub(super) plan: &'a Arc<Plan>,
    /// The image of each step of the plan.
    pub(super) images: &'a [usize],
    pub(super) args: &'a RunArgs,
    pub(super) options: BuildOptions,
}

impl BuildRun<'_> {
    /// Carries out the plan, and shows how.
    pub(super) async fn carry_out(
        self,
        environment: &Environment,
        output: &mut Output,
    ) -> Result<Outcome, CliError> {
        let Self { session, engine, plan, images, args, options } = self;
        let dependencies = step_dependencies(session, images);
        let pulls = base_pulls(engine, plan, args.pull).await?;
        let run_options = RunOptions {
            jobs: jobs(args),
            fail_fast: args.fail_fast,
            hold_tags: has_errors(&plan.diagnostics).then(|| "errors were found in the checkout".to_owned()),
            lock: Some(LockScope {
                folder: environment.state_dir(),
                engine: engine.id().await?.to_owned(),
                namespace: plan.namespace.value.clone(),
            }),
        };
        let worker = EngineWorker {
            engine: Arc::clone(engine),
            commit_times: session.commit_times(images),
            origin_url: session.checkout.origin_url().map(str::to_owned),
            tree: Arc::clone(&session.tree),
            guard: session.guard(),
            project: Arc::clone(&session.project),
            images: images.to_vec(),
            plan: Arc::clone(plan),
            manifests: session.manifests(),
            credentials: Arc::clone(&session.credentials),
            options: BuildOptions {
                unhashed_build_args: session.resolved.options.unhashed_build_args.clone(),
                ..options
            },
        };
        let request = RunRequest { plan, dependencies: &dependencies, pulls: &pulls, options: &run_options };
        let mut reporter = output.reporter(plan, Work::Build, args.events.as_deref())?;
        let (events, received) = mpsc::channel(EVENT_CAPACITY);
        session.notices.shown_by(&events);
        let careful = session.signals.careful();
        let running = execution::run(request, Arc::new(worker), events, careful.token().clone());
        let (outcome, ()) = tokio::join!(running, follow(&mut reporter, received));
        let is_complete = reporter.is_complete();
        let positions =
            if is_complete { Vec::new() } else { tag_positions(session, engine, plan, outcome).await };
        output.finish(reporter, &positions);
        if is_complete && careful.token().is_cancelled() {
            output.result_line("interrupted when the tags were moving: that was finished first");
            return Ok(Outcome::Interrupted);
        }
        Ok(outcome)
    }
}

fn jobs(args: &RunArgs) -> usize {
    match args.jobs {
        Some(jobs) => jobs.get(),
        None => std::thread::available_parallelism().map_or(1, usize::from).min(4),
    }
}

/// For each step the steps that it is built from.
fn step_dependencies(session: &Session, images: &[usize]) -> Vec<Vec<usize>> {
    let step_of: BTreeMap<usize, usize> =
        images.iter().enumerate().map(|(step, image)| (*image, step)).collect();
    images
        .iter()
        .map(|image| {
            let dependencies = session.project.images[*image].dependencies();
            dependencies.into_iter().filter_map(|dependency| step_of.get(&dependency).copied()).collect()
        })
        .collect()
}

/// External bases that the engine lacks, or all with `--pull`, each with the steps that need it. What is locked
/// is known by its digest, which names nothing else tomorrow.
async fn base_pulls(engine: &Engine, plan: &Plan, always: bool) -> Result<Vec<BasePull>, CliError> {
    let mut needed: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, step) in plan.steps.iter().enumerate().filter(|(_, step)| step.action == Action::Build) {
        for base in &step.bases {
            let digest = step.locked.get(base).map(|digest| format!("@{digest}")).unwrap_or_default();
            needed.entry(format!("{base}{digest}")).or_default().push(at);
        }
    }
    let references: Vec<(String, ImageReference)> =
        needed.keys().filter_map(|base| Some((base.clone(), base.parse().ok()?))).collect();
    let asked: Vec<ImageReference> = references.iter().map(|(_, reference)| known_as(reference)).collect();
    let found = engine.inspect_all(&asked).await?;
    Ok(references
        .into_iter()
        .zip(found)
        .filter(|((_, reference), found)| found.is_none() || always && reference.digest.is_none())
        .filter_map(|((base, _), _)| Some(BasePull { images: needed.remove(&base)?, reference: base }))
        .collect())
}

/// By which name an engine has a base: where there is a digest, the tag beside it means nothing.
fn known_as(reference: &ImageReference) -> ImageReference {
    match &reference.digest {
        Some(digest) => reference.repository.with_digest(digest.clone()),
        None => reference.clone(),
    }
}
