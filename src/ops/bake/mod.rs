//! Says to `docker buildx bake` what a checkout needs.

mod contexts;
mod file;
mod targets;

pub use file::{BakeContext, BakeDockerfile, BakeFile, BakeTarget};

use super::build::{CacheChoice, caches};
use super::plan::{observed, planned};
use super::workspace::{EngineNeed, Workspace, open};
use super::{Audience, Config, Ending, Error, PlanRequest, facts::Facts};
use crate::diagnostic::Diagnostic;
use crate::path::TreePath;
use crate::plan::{Action, Plan, Step, StepId};
use crate::project::CacheSpec;
use targets::{Baking, bake_file};

/// What [`bake`](fn@bake) is to write.
#[derive(Clone, Debug, Default)]
pub struct BakeRequest {
    /// Which images, and what registries have.
    pub plan: PlanRequest,
    /// Whether images count as well that are there already.
    pub all: bool,
    /// Build caches that are read; none: those of the settings.
    pub cache_from: Vec<CacheSpec>,
    /// Where the caches of builds go.
    pub cache_to: Vec<CacheSpec>,
}

/// A file for bake.
#[derive(Debug)]
pub struct Baked {
    /// What it says.
    pub file: BakeFile,
    /// The plan that it is of.
    pub plan: Plan,
    /// How it ends because of what was found.
    pub ending: Ending,
}

/// Writes what a build would build as targets of bake; paths are from the folder that the configuration names. With
/// `all` no engine is asked for more than its platform.
///
/// # Errors
///
/// Where nothing can be planned, where errors were found, and where bake cannot be told how an image is built.
pub async fn bake(
    config: &Config,
    request: &BakeRequest,
    audience: &mut dyn Audience,
) -> Result<Baked, Error> {
    let images = &request.plan.images;
    if let Some(revision) = &images.revision {
        return Err(Error::usage_with_hint(
            "bake reads the work tree and cannot build another commit",
            format!("`git worktree add DIR {revision}`, then `shipwright -C DIR bake`"),
        ));
    }
    if !images.choices.unhashed_build_args.is_empty() {
        return Err(Error::usage_with_hint(
            "the value of --unhashed-build-arg would stand in the file that is printed",
            "give it to bake instead: `docker buildx bake --set '*.args.NAME=VALUE'`",
        ));
    }
    let (workspace, mut plan) = if request.all {
        let (workspace, _) = open(config, images, EngineNeed::Platform, None).await?;
        audience.reads(&workspace.tree);
        let mut facts = Facts::none(&workspace)?;
        // What the builder is not told how to build, it is told to have.
        for at in facts.left_out(&workspace) {
            facts.known[at].existing = workspace.project.images[at].key().map(|key| [key.tag()].into());
        }
        let plan = facts.plan(&workspace);
        (workspace, plan)
    } else {
        observed(config, &request.plan, audience).await?
    };
    let is_built = |action| action == Action::Build || (request.all && action != Action::Blocked);
    let ending = planned(&workspace, plan.clone()).ending;
    plan.diagnostics.extend(plan.steps.iter().filter_map(|step| left_out(step, ending)).collect::<Vec<_>>());
    let file = if ending == Ending::Wrong {
        BakeFile::default()
    } else {
        let built: Vec<(StepId, &Step)> = plan.numbered().filter(|(_, step)| is_built(step.action)).collect();
        let choice = CacheChoice { from: &request.cache_from, to: &request.cache_to };
        bake_file(&Baking {
            project: &workspace.project,
            plan: &plan,
            caches: caches(&workspace, &built, choice)?,
            steps: built,
            folder: folder(config, &workspace),
            origin_url: workspace.checkout.origin_url(),
        })
        .map_err(Error::wrong)?
    };
    Ok(Baked { file, plan, ending })
}

/// What is said of an image that has no target.
fn left_out(step: &Step, ending: Ending) -> Option<Diagnostic> {
    let why: Vec<&str> = step.reasons.iter().map(|reason| reason.text.as_str()).collect();
    let message = format!("{} has no target in the file: {}", step.name(), why.join(", "));
    let found = match ending {
        Ending::Wrong => Diagnostic::error(message),
        _ => Diagnostic::warning(message),
    };
    (step.action == Action::Blocked).then_some(found)
}

/// The folder that the command works in, from the root of the checkout.
fn folder(config: &Config, workspace: &Workspace) -> TreePath {
    let folder = config.folder.canonicalize().ok();
    let below = folder.and_then(|it| it.strip_prefix(workspace.checkout.root()).ok().map(TreePath::from_os));
    below.unwrap_or_default()
}
