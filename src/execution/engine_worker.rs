use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::bases::{external_bases, unforeseen};
use super::context_source::PlannedContext;
use super::labels::{KEY_LABEL, labels};
use super::outline::outline;
use super::pins::pins;
use super::superseded::{Superseded, superseded};
use super::{BuildFailure, Worker, engine_login};
use crate::builder::{
    BuildError, BuildEvent, BuildSpec, Builder, CacheLocation, NamedFolder, Secret, SshAgent,
};
use crate::dockerfile::{cut_unneeded_stages, is_proxy, rewrite};
use crate::engine::EngineError;
use crate::git::{Checkout, Snapshot};
use crate::image::{ContentKey, ImageReference, Repository, Tag};
use crate::inputs::{KeyManifest, Manifests};
use crate::plan::{Plan, PlannedTag, Step, StepId};
use crate::project::{Image, Project, ReadyImage};
use crate::registry::Credentials;
use crate::retry::{RetryPolicy, retry};
use crate::store::{ImageStore, LocalImage};

/// How often an image is named that another run names at the same time.
const NAMING_TRIES: RetryPolicy = RetryPolicy::new(5, Duration::ZERO);

/// An engine that gives an image its name anew, because another run built the same one, may not know the
/// name for a moment. So often what was not found is looked for.
const TRIES: RetryPolicy = RetryPolicy::new(4, Duration::from_millis(150));

/// How long a run that is done waits to learn what superseded images hold.
const PATIENCE_FOR_FIGURES: Duration = Duration::from_secs(1);

/// How all images of a run are built; nothing here changes an image's key.
#[derive(Clone, Debug, Default)]
pub(crate) struct BuildOptions {
    /// Values of build arguments that do not enter keys.
    pub unhashed_build_args: BTreeMap<String, String>,
    /// Secrets for RUN --mount=type=secret.
    pub secrets: Vec<Secret>,
    /// Agents for RUN --mount=type=ssh.
    pub ssh: Vec<SshAgent>,
    pub network: Option<String>,
    /// Host names for RUN steps.
    pub add_hosts: Vec<String>,
    /// Forget what the builder has cached.
    pub no_cache: bool,
    /// What is said of images beside them.
    pub attestations: BTreeMap<String, String>,
    /// No registry may be asked, so `# syntax=` lines mean the builder's own frontend.
    pub offline: bool,
}

/// The build caches of one image, besides the builder's own.
#[derive(Clone, Debug, Default)]
pub(crate) struct StepCaches {
    /// Those that are read.
    pub from: Vec<CacheLocation>,
    /// Those that are written.
    pub to: Vec<CacheLocation>,
}

/// Carries out a plan on an engine.
pub(crate) struct EngineWorker {
    /// Where images are.
    pub store: Arc<dyn ImageStore>,
    pub builder: Arc<dyn Builder>,
    /// Knows the times of commits, and the `origin` remote.
    pub checkout: Arc<Checkout>,
    /// Where the files come from.
    pub tree: Arc<dyn Snapshot + Send + Sync>,
    /// Whether the plan still holds; the error says what is not so any more.
    pub guard: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
    pub project: Arc<Project>,
    pub plan: Arc<Plan>,
    pub manifests: Manifests,
    pub credentials: Arc<Credentials>,
    pub options: BuildOptions,
    /// The caches of what is built.
    pub caches: BTreeMap<StepId, StepCaches>,
}

impl EngineWorker {
    fn image(&self, step: StepId) -> &Image {
        &self.project.images[self.step(step).image]
    }

    fn step(&self, step: StepId) -> &Step {
        &self.plan.steps[step]
    }

    fn reference(&self, step: StepId) -> Result<&ImageReference, String> {
        let step = self.step(step);
        step.reference.as_ref().ok_or_else(|| format!("{} is blocked", step.name()))
    }

    /// Files of a clean image carry the time of its revision's commit, so that two clones give the same
    /// bytes; those of a dirty one keep their own.
    fn context_time(&self, id: StepId) -> Option<i64> {
        let revision = self.step(id).revision.filter(|_| !self.step(id).dirty)?;
        self.checkout.commit_time(revision).ok()
    }

    fn request(&self, id: StepId) -> Result<BuildSpec, BuildFailure> {
        let (step, image) = (self.step(id), self.image(id));
        let ready = image.ready();
        let ready = ready.ok_or_else(|| BuildFailure::new(format!("{} is blocked", step.name())))?;
        let time = self.context_time(id);
        let planned = |name: Option<&str>| {
            let (tree, project) = (Arc::clone(&self.tree), Arc::clone(&self.project));
            let context = PlannedContext::new(tree, project, (step.image, name), time);
            context.map_err(|error| self.failure(id, &error))
        };
        let context = planned(None)?;
        let named = ready
            .named
            .keys()
            .map(|name| Ok(NamedFolder { name: name.clone(), files: Arc::new(planned(Some(name))?) }));
        let named = named.collect::<Result<Vec<_>, BuildFailure>>()?;
        let mut build_args = ready.material.build_args.clone();
        let declared = &image.evaluation.declared_args;
        build_args.extend(
            self.options
                .unhashed_build_args
                .iter()
                .filter(|(name, _)| declared.contains(*name) || is_proxy(name))
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        let source = &image.file.source;
        let pins = pins(&self.project, image).map_err(BuildFailure::new)?;
        // The cuts come first: a pin in a stage that goes must not keep the stage.
        let cut = [cuts(image), pins.clone()].concat();
        let StepCaches { from, to } = self.caches.get(&id).cloned().unwrap_or_default();
        Ok(BuildSpec {
            named,
            cache_from: from,
            cache_to: to,
            attestations: self.options.attestations.clone(),
            references: immutable_references(step),
            labels: labels(image, step, ready, self.checkout.origin_url()),
            build_args,
            target: image.target.clone(),
            platform: Some(ready.material.platform.clone()),
            secrets: self.options.secrets.clone(),
            ssh: self.options.ssh.clone(),
            network: self.options.network.clone(),
            add_hosts: self.options.add_hosts.clone(),
            no_cache: self.options.no_cache,
            builtin_frontend: self.options.offline,
            logins: Arc::<Credentials>::clone(&self.credentials),
            classic_dockerfile: Some(outline(rewrite(source, &cut))),
            ..BuildSpec::new(outline(rewrite(source, &pins)), Arc::new(context), context_key(ready, time))
        })
    }
}

impl EngineWorker {
    async fn build_once(
        &self,
        image: StepId,
        updates: &mpsc::Sender<BuildEvent>,
    ) -> Result<Result<(), BuildError>, BuildFailure> {
        let request = self.request(image)?;
        Ok(self.builder.build(request, updates.clone()).await.map(drop))
    }

    async fn pull_with_login(&self, reference: &ImageReference) -> Result<(), PullFailure> {
        let login = self.credentials.login(reference.repository.host()).await;
        let login = login.map_err(|error| PullFailure { message: error.to_string(), is_gone: false })?;
        let login = login.as_ref().and_then(engine_login);
        let Err(error) = self.store.pull(reference, login).await else { return Ok(()) };
        // Without a login it may have been the helper that should have given one.
        let message = match self.credentials.failure(reference.repository.host()).await {
            Some(helper) => format!("{error} ({helper})"),
            None => error.to_string(),
        };
        Err(PullFailure { message, is_gone: error.is_gone() })
    }

    /// Adds what to do about a locked base that its registry no longer has.
    fn explained(&self, reference: &ImageReference, failure: PullFailure) -> String {
        let PullFailure { message, is_gone } = failure;
        let mut locked = self.project.images.iter().flat_map(|image| &image.locked);
        if !is_gone || !locked.any(|locked| locked.pinned == *reference) {
            return message;
        }
        let base = ImageReference { digest: None, ..reference.clone() };
        format!(
            "{message} (the locked image is gone: `shipwright lock --update {base}` locks what {base} names now)"
        )
    }

    /// What a base brings along is known once it is there, and must not decide what nobody planned.
    async fn check_bases(&self, step: StepId) -> Result<(), BuildFailure> {
        let image = self.image(step);
        let builder = self.builder.kind();
        for base in external_bases(image) {
            let found = self.store.inspect(&base).await;
            let found = found.map_err(|error| BuildFailure::new(error.to_string()))?;
            if let Some(message) = found.and_then(|base| unforeseen(image, &base, builder)) {
                return Err(BuildFailure {
                    hint: Some(self.whole_context(step)),
                    ..BuildFailure::new(message)
                });
            }
        }
        Ok(())
    }

    fn failure(&self, step: StepId, error: &BuildError) -> BuildFailure {
        let line = match error {
            BuildError::Failed { line, .. } | BuildError::Unsupported { line, .. } => *line,
            _ => None,
        };
        let hint = match error {
            BuildError::ContextExceeded(_) => Some(self.whole_context(step)),
            // Whoever changed the file may have changed more: git, with another branch.
            BuildError::ContextChanged { .. } => (self.guard)().err().or_else(|| error.hint()),
            _ if error.is_not_utf8() => Some(self.name_that_is_not_text(step)),
            _ => error.hint(),
        };
        BuildFailure { line, hint, ..BuildFailure::new(error.to_string()) }
    }

    /// Engines from 27 on take the protocol's word that names are text.
    fn name_that_is_not_text(&self, step: StepId) -> String {
        let mut files =
            self.image(step).ready().into_iter().flat_map(ReadyImage::all_files).map(|(_, file)| file);
        let odd = files.find(|file| std::str::from_utf8(file.path.as_bytes()).is_err());
        let what = odd.map_or_else(|| "what is named so".to_owned(), |file| file.path.to_text());
        format!(
            "this engine's BuildKit takes only names and links that are UTF-8: rename {what}, leave it out with \
             .dockerignore, or build with DOCKER_BUILDKIT=0"
        )
    }

    /// The settings that make every file of the context an input.
    fn whole_context(&self, step: StepId) -> String {
        let name = self.image(step).name.title();
        format!(
            "`whole_context = true` below `[image.{name}]` in shipwright.toml makes all files of its context inputs, and all stages needed ones"
        )
    }
}

struct PullFailure {
    message: String,
    /// Whether the registry no longer has the image.
    is_gone: bool,
}

/// Which stages the classic builder is not to see.
fn cuts(image: &Image) -> Vec<(Range<usize>, String)> {
    cut_unneeded_stages(&image.file, &image.evaluation)
}

/// What an engine keeps of a context may be used again for equal files with equal times only.
fn context_key(ready: &ReadyImage, time: Option<i64>) -> [u8; 32] {
    let times: Vec<i128> = match time {
        Some(time) => vec![i128::from(time)],
        None => ready.all_files().map(|(_, file)| file.modified_ns.unwrap_or_default()).collect(),
    };
    ready.material.digest_with_times(&times)
}

fn immutable_references(step: &Step) -> Vec<ImageReference> {
    step.tags.iter().filter(|tag| !tag.moves()).map(|tag| step.tagged(tag)).collect()
}

#[async_trait]
impl Worker for EngineWorker {
    async fn pull(&self, reference: &str) -> Result<(), String> {
        let reference: ImageReference =
            reference.parse().map_err(|error: crate::image::InvalidReference| error.to_string())?;
        self.pull_with_login(&reference).await.map_err(|error| self.explained(&reference, error))
    }

    async fn build(&self, image: StepId, updates: mpsc::Sender<BuildEvent>) -> Result<(), BuildFailure> {
        self.check_bases(image).await?;
        // With containerd's store, whoever names the same image at the same moment comes second; what was
        // built is kept, so that building again only names it.
        let again = |built: &Result<Result<(), BuildError>, _>| matches!(built, Ok(Err(error)) if error.is_name_taken());
        let built = retry(NAMING_TRIES, || self.build_once(image, &updates), again).await?;
        built.map_err(|error| self.failure(image, &error))?;
        if let (Some(ready), Some(key)) = (self.image(image).ready(), self.step(image).key) {
            let manifest = KeyManifest {
                files: ready.material.files.to_vec(),
                contexts: ready.material.context_files(),
                said: self.image(image).said(),
            };
            self.manifests.write(key, &manifest);
        }
        Ok(())
    }

    async fn fetch(&self, image: StepId) -> Result<(), String> {
        let reference = self.reference(image)?;
        let source = self.step(image).pulled_from.as_ref().unwrap_or(reference);
        let had_it = self.store.inspect(source).await.map_err(|error| error.to_string())?.is_some();
        self.pull_with_login(source).await.map_err(|failure| failure.message)?;
        let found = self.store.inspect(source).await.map_err(|error| error.to_string())?;
        // The tag shows 16 digits of the key; only all of them count.
        let wanted = self.step(image).platform.as_ref();
        let wrong = match &found {
            Some(found) if key_of(found) != self.step(image).key => Some("of another key".to_owned()),
            Some(found) if wanted.is_some_and(|wanted| !found.platform.satisfies(wanted)) => {
                Some(format!("for {}", found.platform))
            }
            Some(_) => None,
            None => Some("that went away".to_owned()),
        };
        if let Some(wrong) = wrong {
            if source != reference && !had_it {
                let _ = self.store.remove(source).await;
            }
            return Err(format!("{source} is an image {wrong}"));
        }
        if source != reference {
            self.store.tag(source, reference).await.map_err(|error| error.to_string())?;
            if !had_it {
                // The registry's name was only for the way.
                self.store.remove(source).await.map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }

    async fn tag(&self, image: StepId, tag: &PlannedTag) -> Result<(), String> {
        let source = self.reference(image)?;
        let target = self.step(image).tagged(tag);
        // Whoever does not answer is not asked once more.
        let again =
            |tagged: &Result<(), EngineError>| tagged.as_ref().is_err_and(|error| !error.is_unreachable());
        let tagged = retry(TRIES, || self.store.tag(source, &target), again).await;
        tagged.map_err(|error| error.to_string())
    }

    async fn present_tags(&self, images: &[StepId]) -> Result<Vec<Option<Vec<Tag>>>, String> {
        let references =
            images.iter().map(|image| self.reference(*image).cloned()).collect::<Result<Vec<_>, _>>()?;
        let is_one_missing = |found: &Result<Vec<Option<LocalImage>>, EngineError>| {
            found.as_ref().is_ok_and(|found| found.iter().any(Option::is_none))
        };
        let found = retry(TRIES, || self.store.inspect_all(&references), is_one_missing).await;
        let found = found.map_err(|error| error.to_string())?;
        Ok(images
            .iter()
            .zip(found)
            .map(|(image, found)| {
                let found = found.filter(|found| key_of(found) == self.step(*image).key)?;
                let repository = &self.step(*image).repository;
                let ours = found.references.iter().filter(|reference| reference.repository == *repository);
                Some(ours.filter_map(|reference| reference.tag.clone()).collect())
            })
            .collect())
    }

    async fn confirm_plan(&self) -> Result<(), String> {
        (self.guard)()
    }

    async fn superseded(&self) -> Superseded {
        let repositories: BTreeSet<Repository> =
            self.plan.steps.iter().map(|step| step.repository.clone()).collect();
        let repositories: Vec<Repository> = repositories.into_iter().collect();
        let wanted: Vec<ContentKey> = self.plan.steps.iter().filter_map(|step| step.key).collect();
        match tokio::time::timeout(PATIENCE_FOR_FIGURES, self.store.list(&repositories)).await {
            Ok(Ok(listed)) => superseded(&listed, &wanted),
            Ok(Err(_)) | Err(_) => Superseded::default(),
        }
    }
}

fn key_of(found: &LocalImage) -> Option<ContentKey> {
    found.labels.get(KEY_LABEL)?.parse().ok()
}
