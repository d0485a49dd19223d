use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use crate::diagnostic::{Diagnostic, has_errors};
use crate::execution::Outcome;
use crate::git::Checkout;
use crate::ops::build::BuildRun;
use crate::ops::facts::Facts;
use crate::ops::workspace::{EngineNeed, Watch, open};
use crate::ops::{Audience, Building, Config, Ending, Error, ImageRequest};
use crate::plan::Action;
use crate::settings::Choices;

/// How long the engine may take to answer. Git and its user wait; a little longer than for one question, whose own error
/// says more.
const PATIENCE: Duration = Duration::from_secs(11);

/// How much longer it may take for each tag; engines need a few hundredths of it.
const PATIENCE_PER_TAG: Duration = Duration::from_millis(200);

/// What came of a branch switch, if there is anything to say.
#[derive(Debug)]
pub enum Switched {
    /// Nothing is missing, or nothing was switched.
    InPlace,
    /// Errors were found in the checkout.
    Wrong,
    /// So many images of the branch have to be built or pulled, so no tag moved.
    ToBuild(usize),
    /// The engine was asked to move the tags, and they did not all move.
    NotMoved,
    /// It fell silent while they moved.
    Silent,
    /// Something else went wrong before any tag moved.
    Failed(Error),
}

/// Moves the tags of the images of a branch that was switched to, if all of them are there. `arguments` are what git
/// gives its hook. The switch is done: whatever goes wrong here is no failure.
pub async fn post_checkout(
    config: &Config,
    choices: &Choices,
    arguments: &[OsString],
    audience: &mut dyn Audience,
) -> Switched {
    // Whoever switched waits.
    let watch = Watch::once(config, audience, PATIENCE / 2);
    after_switch(config, choices, arguments, &watch).await.unwrap_or_else(Switched::Failed)
}

async fn after_switch(
    config: &Config,
    choices: &Choices,
    arguments: &[OsString],
    watch: &Arc<Watch>,
) -> Result<Switched, Error> {
    if !switches(arguments) || !is_on_another_branch(&Checkout::discover(&config.folder)?) {
        return Ok(Switched::InPlace);
    }
    let request = ImageRequest { choices: choices.clone(), ..ImageRequest::default() };
    let opening = open(config, &request, EngineNeed::Required, Some(watch));
    let (workspace, services) = in_time(PATIENCE, opening).await??;
    if workspace.project.images.is_empty() {
        return Ok(Switched::InPlace);
    }
    let asking = Facts::of_engine(&workspace, services.store.as_deref());
    let plan = Arc::new(in_time(PATIENCE, asking).await??.plan(&workspace));
    if has_errors(&plan.diagnostics) {
        return Ok(Switched::Wrong);
    }
    let count = |counted: &[Action]| plan.steps.iter().filter(|step| counted.contains(&step.action)).count();
    let to_build = count(&[Action::Build, Action::Pull]);
    if to_build > 0 {
        return Ok(Switched::ToBuild(to_build));
    }
    if count(&[Action::Tag]) == 0 {
        return Ok(Switched::InPlace);
    }
    let run = BuildRun {
        workspace: &workspace,
        services: &services,
        plan: &plan,
        building: &Building::default(),
        no_cache: false,
    };
    let wanted: usize = plan.steps.iter().map(|step| step.tags.len()).sum();
    let patience = PATIENCE + PATIENCE_PER_TAG * u32::try_from(wanted).unwrap_or(u32::MAX);
    let mut nobody = ();
    let Ok(outcome) = in_time(patience, run.carry_out(&mut nobody)).await else {
        return Ok(Switched::Silent);
    };
    Ok(if outcome? == Outcome::Succeeded { Switched::InPlace } else { Switched::NotMoved })
}

/// An engine may take a connection and then hang, which must not hold up the switch.
async fn in_time<T>(patience: Duration, work: impl Future<Output = T>) -> Result<T, Error> {
    tokio::time::timeout(patience, work).await.map_err(|_| {
        let silent = format!("the engine does not answer within {} s", patience.as_secs());
        Error::one(Ending::NoEngine, Diagnostic::error(silent))
    })
}

/// Git says `OLD NEW 1` for whole checkouts; for the first one of a clone or a worktree OLD is all zeros.
fn switches(arguments: &[OsString]) -> bool {
    let [old, _, flag] = arguments else { return false };
    flag == "1" && old.to_string_lossy().bytes().any(|byte| byte != b'0')
}

fn is_on_another_branch(checkout: &Checkout) -> bool {
    let is_same = checkout.last_switch().is_some_and(|(from, to)| from == to);
    checkout.head().branch.is_some() && !is_same && !checkout.is_in_progress()
}
