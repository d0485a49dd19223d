//! An engine and registries that live in memory, and say in which order they were asked for what.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::containers::Containers;
use crate::builder::{
    BuildError, BuildEvent, BuildSpec, Builder, BuilderAddress, BuilderError, Extras, RemoteBuilder,
};
use crate::engine::{BuilderKind, EngineEnvironment, EngineError, LocalImageId, RegistryLogin};
use crate::image::{Digest, ImageReference, Platform, Repository, Tag};
use crate::ops::Backends;
use crate::ops::backends::{Connect, Connected};
use crate::registry::{
    Attempt, Credentials, Descriptor, ImageConfig, Manifest, ManifestName, Registry, RegistryError,
    RegistryOptions, Variant,
};
use crate::store::{CacheLimit, Container, ImageStore, ListedImage, LocalImage, Sent};

pub(super) type Labels = BTreeMap<String, String>;

/// An engine and registries. Each question is a line of the log: `look`, `inspect` and the like ask, all others change.
pub(super) struct World {
    platform: Platform,
    state: Mutex<State>,
    pub(super) containers: Containers,
}

#[derive(Default)]
struct State {
    log: Vec<String>,
    /// Images of the engine by name: the content and its labels.
    engine: BTreeMap<ImageReference, Content>,
    /// The same of registries.
    registry: BTreeMap<ImageReference, Content>,
    /// Repositories that do not answer.
    silent: Vec<Repository>,
    /// What somebody else does right before the last of lines that begin so, one after the other.
    meanwhile: Option<(VecDeque<String>, ImageReference, Content)>,
    made: u8,
    deletes: Deletes,
}

/// What registries delete when they are asked to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Deletes {
    /// A tag alone, and manifests.
    Tags,
    /// Manifests with all their tags.
    #[default]
    Manifests,
    /// Nothing.
    Nothing,
}

/// What a name stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub number: u8,
    pub labels: Labels,
}

impl Content {
    pub(super) fn new(number: u8, labels: &[(&str, &str)]) -> Self {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { number, labels: labels.collect() }
    }

    pub(super) fn digest(&self) -> Digest {
        let hex = format!("{:02x}", self.number).repeat(32);
        Digest::new(&format!("sha256:{hex}")).expect("a digest")
    }
}

pub(super) fn reference(text: &str) -> ImageReference {
    text.parse().expect("a reference")
}

impl World {
    /// Without any image.
    pub(super) fn new() -> Arc<Self> {
        let platform = "linux/amd64".parse().expect("a platform");
        Arc::new(Self { platform, state: Mutex::default(), containers: Containers::default() })
    }

    pub(super) fn backends(self: &Arc<Self>) -> Backends {
        Backends::new(Arc::new(Here(Arc::clone(self))))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down a change of a container.
    pub(super) fn note(&self, line: String) {
        drop(self.says(line));
    }

    /// What the engine says of an image, by name or id.
    pub(super) fn described(&self, name: &str) -> Option<Value> {
        let state = self.state();
        let asked = name.parse::<ImageReference>().ok();
        let is_it = |(reference, content): &(&ImageReference, &Content)| {
            asked.as_ref() == Some(reference) || content.digest().to_string() == name
        };
        let content = state.engine.iter().find(is_it)?.1;
        let names = state.engine.iter().filter(|(_, other)| *other == content);
        let names: Vec<String> = names.map(|(reference, _)| reference.to_string()).collect();
        let config = json!({"Labels": content.labels});
        Some(json!({"Id": content.digest().to_string(), "RepoTags": names, "Config": config}))
    }

    /// Gives an image, by id, a name.
    pub(super) fn name_image(&self, id: &str, name: &str) {
        let mut state = self.says(format!("name {name}"));
        let found = state.engine.values().find(|content| content.digest().to_string() == id).cloned();
        state.engine.extend(found.map(|content| (reference(name), content)));
    }

    /// A builder puts something into registries.
    pub(super) fn built_by(&self, builder: &str, request: BuildSpec) -> LocalImageId {
        let text = String::from_utf8_lossy(&request.dockerfile.text).into_owned();
        let base = text.lines().next().unwrap_or_default();
        let names: Vec<String> = request.references.iter().map(ToString::to_string).collect();
        let mut state = self.says(format!("{builder} builds {} {base}", names.join(" ")));
        state.made += 1;
        let content = Content { number: state.made, labels: request.labels };
        for name in request.references {
            state.registry.insert(name, content.clone());
        }
        LocalImageId(content.digest().to_string())
    }

    fn says(&self, line: String) -> MutexGuard<'_, State> {
        let mut state = self.state();
        if let Some((awaited, ..)) = &mut state.meanwhile
            && awaited.front().is_some_and(|begin| line.starts_with(begin))
        {
            awaited.pop_front();
        }
        if let Some((_, name, content)) = state.meanwhile.take_if(|(awaited, ..)| awaited.is_empty()) {
            state.registry.insert(name, content);
        }
        state.log.push(line);
        state
    }

    /// The lines since this was asked last.
    pub(super) fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.state().log)
    }

    /// Those of them that change something.
    pub(super) fn changes(&self) -> Vec<String> {
        let asks = ["inspect", "list", "head", "look", "manifest", "config", "containers", "may push"];
        let is_change = |line: &String| !asks.iter().any(|ask| line.starts_with(ask));
        self.log().into_iter().filter(is_change).collect()
    }

    /// The tags of a repository on the engine, each with what it stands on.
    pub(super) fn engine_tags(&self, repository: &str) -> BTreeMap<String, u8> {
        tags(&self.state().engine, repository)
    }

    /// The same in its registry.
    pub(super) fn registry_tags(&self, repository: &str) -> BTreeMap<String, u8> {
        tags(&self.state().registry, repository)
    }

    /// What a name stands on in its registry.
    pub(super) fn in_registry(&self, name: &str) -> Content {
        self.state().registry[&reference(name)].clone()
    }

    /// What a name stands on on the engine.
    pub(super) fn on_engine(&self, name: &str) -> Content {
        self.state().engine[&reference(name)].clone()
    }

    pub(super) fn put_on_engine(&self, name: &str, content: Content) {
        self.state().engine.insert(reference(name), content);
    }

    pub(super) fn put_in_registry(&self, name: &str, content: Content) {
        self.state().registry.insert(reference(name), content);
    }

    /// Somebody else puts this into the registry right before the last of lines that begin so, one after the other.
    pub(super) fn meanwhile(&self, before: &[&str], name: &str, content: Content) {
        let awaited = before.iter().map(|line| (*line).to_owned()).collect();
        self.state().meanwhile = Some((awaited, reference(name), content));
    }

    /// From now on registries delete this.
    pub(super) fn let_delete(&self, deletes: Deletes) {
        self.state().deletes = deletes;
    }

    /// The engine loses everything.
    pub(super) fn forget_engine(&self) {
        self.state().engine.clear();
    }

    /// From now on nobody answers for this repository.
    pub(super) fn silence(&self, repository: &str) {
        self.state().silent.push(Repository::new(repository).expect("a name"));
    }

    fn local(&self, engine: &BTreeMap<ImageReference, Content>, content: &Content) -> LocalImage {
        let names = engine.iter().filter(|(_, other)| *other == content).map(|(name, _)| name.clone());
        LocalImage {
            id: LocalImageId(content.digest().to_string()),
            labels: content.labels.clone(),
            platform: self.platform.clone(),
            references: names.collect(),
            digests: Vec::new(),
            on_build: Vec::new(),
            env: Vec::new(),
            size: 1,
            layers: Vec::new(),
        }
    }
}

fn tags(images: &BTreeMap<ImageReference, Content>, repository: &str) -> BTreeMap<String, u8> {
    let ours = images.iter().filter(|(name, _)| name.repository.to_string() == repository);
    ours.filter_map(|(name, content)| Some((name.tag.as_ref()?.to_string(), content.number))).collect()
}

struct Here(Arc<World>);

#[async_trait]
impl Connect for Here {
    async fn connect(&self, _: Option<&str>, _: &EngineEnvironment) -> Result<Connected, EngineError> {
        let (builder, containers) = (Arc::clone(&self.0) as _, Arc::clone(&self.0) as _);
        Ok(Connected { store: Arc::clone(&self.0) as _, builder, containers })
    }

    async fn builder(
        &self,
        address: &BuilderAddress,
        _: Duration,
    ) -> Result<Arc<dyn RemoteBuilder>, BuilderError> {
        super::builders::Remote::at(&self.0, address)
    }

    fn registry(&self, _: RegistryOptions, _: Arc<Credentials>) -> Arc<dyn Registry> {
        Arc::clone(&self.0) as _
    }
}

#[async_trait]
impl Builder for World {
    fn platform(&self) -> &Platform {
        &self.platform
    }

    fn kind(&self) -> BuilderKind {
        BuilderKind::BuildKit
    }

    async fn check(&self, _: &Extras) -> Result<(), BuildError> {
        Ok(())
    }

    async fn build(
        &self,
        request: BuildSpec,
        _: mpsc::Sender<BuildEvent>,
    ) -> Result<LocalImageId, BuildError> {
        let names: Vec<String> = request.references.iter().map(ToString::to_string).collect();
        let mut state = self.says(format!("build {}", names.join(" ")));
        state.made += 1;
        let content = Content { number: state.made, labels: request.labels };
        for name in request.references {
            state.engine.insert(name, content.clone());
        }
        Ok(LocalImageId(content.digest().to_string()))
    }
}

#[async_trait]
impl ImageStore for World {
    async fn id(&self) -> Result<String, EngineError> {
        Ok("scripted".to_owned())
    }

    async fn inspect(&self, name: &ImageReference) -> Result<Option<LocalImage>, EngineError> {
        let state = self.says(format!("inspect {name}"));
        Ok(state.engine.get(name).map(|content| self.local(&state.engine, content)))
    }

    async fn list(&self, _: &[Repository]) -> Result<Vec<ListedImage>, EngineError> {
        drop(self.says("list".to_owned()));
        Ok(Vec::new())
    }

    async fn tag(&self, source: &ImageReference, target: &ImageReference) -> Result<(), EngineError> {
        let mut state = self.says(format!("tag {target}"));
        let content = state.engine.get(source).cloned();
        let content = content.ok_or_else(|| EngineError::NoSuchImage(source.to_string()))?;
        state.engine.insert(target.clone(), content);
        Ok(())
    }

    async fn remove(&self, name: &ImageReference) -> Result<bool, EngineError> {
        Ok(self.says(format!("remove {name}")).engine.remove(name).is_some())
    }

    async fn containers_using(&self, _: &LocalImageId) -> Result<Vec<String>, EngineError> {
        drop(self.says("containers".to_owned()));
        Ok(Vec::new())
    }

    async fn labelled(&self, _: &str) -> Result<Vec<LocalImage>, EngineError> {
        drop(self.says("labelled".to_owned()));
        Ok(Vec::new())
    }

    async fn containers(&self) -> Result<Vec<Container>, EngineError> {
        drop(self.says("containers".to_owned()));
        Ok(Vec::new())
    }

    async fn remove_container(&self, id: &str) -> Result<bool, EngineError> {
        drop(self.says(format!("remove container {id}")));
        Ok(false)
    }

    async fn build_cache(&self) -> Result<u64, EngineError> {
        drop(self.says("look at the build cache".to_owned()));
        Ok(12_000_000_000)
    }

    async fn prune_build_cache(&self, limit: CacheLimit) -> Result<u64, EngineError> {
        drop(self.says(format!("prune the build cache {limit:?}")));
        Ok(2_000_000_000)
    }

    async fn pull(&self, name: &ImageReference, _: Option<RegistryLogin>) -> Result<(), EngineError> {
        let mut state = self.says(format!("pull {name}"));
        let content = state.registry.get(name).cloned();
        let content = content.ok_or_else(|| EngineError::NoSuchImage(name.to_string()))?;
        state.engine.insert(name.clone(), content);
        Ok(())
    }

    async fn push(
        &self,
        name: &ImageReference,
        _: Option<RegistryLogin>,
        _: &mut (dyn FnMut(Sent) + Send),
    ) -> Result<Option<Digest>, EngineError> {
        let mut state = self.says(format!("push {name}"));
        let content = state.engine.get(name).cloned();
        let content = content.ok_or_else(|| EngineError::NoSuchImage(name.to_string()))?;
        state.registry.insert(name.clone(), content.clone());
        Ok(Some(content.digest()))
    }
}

impl State {
    /// By tag, or by digest where any tag of the repository stands on it.
    fn found(&self, name: &ImageReference) -> Option<&Content> {
        let is_it = |other: &ImageReference, content: &Content| match &name.digest {
            Some(digest) => other.repository == name.repository && content.digest() == *digest,
            None => other == name,
        };
        self.registry.iter().find(|(other, content)| is_it(other, content)).map(|(_, content)| content)
    }

    fn answer(&self, name: &ImageReference) -> Result<Option<&Content>, RegistryError> {
        if self.silent.contains(&name.repository) {
            let (attempt, reason) = (Box::new(attempt(name)), "it does not answer".to_owned());
            return Err(RegistryError::Unavailable {
                attempt,
                reason,
                status: None,
                retry_after: None,
                tries: 1,
            });
        }
        Ok(self.found(name))
    }
}

fn attempt(name: &ImageReference) -> Attempt {
    let (registry, repository) = (name.repository.host().to_owned(), name.repository.path().to_owned());
    Attempt { registry, repository, action: format!("read {name}") }
}

fn descriptor(content: &Content) -> Descriptor {
    Descriptor { digest: content.digest(), media_type: "application/json".to_owned(), size: 1 }
}

#[async_trait]
impl Registry for World {
    async fn head(&self, name: &ImageReference) -> Result<Option<Descriptor>, RegistryError> {
        Ok(self.says(format!("head {name}")).answer(name)?.map(descriptor))
    }

    async fn look_up(&self, name: &ImageReference) -> Result<Option<Descriptor>, RegistryError> {
        Ok(self.says(format!("look {name}")).answer(name)?.map(descriptor))
    }

    async fn manifest(&self, name: &ImageReference) -> Result<Manifest, RegistryError> {
        let state = self.says(format!("manifest {name}"));
        let absent = || RegistryError::NotFound { attempt: Box::new(attempt(name)), message: String::new() };
        let content = state.answer(name)?.ok_or_else(absent)?;
        Ok(Manifest { descriptor: descriptor(content), bytes: Bytes::new() })
    }

    async fn put_manifest(
        &self,
        repository: &Repository,
        name: &ManifestName,
        manifest: &Manifest,
    ) -> Result<(), RegistryError> {
        let tag = Tag::new(name.as_str()).expect("a tag");
        let target = repository.with_tag(tag);
        let mut state = self.says(format!("put {target}"));
        let source = repository.with_digest(manifest.descriptor.digest.clone());
        let content = state.answer(&source)?.expect("what is put was read").clone();
        state.registry.insert(target, content);
        Ok(())
    }

    async fn tags(&self, repository: &Repository) -> Result<Vec<Tag>, RegistryError> {
        let state = self.says(format!("list tags {repository}"));
        let ours = state.registry.keys().filter(|name| name.repository == *repository);
        Ok(ours.filter_map(|name| name.tag.clone()).collect())
    }

    async fn delete(&self, repository: &Repository, name: &ManifestName) -> Result<bool, RegistryError> {
        let mut state = self.says(format!("delete {repository}{name}"));
        let (attempt, message) =
            (attempt(&repository.with_tag(Tag::new("x").expect("a tag"))), String::new());
        let attempt = Box::new(attempt);
        let before = state.registry.len();
        match name {
            ManifestName::Tag(_) if state.deletes != Deletes::Tags => {
                return Err(RegistryError::Refused { attempt, status: 405, message });
            }
            ManifestName::Digest(_) if state.deletes == Deletes::Nothing => {
                return Err(RegistryError::Refused { attempt, status: 405, message });
            }
            ManifestName::Tag(tag) => drop(state.registry.remove(&repository.with_tag(tag.clone()))),
            ManifestName::Digest(digest) => state
                .registry
                .retain(|name, content| name.repository != *repository || content.digest() != *digest),
        }
        Ok(state.registry.len() < before)
    }

    async fn may_push(&self, repository: &Repository) -> bool {
        drop(self.says(format!("may push {repository}")));
        true
    }

    async fn image_config(&self, name: &ImageReference) -> Result<ImageConfig, RegistryError> {
        let state = self.says(format!("config {name}"));
        let absent = || RegistryError::NotFound { attempt: Box::new(attempt(name)), message: String::new() };
        let content = state.answer(name)?.ok_or_else(absent)?;
        let platform = Some(self.platform.clone());
        let variant = Variant { labels: content.labels.clone(), platform, listed_for: None };
        Ok(ImageConfig {
            descriptor: descriptor(content),
            labels: content.labels.clone(),
            platforms: vec![self.platform.clone()],
            variants: vec![variant],
        })
    }

    async fn triggers(&self, name: &ImageReference, _: &Platform) -> Result<Vec<String>, RegistryError> {
        drop(self.says(format!("triggers {name}")));
        Ok(Vec::new())
    }
}
