use std::sync::Arc;

use super::facts::Facts;
use super::registries::{self, Registries};
use super::workspace::{EngineNeed, Workspace, open};
use super::{Audience, Config, Ending, Error, ImageRequest};
use crate::diagnostic::{Diagnostic, has_errors};
use crate::engine::EngineError;
use crate::plan::{ImageId, Plan};
use crate::project::Project;

/// What [`plan`](fn@plan) is to look at.
#[derive(Clone, Debug, Default)]
pub struct PlanRequest {
    /// Which images.
    pub images: ImageRequest,
    /// Whether what a registry has by its key would be pulled instead of built.
    pub pull_cache: bool,
}

/// What a build would do.
#[derive(Debug)]
pub struct Planned {
    /// The plan, with everything that was found.
    pub plan: Plan,
    /// How a build would end because of what was found.
    pub ending: Ending,
}

/// Says what a build would do, and changes nothing.
///
/// # Errors
///
/// Where nothing can be planned.
pub async fn plan(
    config: &Config,
    request: &PlanRequest,
    audience: &mut dyn Audience,
) -> Result<Planned, Error> {
    let (workspace, plan) = observed(config, request, audience).await?;
    Ok(planned(&workspace, plan))
}

/// The checkout, and the plan that follows from what engine and registries say.
pub(super) async fn observed(
    config: &Config,
    request: &PlanRequest,
    audience: &mut dyn Audience,
) -> Result<(Workspace, Plan), Error> {
    let (workspace, services) = open(config, &request.images, EngineNeed::Wanted, None).await?;
    audience.reads(&workspace.tree);
    services.tell(audience);
    audience.finds(services.absent.as_ref().map(no_engine).as_slice());
    let mut facts = Facts::of_engine(&workspace, services.store.as_deref()).await?;
    if !config.offline {
        if request.pull_cache {
            registries::require(&workspace, &workspace.selection.images)?;
        }
        let registries = Registries::new(&workspace, &services);
        let asked = facts.asked(&workspace, request.pull_cache);
        audience.finds(&facts.ask(&workspace, &registries, &asked).await?);
    }
    let plan = facts.plan(&workspace);
    Ok((workspace, plan))
}

/// The images of a checkout, and the plan as it is if nothing exists.
#[derive(Debug)]
pub struct Listing {
    /// All images of the checkout.
    pub project: Arc<Project>,
    /// Names, keys and tags of the selected ones.
    pub planned: Planned,
}

/// Lists images without asking an engine for more than its platform.
///
/// # Errors
///
/// Where the checkout cannot be read.
pub async fn list(
    config: &Config,
    request: &ImageRequest,
    audience: &mut dyn Audience,
) -> Result<Listing, Error> {
    let (workspace, _) = open(config, request, EngineNeed::Platform, None).await?;
    audience.reads(&workspace.tree);
    let plan = Facts::none(&workspace)?.plan(&workspace);
    Ok(Listing { project: Arc::clone(&workspace.project), planned: planned(&workspace, plan) })
}

/// The images that a name means, in a checkout that is read as for [`plan`](fn@plan).
///
/// # Errors
///
/// Where the checkout cannot be read, or no image is called that.
pub async fn named(
    config: &Config,
    request: &ImageRequest,
    name: &str,
) -> Result<(Arc<Project>, Vec<ImageId>), Error> {
    let (workspace, _) = open(config, request, EngineNeed::Wanted, None).await?;
    Ok((Arc::clone(&workspace.project), workspace.named(name)?))
}

/// A plan is of use all the same: names, keys, order and what is wrong.
fn no_engine(why: &EngineError) -> Diagnostic {
    let warning =
        Diagnostic::warning(format!("{why}; planned as with --offline: everything counts as not built"));
    match why.hint() {
        Some(hint) => warning.hint(hint),
        None => warning,
    }
}

pub(super) fn planned(workspace: &Workspace, plan: Plan) -> Planned {
    let ending = if has_errors(&plan.diagnostics) { Ending::Wrong } else { workspace.blocked_ending(&plan) };
    Planned { plan, ending }
}
