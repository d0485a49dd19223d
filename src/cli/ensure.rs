use std::collections::BTreeSet;
use std::sync::Arc;

use super::args::{EnsureArgs, GlobalArgs, SelectionArgs};
use super::build::{BuildRun, build_options, exit_code};
use super::environment::Environment;
use super::error::{CliError, ExitCode};
use super::lookup::look_up;
use super::output::Output;
use super::publishing::Publishing;
use super::push_refusals::unsettled_names;
use super::registries::Registries;
use super::session::{EngineNeed, Request, Session};
use super::watch::{Watch, planned_again};
use crate::diagnostic::Diagnostic;
use crate::execution::Outcome;
use crate::image::ImageReference;
use crate::plan::{Action, Known, Plan, TagPolicy, needed};
use crate::publish::{Judgement, Publication, Wanted, decide, destination, observe};

/// `shipwright ensure`: have images on the engine, pulled or built, and print their references, one a line.
/// Everything else goes to standard error, so that `docker run $(shipwright ensure api)` works.
pub(super) async fn run(
    global: &GlobalArgs,
    args: &EnsureArgs,
    environment: &Environment,
    output: &mut Output,
) -> Result<ExitCode, CliError> {
    output.keep_stdout();
    match ensure(global, args, environment, output).await? {
        Ok(references) => {
            let lines: Vec<String> = references.iter().map(ToString::to_string).collect();
            output.result(format!("{}\n", lines.join("\n")).as_bytes())
        }
        Err(code) => Ok(code),
    }
}

/// Gives the references of all images, or the exit code of a run that has said why it failed.
pub(super) async fn ensure(
    global: &GlobalArgs,
    args: &EnsureArgs,
    environment: &Environment,
    output: &mut Output,
) -> Result<Result<Vec<ImageReference>, ExitCode>, CliError> {
    refuse_contradictions(global, args)?;
    planned_again(environment, output, async |watch, output| {
        ensure_once(global, args, environment, watch, output).await
    })
    .await
}

async fn ensure_once(
    global: &GlobalArgs,
    args: &EnsureArgs,
    environment: &Environment,
    watch: &Arc<Watch>,
    output: &mut Output,
) -> Result<Result<Vec<ImageReference>, ExitCode>, CliError> {
    let options = build_options(&args.run, false, environment)?;
    let selection = SelectionArgs { targets: args.images.clone(), ..SelectionArgs::default() };
    let request = Request {
        global,
        selection: &selection,
        image: &args.image,
        environment,
        engine: EngineNeed::Required,
        watch: Some(watch),
    };
    let session = Session::open(&request).await?;
    output.use_files(session.tree.clone());
    let Some(engine) = &session.engine else {
        return Err(CliError::usage("ensure needs an engine"));
    };
    let wanted = wanted(&session, &args.images)?;
    let registries = Registries::new(environment, &session.resolved, &args.registry)?;
    let (tags, mut known) = session.known().await?;
    let tags = tags.without_moving();
    can_be_had(&session, &wanted, &tags, &known, output)?;
    if args.remote.pushes() {
        let refused = unsettled_names(&session, &wanted);
        if !refused.is_empty() {
            return Err(CliError::wrong(refused));
        }
    }
    if args.remote.pulls() {
        let missing = work(&session, &wanted, &known);
        output.diagnostics(&look_up(&session, &registries, &missing, &mut known).await?);
    }
    let work = work(&session, &wanted, &known);
    let mut built = Vec::new();
    if !work.is_empty() {
        let plan = Arc::new(own_plan(&session, &work, &tags, &known));
        output.head(&plan);
        let run =
            BuildRun { session: &session, engine, plan: &plan, images: &work, args: &args.run, options };
        let outcome = run.carry_out(environment, output).await?;
        if outcome != Outcome::Succeeded {
            return Ok(Err(exit_code(outcome)));
        }
        let steps = work.iter().zip(&plan.steps);
        built.extend(steps.filter(|(_, step)| step.action == Action::Build).map(|(at, _)| *at));
    }
    if args.remote.pushes() {
        let images: BTreeSet<usize> = wanted.iter().chain(&built).copied().collect();
        let images: Vec<usize> = images.into_iter().collect();
        let code = push(&session, &registries, &images, &tags, args, output).await?;
        if code != ExitCode::Done {
            return Ok(Err(code));
        }
    }
    session.still_holds()?;
    Ok(Ok(wanted.iter().filter_map(|at| session.project.images[*at].reference()).collect()))
}

fn refuse_contradictions(global: &GlobalArgs, args: &EnsureArgs) -> Result<(), CliError> {
    if global.offline {
        return Err(CliError::usage_with_hint("ensure needs an engine", "`--remote none` asks no registry"));
    }
    if args.image.no_cache {
        return Err(CliError::usage_with_hint(
            "ensure builds nothing that exists",
            "`shipwright build --no-cache IMAGE` builds it again",
        ));
    }
    if !args.image.tags.is_empty() {
        return Err(CliError::usage_with_hint(
            "ensure moves no tags",
            "leave -t out, or use `shipwright build`",
        ));
    }
    Ok(())
}

/// The images that are meant, in the order of their names, each once.
fn wanted(session: &Session, names: &[String]) -> Result<Vec<usize>, CliError> {
    let mut wanted = Vec::new();
    for name in names {
        for at in session.named(name)? {
            if !wanted.contains(&at) {
                wanted.push(at);
            }
        }
    }
    Ok(wanted)
}

/// What has to be pulled or built.
fn work(session: &Session, wanted: &[usize], known: &[Known]) -> Vec<usize> {
    let is_here = |at: usize| known[at].existing.is_some();
    needed(&session.project, wanted, &is_here, &|at| known[at].remote.is_some())
}

/// What is wrong elsewhere in the checkout does not matter here.
fn own_plan(session: &Session, images: &[usize], tags: &TagPolicy, known: &[Known]) -> Plan {
    let mut plan = session.decide_for(images, tags, known);
    plan.diagnostics.retain(|diagnostic| {
        let place = diagnostic.location.as_ref().map(|location| &location.path);
        place.is_some_and(|path| {
            session.selected.iter().any(|at| session.project.images[*at].dockerfile == *path)
        })
    });
    plan
}

/// Says what is wrong with the images and what they are built from; an image that cannot be built ends it.
fn can_be_had(
    session: &Session,
    wanted: &[usize],
    tags: &TagPolicy,
    known: &[Known],
    output: &Output,
) -> Result<(), CliError> {
    let plan = own_plan(session, &session.selected, tags, known);
    output.diagnostics(&plan.diagnostics);
    let blocked = session
        .selected
        .iter()
        .zip(&plan.steps)
        .filter(|(at, step)| wanted.contains(at) && step.action == Action::Blocked);
    let errors: Vec<Diagnostic> = blocked
        .map(|(_, step)| {
            let reasons: Vec<&str> = step.reasons.iter().map(|reason| reason.text.as_str()).collect();
            Diagnostic::error(format!("{} cannot be built: {}", step.name(), reasons.join("; ")))
        })
        .collect();
    if errors.is_empty() { Ok(()) } else { Err(CliError::wrong(errors)) }
}

/// Puts images into the registries by their keys, with the tags of their commits where they are clean.
async fn push(
    session: &Session,
    registries: &Registries,
    images: &[usize],
    tags: &TagPolicy,
    args: &EnsureArgs,
    output: &mut Output,
) -> Result<ExitCode, CliError> {
    let known = vec![Known::default(); session.project.images.len()];
    let plan = Arc::new(session.decide_for(images, tags, &known));
    let mut wanted = Vec::new();
    for registry in &registries.places {
        for (at, step) in plan.steps.iter().enumerate() {
            let Some(ready) = session.project.images[images[at]].ready() else { continue };
            wanted.push(Wanted {
                step: at,
                repository: destination(&step.repository, registry.as_deref()).map_err(CliError::usage)?,
                key: ready.key.tag(),
                platform: ready.material.platform.clone(),
                settled: step
                    .tags
                    .iter()
                    .map(|tag| tag.tag.clone())
                    .filter(|tag| *tag != ready.key.tag())
                    .collect(),
                moving: Vec::new(),
            });
        }
    }
    let observed = observe(&registries.client, &wanted).await?;
    let publications: Vec<Publication> =
        wanted.iter().zip(&observed).map(|(wanted, observed)| decide(wanted, observed)).collect();
    let events = args.run.events.as_deref();
    let judgement = Judgement { is_ancestor: &|_| None, force: false };
    let publishing = Publishing { session, plan: &plan, registries, judgement: &judgement, events };
    publishing.carry_out(&publications, output).await
}
