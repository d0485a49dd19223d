//! Builds and tags on the engine what a checkout needs.

mod bases;
mod caches;
mod positions;
mod remote;
mod run;

pub(super) use caches::{CacheChoice, caches};
pub(super) use remote::RemoteRun;
pub(super) use run::BuildRun;

use std::sync::Arc;

use super::workspace::{EngineNeed, Watch, Workspace, open, planned_again};
use super::{Audience, Building, Config, Ending, Error, ImageRequest, News, Services, facts::Facts, others};
use crate::diagnostic::has_errors;
use crate::execution::Outcome;
use crate::ops::registries::{self, Registries};
use crate::plan::Plan;

/// What [`build`](fn@build) is to do.
#[derive(Clone, Debug, Default)]
pub struct BuildRequest {
    /// Which images.
    pub images: ImageRequest,
    /// Whether what a registry has by its key is pulled instead of built.
    pub pull_cache: bool,
    /// How to build.
    pub building: Building,
}

/// What a build came to.
#[derive(Clone, Debug)]
pub struct Built {
    /// What was planned; none where images that had to be pulled first could not be.
    pub plan: Option<Arc<Plan>>,
    /// How it ended.
    pub ending: Ending,
}

/// Builds and tags what is needed, and nothing else.
///
/// # Errors
///
/// Where it cannot begin. A build that fails is no error: the audience is told why, and how it ended is given back.
pub async fn build(
    config: &Config,
    request: &BuildRequest,
    audience: &mut dyn Audience,
) -> Result<Built, Error> {
    if config.offline {
        return Err(Error::usage_with_hint("build needs an engine", "`shipwright plan --offline` does not"));
    }
    planned_again(config, audience, async |watch, audience| {
        build_once(config, request, watch, audience).await
    })
    .await
}

async fn build_once(
    config: &Config,
    request: &BuildRequest,
    watch: &Arc<Watch>,
    audience: &mut dyn Audience,
) -> Result<Built, Error> {
    let (workspace, services) = open(config, &request.images, EngineNeed::Required, Some(watch)).await?;
    audience.reads(&workspace.tree);
    services.tell(audience);
    let store = services.store()?;
    let mut facts = Facts::of_engine(&workspace, Some(&**store)).await?;
    if request.pull_cache {
        registries::require(&workspace, &workspace.selection.images)?;
    }
    let registries = Registries::new(&workspace, &services);
    let asked = facts.asked(&workspace, request.pull_cache);
    audience.finds(&facts.ask(&workspace, &registries, &asked).await?);
    let outcome = fetch_left_out(&workspace, &services, &mut facts, &request.building, audience).await?;
    if outcome != Outcome::Succeeded {
        return Ok(Built { plan: None, ending: ending(outcome) });
    }
    let plan = Arc::new(facts.plan(&workspace));
    audience.finds(&plan.diagnostics);
    audience.hears(News::Planned(&plan));
    let run = BuildRun {
        workspace: &workspace,
        services: &services,
        plan: &plan,
        building: &request.building,
        no_cache: request.images.selector.rebuild,
    };
    let outcome = run.carry_out(audience).await?;
    if outcome == Outcome::Succeeded {
        audience.finds(others::on_engine(&workspace, &**store, &plan).await.as_slice());
    }
    let ending = match outcome {
        Outcome::Interrupted => Ending::Interrupted,
        _ if has_errors(&plan.diagnostics) => Ending::Wrong,
        Outcome::Failed => Ending::Failed,
        Outcome::Succeeded => workspace.blocked_ending(&plan),
    };
    Ok(Built { plan: Some(plan), ending })
}

/// How a run that must succeed before anything else can follow ends the use case.
pub(super) fn ending(outcome: Outcome) -> Ending {
    match outcome {
        Outcome::Interrupted => Ending::Interrupted,
        Outcome::Failed => Ending::Failed,
        Outcome::Succeeded => Ending::Done,
    }
}

/// Pulls what the images of `--exact` are built from and only a registry has.
pub(super) async fn fetch_left_out(
    workspace: &Workspace,
    services: &Services,
    facts: &mut Facts,
    building: &Building,
    audience: &mut dyn Audience,
) -> Result<Outcome, Error> {
    let mut images = facts.left_out(workspace);
    images.retain(|at| facts.can_be_pulled(*at));
    if images.is_empty() || services.builder.is_none() {
        return Ok(Outcome::Succeeded);
    }
    let mut plan = facts.clone().without_moving().plan_of(workspace, &images);
    plan.diagnostics.clear();
    let plan = Arc::new(plan);
    let run = BuildRun { workspace, services, plan: &plan, building, no_cache: false };
    let outcome = run.carry_out(audience).await?;
    if outcome == Outcome::Succeeded {
        for at in images {
            facts.known[at].existing = workspace.project.images[at].key().map(|key| [key.tag()].into());
        }
    }
    Ok(outcome)
}
