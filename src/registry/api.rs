use async_trait::async_trait;

use super::{Descriptor, ImageConfig, Manifest, ManifestName, RegistryError};
use crate::image::{ImageReference, Platform, Repository, Tag};

pub(crate) type RegistryResult<T> = Result<T, RegistryError>;

#[async_trait]
pub trait Registry: Send + Sync {
    /// What a reference names; `None`: the registry does not have it.
    async fn head(&self, reference: &ImageReference) -> RegistryResult<Option<Descriptor>>;

    /// The same for what may be pushed. Some registries answer 403, or 401, for what is not there; Docker does not
    /// look and pushes. So to somebody who may push, such an answer means that it is not there.
    async fn look_up(&self, reference: &ImageReference) -> RegistryResult<Option<Descriptor>>;

    /// The manifest or index that a reference names, unchanged. Its digest has been verified.
    async fn manifest(&self, reference: &ImageReference) -> RegistryResult<Manifest>;

    /// Puts a manifest or index under `name`, unchanged. What it refers to must be in the repository already.
    async fn put_manifest(
        &self,
        repository: &Repository,
        name: &ManifestName,
        manifest: &Manifest,
    ) -> RegistryResult<()>;

    /// Lets `to` name what `from` names in the same repository, be it an image or an index, byte for byte.
    async fn copy_tag(
        &self,
        repository: &Repository,
        from: &ManifestName,
        to: &Tag,
    ) -> RegistryResult<Descriptor> {
        let reference = match from {
            ManifestName::Tag(tag) => repository.with_tag(tag.clone()),
            ManifestName::Digest(digest) => repository.with_digest(digest.clone()),
        };
        let manifest = self.manifest(&reference).await?;
        self.put_manifest(repository, &to.clone().into(), &manifest).await?;
        Ok(manifest.descriptor)
    }

    /// All tags of a repository; none if there is no such repository.
    async fn tags(&self, repository: &Repository) -> RegistryResult<Vec<Tag>>;

    /// Deletes a tag alone, or by its digest a manifest with all its tags (OCI distribution specification, "Deleting
    /// tags" and "Deleting manifests"). Gives false if it is not there. [`RegistryError::is_unsupported`] tells a
    /// registry that does not delete so.
    async fn delete(&self, repository: &Repository, name: &ManifestName) -> RegistryResult<bool>;

    /// Whether the login may push to a repository. What else may be wrong with it, pushing will say.
    async fn may_push(&self, repository: &Repository) -> bool;

    /// The labels and platforms of an image, without pulling it; of an index those of all its images. Every manifest
    /// and configuration is what its digest says.
    async fn image_config(&self, image: &ImageReference) -> RegistryResult<ImageConfig>;

    /// The ONBUILD triggers of an image, without pulling it; of an index those of its image for `platform`. None of what
    /// has no such image: whoever builds on it is told.
    async fn triggers(&self, image: &ImageReference, platform: &Platform) -> RegistryResult<Vec<String>>;
}
