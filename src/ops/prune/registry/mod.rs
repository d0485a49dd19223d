//! Removes tags of this repository from registries that nothing needs any more.

mod removal;
mod rules;
mod survey;

use std::num::NonZeroUsize;

pub use self::removal::RegistryRemoved;
use self::removal::Removal;
use self::rules::rules;
use self::survey::{Survey, repositories};
use super::needs::needs;
use crate::git::CommitId;
use crate::image::ContentKey;
use crate::ops::registries::{self, Registries};
use crate::ops::workspace::{EngineNeed, open};
use crate::ops::{Audience, Config, Ending, Error, ImageRequest};
use crate::plan::{RegistryStep, keep};

/// What [`prune_registry`] is to remove.
#[derive(Clone, Debug)]
pub struct RegistryPruneRequest {
    /// What decides the keys of images that are needed, and the registries.
    pub images: ImageRequest,
    /// How many revisions of each branch are needed, its newest included.
    pub keep: NonZeroUsize,
    /// Branches and pull requests that are gone, although nothing here says so.
    pub dead_branches: Vec<String>,
    /// Whether images of commits that are not here count as those of branches that are gone.
    pub unknown_commits: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryPruned {
    /// What became of everything in the repositories of this checkout's images; what goes stands first in each.
    pub steps: Vec<RegistryStep>,
    /// The keys that are needed, each with what needs it.
    pub needed: Vec<(ContentKey, String)>,
    /// The commit that is checked out.
    pub head: Option<CommitId>,
    /// Where the checkout comes from.
    pub source: Option<String>,
    /// What was done; none where nothing was to be done, or whoever was asked did not agree.
    pub removed: Option<RegistryRemoved>,
    /// How it ended.
    pub ending: Ending,
}

/// Decides which tags nothing needs any more and, if `agrees` says so, deletes them: tags that Shipwright makes, in the
/// repositories of this checkout's images, on images of this repository.
///
/// # Errors
///
/// Where it cannot be known what is needed, where nothing says which registry is meant, and where one does not answer.
/// Nothing was deleted then.
pub async fn prune_registry(
    config: &Config,
    request: &RegistryPruneRequest,
    audience: &mut dyn Audience,
    agrees: &mut dyn FnMut(&[RegistryStep]) -> Result<bool, Error>,
) -> Result<RegistryPruned, Error> {
    if config.offline {
        return Err(Error::usage_with_hint("prune --registry needs a registry", "leave --offline out"));
    }
    // Tags are listed before the checkout is read: what is pushed in between is not in the list.
    let (first, services) = open(config, &request.images, EngineNeed::Platform, None).await?;
    services.tell(audience);
    registries::require(&first, &first.selection.images)?;
    let registries = Registries::new(&first, &services);
    let survey = Survey { registry: &*registries.client };
    let listed = survey.list(&repositories(&first, &registries)?).await?;
    let (workspace, _) = open(config, &request.images, EngineNeed::Platform, None).await?;
    audience.reads(&workspace.tree);
    let needs = needs(config, &request.images, request.keep, &workspace, EngineNeed::Platform).await?;
    let rules = rules(&workspace, &request.dead_branches, request.unknown_commits)?;
    let mut steps = Vec::new();
    for (repository, tags) in &listed {
        steps.extend(survey.decide(&workspace, repository, tags, &needs, &rules).await?);
    }
    let goes = steps.iter().any(RegistryStep::removes_any) && agrees(&steps)?;
    let mut pruned = RegistryPruned {
        steps,
        needed: needs.keys.into_iter().collect(),
        head: workspace.checkout.head().commit,
        source: rules.source,
        removed: None,
        ending: Ending::Done,
    };
    if !goes {
        return Ok(pruned);
    }
    let careful = services.interrupts.careful();
    let mut removal = Removal::new(&*registries.client, &listed, audience);
    for step in pruned.steps.iter_mut().filter(|step| step.removes_any()) {
        if careful.was_told() {
            keep(step, "it was interrupted before");
        } else {
            removal.remove(step).await;
        }
    }
    let (removed, failed) = removal.total();
    pruned.removed = Some(removed);
    pruned.ending = match (careful.was_told(), failed) {
        (true, _) => Ending::Interrupted,
        (false, true) => Ending::Registry,
        (false, false) => Ending::Done,
    };
    Ok(pruned)
}
