use std::sync::Arc;
use std::time::Duration;

use super::args::RunArgs;
use crate::cli::args::{BuildArgs, GlobalArgs};
use crate::cli::build::{BuildRun, build_options};
use crate::cli::environment::Environment;
use crate::cli::error::{CliError, ExitCode};
use crate::cli::output::Output;
use crate::cli::session::{EngineNeed, Request, Session, has_errors, start_folder};
use crate::cli::watch::Watch;
use crate::diagnostic::Diagnostic;
use crate::execution::Outcome;
use crate::git::Checkout;
use crate::plan::Action;

/// How long the engine may take to answer. Git and its user wait; a little longer than for one question, whose own error
/// says more.
const PATIENCE: Duration = Duration::from_secs(11);

/// How much longer it may take for each tag; engines need a few hundredths of it.
const PATIENCE_PER_TAG: Duration = Duration::from_millis(200);

/// The hook `post-checkout`. The checkout is done: whatever goes wrong here is one line, and no failure.
pub(super) async fn run(
    global: &GlobalArgs,
    args: &RunArgs,
    environment: &Environment,
    output: &mut Output,
) -> ExitCode {
    // Whoever switched waits.
    let watch = Watch::once(environment, output, PATIENCE / 2);
    let said = match after_switch(global, args, environment, &watch).await {
        Ok(said) => said,
        Err(error) => {
            let why = error.diagnostics.first().map(|found| found.message.as_str()).unwrap_or_default();
            let why = why.lines().next().unwrap_or_default();
            Some(format!("shipwright: no image tag is moved: {why}"))
        }
    };
    if let Some(line) = said {
        output.result_line(&line);
    }
    ExitCode::Done
}

/// Moves the tags of the branch's images if all of them are there. Gives what there is to say.
async fn after_switch(
    global: &GlobalArgs,
    args: &RunArgs,
    environment: &Environment,
    watch: &Arc<Watch>,
) -> Result<Option<String>, CliError> {
    if !switches(args) || !is_on_another_branch(&Checkout::discover(&start_folder(global, environment))?) {
        return Ok(None);
    }
    let args = BuildArgs::default();
    let options = build_options(&args.run, false, environment)?;
    let request = Request {
        global,
        selection: &args.selection,
        image: &args.image,
        environment,
        engine: EngineNeed::Required,
        watch: Some(watch),
    };
    let session = in_time(PATIENCE, Session::open(&request)).await??;
    if session.project.images.is_empty() {
        return Ok(None);
    }
    let (tags, known) = in_time(PATIENCE, session.known()).await??;
    let plan = Arc::new(session.decide(&tags, &known));
    if has_errors(&plan.diagnostics) {
        return Ok(Some("errors in Dockerfiles or settings: run shipwright".to_owned()));
    }
    let count = |counted: &[Action]| plan.steps.iter().filter(|step| counted.contains(&step.action)).count();
    let to_build = count(&[Action::Build, Action::Pull]);
    if to_build > 0 {
        return Ok(Some(format!("{to_build} to build: run shipwright")));
    }
    let Some(engine) = session.engine.as_ref().filter(|_| count(&[Action::Tag]) > 0) else { return Ok(None) };
    let run = BuildRun {
        session: &session,
        engine,
        plan: &plan,
        images: &session.selected,
        args: &args.run,
        options,
    };
    let wanted: usize = plan.steps.iter().map(|step| step.tags.len()).sum();
    let patience = PATIENCE + PATIENCE_PER_TAG * u32::try_from(wanted).unwrap_or(u32::MAX);
    let mut unheard = Output::unheard().0;
    let Ok(outcome) = in_time(patience, run.carry_out(environment, &mut unheard)).await else {
        return Ok(Some(
            "the engine stopped answering while the branch's image tags moved: run shipwright".into(),
        ));
    };
    Ok((outcome? != Outcome::Succeeded)
        .then(|| "the branch's image tags did not move: run shipwright".to_owned()))
}

/// An engine may take a connection and then hang, which must not hold up the switch.
async fn in_time<T>(patience: Duration, work: impl Future<Output = T>) -> Result<T, CliError> {
    tokio::time::timeout(patience, work).await.map_err(|_| CliError {
        diagnostics: vec![Diagnostic::error(format!(
            "the engine does not answer within {} s",
            patience.as_secs()
        ))],
        code: ExitCode::NoEngine,
        root: None,
    })
}

/// Git says `OLD NEW 1` for whole checkouts; for the first one of a clone or a worktree OLD is all zeros.
fn switches(args: &RunArgs) -> bool {
    let [old, _, flag] = &args.arguments[..] else { return false };
    flag == "1" && old.to_string_lossy().bytes().any(|byte| byte != b'0')
}

fn is_on_another_branch(checkout: &Checkout) -> bool {
    let is_same = checkout.last_switch().is_some_and(|(from, to)| from == to);
    checkout.head().branch.is_some() && !is_same && !checkout.is_in_progress()
}
