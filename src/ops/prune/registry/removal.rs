use std::collections::{BTreeMap, BTreeSet};

use super::survey::heads;
use crate::diagnostic::Diagnostic;
use crate::image::{Digest, Repository, Tag};
use crate::ops::Audience;
use crate::plan::{RegistryStep, keep, never_moves};
use crate::registry::{Manifest, ManifestName, Registry, RegistryError};

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegistryRemoved {
    /// Manifests and indexes that have no tag any more.
    pub images: usize,
    /// Tags.
    pub tags: usize,
}

/// What is known of a registry by now.
#[derive(Default)]
struct Host {
    /// Whether it deletes a tag alone.
    deletes_tags: Option<bool>,
    /// Why it is not asked any more.
    refusal: Option<String>,
}

pub(super) struct Removal<'a> {
    registry: &'a dyn Registry,
    /// The tags that repositories had when it was decided.
    listed: &'a [(Repository, Vec<Tag>)],
    audience: &'a mut dyn Audience,
    hosts: BTreeMap<String, Host>,
    /// Tags of the step at hand that are deleted.
    done: BTreeSet<Tag>,
    removed: RegistryRemoved,
    failed: bool,
}

impl<'a> Removal<'a> {
    pub(super) fn new(
        registry: &'a dyn Registry,
        listed: &'a [(Repository, Vec<Tag>)],
        audience: &'a mut dyn Audience,
    ) -> Self {
        let (hosts, done, removed) = (BTreeMap::new(), BTreeSet::new(), RegistryRemoved::default());
        Self { registry, listed, audience, hosts, done, removed, failed: false }
    }

    /// Deletes what a step says. What cannot be deleted is told, and stays in the step with the reason.
    pub(super) async fn remove(&mut self, step: &mut RegistryStep) {
        let host = step.repository.host().to_owned();
        if let Some(why) = self.hosts.get(&host).and_then(|host| host.refusal.clone()) {
            return keep(step, &why);
        }
        self.done.clear();
        let result = if step.removes_all() { self.whole(step).await } else { self.some_tags(step).await };
        if let Err(error) = result {
            self.failed = true;
            let hint = refusal_hint(&error, &host).or_else(|| error.hint());
            self.audience.finds(&[Diagnostic { hint, ..Diagnostic::error(error.to_string()) }]);
            let why = format!("it could not be deleted: {error}");
            if is_final(&error) {
                self.hosts.entry(host).or_default().refusal = Some(why.clone());
            }
            for tag in step.tags.iter_mut().filter(|it| it.removes && !self.done.contains(&it.tag)) {
                (tag.removes, tag.reason) = (false, why.clone());
            }
        }
        self.removed.tags += self.done.len();
    }

    /// All tags of a manifest go, and with them the manifest.
    async fn whole(&mut self, step: &mut RegistryStep) -> Result<(), RegistryError> {
        let Some(digest) = step.digest.clone() else { return Ok(()) };
        if let Some(why) = self.what_moved(step, &digest).await? {
            let name = step.tags.first().map(|it| step.repository.with_tag(it.tag.clone()));
            let name = name.map(|it| it.to_string()).unwrap_or_default();
            self.audience
                .finds(&[Diagnostic::warning(format!("{name} stays: {why} since it was looked at"))]);
            keep(step, &format!("{why} since it was looked at"));
            return Ok(());
        }
        let repository = step.repository.clone();
        // The key's tag goes last: with it, what was cut off in the middle is known again.
        let tags: Vec<Tag> = step.tags.iter().rev().map(|it| it.tag.clone()).collect();
        let mut went_alone = true;
        for tag in &tags {
            went_alone = self.delete_tag(&repository, tag).await?;
            if !went_alone {
                break;
            }
            self.done.insert(tag.clone());
        }
        if !went_alone || !self.has_a_tag(step, &digest).await? {
            match self.registry.delete(&repository, &ManifestName::Digest(digest)).await {
                // Some delete an image with its last tag, others leave that to their garbage collection.
                Err(error) if !(went_alone && error.is_unsupported()) => return Err(error),
                _ => {}
            }
        }
        self.done.extend(tags);
        self.removed.images += 1;
        Ok(())
    }

    /// Whether somebody has put a tag on a manifest while its own were deleted.
    async fn has_a_tag(&self, step: &RegistryStep, digest: &Digest) -> Result<bool, RegistryError> {
        Ok(self.heads_of_movable(step).await?.iter().any(|(_, found, _)| found == digest))
    }

    /// Tags of branches that are gone leave an image that stays, where the registry deletes tags alone.
    async fn some_tags(&mut self, step: &mut RegistryStep) -> Result<(), RegistryError> {
        let Some(digest) = step.digest.clone() else { return Ok(()) };
        let repository = step.repository.clone();
        let stays: Vec<Tag> = step.tags.iter().filter(|it| !it.removes).map(|it| it.tag.clone()).collect();
        for at in 0..step.tags.len() {
            if !step.tags[at].removes {
                continue;
            }
            let tag = step.tags[at].tag.clone();
            let now = self.registry.head(&repository.with_tag(tag.clone())).await?;
            let why = if now.is_none_or(|now| now.digest != digest) {
                "it has moved since it was looked at".to_owned()
            } else {
                let content = self.registry.manifest(&repository.with_digest(digest.clone())).await?;
                if self.delete_tag(&repository, &tag).await? {
                    self.done.insert(tag);
                    self.put_back(&repository, &stays, &content).await?;
                    continue;
                }
                "its branch is gone, but this registry deletes only whole images, and this one is needed"
                    .to_owned()
            };
            (step.tags[at].removes, step.tags[at].reason) = (false, why);
        }
        Ok(())
    }

    /// Whether a tag was deleted alone; false where the registry does not do that.
    async fn delete_tag(&mut self, repository: &Repository, tag: &Tag) -> Result<bool, RegistryError> {
        let host = repository.host().to_owned();
        if self.hosts.get(&host).and_then(|host| host.deletes_tags) == Some(false) {
            return Ok(false);
        }
        let deleted = match self.registry.delete(repository, &ManifestName::Tag(tag.clone())).await {
            Ok(_) => true,
            Err(error) if error.is_unsupported() => false,
            Err(error) => return Err(error),
        };
        self.hosts.entry(host).or_default().deletes_tags = Some(deleted);
        Ok(deleted)
    }

    /// There have been registries that deleted the manifest when they were asked to delete a tag of it.
    async fn put_back(
        &mut self,
        repository: &Repository,
        stays: &[Tag],
        content: &Manifest,
    ) -> Result<(), RegistryError> {
        for tag in stays {
            if self.registry.head(&repository.with_tag(tag.clone())).await?.is_none() {
                self.hosts.entry(repository.host().to_owned()).or_default().deletes_tags = Some(false);
                self.registry.put_manifest(repository, &tag.clone().into(), content).await?;
            }
        }
        Ok(())
    }

    /// What every tag stands on that may have moved to a step's manifest: those that stood on it, new ones, and all
    /// whose name does not say that they never move.
    async fn heads_of_movable(&self, step: &RegistryStep) -> Result<Vec<(Tag, Digest, bool)>, RegistryError> {
        let now = self.registry.tags(&step.repository).await?;
        let before = self.listed.iter().find(|(repository, _)| *repository == step.repository);
        let is_new = |tag: &Tag| before.is_none_or(|(_, before)| before.binary_search(tag).is_err());
        let is_own = |tag: &Tag| step.tags.iter().any(|it| it.tag == *tag);
        let is_asked = |tag: &&Tag| is_own(tag) || !never_moves(tag) || is_new(tag);
        let asked: Vec<Tag> = now.iter().filter(is_asked).cloned().collect();
        heads(self.registry, &step.repository, &asked).await
    }

    /// What others have done with a manifest meanwhile.
    async fn what_moved(
        &self,
        step: &RegistryStep,
        digest: &Digest,
    ) -> Result<Option<String>, RegistryError> {
        let own: BTreeSet<&Tag> = step.tags.iter().map(|it| &it.tag).collect();
        let heads = self.heads_of_movable(step).await?;
        let mut on_it: BTreeSet<&Tag> = BTreeSet::new();
        for (tag, found, _) in &heads {
            match (found == digest, own.contains(tag)) {
                (true, false) => return Ok(Some(format!("{tag} was put on it"))),
                (false, true) => return Ok(Some(format!("{tag} has moved"))),
                (true, true) => drop(on_it.insert(tag)),
                (false, false) => {}
            }
        }
        let gone = own.iter().find(|tag| !on_it.contains(*tag));
        Ok(gone.map(|tag| format!("{tag} has gone")))
    }

    /// What was deleted, and whether anything could not be.
    pub(super) fn total(self) -> (RegistryRemoved, bool) {
        (self.removed, self.failed)
    }
}

/// Whether the registry would say the same of every other tag.
fn is_final(error: &RegistryError) -> bool {
    use crate::registry::RegistryErrorKind::{Configuration, Credentials, Unavailable};
    error.is_unsupported() || matches!(error.kind(), Credentials | Configuration | Unavailable)
}

/// What the documents of a registry say about deleting.
fn refusal_hint(error: &RegistryError, host: &str) -> Option<String> {
    let is_denied = matches!(error, RegistryError::Denied { .. } | RegistryError::Unauthorized { .. });
    if !error.is_unsupported() && !is_denied {
        return None;
    }
    let ends = |end: &str| host == end.trim_start_matches('.') || host.ends_with(end);
    let hint = if ends(".ghcr.io") {
        "GitHub deletes versions of packages only by its web page and its own API: \
         `gh api -X DELETE /orgs/ORG/packages/container/NAME/versions/ID`"
    } else if ends(".docker.io") {
        "Docker Hub deletes tags on its web page and by its own API, with a token that may delete"
    } else if host.contains(".dkr.ecr.") || ends(".ecr.aws") {
        "Amazon ECR wants a login whose policy allows `ecr:BatchDeleteImage`; \
         `aws ecr batch-delete-image --repository-name NAME --image-ids imageTag=TAG` does the same"
    } else if host.contains("gitlab") {
        "GitLab wants the login of a member who may delete images of the project"
    } else if ends(".azurecr.io") {
        "Azure wants a login with the role AcrDelete"
    } else if is_denied {
        "the login needs the right to delete; in Harbor a role from maintainer up, in Quay one that may write"
    } else {
        "Docker's registry deletes with REGISTRY_STORAGE_DELETE_ENABLED=true in its environment, and frees the space with \
         `registry garbage-collect`; docs/prune.md has others"
    };
    Some(hint.to_owned())
}
