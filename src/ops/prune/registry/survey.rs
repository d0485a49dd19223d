use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::execution::{DOCKERFILE_LABEL, KEY_LABEL, REVISION_LABEL, SOURCE_LABEL};
use crate::git::CommitId;
use crate::image::{ContentKey, Digest, Repository, Tag};
use crate::ops::Error;
use crate::ops::registries::Registries;
use crate::ops::workspace::Workspace;
use crate::plan::{Needs, RegistryImage, RegistryRules, RegistryStep, RegistryTags, Says};
use crate::publish::destination;
use crate::registry::{ImageConfig, Registry, RegistryError};

/// Questions at once; the registry's client limits its requests itself.
const QUESTIONS: usize = 64;

/// Where this checkout's images are pushed to, each once.
pub(super) fn repositories(workspace: &Workspace, registries: &Registries) -> Result<Vec<Repository>, Error> {
    let mut found = Vec::new();
    for place in &registries.places {
        for image in &workspace.project.images {
            found.push(destination(&image.name.repository, place.as_deref()).map_err(Error::usage)?);
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

pub(super) struct Survey<'a> {
    pub(super) registry: &'a dyn Registry,
}

impl Survey<'_> {
    pub(super) async fn list(
        &self,
        repositories: &[Repository],
    ) -> Result<Vec<(Repository, Vec<Tag>)>, RegistryError> {
        let question = async |repository: Repository| {
            let mut tags = self.registry.tags(&repository).await?;
            tags.sort();
            tags.dedup();
            Ok((repository, tags))
        };
        let questions: Vec<_> = repositories.iter().cloned().map(question).collect();
        stream::iter(questions).buffered(QUESTIONS).try_collect().await
    }

    /// Decides about a repository. Where no tag may go by its name, nothing is asked.
    pub(super) async fn decide(
        &self,
        workspace: &Workspace,
        repository: &Repository,
        tags: &[Tag],
        needs: &Needs,
        rules: &RegistryRules,
    ) -> Result<Vec<RegistryStep>, Error> {
        let by_name = RegistryTags::new(tags, needs, rules);
        if !by_name.any_may_go() {
            let alone = |tag: &Tag| RegistryImage::of_tags(vec![tag.clone()]);
            let images: Vec<RegistryImage> = tags.iter().map(alone).collect();
            return Ok(by_name.decide(repository, &images, needs, rules));
        }
        let mut grouped: BTreeMap<Digest, Vec<Tag>> = BTreeMap::new();
        let mut indexes = Vec::new();
        for (tag, digest, is_index) in heads(self.registry, repository, tags).await? {
            if is_index && !indexes.contains(&digest) {
                indexes.push(digest.clone());
            }
            grouped.entry(digest).or_default().push(tag);
        }
        let question = async |(digest, tags): (Digest, Vec<Tag>)| {
            let reference = repository.with_digest(digest.clone());
            let mut image = RegistryImage { digest: Some(digest.clone()), ..RegistryImage::of_tags(tags) };
            if by_name.may_go(&image.tags) {
                image.says = match self.registry.image_config(&reference).await {
                    Ok(config) => Some(says(workspace, &config)),
                    // What is damaged there, or no image at all, is nobody's business here.
                    Err(RegistryError::NotFound { .. } | RegistryError::NoImage { .. }) => {
                        Some(Says::default())
                    }
                    Err(error) => return Err(error),
                };
            }
            if indexes.contains(&digest) {
                let children = self.registry.manifest(&reference).await?.children();
                image.children = children.into_iter().map(|child| child.descriptor.digest).collect();
            }
            Ok(image)
        };
        let questions: Vec<_> = grouped.into_iter().map(question).collect();
        let images: Vec<RegistryImage> = stream::iter(questions).buffered(QUESTIONS).try_collect().await?;
        Ok(by_name.decide(repository, &images, needs, rules))
    }
}

/// What tags stand on, and whether that is an index; those that are gone are left out.
pub(super) async fn heads(
    registry: &dyn Registry,
    repository: &Repository,
    tags: &[Tag],
) -> Result<Vec<(Tag, Digest, bool)>, RegistryError> {
    let question = async |tag: Tag| {
        let found = registry.head(&repository.with_tag(tag.clone())).await?;
        Ok(found.map(|found| {
            let is_index = found.media_type.contains("index") || found.media_type.contains("list");
            (tag, found.digest, is_index)
        }))
    };
    let questions: Vec<_> = tags.iter().cloned().map(question).collect();
    let found: Vec<Option<_>> = stream::iter(questions).buffered(QUESTIONS).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

fn says(workspace: &Workspace, config: &ImageConfig) -> Says {
    let label = |name: &str| config.labels.get(name).map(String::as_str).unwrap_or_default();
    let key: Option<ContentKey> = label(KEY_LABEL).parse().ok();
    let has_key = |key: ContentKey| {
        config.variants.iter().all(|it| it.labels.get(KEY_LABEL).and_then(|it| it.parse().ok()) == Some(key))
    };
    let key = key.filter(|key| has_key(*key));
    let revision: Option<CommitId> = label(REVISION_LABEL).parse().ok();
    let checkout = &workspace.checkout;
    Says {
        key,
        dockerfile: label(DOCKERFILE_LABEL).to_owned(),
        platforms: config.platforms.clone(),
        source: label(SOURCE_LABEL).to_owned(),
        revision: revision.map(|commit| (commit, checkout.commit_time(commit).is_ok())),
        is_built_here: key.is_some_and(|key| workspace.manifests().has(key)),
    }
}
