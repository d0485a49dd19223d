use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{OnceCell, mpsc};

use super::bases::{external_bases, foreign_trigger, is_indifferent};
use super::spec::BuildSpecs;
use super::superseded::Superseded;
use super::{BuildFailure, BuilderId, Worker};
use crate::builder::{BuildError, BuildEvent, BuildSpec, Destination, RegistryLogins, RemoteBuilder};
use crate::engine::{LocalImageId, RegistryLogin};
use crate::image::{Digest, ImageReference, Repository, Tag};
use crate::plan::{ImageId, PlannedTag, StepId, TagKind};
use crate::registry::{Credentials, Registry};
use crate::retry::RetryPolicy;

/// How often an image is built by a builder that loses the connection and is there all the same.
const TRIES: RetryPolicy = RetryPolicy::new(3, Duration::from_millis(500));

/// Has images built by builders that stand alone, straight into registries: under their keys and nothing else. Tags that
/// move are for whoever comes after, when all is in place.
pub(crate) struct RegistryWorker {
    /// Where builders are known by their place.
    pub builders: Vec<Arc<dyn RemoteBuilder>>,
    pub registry: Arc<dyn Registry>,
    pub specs: BuildSpecs,
    /// Where each image goes, one repository a registry.
    pub repositories: BTreeMap<StepId, Vec<Repository>>,
    /// What is known of the images that registries have.
    pub placed: Placed,
    /// Registries that may be without encryption.
    pub insecure: Insecure,
    /// Whether what builders remember of external bases does not count.
    pub pull: bool,
    pub bases: Bases,
}

/// Where dependents find images: by digest.
#[derive(Default)]
pub(crate) struct Placed(Mutex<BTreeMap<ImageId, ImageReference>>);

impl Placed {
    pub(crate) fn new(known: BTreeMap<ImageId, ImageReference>) -> Self {
        Self(Mutex::new(known))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ImageId, ImageReference>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What external bases bring along, asked once each.
#[derive(Default)]
pub(crate) struct Bases(Mutex<BTreeMap<String, Arc<OnceCell<Triggers>>>>);

/// ONBUILD lines, or why they are not known.
type Triggers = Result<Vec<String>, String>;

/// Registries, HOST or HOST:PORT, that may be without encryption.
#[derive(Clone, Debug, Default)]
pub(crate) struct Insecure {
    /// The user's word.
    pub told: Vec<String>,
    /// The checkout's word: these get no login.
    pub without_login: Vec<String>,
}

impl Insecure {
    fn holds(&self, repository: &Repository) -> bool {
        let is = |hosts: &[String]| hosts.iter().any(|host| host.eq_ignore_ascii_case(repository.host()));
        is(&self.told) || is(&self.without_login)
    }
}

/// Logins, but none for a registry that only the checkout says may be without encryption.
struct Protected {
    credentials: Arc<Credentials>,
    insecure: Insecure,
}

#[async_trait]
impl RegistryLogins for Protected {
    async fn login(&self, host: &str) -> Option<RegistryLogin> {
        let is = |hosts: &[String]| hosts.iter().any(|it| it.eq_ignore_ascii_case(host));
        if is(&self.insecure.without_login) && !is(&self.insecure.told) {
            return None;
        }
        RegistryLogins::login(&*self.credentials, host).await
    }
}

impl RegistryWorker {
    fn request(&self, id: StepId) -> Result<BuildSpec, BuildFailure> {
        let pin = |dependency: ImageId| {
            let placed = self.placed.lock().get(&dependency).map(ToString::to_string);
            placed.ok_or_else(|| {
                let name = self.specs.project.images[dependency].name.full();
                format!("{name}, which it is built from, is in no registry")
            })
        };
        let references = self.references(id);
        let insecure = references.iter().any(|reference| self.insecure.holds(&reference.repository));
        Ok(BuildSpec {
            destination: Destination::Registry { insecure },
            pull: self.pull,
            logins: Arc::new(Protected {
                credentials: Arc::clone(&self.specs.credentials),
                insecure: self.insecure.clone(),
            }),
            references,
            ..self.specs.of(id, &pin)?
        })
    }

    /// The image's key in each registry.
    fn references(&self, id: StepId) -> Vec<ImageReference> {
        let key = self.specs.step(id).tags.iter().find(|tag| tag.kind == TagKind::Key);
        let repositories = self.repositories.get(&id).into_iter().flatten();
        key.into_iter().flat_map(|key| repositories.clone().map(|it| it.with_tag(key.tag.clone()))).collect()
    }

    /// Builds on one builder, again where only the connection was lost for a moment.
    async fn build_on(
        &self,
        builder: &dyn RemoteBuilder,
        id: StepId,
        updates: &mpsc::Sender<BuildEvent>,
    ) -> Result<LocalImageId, BuildFailure> {
        let mut tries = 1;
        loop {
            let request = self.request(id)?;
            let error = match builder.build(request, updates.clone()).await {
                Ok(image) => return Ok(image),
                Err(error) => error,
            };
            let lost = |reason: String| BuildFailure { is_of_builder: true, ..BuildFailure::new(reason) };
            // A builder that goes may have its steps fail first: they say nothing about the image then.
            builder.answers().await.map_err(lost)?;
            match error {
                BuildError::Connection(reason) if tries == TRIES.tries => return Err(lost(reason)),
                error if is_of_builder(&error) && tries < TRIES.tries => {}
                error => return Err(self.specs.failure(id, &error)),
            }
            tokio::time::sleep(TRIES.pause(tries, None, rand::random())).await;
            tries += 1;
        }
    }

    /// What was pushed has to be what registries have now: dependents are built from it by its digest.
    async fn place(&self, id: StepId, built: &LocalImageId) -> Result<(), BuildFailure> {
        let digest = Digest::new(&built.0)
            .map_err(|_| BuildFailure::new(format!("the builder gave no digest, but `{}`", built.0)))?;
        for reference in self.references(id) {
            let found = self.registry.head(&reference).await;
            let found = found.map_err(|error| BuildFailure {
                hint: error.hint(),
                ..BuildFailure::new(format!("it was pushed, but {error}"))
            })?;
            match found.map(|found| found.digest) {
                Some(found) if found == digest => {}
                Some(found) => {
                    return Err(BuildFailure::new(format!(
                        "{reference} is {found} and not {digest}, which was pushed: another run pushed it at the same time"
                    )));
                }
                None => {
                    return Err(BuildFailure::new(format!(
                        "{reference} was pushed, but the registry does not have it"
                    )));
                }
            }
        }
        if let Some(repository) = self.repositories.get(&id).and_then(|all| all.first()) {
            self.placed.lock().insert(self.specs.step(id).image, repository.with_digest(digest));
        }
        Ok(())
    }

    /// What a base brings along must not decide what nobody planned. A builder does not tell before it builds, so its
    /// registry is asked.
    async fn check_bases(&self, id: StepId) -> Result<(), BuildFailure> {
        let image = self.specs.image(id);
        if is_indifferent(image) {
            return Ok(());
        }
        for base in external_bases(image) {
            let failed = |message: String| BuildFailure {
                hint: Some(self.specs.whole_context(id)),
                ..BuildFailure::new(message)
            };
            let triggers = self.triggers(id, &base).await.map_err(|error| {
                failed(format!("its base {base} cannot be asked what it brings along: {error}"))
            })?;
            if let Some(message) = foreign_trigger(image, &triggers) {
                return Err(failed(message));
            }
        }
        Ok(())
    }

    async fn triggers(&self, id: StepId, base: &ImageReference) -> Triggers {
        let Some(platform) = self.specs.step(id).platform.clone() else { return Ok(Vec::new()) };
        let known = {
            let mut bases = self.bases.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(bases.entry(format!("{base} {platform}")).or_default())
        };
        let asking =
            || async { self.registry.triggers(base, &platform).await.map_err(|error| error.to_string()) };
        known.get_or_init(asking).await.clone()
    }
}

/// Whether a build failed for nothing that is in it: the connection broke, or the builder, which nobody else asked to, gave
/// it up. The spelling is that of Go's `context`, which a daemon shows that is told to end.
fn is_of_builder(error: &BuildError) -> bool {
    match error {
        BuildError::Connection(_) => true,
        BuildError::Failed { message, .. } => message.contains("context canceled"),
        _ => false,
    }
}

/// Nothing but builds is asked of it: what a registry has is neither pulled nor tagged by a run of builds.
const NO_STORE: &str = "builders have no images of their own";

#[async_trait]
impl Worker for RegistryWorker {
    async fn pull(&self, _: &str) -> Result<(), String> {
        Err(NO_STORE.to_owned())
    }

    async fn build(
        &self,
        image: StepId,
        builder: BuilderId,
        updates: mpsc::Sender<BuildEvent>,
    ) -> Result<(), BuildFailure> {
        self.check_bases(image).await?;
        let Some(builder) = self.builders.get(builder.0) else {
            return Err(BuildFailure::new("there is no such builder"));
        };
        let built = self.build_on(&**builder, image, &updates).await?;
        self.place(image, &built).await?;
        self.specs.remember(image);
        Ok(())
    }

    async fn fetch(&self, _: StepId) -> Result<(), String> {
        Err(NO_STORE.to_owned())
    }

    async fn tag(&self, _: StepId, _: &PlannedTag) -> Result<(), String> {
        Err(NO_STORE.to_owned())
    }

    async fn present_tags(&self, _: &[StepId]) -> Result<Vec<Option<Vec<Tag>>>, String> {
        Err(NO_STORE.to_owned())
    }

    async fn confirm_plan(&self) -> Result<(), String> {
        (self.specs.guard)()
    }

    async fn superseded(&self) -> Superseded {
        Superseded::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn logins_follow_the_user_s_word_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("config.json");
        let auths = r#"{"auths": {"a.lan:1": {"auth": "bWU6cA=="}, "b.lan:1": {"auth": "bWU6cA=="}}}"#;
        std::fs::write(&file, auths).expect("written");
        let credentials = Arc::new(Credentials::new(Some(file), None, Duration::from_secs(5)));
        let has_login = async |told: &[&str], host: &str| {
            let told = told.iter().map(ToString::to_string).collect();
            let insecure = Insecure { told, without_login: vec!["a.lan:1".to_owned()] };
            let protected = Protected { credentials: Arc::clone(&credentials), insecure };
            protected.login(host).await.is_some()
        };
        assert!(has_login(&[], "b.lan:1").await, "nothing is said of it");
        assert!(!has_login(&[], "a.lan:1").await, "the checkout says that it may be without encryption");
        assert!(!has_login(&[], "A.LAN:1").await);
        assert!(has_login(&["a.lan:1"], "a.lan:1").await, "so does the user");
    }

    #[test]
    fn what_a_builder_that_ends_says_is_not_about_the_image() {
        let failed = |message: &str| BuildError::Failed {
            message: message.to_owned(),
            line: None,
            log: Vec::new(),
            hint: None,
        };
        assert!(is_of_builder(&BuildError::Connection("reset".to_owned())));
        assert!(is_of_builder(&failed("failed to solve: context canceled")));
        assert!(!is_of_builder(&failed(
            "process \"/bin/sh -c false\" did not complete successfully: exit code: 1"
        )));
        assert!(!is_of_builder(&BuildError::ContextExceeded("x".to_owned())));
    }
}
