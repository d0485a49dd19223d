use std::collections::BTreeMap;
use std::fmt;

/// A build cache that a builder reads or writes besides its own, as buildx writes it: `type=registry,ref=…`.
#[derive(Clone, PartialEq, Eq)]
pub struct CacheSpec {
    /// Where it is.
    pub kind: CacheKind,
    /// Everything else, as it was written; `{image}`, `{branch}` and `{platform}` may stand in it.
    pub attributes: BTreeMap<String, String>,
}

/// Where a build cache is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CacheKind {
    /// In a registry, under a reference of its own.
    Registry,
    /// In the image itself.
    Inline,
    /// In the cache of GitHub Actions.
    Gha,
}

impl CacheKind {
    /// The word that buildx has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Inline => "inline",
            Self::Gha => "gha",
        }
    }
}

impl CacheSpec {
    /// What is in the place of an attribute that tells the caches of images apart.
    pub fn place(&self) -> Option<&str> {
        self.attributes.get(self.place_name()?).map(String::as_str)
    }

    /// The name of that attribute.
    pub fn place_name(&self) -> Option<&'static str> {
        match self.kind {
            CacheKind::Registry => Some("ref"),
            CacheKind::Gha => Some("scope"),
            CacheKind::Inline => None,
        }
    }
}

/// Attributes may be credentials and are left out.
impl fmt::Debug for CacheSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CacheSpec({}, {:?}, …)", self.kind.as_str(), self.place())
    }
}
