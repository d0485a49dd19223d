use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use bollard::models::{ImageInspect, ImageSummary};
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptionsBuilder, TagImageOptionsBuilder,
};
use futures_util::{StreamExt, TryStreamExt};

use super::build_cache::{self, CacheLimit};
use super::containers::{containers, remove_container};
use super::pull::pull;
use super::push::{Sent, push};
use super::{CONCURRENT_QUESTIONS, Container, ImageStore, ListedImage, LocalImage};
use crate::engine::{Engine, EngineError, LocalImageId, RegistryLogin, is_not_found, refused};
use crate::image::{Digest, ImageReference, Platform, Repository};
use crate::retry::{RetryPolicy, retry};

/// How often a tag is put that somebody else puts at the same time.
const TAG_TRIES: RetryPolicy = RetryPolicy::new(10, Duration::ZERO);

/// How often images are listed while somebody else removes some.
const LIST_TRIES: RetryPolicy = RetryPolicy::new(6, Duration::from_millis(50));

#[async_trait]
impl ImageStore for Engine {
    async fn id(&self) -> Result<String, EngineError> {
        Self::id(self).await.map(str::to_owned)
    }

    async fn inspect(&self, reference: &ImageReference) -> Result<Option<LocalImage>, EngineError> {
        inspected(self, format!("inspect {reference}"), &reference.canonical()).await
    }

    async fn labelled(&self, label: &str) -> Result<Vec<LocalImage>, EngineError> {
        let found = listed(self, "label", vec![label.to_owned()]).await?;
        let question = async |id: String| inspected(self, format!("inspect {id}"), &id).await;
        let questions: Vec<_> = found.into_iter().map(|image| question(image.id)).collect();
        let answers: Vec<_> =
            futures_util::stream::iter(questions).buffered(CONCURRENT_QUESTIONS).try_collect().await?;
        // One that is gone by now is none.
        Ok(answers.into_iter().flatten().collect())
    }

    async fn list(&self, repositories: &[Repository]) -> Result<Vec<ListedImage>, EngineError> {
        let both = |name: &Repository| [name.familiar(), format!("{}/{}", name.host(), name.path())];
        let names: Vec<String> = repositories.iter().flat_map(both).collect();
        let found = listed(self, "reference", names).await?;
        Ok(found
            .into_iter()
            .map(|image| ListedImage {
                labels: image.labels.into_iter().collect(),
                references: image.repo_tags.iter().filter_map(|text| text.parse().ok()).collect(),
                created: image.created,
                size: u64::try_from(image.size).unwrap_or_default(),
            })
            .collect())
    }

    async fn tag(&self, source: &ImageReference, target: &ImageReference) -> Result<(), EngineError> {
        let repository = format!("{}/{}", target.repository.host(), target.repository.path());
        let tag = target.tag.as_ref().map_or("latest", |tag| tag.as_str());
        let options = TagImageOptionsBuilder::default().repo(&repository).tag(tag).build();
        let (action, source_name) = (format!("tag {target}"), source.canonical());
        let tag = || self.ask(&action, self.docker().tag_image(&source_name, Some(options.clone())));
        // With containerd's store, whoever makes the same tag at the same moment comes second.
        let again = |tagged: &Result<_, _>| matches!(tagged, Ok(Err(error)) if is_taken(error));
        match retry(TAG_TRIES, tag, again).await? {
            Ok(()) => Ok(()),
            Err(error) if is_not_found(&error) => Err(EngineError::NoSuchImage(source.to_string())),
            Err(error) => Err(refused(&action, &error)),
        }
    }

    async fn remove(&self, reference: &ImageReference) -> Result<bool, EngineError> {
        let options = RemoveImageOptionsBuilder::default().build();
        let (action, name) = (format!("remove {reference}"), reference.canonical());
        let removing = self.docker().remove_image(&name, Some(options), None);
        match self.ask_for_all(&action, removing).await? {
            Ok(_) => Ok(true),
            Err(error) if is_not_found(&error) => Ok(false),
            Err(error) if is_of_the_image_alone(&error) => Ok(true),
            Err(error) => Err(refused(&action, &error)),
        }
    }

    async fn containers_using(&self, image: &LocalImageId) -> Result<Vec<String>, EngineError> {
        // `ancestor` also lists containers of images that are built on it.
        let filters = HashMap::from([("ancestor", vec![image.0.as_str()])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let containers =
            self.ask_for_all("list containers", self.docker().list_containers(Some(options))).await?;
        let containers = containers.map_err(|error| refused("list containers", &error))?;
        let uses = |id: &Option<String>| id.as_ref().is_some_and(|id| *id == image.0);
        let name = |names: Option<Vec<String>>, id: Option<String>| {
            let name = names.and_then(|names| names.into_iter().next());
            name.map(|name| name.trim_start_matches('/').to_owned()).or(id).unwrap_or_default()
        };
        let containers = containers.into_iter().filter(|container| uses(&container.image_id));
        Ok(containers.map(|container| name(container.names, container.id)).collect())
    }

    async fn containers(&self) -> Result<Vec<Container>, EngineError> {
        containers(self).await
    }

    async fn remove_container(&self, id: &str) -> Result<bool, EngineError> {
        remove_container(self, id).await
    }

    async fn build_cache(&self) -> Result<u64, EngineError> {
        build_cache::size(self).await
    }

    async fn prune_build_cache(&self, limit: CacheLimit) -> Result<u64, EngineError> {
        build_cache::prune(self, limit).await
    }

    async fn pull(
        &self,
        reference: &ImageReference,
        login: Option<RegistryLogin>,
    ) -> Result<(), EngineError> {
        pull(self, reference, login).await
    }

    async fn push(
        &self,
        reference: &ImageReference,
        login: Option<RegistryLogin>,
        progress: &mut (dyn FnMut(Sent) + Send),
    ) -> Result<Option<Digest>, EngineError> {
        push(self, reference, login, progress).await
    }
}

async fn listed(
    engine: &Engine,
    filter: &str,
    values: Vec<String>,
) -> Result<Vec<ImageSummary>, EngineError> {
    let filters = HashMap::from([(filter, values)]);
    let options = ListImagesOptionsBuilder::default().filters(&filters).build();
    let list = || engine.ask_for_all("list images", engine.docker().list_images(Some(options.clone())));
    // With containerd's store, an image that goes meanwhile fails the list ("content digest … not found").
    let again = |found: &Result<_, _>| matches!(found, Ok(Err(error)) if is_not_found(error));
    retry(LIST_TRIES, list, again).await?.map_err(|error| refused("list images", &error))
}

async fn inspected(engine: &Engine, action: String, name: &str) -> Result<Option<LocalImage>, EngineError> {
    match engine.ask(&action, engine.docker().inspect_image(name)).await? {
        Ok(image) => Ok(Some(local_image(image))),
        Err(error) if is_not_found(&error) => Ok(None),
        Err(error) => Err(refused(&action, &error)),
    }
}

fn is_taken(error: &bollard::errors::Error) -> bool {
    error.to_string().contains("already exists")
}

/// Whether the name is gone, and only the image is not: another program builds on it or deletes it at this moment.
/// Docker Engine looks for both after it has taken the name off.
fn is_of_the_image_alone(error: &bollard::errors::Error) -> bool {
    let message = error.to_string();
    message.contains("unrecognized image ID") || message.contains("image has dependent child images")
}

fn local_image(image: ImageInspect) -> LocalImage {
    // An image without name is listed as `<none>:<none>` by some engines.
    let references = |list: Option<Vec<String>>| {
        list.into_iter().flatten().filter_map(|text| text.parse().ok()).collect::<Vec<ImageReference>>()
    };
    let config = image.config.unwrap_or_default();
    let platform = Platform {
        os: image.os.filter(|os| !os.is_empty()).unwrap_or_else(|| "linux".to_owned()),
        architecture: image.architecture.unwrap_or_default(),
        variant: image.variant.filter(|variant| !variant.is_empty()),
    };
    LocalImage {
        id: LocalImageId(image.id.unwrap_or_default()),
        labels: config.labels.into_iter().flatten().collect(),
        platform: platform.to_string().parse().unwrap_or(platform),
        references: references(image.repo_tags),
        digests: references(image.repo_digests),
        on_build: config.on_build.unwrap_or_default(),
        env: config.env.unwrap_or_default(),
        size: image.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
        layers: image.root_fs.and_then(|files| files.layers).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_engines_say() {
        let json = r#"{"Id":"sha256:1","RepoTags":["docker.io/acme/base:k1","acme/base:k2","<none>:<none>"],
            "RepoDigests":[],"Os":"linux","Architecture":"arm64","Variant":"v8","Size":7,
            "Config":{"Labels":{"a":"b"},"OnBuild":["COPY . ."],"Env":["A=b"]}}"#;
        let image = local_image(serde_json::from_str(json).expect("an image"));
        let names: Vec<String> = image.references.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["acme/base:k1", "acme/base:k2"]);
        assert_eq!(image.platform.to_string(), "linux/arm64");
        assert_eq!((image.labels["a"].as_str(), image.on_build.len(), image.size), ("b", 1, 7));
        let bare = local_image(serde_json::from_str("{}").expect("an image"));
        assert_eq!(bare.platform.os, "linux");
    }
}
