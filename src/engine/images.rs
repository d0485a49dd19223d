use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::models::ImageInspect;
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptionsBuilder, TagImageOptionsBuilder,
};
use futures_util::{StreamExt, TryStreamExt};

use super::error::refused;
use super::{Engine, EngineError};
use crate::image::{ImageReference, Platform, Repository};
use crate::retry::{RetryPolicy, retry};

/// The id of an image in an engine, `sha256:…`: the digest of its configuration, or of its manifest with
/// Docker's containerd image store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalImageId(pub String);

impl std::fmt::Display for LocalImageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// An image that an engine has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalImage {
    /// Its id.
    pub id: LocalImageId,
    /// Its labels, inherited ones included.
    pub labels: BTreeMap<String, String>,
    /// What it runs on.
    pub platform: Platform,
    /// All its tags, normalised.
    pub references: Vec<ImageReference>,
    /// Its digests in registries, normalised.
    pub digests: Vec<ImageReference>,
    /// Its ONBUILD triggers.
    pub on_build: Vec<String>,
    /// Its environment, `NAME=value`.
    pub env: Vec<String>,
    /// Its size in bytes, layers shared with other images included.
    pub size: u64,
}

/// An image in an engine's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedImage {
    /// Its labels, inherited ones included.
    pub labels: BTreeMap<String, String>,
    /// All its tags, normalised.
    pub references: Vec<ImageReference>,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// Its size in bytes, layers shared with other images included.
    pub size: u64,
}

/// Questions under way at once. More gain nothing on any engine that was tried.
const CONCURRENT_QUESTIONS: usize = 16;

/// How often a tag is put that somebody else puts at the same time.
const TAG_TRIES: RetryPolicy = RetryPolicy::new(10, Duration::ZERO);

impl Engine {
    /// What the engine knows about an image, `None` if it has none of that name.
    pub async fn inspect(&self, reference: &ImageReference) -> Result<Option<LocalImage>, EngineError> {
        let action = format!("inspect {reference}");
        match self.ask(&action, self.docker().inspect_image(&reference.canonical())).await? {
            Ok(image) => Ok(Some(local_image(image))),
            Err(error) if is_not_found(&error) => Ok(None),
            Err(error) => Err(refused(&action, &error)),
        }
    }

    /// [`Self::inspect`] for many, several at once; the answers stand in the order of `references`. Much
    /// cheaper than a list of all images where there are many.
    pub async fn inspect_all(
        &self,
        references: &[ImageReference],
    ) -> Result<Vec<Option<LocalImage>>, EngineError> {
        // Collected first: a closure over borrowed references is not general enough for callers that are `Send`.
        let questions: Vec<_> = references.iter().map(|reference| self.inspect(reference)).collect();
        futures_util::stream::iter(questions).buffered(CONCURRENT_QUESTIONS).try_collect().await
    }

    /// All images of some repositories. The engine looks through everything it has, which takes a while
    /// where there are thousands.
    pub async fn list(&self, repositories: &[Repository]) -> Result<Vec<ListedImage>, EngineError> {
        let both = |name: &Repository| [name.familiar(), format!("{}/{}", name.host(), name.path())];
        let names: Vec<String> = repositories.iter().flat_map(both).collect();
        let filters = HashMap::from([("reference", names)]);
        let options = ListImagesOptionsBuilder::default().filters(&filters).build();
        let found = self.ask_for_all("list images", self.docker().list_images(Some(options))).await?;
        let found = found.map_err(|error| refused("list images", &error))?;
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

    /// Gives the image `source` the further name `target`, which leaves the image that had it.
    pub async fn tag(&self, source: &ImageReference, target: &ImageReference) -> Result<(), EngineError> {
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

    /// Takes a name off its image, and deletes the image if that was its last one. Gives false if there was
    /// no such name. The engine refuses if a container needs it.
    pub async fn remove(&self, reference: &ImageReference) -> Result<bool, EngineError> {
        let options = RemoveImageOptionsBuilder::default().build();
        let (action, name) = (format!("remove {reference}"), reference.canonical());
        let removing = self.docker().remove_image(&name, Some(options), None);
        match self.ask_for_all(&action, removing).await? {
            Ok(_) => Ok(true),
            Err(error) if is_not_found(&error) => Ok(false),
            Err(error) => Err(refused(&action, &error)),
        }
    }

    /// Names of the containers, running or not, that were made from exactly this image.
    pub async fn containers_using(&self, image: &LocalImageId) -> Result<Vec<String>, EngineError> {
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
}

fn is_taken(error: &bollard::errors::Error) -> bool {
    error.to_string().contains("already exists")
}

pub(super) fn is_not_found(error: &bollard::errors::Error) -> bool {
    matches!(error, bollard::errors::Error::DockerResponseServerError { status_code: 404, .. })
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
