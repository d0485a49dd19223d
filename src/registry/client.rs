use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, LINK, LOCATION};
use reqwest::{Method, StatusCode};
use tokio::sync::OnceCell;

use super::answer::Answer;
use super::api::{Registry, RegistryResult};
use super::auth::Scopes;
use super::call::{Call, Caller};
use super::manifest::{self, Child, matches, parse_config, parse_triggers};
use super::{
    Credentials, Descriptor, ImageConfig, Manifest, ManifestName, RegistryError, RegistryOptions, Variant,
};
use crate::image::{Digest, ImageReference, Platform, Repository, Tag};
use crate::limits;

const CONTENT_DIGEST: &str = "docker-content-digest";

/// More than any index has for machines.
const MOST_IMAGES: usize = 64;

/// The client for all registries. Clones share connections, tokens and the limit of requests at once.
#[derive(Clone)]
pub struct RegistryClient {
    caller: Arc<Caller>,
    /// Which repositories may be written to, where that was asked.
    writable: Arc<Mutex<HashMap<Repository, Arc<OnceCell<bool>>>>>,
}

impl fmt::Debug for RegistryClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryClient").finish_non_exhaustive()
    }
}

impl RegistryClient {
    /// A client that logs in with `credentials` where a registry asks for it. Nothing is sent or read yet.
    pub fn new(options: RegistryOptions, credentials: Arc<Credentials>) -> Self {
        Self { caller: Arc::new(Caller::new(options, credentials)), writable: Arc::default() }
    }

    async fn is_writable(&self, repository: &Repository) -> bool {
        let known = {
            let mut writable = self.writable.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(writable.entry(repository.clone()).or_default())
        };
        *known.get_or_init(|| async { self.begin_upload(repository).await.is_ok() }).await
    }

    /// Begins an upload as a push does, and ends it.
    async fn begin_upload(&self, repository: &Repository) -> RegistryResult<()> {
        let call = Call {
            method: Method::POST,
            headers: HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from_static("0"))]),
            ..write(repository, format!("push to {repository}"), "blobs/uploads/")
        };
        let location =
            self.found(call, |answer| Ok(answer.header(LOCATION).unwrap_or_default().to_owned())).await?;
        self.end_upload(repository, &location).await;
        Ok(())
    }

    /// Ends an upload that nobody will finish. Whether that works matters little.
    async fn end_upload(&self, to: &Repository, location: &str) {
        let path = location.split_once("/v2/").map_or("", |(_, path)| path);
        if path.starts_with(&format!("{}/blobs/uploads/", to.path())) {
            let call = Call {
                path: path.to_owned(),
                method: Method::DELETE,
                ..write(to, format!("end an upload to {to}"), "")
            };
            let _ = self.caller.call(call, |_| Ok(())).await;
        }
    }

    async fn variant(
        &self,
        image: &ImageReference,
        manifest: &Manifest,
        listed_for: Option<Platform>,
    ) -> RegistryResult<Variant> {
        let config = manifest.config();
        let config = config.ok_or_else(|| no_image(image, "its manifest has no configuration"))?;
        let bytes = self.blob(&image.repository, &config.digest).await?;
        let (labels, platform) = parse_config(&bytes).map_err(|reason| no_image(image, &reason))?;
        Ok(Variant { labels, platform, listed_for })
    }

    async fn list_tags(&self, repository: &Repository) -> RegistryResult<Vec<Tag>> {
        #[derive(serde::Deserialize)]
        struct Page {
            tags: Option<Vec<String>>,
        }
        let mut tags = Vec::new();
        let mut asked = HashSet::new();
        let mut next = Some("tags/list?n=1000".to_owned());
        while let Some(path) = next.take() {
            let is_too_long = asked.len() >= limits::REGISTRY_TAG_PAGES || tags.len() > limits::REGISTRY_TAGS;
            if is_too_long || !asked.insert(path.clone()) {
                let action = format!("list the tags of {repository}");
                let attempt = Box::new(read(repository, action, Method::GET, "").attempt());
                let reason = format!("its list has no end (after {} tags)", tags.len());
                return Err(RegistryError::Damaged { attempt, reason, tries: 1 });
            }
            let call = read(repository, format!("list the tags of {repository}"), Method::GET, &path);
            let page = self.caller.call(call, |answer| {
                if answer.status == StatusCode::NOT_FOUND {
                    return Ok((Vec::new(), None));
                }
                let page: Page = serde_json::from_slice(&answer.body)
                    .map_err(|error| format!("its answer is no list of tags: {error}"))?;
                let next = answer.header(LINK).and_then(|link| next_page(link, repository));
                Ok((page.tags.unwrap_or_default(), next))
            });
            let (page, following) = page.await?;
            // A registry that sends no tags has no further ones either, whatever it links to.
            next = following.filter(|_| !page.is_empty());
            tags.extend(page.iter().filter_map(|tag| Tag::new(tag).ok()));
        }
        Ok(tags)
    }

    async fn blob(&self, repository: &Repository, digest: &Digest) -> RegistryResult<Bytes> {
        let action = format!("read {digest} of {repository}");
        let call = read(repository, action, Method::GET, &format!("blobs/{digest}"));
        self.found(call, |answer| {
            if matches(digest, &answer.body) {
                Ok(answer.body)
            } else {
                Err(format!("it sends {} bytes that are not {digest}", answer.body.len()))
            }
        })
        .await
    }

    /// A call for which 404 is a failure.
    async fn found<T>(
        &self,
        call: Call<'_>,
        check: impl Fn(Answer) -> Result<T, String>,
    ) -> RegistryResult<T> {
        let attempt = Box::new(call.attempt());
        let result = self.caller.call(call, |answer| match answer.status {
            StatusCode::NOT_FOUND => Ok(Err(answer.message())),
            _ => check(answer).map(Ok),
        });
        result.await?.map_err(|message| RegistryError::NotFound { attempt, message })
    }
}

#[async_trait]
impl Registry for RegistryClient {
    async fn head(&self, reference: &ImageReference) -> RegistryResult<Option<Descriptor>> {
        let name = ManifestName::of(reference);
        let repository = &reference.repository;
        let action = format!("look up {repository}{name}");
        let call = read(repository, action, Method::HEAD, &format!("manifests/{}", name.as_str()));
        let found = match self.caller.call(call, |answer| descriptor(&answer, &name)).await {
            // Not every registry knows HEAD.
            Err(RegistryError::Refused { status: 405 | 501, .. }) => Looked::Incomplete,
            found => found?,
        };
        match found {
            Looked::Absent => Ok(None),
            Looked::Found(descriptor) => Ok(Some(descriptor)),
            // Some registries leave the digest out of answers without a body.
            Looked::Incomplete => match self.manifest(reference).await {
                Ok(manifest) => Ok(Some(manifest.descriptor)),
                Err(RegistryError::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            },
        }
    }

    async fn look_up(&self, reference: &ImageReference) -> RegistryResult<Option<Descriptor>> {
        match self.head(reference).await {
            Err(
                error @ (RegistryError::Denied { .. }
                | RegistryError::Unauthorized { credential: Some(_), .. }),
            ) => {
                if self.is_writable(&reference.repository).await {
                    Ok(None)
                } else {
                    Err(error)
                }
            }
            found => found,
        }
    }

    async fn manifest(&self, reference: &ImageReference) -> RegistryResult<Manifest> {
        let name = ManifestName::of(reference);
        let repository = &reference.repository;
        let action = format!("read {repository}{name}");
        let call = read(repository, action, Method::GET, &format!("manifests/{}", name.as_str()));
        self.found(call, |answer| {
            let named = match &name {
                ManifestName::Digest(digest) => Some(digest.clone()),
                ManifestName::Tag(_) => answer.header(CONTENT_DIGEST).and_then(|text| Digest::new(text).ok()),
            };
            let media_type =
                answer.header(CONTENT_TYPE).map(|kind| kind.split(';').next().unwrap_or(kind).trim());
            let media_type = media_type.filter(|kind| kind.contains("manifest") || kind.contains("index"));
            let mut manifest = Manifest::new(answer.body.clone(), media_type)?;
            if let Some(digest) = named {
                if !matches(&digest, &manifest.bytes) {
                    return Err(format!("it sends {} under {digest}", manifest.descriptor.digest));
                }
                manifest.descriptor.digest = digest;
            }
            Ok(manifest)
        })
        .await
    }

    async fn put_manifest(
        &self,
        repository: &Repository,
        name: &ManifestName,
        manifest: &Manifest,
    ) -> RegistryResult<()> {
        let content_type = HeaderValue::from_str(&manifest.descriptor.media_type)
            .unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"));
        let call = Call {
            method: Method::PUT,
            headers: HeaderMap::from_iter([(CONTENT_TYPE, content_type)]),
            body: manifest.bytes.clone(),
            ..write(repository, format!("write {repository}{name}"), &format!("manifests/{}", name.as_str()))
        };
        let digest = &manifest.descriptor.digest;
        self.found(call, |answer| match answer.header(CONTENT_DIGEST) {
            Some(taken) if taken != digest.as_str() && !matches_text(taken, &manifest.bytes) => {
                Err(format!("it took {digest} for {taken}"))
            }
            _ => Ok(()),
        })
        .await
    }

    async fn tags(&self, repository: &Repository) -> RegistryResult<Vec<Tag>> {
        self.list_tags(repository).await
    }

    async fn delete(&self, repository: &Repository, name: &ManifestName) -> RegistryResult<bool> {
        let path = format!("manifests/{}", name.as_str());
        let call = Call {
            scopes: Scopes::delete(repository.path()),
            ..read(repository, format!("delete {repository}{name}"), Method::DELETE, &path)
        };
        self.caller.call(call, |answer| Ok(answer.status != StatusCode::NOT_FOUND)).await
    }

    async fn may_push(&self, repository: &Repository) -> bool {
        !matches!(self.begin_upload(repository).await, Err(RegistryError::Denied { .. }))
    }

    async fn image_config(&self, image: &ImageReference) -> RegistryResult<ImageConfig> {
        let top = self.manifest(image).await?;
        if !top.is_index() {
            let variant = self.variant(image, &top, None).await?;
            return Ok(ImageConfig {
                descriptor: top.descriptor,
                labels: variant.labels.clone(),
                platforms: variant.platform.iter().cloned().collect(),
                variants: vec![variant],
            });
        }
        let mut children = top.children();
        children.retain(|child| !child.is_no_image);
        if children.len() > MOST_IMAGES {
            return Err(no_image(image, &format!("its index has {} images", children.len())));
        }
        let variants = children.iter().map(|child| async {
            let name = child.descriptor.digest.clone().into();
            let manifest = self.manifest(&reference(&image.repository, &name)).await?;
            self.variant(image, &manifest, child.platform.clone()).await
        });
        let variants: Vec<_> = variants.collect();
        let variants = futures_util::future::try_join_all(variants).await?;
        let first = variants.iter().find(|variant| variant.listed_for.is_some()).or(variants.first());
        let labels = first.ok_or_else(|| no_image(image, "its index is empty"))?.labels.clone();
        let mut platforms: Vec<_> =
            variants.iter().filter_map(|variant| variant.listed_for.clone()).collect();
        if platforms.is_empty() {
            platforms.extend(variants[0].platform.clone());
        }
        Ok(ImageConfig { descriptor: top.descriptor, labels, platforms, variants })
    }

    async fn triggers(&self, image: &ImageReference, platform: &Platform) -> RegistryResult<Vec<String>> {
        let mut manifest = self.manifest(image).await?;
        if manifest.is_index() {
            let children = manifest.children();
            let is_wanted = |child: &&Child| {
                !child.is_no_image && child.platform.as_ref().is_some_and(|it| it.satisfies(platform))
            };
            let Some(child) = children.iter().find(is_wanted) else { return Ok(Vec::new()) };
            let name = child.descriptor.digest.clone().into();
            manifest = self.manifest(&reference(&image.repository, &name)).await?;
        }
        let Some(config) = manifest.config() else { return Ok(Vec::new()) };
        let bytes = self.blob(&image.repository, &config.digest).await?;
        parse_triggers(&bytes).map_err(|reason| no_image(image, &reason))
    }
}

enum Looked {
    Absent,
    Found(Descriptor),
    Incomplete,
}

fn descriptor(answer: &Answer, name: &ManifestName) -> Result<Looked, String> {
    if answer.status == StatusCode::NOT_FOUND {
        return Ok(Looked::Absent);
    }
    let digest = answer.header(CONTENT_DIGEST).and_then(|text| Digest::new(text).ok());
    let size = answer.header(CONTENT_LENGTH).and_then(|text| text.parse().ok());
    let (Some(digest), Some(size), Some(kind)) = (digest, size, answer.header(CONTENT_TYPE)) else {
        return Ok(Looked::Incomplete);
    };
    match name {
        ManifestName::Digest(wanted) if *wanted != digest => Err(format!("it answers {digest} to {wanted}")),
        _ => Ok(Looked::Found(Descriptor { digest, media_type: kind.to_owned(), size })),
    }
}

fn read<'a>(repository: &'a Repository, action: String, method: Method, path: &str) -> Call<'a> {
    let mut headers = HeaderMap::new();
    if path.starts_with("manifests/") {
        headers.insert(ACCEPT, HeaderValue::from_static(manifest::ACCEPT));
    }
    Call {
        registry: repository.host(),
        repository: repository.path(),
        action,
        method,
        path: format!("{}/{path}", repository.path()),
        headers,
        body: Bytes::new(),
        scopes: Scopes::pull(repository.path()),
    }
}

fn write<'a>(repository: &'a Repository, action: String, path: &str) -> Call<'a> {
    Call { scopes: Scopes::push(repository.path()), ..read(repository, action, Method::PUT, path) }
}

fn reference(repository: &Repository, name: &ManifestName) -> ImageReference {
    let (tag, digest) = match name {
        ManifestName::Tag(tag) => (Some(tag.clone()), None),
        ManifestName::Digest(digest) => (None, Some(digest.clone())),
    };
    ImageReference { repository: repository.clone(), tag, digest }
}

fn no_image(image: &ImageReference, reason: &str) -> RegistryError {
    let attempt = read(&image.repository, format!("read {image}"), Method::GET, "").attempt();
    RegistryError::NoImage { attempt: Box::new(attempt), reason: reason.to_owned() }
}

fn matches_text(digest: &str, bytes: &[u8]) -> bool {
    Digest::new(digest).is_ok_and(|digest| matches(&digest, bytes))
}

/// What follows the repository in `<…/v2/REPOSITORY/tags/list?…>; rel="next"`. Only this repository's own list
/// is ever asked for, whatever the link says.
fn next_page(link: &str, repository: &Repository) -> Option<String> {
    let (target, parameters) = link.split_once('<')?.1.split_once('>')?;
    let relation = parameters.replace([' ', '"'], "");
    let list = format!("/{}/tags/list?", repository.path());
    let (_, query) = target.split_once(&list)?;
    relation.contains("rel=next").then(|| format!("tags/list?{query}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_the_next_page() {
        let repository = Repository::new("h:5000/acme/api").expect("a repository");
        let next = |link| next_page(link, &repository);
        let page = Some("tags/list?last=b&n=2".to_owned());
        assert_eq!(next("</v2/acme/api/tags/list?last=b&n=2>; rel=\"next\""), page);
        assert_eq!(next("<https://h:5000/v2/acme/api/tags/list?last=b&n=2>;rel=next"), page);
        for odd in
            ["", "</v2/acme/api/tags/list?last=b>; rel=\"prev\"", "</v2/other/tags/list?n=1>; rel=next"]
        {
            assert_eq!(next(odd), None, "{odd}");
        }
    }
}
