use std::sync::Arc;

use super::args::RunArgs;
use crate::checkout::Checkout;
use crate::cli::args::{BuildArgs, GlobalArgs};
use crate::cli::build::{BuildRun, build_options};
use crate::cli::environment::Environment;
use crate::cli::error::{CliError, ExitCode};
use crate::cli::output::Output;
use crate::cli::session::{EngineNeed, Request, Session, has_errors, start_folder};
use crate::execution::Outcome;
use crate::plan::Action;

/// The hook `post-checkout`. The checkout is done: whatever goes wrong here is one line, and no failure.
pub(super) async fn run(
    global: &GlobalArgs,
    args: &RunArgs,
    environment: &Environment,
    output: &mut Output,
) -> ExitCode {
    let said = match after_switch(global, args, environment).await {
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
    };
    let session = Session::open(&request).await?;
    if session.project.images.is_empty() {
        return Ok(None);
    }
    let (tags, known) = session.known().await?;
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
    let outcome = run.carry_out(environment, &mut Output::unheard().0).await?;
    Ok((outcome != Outcome::Succeeded)
        .then(|| "the branch's image tags did not move: run shipwright".to_owned()))
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
