use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use sha2::{Digest as _, Sha256, Sha512};

use crate::image::{Digest, ImageReference, Platform, Tag};
use crate::printable::hex;

/// Every kind of manifest that is asked for: Docker's and OCI's, of one platform and of several.
pub(super) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json";

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ManifestName {
    /// By a tag, which may move.
    Tag(Tag),
    Digest(Digest),
}

impl ManifestName {
    /// What a reference names: its digest, else its tag, else `latest`.
    #[expect(clippy::missing_panics_doc, reason = "`latest` is a tag")]
    pub fn of(reference: &ImageReference) -> Self {
        match (&reference.digest, &reference.tag) {
            (Some(digest), _) => Self::Digest(digest.clone()),
            (None, Some(tag)) => Self::Tag(tag.clone()),
            (None, None) => Self::Tag(Tag::new("latest").expect("`latest` is a tag")),
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Tag(tag) => tag.as_str(),
            Self::Digest(digest) => digest.as_str(),
        }
    }
}

impl From<Tag> for ManifestName {
    fn from(tag: Tag) -> Self {
        Self::Tag(tag)
    }
}

impl From<Digest> for ManifestName {
    fn from(digest: Digest) -> Self {
        Self::Digest(digest)
    }
}

/// After a repository: `:main` or `@sha256:…`.
impl fmt::Display for ManifestName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => write!(f, ":{tag}"),
            Self::Digest(digest) => write!(f, "@{digest}"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    pub digest: Digest,
    /// What it is, such as `application/vnd.oci.image.index.v1+json`.
    pub media_type: String,
    pub size: u64,
}

/// A manifest, byte for byte as the registry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Its digest, kind and length.
    pub descriptor: Descriptor,
    pub bytes: Bytes,
}

/// One manifest of an image index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    pub descriptor: Descriptor,
    /// What it is for; `None` where the index does not say, and for what is no image.
    pub platform: Option<Platform>,
    /// Whether it is for no machine, such as an attestation.
    pub is_no_image: bool,
}

/// What is known about an image without pulling it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageConfig {
    /// What the reference names: a manifest or an index.
    pub descriptor: Descriptor,
    /// The labels; of an index those of its first platform.
    pub labels: BTreeMap<String, String>,
    pub platforms: Vec<Platform>,
    /// Its images: one, or those of an index.
    pub variants: Vec<Variant>,
}

/// What an image says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    pub labels: BTreeMap<String, String>,
    /// What it is for, if it says so.
    pub platform: Option<Platform>,
    /// What the index says that it is for, if it does.
    pub listed_for: Option<Platform>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    media_type: Option<String>,
    config: Option<DescriptorDocument>,
    #[serde(default)]
    manifests: Vec<DescriptorDocument>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescriptorDocument {
    #[serde(default)]
    media_type: String,
    digest: String,
    #[serde(default)]
    size: u64,
    platform: Option<PlatformDocument>,
}

#[derive(Deserialize)]
struct PlatformDocument {
    os: String,
    architecture: String,
    variant: Option<String>,
}

#[derive(Deserialize)]
struct ConfigDocument {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
    config: Option<ContainerDocument>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContainerDocument {
    labels: Option<BTreeMap<String, String>>,
    on_build: Option<Vec<String>>,
}

impl Manifest {
    /// A manifest out of its bytes. Without a `media_type` the document's own counts; the error says why it is none.
    pub fn new(bytes: Bytes, media_type: Option<&str>) -> Result<Self, String> {
        let document: Document = serde_json::from_slice(&bytes).map_err(|error| {
            if bytes.trim_ascii_start().starts_with(b"<") {
                "it sends a web page instead of a manifest: is this the address of a registry?".to_owned()
            } else {
                format!("that is no manifest: {error}")
            }
        })?;
        let media_type = media_type.map(str::to_owned).or(document.media_type).unwrap_or_else(|| {
            let kind = if document.manifests.is_empty() { "manifest" } else { "index" };
            format!("application/vnd.oci.image.{kind}.v1+json")
        });
        let size = bytes.len() as u64;
        Ok(Self { descriptor: Descriptor { digest: sha256(&bytes), media_type, size }, bytes })
    }

    /// Whether it lists manifests, usually one for each platform.
    pub fn is_index(&self) -> bool {
        self.document().is_some_and(|document| document.config.is_none() && !document.manifests.is_empty())
            || self.descriptor.media_type.ends_with(".index.v1+json")
            || self.descriptor.media_type.ends_with(".manifest.list.v2+json")
    }

    /// The manifests of an index; none of anything else.
    pub fn children(&self) -> Vec<Child> {
        let manifests = self.document().map(|document| document.manifests).unwrap_or_default();
        manifests
            .iter()
            .filter_map(|child| {
                let platform = child.platform.as_ref();
                let platform =
                    platform.and_then(|p| platform_of(&p.os, &p.architecture, p.variant.as_deref()));
                let is_no_image = child.platform.as_ref().is_some_and(|platform| platform.os == "unknown");
                Some(Child { descriptor: child.descriptor()?, platform, is_no_image })
            })
            .collect()
    }

    pub fn config(&self) -> Option<Descriptor> {
        self.document()?.config?.descriptor()
    }

    fn document(&self) -> Option<Document> {
        serde_json::from_slice(&self.bytes).ok()
    }
}

impl DescriptorDocument {
    fn descriptor(&self) -> Option<Descriptor> {
        let digest = Digest::new(&self.digest).ok()?;
        Some(Descriptor { digest, media_type: self.media_type.clone(), size: self.size })
    }
}

/// Labels and platform out of an image's configuration.
pub(super) fn parse_config(bytes: &[u8]) -> Result<(BTreeMap<String, String>, Option<Platform>), String> {
    let document: ConfigDocument = serde_json::from_slice(bytes)
        .map_err(|error| format!("that is no configuration of an image: {error}"))?;
    let platform = match (&document.os, &document.architecture) {
        (Some(os), Some(architecture)) => platform_of(os, architecture, document.variant.as_deref()),
        _ => None,
    };
    Ok((document.config.and_then(|config| config.labels).unwrap_or_default(), platform))
}

/// The triggers in an image's configuration.
pub(super) fn parse_triggers(bytes: &[u8]) -> Result<Vec<String>, String> {
    let document: ConfigDocument = serde_json::from_slice(bytes)
        .map_err(|error| format!("that is no configuration of an image: {error}"))?;
    Ok(document.config.and_then(|config| config.on_build).unwrap_or_default())
}

/// Normalised; attestations say `unknown/unknown` and have none.
fn platform_of(os: &str, architecture: &str, variant: Option<&str>) -> Option<Platform> {
    if os == "unknown" || os.is_empty() {
        return None;
    }
    let variant = variant.filter(|variant| !variant.is_empty());
    let text = [Some(os), Some(architecture), variant].into_iter().flatten().collect::<Vec<_>>().join("/");
    text.parse().ok()
}

/// The digest that a registry computes by default.
pub(super) fn sha256(bytes: &[u8]) -> Digest {
    Digest::new(&format!("sha256:{}", hex(&Sha256::digest(bytes)))).expect("64 hex digits are a digest")
}

pub(super) fn matches(digest: &Digest, bytes: &[u8]) -> bool {
    match digest.as_str().split_once(':') {
        Some(("sha256", wanted)) => hex(&Sha256::digest(bytes)) == wanted,
        Some(("sha512", wanted)) => hex(&Sha512::digest(bytes)) == wanted,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = r#"{"schemaVersion": 2, "manifests": [
        {"mediaType": "m", "digest": "sha256:0000000000000000000000000000000000000000000000000000000000000001",
         "size": 7, "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
        {"mediaType": "m", "digest": "sha256:0000000000000000000000000000000000000000000000000000000000000002",
         "size": 8, "platform": {"os": "unknown", "architecture": "unknown"}},
        {"mediaType": "m", "digest": "md5:1", "size": 9}]}"#;

    #[test]
    fn an_index() {
        let index = Manifest::new(Bytes::from_static(INDEX.as_bytes()), None).expect("an index");
        assert!(index.is_index());
        assert_eq!(index.descriptor.media_type, "application/vnd.oci.image.index.v1+json");
        assert!(matches(&index.descriptor.digest, INDEX.as_bytes()));
        let platforms: Vec<_> =
            index.children().into_iter().map(|c| c.platform.map(|p| p.to_string())).collect();
        assert_eq!(platforms, [Some("linux/arm64".to_owned()), None]);
        assert!(index.config().is_none());
        let error = |bytes| Manifest::new(Bytes::from_static(bytes), None).expect_err("no manifest");
        assert!(error(b"{").starts_with("that is no manifest: EOF"), "{}", error(b"{"));
        assert!(error(b"\n<html>").contains("web page"), "{}", error(b"\n<html>"));
    }

    #[test]
    fn digests_of_both_kinds() {
        let empty512 = "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
                        47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";
        assert!(matches(&Digest::new(empty512).expect("a digest"), b""));
        assert!(matches(&sha256(b"x"), b"x") && !matches(&sha256(b"x"), b"y"));
    }

    #[test]
    fn labels_of_a_configuration() {
        let bytes = br#"{"os":"linux","architecture":"amd64","config":{"Labels":{"a":"b"}}}"#;
        let (labels, platform) = parse_config(bytes).expect("a configuration");
        assert_eq!(labels.get("a").map(String::as_str), Some("b"));
        assert_eq!(platform.map(|platform| platform.to_string()).as_deref(), Some("linux/amd64"));
        for bare in [&b"{}"[..], br#"{"config":null}"#, br#"{"config":{"Labels":null}}"#] {
            assert_eq!(parse_config(bare), Ok((BTreeMap::new(), None)));
        }
    }

    #[test]
    fn triggers_of_a_configuration() {
        let with = br#"{"config":{"OnBuild":["COPY . /","RUN make"]}}"#;
        assert_eq!(parse_triggers(with), Ok(vec!["COPY . /".to_owned(), "RUN make".to_owned()]));
        for without in [&b"{}"[..], br#"{"config":null}"#, br#"{"config":{"OnBuild":null}}"#] {
            assert_eq!(parse_triggers(without), Ok(vec![]));
        }
    }

    #[test]
    fn names_of_references() {
        for (reference, name) in
            [("a", ":latest"), ("a:b", ":b"), (&format!("a:b@{}", sha256(b"")), &format!("@{}", sha256(b"")))]
        {
            assert_eq!(ManifestName::of(&reference.parse().expect("a reference")).to_string(), name);
        }
    }
}
