use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::args::{GlobalArgs, PushArgs};
use super::build::{BuildRun, build_options, listen_for_interruption};
use super::environment::Environment;
use super::error::{CliError, ExitCode};
use super::forks::{observed_without_login, registry_without_login};
use super::output::{Output, follow};
use super::push_refusals::refusals;
use super::registries::{credentials, registry};
use super::session::{EngineNeed, Request, Session, has_errors};
use super::settings;
use crate::diagnostic::Diagnostic;
use crate::execution::{EVENT_CAPACITY, Event, Outcome};
use crate::image::Tag;
use crate::plan::{Known, Plan, Step, TagPolicy, needed};
use crate::publish::{
    FailureKind, Judgement, Observed, Publication, Publisher, Report, Wanted, decide, destination, judge,
    observe,
};
use crate::registry::{Credentials, Registry};

/// When tags move: those of branches before `latest`.
const BRANCH: u8 = 0;
const LATEST: u8 = 1;

/// `shipwright push`: build what neither the engine nor the registry has, push what the registry lacks, and move
/// its tags.
pub(super) async fn run(
    global: &GlobalArgs,
    args: &PushArgs,
    environment: &Environment,
    output: &mut Output,
) -> Result<ExitCode, CliError> {
    if global.offline {
        return Err(CliError::usage_with_hint("push needs a registry", "leave --offline out"));
    }
    let options = build_options(&args.build, environment)?;
    let request = Request {
        global,
        selection: &args.build.selection,
        image: &args.build.image,
        environment,
        engine: EngineNeed::Platform,
    };
    let session = Session::open(&request).await?;
    output.use_files(session.tree.clone());
    let (tags, mut known) = session.known().await?;
    let plan = Arc::new(session.decide(&tags, &known));
    output.diagnostics(&plan.diagnostics);
    let refused = refusals(&session, &plan, args.build.image.dirty)?;
    if !refused.is_empty() || has_errors(&plan.diagnostics) {
        return Err(CliError::wrong(refused));
    }

    let credentials = credentials(environment);
    let registry = registry(environment, &credentials);
    let wanted = wanted(&session, &plan, &registries(args, &session)?)?;
    let forked = registry_without_login(&session, environment, &wanted, &credentials).await?;
    let observed = observe(&registry, &wanted).await;
    let observed = if forked.is_some() { observed_without_login(observed, &wanted) } else { observed? };
    let publications: Vec<Publication> =
        wanted.iter().zip(&observed).map(|(wanted, observed)| decide(wanted, observed)).collect();
    let objections = objections(&session, &publications, &wanted, args.force);
    output.diagnostics(&objections);
    if has_errors(&objections) {
        return Err(CliError { diagnostics: Vec::new(), code: ExitCode::Failed, root: None });
    }

    note_pulls(&session, &wanted, &observed, &mut known);
    let missing = missing(&session, &publications, &known);
    let work = needed(&session.project, &missing, &|at| known[at].existing.is_some(), &|at| {
        known[at].remote.is_some()
    });
    if !work.is_empty() {
        if args.no_build {
            return Err(not_built(&session, &work));
        }
        let outcome = make(&session, &work, &tags, &known, args, options, environment, output).await?;
        if outcome != Outcome::Succeeded {
            return Ok(if outcome == Outcome::Interrupted {
                ExitCode::Interrupted
            } else {
                ExitCode::Failed
            });
        }
    }
    if let Some(host) = forked {
        output.result_line(&format!(
            "nothing pushed: this is a pull request of a fork and there are no credentials for {host}"
        ));
        return Ok(session.blocked_code(&plan));
    }
    let code = publish(&session, &plan, publications, registry, credentials, args, output).await?;
    Ok(if code == ExitCode::Done { session.blocked_code(&plan) } else { code })
}

/// Where to: the flags', else the settings', else where each name says.
fn registries(args: &PushArgs, session: &Session) -> Result<Vec<Option<String>>, CliError> {
    let flags: Result<Vec<String>, _> = args.registry.iter().map(|text| settings::registry(text)).collect();
    let flags = flags.map_err(|error| CliError::usage(format!("--registry: {error}")))?;
    let chosen = if flags.is_empty() { session.resolved.registries.clone() } else { flags };
    Ok(if chosen.is_empty() { vec![None] } else { chosen.into_iter().map(Some).collect() })
}

/// Everything that should be there, registry by registry. Images that stand aside are published only when named.
fn wanted(session: &Session, plan: &Plan, registries: &[Option<String>]) -> Result<Vec<Wanted>, CliError> {
    let mut wanted = Vec::new();
    for registry in registries {
        for (at, step) in plan.steps.iter().enumerate() {
            let Some(key) = step.reference.as_ref().and_then(|reference| reference.tag.clone()) else {
                continue;
            };
            if step.aside && !session.named {
                continue;
            }
            let repository = destination(&step.repository, registry.as_deref()).map_err(CliError::usage)?;
            let ready = session.project.images[session.selected[at]].ready();
            let Some(ready) = ready else { continue };
            let settled = step.tags.iter().filter(|tag| !tag.moves && tag.tag != key);
            wanted.push(Wanted {
                step: at,
                repository,
                platform: ready.material.platform.clone(),
                settled: settled.map(|tag| tag.tag.clone()).collect(),
                moving: moving(session, step, at),
                key,
            });
        }
    }
    Ok(wanted)
}

/// `latest` is the default branch's alone, and a dirty image only stands under its branch.
fn moving(session: &Session, step: &Step, at: usize) -> Vec<(u8, Tag)> {
    let name = &session.project.images[session.selected[at]].name;
    let latest = Tag::new("latest").ok().map(|tag| name.tag(&tag));
    let branch = session.reference.tag.as_ref().map(|tag| name.tag(tag));
    let tags = step.tags.iter().filter(|tag| tag.moves).map(|tag| tag.tag.clone());
    tags.filter(|tag| !step.dirty || Some(tag) == branch.as_ref())
        .filter(|tag| Some(tag) != latest.as_ref() || session.reference.is_default)
        .map(|tag| (if Some(&tag) == latest.as_ref() { LATEST } else { BRANCH }, tag))
        .collect()
}

fn objections(
    session: &Session,
    publications: &[Publication],
    wanted: &[Wanted],
    force: bool,
) -> Vec<Diagnostic> {
    let is_ancestor = |revision| {
        let holds = session.checkout.is_ancestor(revision, session.commit?).unwrap_or(false);
        // Where the history was cut off, a commit that is not seen may be beyond the cut.
        if !holds && session.checkout.is_shallow() { None } else { Some(holds) }
    };
    let judgement = Judgement { is_ancestor: &is_ancestor, force };
    publications
        .iter()
        .zip(wanted)
        .flat_map(|(publication, wanted)| judge(publication, &wanted.platform, &judgement))
        .collect()
}

/// What a registry has need not be built.
fn note_pulls(session: &Session, wanted: &[Wanted], observed: &[Observed], known: &mut [Known]) {
    for (wanted, observed) in wanted.iter().zip(observed) {
        let at = session.selected[wanted.step];
        if observed.key.is_some() && known[at].existing.is_none() {
            known[at].remote.get_or_insert_with(|| wanted.repository.with_tag(wanted.key.clone()));
        }
    }
}

/// Images that some registry lacks and the engine has not either.
fn missing(session: &Session, publications: &[Publication], known: &[Known]) -> Vec<usize> {
    let missing: BTreeSet<usize> = publications
        .iter()
        .filter(|publication| publication.found.is_none())
        .map(|publication| session.selected[publication.step])
        .filter(|at| known[*at].existing.is_none())
        .collect();
    missing.into_iter().collect()
}

fn not_built(session: &Session, work: &[usize]) -> CliError {
    let names: Vec<String> = work.iter().map(|at| session.project.images[*at].name.full()).collect();
    let diagnostic =
        Diagnostic::error(format!("neither the engine nor the registry has {}", names.join(", ")))
            .hint("without --no-build they are built");
    CliError { diagnostics: vec![diagnostic], code: ExitCode::Failed, root: None }
}

/// Builds and pulls. When that brings all selected images to the engine, it is a whole run with its moving tags;
/// else those stay, because the images under them would not belong together.
#[expect(clippy::too_many_arguments, reason = "it hands all of it on")]
async fn make(
    session: &Session,
    work: &[usize],
    tags: &TagPolicy,
    known: &[Known],
    args: &PushArgs,
    options: crate::execution::BuildOptions,
    environment: &Environment,
    output: &mut Output,
) -> Result<Outcome, CliError> {
    let Some(engine) = &session.engine else {
        return Err(CliError {
            diagnostics: vec![
                Diagnostic::error(format!("{} images have to be built, and no engine answers", work.len()))
                    .hint("start one, or name one with -H or DOCKER_HOST"),
            ],
            code: ExitCode::NoEngine,
            root: None,
        });
    };
    let is_there = |at: &usize| known[*at].existing.is_some() || work.contains(at);
    let plan = if session.selected.iter().all(is_there) {
        (session.decide(tags, known), session.selected.clone())
    } else {
        let still = TagPolicy { branch: None, moving: Vec::new(), ..tags.clone() };
        (session.decide_for(work, &still, known), work.to_vec())
    };
    let (plan, images) = (Arc::new(plan.0), plan.1);
    output.head(&plan);
    let run = BuildRun { session, engine, plan: &plan, images: &images, args: &args.build, options };
    run.carry_out(environment, output).await
}

async fn publish(
    session: &Session,
    plan: &Arc<Plan>,
    publications: Vec<Publication>,
    registry: Registry,
    credentials: Arc<Credentials>,
    args: &PushArgs,
    output: &mut Output,
) -> Result<ExitCode, CliError> {
    if publications.iter().all(Publication::is_in_place) {
        output.result_line(&format!("{} in the registry: nothing to push", images(publications.len())));
        output.summarise_in_place(plan);
        return Ok(ExitCode::Done);
    }
    for line in moves(&publications) {
        output.result_line(&line);
    }
    let begun = Instant::now();
    let mut reporter = output.reporter_after(plan, args.build.run.events.as_deref())?;
    let (events, received) = mpsc::channel(EVENT_CAPACITY);
    let interruption = CancellationToken::new();
    let listening = listen_for_interruption(interruption.clone());
    let publisher = Publisher {
        engine: session.engine.clone(),
        registry,
        credentials,
        plan: Arc::clone(plan),
        events: events.clone(),
    };
    let publishing = async {
        let report = publisher.run(&publications, &interruption).await;
        let outcome = match &report {
            report if report.interrupted => Outcome::Interrupted,
            report if report.failures.is_empty() => Outcome::Succeeded,
            _ => Outcome::Failed,
        };
        events.send(Event::Finished { outcome, elapsed: begun.elapsed() }).await.ok();
        drop((events, publisher));
        report
    };
    let (report, ()) = tokio::join!(publishing, follow(&mut reporter, received));
    listening.abort();
    drop(reporter);
    Ok(conclude(&report, &publications, begun, output))
}

/// Says from where to where tags move, before they do.
fn moves(publications: &[Publication]) -> Vec<String> {
    let mut lines = Vec::new();
    for publication in publications {
        for moved in &publication.moves {
            let from = match &moved.from {
                None => "new".to_owned(),
                Some(from) => match from.revision {
                    Some(revision) => format!("is at {}", revision.short()),
                    None => "is on an image without a commit".to_owned(),
                },
            };
            lines.push(format!("  move   {}   {from}", publication.tagged(&moved.tag)));
        }
    }
    lines
}

fn conclude(report: &Report, publications: &[Publication], begun: Instant, output: &Output) -> ExitCode {
    let failures: Vec<Diagnostic> = report
        .failures
        .iter()
        .map(|failure| {
            let diagnostic = Diagnostic::error(failure.message.clone());
            match &failure.hint {
                Some(hint) => diagnostic.hint(hint.clone()),
                None => diagnostic,
            }
        })
        .collect();
    output.diagnostics(&failures);
    let behind: Vec<Diagnostic> = report
        .left_behind
        .iter()
        .map(|reference| {
            Diagnostic::error(format!(
                "{reference} could not be put back and does not belong with the others"
            ))
            .hint("run `shipwright push` again: it repairs that")
        })
        .collect();
    output.diagnostics(&behind);
    let took = begun.elapsed().as_secs_f64();
    if report.interrupted {
        output.result_line("interrupted: run again to finish");
        return ExitCode::Interrupted;
    }
    if report.failures.is_empty() {
        output.result_line(&format!(
            "{}: {} pushed, {} tags written, {took:.1} s",
            images(publications.len()),
            report.pushed,
            report.tagged
        ));
        return ExitCode::Done;
    }
    output.result_line(&format!(
        "failed: {} pushed, {} tags written, {took:.1} s",
        report.pushed, report.tagged
    ));
    if report.failures.iter().any(|failure| failure.kind == FailureKind::Registry) {
        ExitCode::Registry
    } else {
        ExitCode::Failed
    }
}

fn images(count: usize) -> String {
    if count == 1 { "1 image".to_owned() } else { format!("{count} images") }
}
