use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::Standing;
use crate::execution::{KEY_LABEL, REVISION_LABEL};
use crate::git::{forget_the_oldest, replace_file};
use crate::image::{ContentKey, Digest, Platform, Repository};
use crate::registry::{ImageConfig, Registry, RegistryError};

/// More files than this, and the oldest go.
const KEPT: usize = 4096;

/// More than any file has.
const LONGEST: u64 = 1 << 16;

/// What digests are. A registry is asked once for each, and then it is remembered: a digest never means anything
/// else. What is on disk is a cache, one small file a digest, that may be deleted at any time.
pub(crate) struct Standings {
    registry: Arc<dyn Registry>,
    folder: Option<PathBuf>,
    known: Mutex<HashMap<Digest, Standing>>,
    /// Whether the folder was looked through for old files.
    is_tidy: AtomicBool,
}

impl Standings {
    /// Asks `registry`, and keeps the answers in `folder`, which need not exist.
    pub(crate) fn new(registry: Arc<dyn Registry>, folder: Option<PathBuf>) -> Self {
        Self { registry, folder, known: Mutex::default(), is_tidy: AtomicBool::new(false) }
    }

    pub(crate) fn registry(&self) -> &dyn Registry {
        &*self.registry
    }

    /// What a digest is. What is remembered but not `expected` is asked for again: the file may be damaged.
    pub(crate) async fn of(
        &self,
        repository: &Repository,
        digest: &Digest,
        expected: impl Fn(&Standing) -> bool,
    ) -> Result<Standing, RegistryError> {
        if let Some(known) = self.remembered(digest).filter(expected) {
            return Ok(known);
        }
        let config = match self.registry.image_config(&repository.with_digest(digest.clone())).await {
            Ok(config) => config,
            // Something that is no image, such as a chart.
            Err(RegistryError::NoImage { .. }) => {
                return Ok(Standing {
                    digest: digest.clone(),
                    key: None,
                    revision: None,
                    platforms: Vec::new(),
                });
            }
            Err(error) => return Err(error),
        };
        let standing = standing(digest, &config);
        self.learn(standing.clone());
        Ok(standing)
    }

    pub(crate) fn learn(&self, standing: Standing) {
        if let Some(folder) = &self.folder
            && write(folder, &standing)
            && !self.is_tidy.swap(true, Relaxed)
        {
            forget_the_oldest(folder, KEPT);
        }
        self.known().insert(standing.digest.clone(), standing);
    }

    fn remembered(&self, digest: &Digest) -> Option<Standing> {
        let known = self.known().get(digest).cloned();
        known.or_else(|| read(&path(self.folder.as_deref()?, digest), digest))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Standing>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an image says of itself. An index says what all its images say: which of them an engine takes is the engine's
/// business.
fn standing(digest: &Digest, config: &ImageConfig) -> Standing {
    let label = |name: &str| config.labels.get(name).map(String::as_str).unwrap_or_default();
    let key: Option<ContentKey> = label(KEY_LABEL).parse().ok();
    let has_key = |labels: &std::collections::BTreeMap<String, String>| {
        labels.get(KEY_LABEL).and_then(|label| label.parse().ok()) == key
    };
    let is_one = config.variants.iter().all(|variant| has_key(&variant.labels));
    let mut platforms: Vec<Platform> = Vec::new();
    for variant in &config.variants {
        for platform in variant.listed_for.iter().chain(&variant.platform) {
            if !platforms.contains(platform) {
                platforms.push(platform.clone());
            }
        }
    }
    Standing {
        digest: digest.clone(),
        key: key.filter(|_| is_one),
        revision: label(REVISION_LABEL).parse().ok(),
        platforms,
    }
}

fn path(folder: &Path, digest: &Digest) -> PathBuf {
    folder.join(digest.as_str().replace(':', "-"))
}

fn write(folder: &Path, standing: &Standing) -> bool {
    let path = path(folder, &standing.digest);
    let text = |value: Option<String>| value.map_or(Value::Null, Value::String);
    let document = json!({
        "digest": standing.digest.as_str(),
        "key": text(standing.key.map(|key| key.to_string())),
        "revision": text(standing.revision.map(|revision| revision.to_string())),
        "platforms": standing.platforms.iter().map(ToString::to_string).collect::<Vec<_>>(),
    });
    replace_file(&path, document.to_string().as_bytes())
}

/// Damage is as good as absence.
fn read(path: &Path, digest: &Digest) -> Option<Standing> {
    let mut text = String::new();
    fs::File::open(path).ok()?.take(LONGEST).read_to_string(&mut text).ok()?;
    let document: Value = serde_json::from_str(&text).ok()?;
    if document["digest"].as_str()? != digest.as_str() {
        return None;
    }
    let platforms = document["platforms"].as_array()?.iter();
    Some(Standing {
        digest: digest.clone(),
        key: document["key"].as_str().map(str::parse).transpose().ok()?,
        revision: document["revision"].as_str().map(str::parse).transpose().ok()?,
        platforms: platforms.map(|platform| platform.as_str()?.parse().ok()).collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Descriptor, Variant};

    fn digest() -> Digest {
        Digest::new(&format!("sha256:{}", "ab".repeat(32))).expect("a digest")
    }

    fn platform(text: &str) -> Platform {
        text.parse().expect("a platform")
    }

    #[test]
    fn what_is_written_is_read_and_damage_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        for key in [None, Some(ContentKey::new([3; 32]))] {
            let revision = key.and("1".repeat(40).parse().ok());
            let platforms = vec![platform("linux/amd64"), platform("linux/arm/v7")];
            let standing = Standing { digest: digest(), key, revision, platforms };
            assert!(write(folder.path(), &standing));
            let path = path(folder.path(), &digest());
            assert_eq!(read(&path, &digest()), Some(standing));
            let text = fs::read_to_string(&path).expect("text");
            for (from, to) in [("sha256:ab", "sha256:aa"), ("linux/amd64", "linux"), ("}", "")] {
                fs::write(&path, text.replacen(from, to, 1)).expect("written");
                assert_eq!(read(&path, &digest()), None, "{from} → {to}");
            }
        }
    }

    #[test]
    fn an_index_is_what_all_of_its_images_are() {
        let key = ContentKey::new([3; 32]).to_string();
        let variant = |key: &str, listed: Option<&str>, own: &str| Variant {
            labels: [(KEY_LABEL.to_owned(), key.to_owned())].into(),
            platform: Some(platform(own)),
            listed_for: listed.map(platform),
        };
        let of = |variants: Vec<Variant>| {
            let descriptor = Descriptor { digest: digest(), media_type: String::new(), size: 1 };
            let labels = variants[0].labels.clone();
            let config = ImageConfig { descriptor, labels, platforms: Vec::new(), variants };
            let found = standing(&digest(), &config);
            (found.key.map(|key| key.to_string()), found.platforms)
        };
        let amd64 = platform("linux/amd64");
        assert_eq!(of(vec![variant(&key, None, "linux/amd64")]), (Some(key.clone()), vec![amd64.clone()]));
        let hidden =
            vec![variant(&key, Some("linux/amd64"), "linux/amd64"), variant("", None, "linux/amd64")];
        assert_eq!(of(hidden), (None, vec![amd64.clone()]));
        let mislabelled = vec![variant(&key, Some("linux/amd64"), "linux/s390x")];
        assert_eq!(of(mislabelled), (Some(key), vec![amd64, platform("linux/s390x")]));
    }
}
