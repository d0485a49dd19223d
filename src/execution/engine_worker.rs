use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::bases::{external_bases, unforeseen};
use super::labels::KEY_LABEL;
use super::spec::BuildSpecs;
use super::superseded::{Superseded, superseded};
use super::{BuildFailure, BuilderId, Worker, engine_login};
use crate::builder::{BuildError, BuildEvent, BuildSpec, Builder};
use crate::engine::EngineError;
use crate::image::{ContentKey, ImageReference, Repository, Tag};
use crate::plan::{ImageId, PlannedTag, Step, StepId};
use crate::retry::{RetryPolicy, retry};
use crate::store::{ImageStore, LocalImage};

/// How often an image is named that another run names at the same time.
const NAMING_TRIES: RetryPolicy = RetryPolicy::new(5, Duration::ZERO);

/// An engine that gives an image its name anew, because another run built the same one, may not know the
/// name for a moment. So often what was not found is looked for.
const TRIES: RetryPolicy = RetryPolicy::new(4, Duration::from_millis(150));

/// How long a run that is done waits to learn what superseded images hold.
const PATIENCE_FOR_FIGURES: Duration = Duration::from_secs(1);

/// Carries out a plan on an engine.
pub(crate) struct EngineWorker {
    /// Where images are.
    pub store: Arc<dyn ImageStore>,
    pub builder: Arc<dyn Builder>,
    pub specs: BuildSpecs,
}

impl EngineWorker {
    async fn build_once(
        &self,
        image: StepId,
        updates: &mpsc::Sender<BuildEvent>,
    ) -> Result<Result<(), BuildError>, BuildFailure> {
        let references = immutable_references(self.specs.step(image));
        let pins = |dependency: ImageId| self.specs.key_reference(dependency).map(|it| it.to_string());
        let request = BuildSpec { references, ..self.specs.of(image, &pins)? };
        Ok(self.builder.build(request, updates.clone()).await.map(drop))
    }

    async fn pull_with_login(&self, reference: &ImageReference) -> Result<(), PullFailure> {
        let login = self.specs.credentials.login(reference.repository.host()).await;
        let login = login.map_err(|error| PullFailure { message: error.to_string(), is_gone: false })?;
        let login = login.as_ref().and_then(engine_login);
        let Err(error) = self.store.pull(reference, login).await else { return Ok(()) };
        // Without a login it may have been the helper that should have given one.
        let message = match self.specs.credentials.failure(reference.repository.host()).await {
            Some(helper) => format!("{error} ({helper})"),
            None => error.to_string(),
        };
        Err(PullFailure { message, is_gone: error.is_gone() })
    }

    /// Adds what to do about a locked base that its registry no longer has.
    fn explained(&self, reference: &ImageReference, failure: PullFailure) -> String {
        let PullFailure { message, is_gone } = failure;
        let mut locked = self.specs.project.images.iter().flat_map(|image| &image.locked);
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
        let image = self.specs.image(step);
        let builder = self.builder.kind();
        for base in external_bases(image) {
            let found = self.store.inspect(&base).await;
            let found = found.map_err(|error| BuildFailure::new(error.to_string()))?;
            if let Some(message) = found.and_then(|base| unforeseen(image, &base, builder)) {
                return Err(BuildFailure {
                    hint: Some(self.specs.whole_context(step)),
                    ..BuildFailure::new(message)
                });
            }
        }
        Ok(())
    }
}

struct PullFailure {
    message: String,
    /// Whether the registry no longer has the image.
    is_gone: bool,
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

    async fn build(
        &self,
        image: StepId,
        _: BuilderId,
        updates: mpsc::Sender<BuildEvent>,
    ) -> Result<(), BuildFailure> {
        self.check_bases(image).await?;
        // With containerd's store, whoever names the same image at the same moment comes second; what was
        // built is kept, so that building again only names it.
        let again = |built: &Result<Result<(), BuildError>, _>| matches!(built, Ok(Err(error)) if error.is_name_taken());
        let built = retry(NAMING_TRIES, || self.build_once(image, &updates), again).await?;
        built.map_err(|error| self.specs.failure(image, &error))?;
        self.specs.remember(image);
        Ok(())
    }

    async fn fetch(&self, image: StepId) -> Result<(), String> {
        let reference = self.specs.reference(image)?;
        let source = self.specs.step(image).pulled_from.as_ref().unwrap_or(reference);
        let had_it = self.store.inspect(source).await.map_err(|error| error.to_string())?.is_some();
        self.pull_with_login(source).await.map_err(|failure| failure.message)?;
        let found = self.store.inspect(source).await.map_err(|error| error.to_string())?;
        // The tag shows 16 digits of the key; only all of them count.
        let wanted = self.specs.step(image).platform.as_ref();
        let wrong = match &found {
            Some(found) if key_of(found) != self.specs.step(image).key => Some("of another key".to_owned()),
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
        let source = self.specs.reference(image)?;
        let target = self.specs.step(image).tagged(tag);
        // Whoever does not answer is not asked once more.
        let again =
            |tagged: &Result<(), EngineError>| tagged.as_ref().is_err_and(|error| !error.is_unreachable());
        let tagged = retry(TRIES, || self.store.tag(source, &target), again).await;
        tagged.map_err(|error| error.to_string())
    }

    async fn present_tags(&self, images: &[StepId]) -> Result<Vec<Option<Vec<Tag>>>, String> {
        let references = images
            .iter()
            .map(|image| self.specs.reference(*image).cloned())
            .collect::<Result<Vec<_>, _>>()?;
        let is_one_missing = |found: &Result<Vec<Option<LocalImage>>, EngineError>| {
            found.as_ref().is_ok_and(|found| found.iter().any(Option::is_none))
        };
        let found = retry(TRIES, || self.store.inspect_all(&references), is_one_missing).await;
        let found = found.map_err(|error| error.to_string())?;
        Ok(images
            .iter()
            .zip(found)
            .map(|(image, found)| {
                let found = found.filter(|found| key_of(found) == self.specs.step(*image).key)?;
                let repository = &self.specs.step(*image).repository;
                let ours = found.references.iter().filter(|reference| reference.repository == *repository);
                Some(ours.filter_map(|reference| reference.tag.clone()).collect())
            })
            .collect())
    }

    async fn confirm_plan(&self) -> Result<(), String> {
        (self.specs.guard)()
    }

    async fn superseded(&self) -> Superseded {
        let repositories: BTreeSet<Repository> =
            self.specs.plan.steps.iter().map(|step| step.repository.clone()).collect();
        let repositories: Vec<Repository> = repositories.into_iter().collect();
        let wanted: Vec<ContentKey> = self.specs.plan.steps.iter().filter_map(|step| step.key).collect();
        match tokio::time::timeout(PATIENCE_FOR_FIGURES, self.store.list(&repositories)).await {
            Ok(Ok(listed)) => superseded(&listed, &wanted),
            Ok(Err(_)) | Err(_) => Superseded::default(),
        }
    }
}

fn key_of(found: &LocalImage) -> Option<ContentKey> {
    found.labels.get(KEY_LABEL)?.parse().ok()
}
