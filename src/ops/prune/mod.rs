//! Removes images that this repository built and that nothing needs any more.

mod needs;
mod registry;
mod removal;

use std::collections::HashMap;
use std::num::NonZeroUsize;

use self::needs::needs;
pub use self::registry::{RegistryPruneRequest, RegistryPruned, RegistryRemoved, prune_registry};
use self::removal::Removal;
pub use self::removal::Removed;
use super::made_tags::MadeTags;
use super::workspace::{EngineNeed, Workspace, open};
use super::{Audience, Config, Ending, Error, ImageRequest};
use crate::deploy::{PREVIOUS_LABEL, Previous};
use crate::execution::{DOCKERFILE_LABEL, KEY_LABEL};
use crate::image::Repository;
use crate::plan::{ContainerUse, PruneRules, PruneStep, StoredImage, decide_prune};
use crate::store::{CacheLimit, Container, LocalImage};

/// What [`prune`](fn@prune) is to remove.
#[derive(Clone, Debug)]
pub struct PruneRequest {
    /// What decides the keys of images that are needed.
    pub images: ImageRequest,
    /// How many revisions of each branch are needed, its newest included.
    pub keep: NonZeroUsize,
    /// Whether images that other repositories built are looked at as well.
    pub all_checkouts: bool,
    /// Whether containers that do not run are removed first, where only they keep an image.
    pub stopped: bool,
    /// What of the engine's build cache stays; none: it is left alone.
    pub build_cache: Option<CacheLimit>,
}

impl Default for PruneRequest {
    fn default() -> Self {
        Self {
            images: ImageRequest::default(),
            keep: NonZeroUsize::new(3).unwrap_or(NonZeroUsize::MIN),
            all_checkouts: false,
            stopped: false,
            build_cache: None,
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// What was decided about each image of Shipwright's; those that go stand first.
    pub steps: Vec<PruneStep>,
    /// What was done; none where nothing was to be done, or whoever was asked did not agree.
    pub removed: Option<Removed>,
    /// The engine's build cache, where that was asked for.
    pub build_cache: Option<BuildCache>,
    /// How it ended.
    pub ending: Ending,
}

/// The build cache of an engine, which all its users share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildCache {
    /// What it held beyond what images share with it, in bytes.
    pub held: u64,
    /// What of it stays.
    pub limit: CacheLimit,
    /// What was freed, in bytes; none where nothing was done.
    pub freed: Option<u64>,
}

/// Whether what is proposed may be done: the images, and what the build cache holds where that was asked for.
pub type Agrees<'a> = dyn FnMut(&[PruneStep], Option<&BuildCache>) -> Result<bool, Error> + 'a;

/// Decides which images nothing needs any more and, if `agrees` says so, takes their tags off. Nobody else's image is
/// touched.
///
/// # Errors
///
/// Where it cannot be known what is needed: in a shallow clone, where a branch holds a Dockerfile with a mistake.
pub async fn prune(
    config: &Config,
    request: &PruneRequest,
    audience: &mut dyn Audience,
    agrees: &mut Agrees<'_>,
) -> Result<Pruned, Error> {
    if config.offline {
        return Err(Error::usage_with_hint("prune needs an engine", "leave --offline out"));
    }
    // The engine is asked before the checkout is read: what is built in between is not in its list.
    let (first, services) = open(config, &request.images, EngineNeed::Required, None).await?;
    let store = services.store()?;
    let (images, containers) = tokio::join!(store.labelled(KEY_LABEL), store.containers());
    let stored = stored(&first, images?, &containers?);
    let (workspace, _) = open(config, &request.images, EngineNeed::Required, None).await?;
    audience.reads(&workspace.tree);
    let needs = needs(config, &request.images, request.keep, &workspace, EngineNeed::Required).await?;
    let rules = PruneRules {
        made_tags: MadeTags::of(&workspace.checkout).read(),
        all_checkouts: request.all_checkouts,
        stopped: request.stopped,
    };
    let steps = decide_prune(&stored, &needs, &rules);
    let mut build_cache = None;
    if let Some(limit) = request.build_cache {
        build_cache = Some(BuildCache { held: store.build_cache().await?, limit, freed: None });
    }
    let goes = steps.iter().any(|step| step.removes);
    if !(goes || build_cache.is_some()) || !agrees(&steps, build_cache.as_ref())? {
        return Ok(Pruned { steps, removed: None, build_cache, ending: Ending::Done });
    }
    let careful = services.interrupts.careful();
    let mut removal = Removal::new(&**store, audience);
    for step in steps.iter().filter(|step| step.removes) {
        if careful.was_told() {
            break;
        }
        removal.remove(step).await;
    }
    if let Some(cache) = build_cache.as_mut().filter(|_| !careful.was_told()) {
        cache.freed = removal.prune_build_cache(cache.limit).await;
    }
    let (removed, failed) = removal.total();
    let ending = match (careful.was_told(), failed) {
        (true, _) => Ending::Interrupted,
        (false, true) => Ending::Failed,
        (false, false) => Ending::Done,
    };
    Ok(Pruned { steps, removed: goes.then_some(removed), build_cache, ending })
}

/// The images of an engine that have a key, and who uses them.
fn stored(workspace: &Workspace, images: Vec<LocalImage>, containers: &[Container]) -> Vec<StoredImage> {
    let mut users: HashMap<&str, Vec<ContainerUse>> = HashMap::new();
    let mut ways_back: HashMap<String, Vec<String>> = HashMap::new();
    for container in containers {
        let previous = container.labels.get(PREVIOUS_LABEL).and_then(|label| Previous::parse(label));
        if let Some(previous) = previous {
            ways_back.entry(previous.image).or_default().push(container.name.clone());
        }
        let Container { id, name, is_running, .. } = container.clone();
        users.entry(&container.image.0).or_default().push(ContainerUse { id, name, is_running });
    }
    let manifests = workspace.manifests();
    let one = |image: LocalImage| {
        let key = image.labels.get(KEY_LABEL).and_then(|key| key.parse().ok());
        let is_named_here = image.references.iter().any(|it| is_name_of(workspace, &it.repository));
        StoredImage {
            users: users.get(image.id.0.as_str()).cloned().unwrap_or_default(),
            way_back_of: ways_back.get(&image.id.0).cloned().unwrap_or_default(),
            is_ours: is_named_here && key.is_some_and(|key| manifests.has(key)),
            dockerfile: image.labels.get(DOCKERFILE_LABEL).cloned().unwrap_or_default(),
            id: image.id.0,
            key,
            references: image.references,
            size: image.size,
            layers: image.layers,
        }
    };
    images.into_iter().map(one).collect()
}

/// Whether this checkout could give an image that name. Another one may have built the same content under its own.
fn is_name_of(workspace: &Workspace, repository: &Repository) -> bool {
    let project = &workspace.project;
    let name = repository.familiar();
    let in_namespace = name.strip_prefix(project.namespace.value.as_str());
    in_namespace.is_some_and(|rest| rest.starts_with('/'))
        || project.images.iter().any(|image| image.reference().is_some_and(|it| it.repository == *repository))
}
