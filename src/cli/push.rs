use std::collections::BTreeSet;
use std::sync::Arc;

use super::args::{GlobalArgs, PushArgs};
use super::build::{BuildRun, build_options, fetch_left_out};
use super::environment::Environment;
use super::error::{CliError, ExitCode};
use super::forks::{cannot_push, observed_without_login};
use super::lookup::{self, look_up};
use super::others;
use super::output::Output;
use super::publishing::Publishing;
use super::push_refusals::refusals;
use super::registries::Registries;
use super::session::{EngineNeed, Request, Session, has_errors};
use super::watch::{Watch, planned_again};
use crate::diagnostic::Diagnostic;
use crate::execution::Outcome;
use crate::git::CommitId;
use crate::image::Tag;
use crate::plan::{Known, Plan, Step, TagPolicy, needed};
use crate::publish::{
    Identity, Judgement, Observed, Publication, Wanted, decide, destination, judge, observe,
};

/// When tags move: those of branches before `latest`.
const BRANCH: u8 = 0;
const LATEST: u8 = 1;

/// How many inputs of an image are listed that git does not have.
const UNVERSIONED_SHOWN: usize = 5;

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
    if args.build.image.no_cache {
        return Err(CliError::usage_with_hint(
            "push builds nothing that exists: what a registry has under a key is never replaced",
            "leave --no-cache out; `shipwright build --no-cache` builds for the engine alone",
        ));
    }
    planned_again(environment, output, async |watch, output| {
        push(global, args, environment, watch, output).await
    })
    .await
}

async fn push(
    global: &GlobalArgs,
    args: &PushArgs,
    environment: &Environment,
    watch: &Arc<Watch>,
    output: &mut Output,
) -> Result<ExitCode, CliError> {
    let options = build_options(&args.build.run, false, environment)?;
    let request = Request {
        global,
        selection: &args.build.selection,
        image: &args.build.image,
        environment,
        engine: EngineNeed::Platform,
        watch: Some(watch),
    };
    let session = Session::open(&request).await?;
    output.use_files(session.tree.clone());
    session.notices.said_by(output.speaker());
    let registries = Registries::new(environment, &session, &args.build.registry.registry)?;
    let (tags, mut known) = session.known().await?;
    let left_out = lookup::left_out(&session, &known);
    output.diagnostics(&look_up(&session, &registries, &left_out, &mut known).await?);
    let plan = Arc::new(session.decide(&tags, &known));
    output.diagnostics(&plan.diagnostics);
    output.diagnostics(&unversioned(&plan));
    let refused = refusals(&session, &plan, args.build.image.dirty)?;
    if !refused.is_empty() || has_errors(&plan.diagnostics) {
        return Err(CliError::wrong(refused));
    }

    let wanted = wanted(&session, &plan, &registries.places)?;
    let forked = cannot_push(&session, environment, &wanted, &registries).await?;
    let observed = observe(&registries.standings, &wanted).await;
    let observed = if forked.is_some() { observed_without_login(observed, &wanted) } else { observed? };
    let publications: Vec<Publication> =
        wanted.iter().zip(&observed).map(|(wanted, observed)| decide(wanted, observed)).collect();
    let is_ancestor = |revision| is_ancestor(&session, revision);
    let judgement = Judgement { is_ancestor: &is_ancestor, force: args.force };
    let objections: Vec<Diagnostic> =
        publications.iter().flat_map(|publication| judge(publication, &judgement)).collect();
    output.diagnostics(&objections);
    if has_errors(&objections) {
        let is_wrong = publications.iter().any(|publication| publication.impostor.is_some());
        let code = if is_wrong { ExitCode::Registry } else { ExitCode::Failed };
        return Err(CliError { diagnostics: Vec::new(), code, root: None });
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
    if let Some(why) = forked {
        output.result_line(&format!("nothing pushed: this is a pull request of a fork and {why}"));
        return Ok(session.blocked_code(&plan));
    }
    let publishing = Publishing {
        session: &session,
        plan: &plan,
        registries: &registries,
        judgement: &judgement,
        events: args.build.run.events.as_deref(),
    };
    let is_change = !publications.iter().all(Publication::is_in_place);
    let code = publishing.carry_out(&publications, output).await?;
    if code == ExitCode::Done && is_change {
        output.diagnostics(&others::in_registries(&session, &registries).await);
    }
    Ok(if code == ExitCode::Done { session.blocked_code(&plan) } else { code })
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
                identity: Identity { key: ready.key, platform: ready.material.platform.clone() },
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

/// Whether a commit is in the history of what is pushed.
fn is_ancestor(session: &Session, revision: CommitId) -> Option<bool> {
    let holds = session.checkout.is_ancestor(revision, session.commit?).unwrap_or(false);
    // Where the history was cut off, a commit that is not seen may be beyond the cut.
    if !holds && session.checkout.is_shallow() { None } else { Some(holds) }
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

/// Nobody can make these again from the commit alone.
fn unversioned(plan: &Plan) -> Vec<Diagnostic> {
    let steps = plan.steps.iter().filter(|step| !step.unversioned.is_empty());
    steps
        .map(|step| {
            let mut files: Vec<String> =
                step.unversioned.iter().take(UNVERSIONED_SHOWN).map(ToString::to_string).collect();
            let more = step.unversioned.len() - files.len();
            if more > 0 {
                files.push(format!("{more} more"));
            }
            Diagnostic::note(format!("{} holds what git does not have: {}", step.name(), files.join(", ")))
        })
        .collect()
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
    let mut known = known.to_vec();
    let outcome = fetch_left_out(session, tags, &mut known, &args.build.run, environment, output).await?;
    if outcome != Outcome::Succeeded {
        return Ok(outcome);
    }
    let known = &known[..];
    let is_there = |at: &usize| known[*at].existing.is_some() || work.contains(at);
    let plan = if session.selected.iter().all(is_there) {
        (session.decide(tags, known), session.selected.clone())
    } else {
        (session.decide_for(work, &tags.without_moving(), known), work.to_vec())
    };
    let (plan, images) = (Arc::new(plan.0), plan.1);
    output.head(&plan);
    let run = BuildRun { session, engine, plan: &plan, images: &images, args: &args.build.run, options };
    run.carry_out(environment, output).await
}
