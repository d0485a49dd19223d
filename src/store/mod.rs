//! Where images are: what a container engine has, under which names, and how they come and go. A builder is
//! something else: one that is far away has no such store.

mod build_cache;
mod container_store;
mod containers;
mod engine;
mod image;
mod pull;
mod push;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt};

use crate::engine::{EngineError, LocalImageId, RegistryLogin};
use crate::image::{Digest, ImageReference, Repository};
pub use build_cache::CacheLimit;
pub(crate) use container_store::ContainerStore;
pub(crate) use containers::Container;
pub(crate) use image::{ListedImage, LocalImage};
pub(crate) use push::Sent;

/// Questions under way at once. More gain nothing on any engine that was tried.
const CONCURRENT_QUESTIONS: usize = 16;

/// The images that an engine has, by their names.
#[async_trait]
pub trait ImageStore: Send + Sync {
    /// What tells this store from others, whatever address it is reached at.
    async fn id(&self) -> Result<String, EngineError>;

    /// What is known of an image, `None` if there is none of that name.
    async fn inspect(&self, reference: &ImageReference) -> Result<Option<LocalImage>, EngineError>;

    /// [`Self::inspect`] for many, several at once; the answers stand in the order of `references`. Much
    /// cheaper than a list of all images where there are many.
    async fn inspect_all(
        &self,
        references: &[ImageReference],
    ) -> Result<Vec<Option<LocalImage>>, EngineError> {
        // Collected first: a closure over borrowed references is not general enough for callers that are `Send`.
        let questions: Vec<_> = references.iter().map(|reference| self.inspect(reference)).collect();
        futures_util::stream::iter(questions).buffered(CONCURRENT_QUESTIONS).try_collect().await
    }

    /// All images of some repositories. An engine looks through everything it has, which takes a while
    /// where there are thousands.
    async fn list(&self, repositories: &[Repository]) -> Result<Vec<ListedImage>, EngineError>;

    /// Gives the image `source` the further name `target`, which leaves the image that had it.
    async fn tag(&self, source: &ImageReference, target: &ImageReference) -> Result<(), EngineError>;

    /// Takes a name off its image, and deletes the image if that was its last one. Gives false if there was
    /// no such name. An engine refuses if a container needs it.
    async fn remove(&self, reference: &ImageReference) -> Result<bool, EngineError>;

    /// Names of the containers, running or not, that were made from exactly this image.
    async fn containers_using(&self, image: &LocalImageId) -> Result<Vec<String>, EngineError>;

    /// All images with a label, whatever its value; those that inherited it are among them.
    async fn labelled(&self, label: &str) -> Result<Vec<LocalImage>, EngineError>;

    /// All containers, running or not.
    async fn containers(&self) -> Result<Vec<Container>, EngineError>;

    /// Removes a container that does not run; its named volumes stay. Gives false if there is none. An engine refuses
    /// if it runs.
    async fn remove_container(&self, id: &str) -> Result<bool, EngineError>;

    /// What the build cache of all the engine's users holds beyond what images share with it, in bytes.
    async fn build_cache(&self) -> Result<u64, EngineError>;

    /// Removes from that cache what is beyond a limit and not in use, and nothing else; gives the bytes that this freed.
    async fn prune_build_cache(&self, limit: CacheLimit) -> Result<u64, EngineError>;

    /// Fetches an image from its registry.
    async fn pull(&self, reference: &ImageReference, login: Option<RegistryLogin>)
    -> Result<(), EngineError>;

    /// Sends an image to the registry that its name begins with. Layers that the registry has are not sent.
    /// `progress` is called with what went so far. Gives the digest of the manifest, where the
    /// engine tells it.
    async fn push(
        &self,
        reference: &ImageReference,
        login: Option<RegistryLogin>,
        progress: &mut (dyn FnMut(Sent) + Send),
    ) -> Result<Option<Digest>, EngineError>;
}
