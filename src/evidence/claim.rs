use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Kind, Text};
use crate::diagnostic::Diagnostic;
use crate::image::{ImageReference, Platform, Repository, Tag};
use crate::path::TreePath;

/// Where something is said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Place {
    pub path: TreePath,
    /// From 1.
    pub line: usize,
}

/// A value and where it is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said<T> {
    pub value: T,
    pub place: Place,
}

/// What one place says about one image: a service, a target, a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claim {
    pub kind: Kind,
    /// Where it begins.
    pub place: Place,
    /// What it builds.
    pub dockerfile: TreePath,
    /// What the image is called. Of several tags that one command gives, the first that names a repository.
    pub name: Option<Said<ClaimedName>>,
    /// Other tags of the same repository that are this image's alone.
    pub tags: BTreeSet<String>,
    /// The build context's root, if it is a folder of the checkout.
    pub context: Option<Said<TreePath>>,
    pub target: Option<Said<String>>,
    /// Build arguments whose values are known.
    pub args: BTreeMap<String, Said<String>>,
    /// Build arguments to which a command gives what stays variable.
    pub open_args: BTreeSet<String>,
    pub platforms: Vec<Said<Platform>>,
    /// Build contexts with a name, by which FROM, COPY --from and mounts can mean something else.
    pub contexts: BTreeMap<String, Said<NamedContext>>,
    /// Other files that may have given it values: what is included, `.env`, who calls a workflow.
    pub rests_on: BTreeSet<TreePath>,
}

/// What stands behind the name of a build context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum NamedContext {
    /// An image that another claim is about.
    Claimed {
        /// Where that claim begins.
        claim: Place,
    },
    /// An image that another claim is about, where the argument that gets its name stands for a reference: no build
    /// context, which would take the place of a stage as well.
    Required {
        /// Where that claim begins.
        claim: Place,
    },
    /// An image of this checkout by its name, as settings write it: `image:NAME`.
    Built(String),
    /// An image by its name: `docker-image://…`.
    Image(ImageReference),
    /// A folder of the checkout.
    Folder(TreePath),
    /// A URL, an OCI layout, a folder elsewhere.
    Elsewhere(String),
}

/// What an image is called, as far as that is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct ClaimedName {
    /// `ghcr.io/acme/api`; where what is in front of a slash stays variable, what is behind it: `api`.
    pub repository: String,
    /// Whether that is all of it.
    pub is_whole: bool,
    /// The tag, or what of it is one and the same whatever is variable: `api` of `${VERSION}-api`.
    pub tag: Option<String>,
    /// Whether all of the tag is known.
    pub has_whole_tag: bool,
}

/// What the files of one kind say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    pub claims: Vec<Claim>,
    /// At most one for each file that could not be understood.
    pub notes: Vec<Diagnostic>,
}

impl Claim {
    pub(crate) fn new(kind: Kind, place: Place, dockerfile: TreePath) -> Self {
        Self {
            kind,
            place,
            dockerfile,
            name: None,
            tags: BTreeSet::new(),
            context: None,
            target: None,
            args: BTreeMap::new(),
            open_args: BTreeSet::new(),
            platforms: Vec::new(),
            contexts: BTreeMap::new(),
            rests_on: BTreeSet::new(),
        }
    }

    /// This claim, to which other files may have given values.
    pub(super) fn resting_on<'p>(mut self, files: impl IntoIterator<Item = &'p TreePath>) -> Self {
        self.rests_on.extend(files.into_iter().cloned());
        self
    }

    /// The files without which it might say something else, several times at that.
    pub(super) fn files(&self) -> impl Iterator<Item = &TreePath> {
        let named = self.name.iter().map(|said| &said.place);
        let context = self.context.iter().map(|said| &said.place);
        let target = self.target.iter().map(|said| &said.place);
        let args = self.args.values().map(|said| &said.place);
        let contexts = self.contexts.values().map(|said| &said.place);
        let places = std::iter::once(&self.place).chain(named).chain(context).chain(target);
        places.chain(args).chain(contexts).map(|place| &place.path).chain(&self.rests_on)
    }

    /// The tag of its name, if it tells one image from others.
    pub(super) fn special_tag(&self) -> Option<&str> {
        self.name.as_ref()?.value.telling_tag()
    }

    /// The tag of its name, if what is built under it may be something else than what is published: one that tells
    /// images apart, or one for development (`dev`, `test`).
    pub(super) fn other_tag(&self) -> Option<&str> {
        let tag = self.name.as_ref()?.value.tag.as_deref();
        self.special_tag().or_else(|| tag.filter(|tag| is_aside_name(tag)))
    }
}

/// Whether a tag tells when or for what an image was made, and not which of several it is.
pub(super) fn is_plain(tag: &str) -> bool {
    const WORDS: [&str; 24] = [
        "latest",
        "dev",
        "devel",
        "develop",
        "development",
        "main",
        "master",
        "trunk",
        "stable",
        "edge",
        "nightly",
        "local",
        "test",
        "testing",
        "prod",
        "production",
        "staging",
        "debug",
        "current",
        "snapshot",
        "ci",
        "next",
        "build",
        "release",
    ];
    WORDS.contains(&&*tag.to_ascii_lowercase())
}

/// Whether the name of a file, a target or a tag says that it is for something other than what is published.
pub(super) fn is_aside_name(name: &str) -> bool {
    const WORDS: [&str; 13] = [
        "override",
        "dev",
        "devel",
        "development",
        "test",
        "tests",
        "testing",
        "e2e",
        "debug",
        "local",
        "example",
        "examples",
        "ci",
    ];
    let name = name.to_ascii_lowercase();
    let mut words = name.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.any(|word| WORDS.contains(&word))
}

/// Whether a tag is three numbers, as releases have them. In front of something variable (`4.25.0-$(DATE)`) it is the
/// version of the day.
fn is_release(tag: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let tag = tag.strip_prefix('v').unwrap_or(tag);
    tag.split('.').count() == 3 && tag.split('.').all(is_number)
}

impl std::fmt::Display for ClaimedName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.tag {
            Some(tag) => write!(f, "{}:{tag}", self.repository),
            None => f.write_str(&self.repository),
        }
    }
}

impl ClaimedName {
    /// The last part of the repository.
    pub(crate) fn last(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or_default()
    }

    /// The tag, if it tells one image from others, without the words in front that do not: `api` of `latest-api`.
    pub(super) fn telling_tag(&self) -> Option<&str> {
        let mut tag = self.tag.as_deref().filter(|tag| self.has_whole_tag || !is_release(tag))?;
        while let Some((_, rest)) = tag.split_once('-').filter(|(word, _)| is_plain(word)) {
            tag = rest;
        }
        Some(tag).filter(|tag| !is_plain(tag))
    }

    /// The tag, if it is one word that tells what it is for, and no other images apart.
    pub(super) fn word(&self) -> Option<&str> {
        let tag = self.tag.as_deref().filter(|_| self.has_whole_tag)?;
        Some(tag).filter(|tag| is_plain(tag) && !tag.eq_ignore_ascii_case("latest"))
    }

    /// Reads an image's name; `None` where too little of it is known, or where it is none.
    pub(crate) fn of(text: &Text) -> Option<Self> {
        let text = text.without_digest();
        let (name, tag) = text.split_tag();
        let (repository, is_whole) = match name.known() {
            Some(name) => (name, true),
            None => (name.after_last_slash()?.known()?, false),
        };
        Repository::new(&repository).ok()?;
        let has_whole_tag = tag.as_ref().is_none_or(|tag| tag.known().is_some());
        let tag = tag.and_then(|tag| tag.only_known()).filter(|tag| Tag::new(tag).is_ok());
        Some(Self { repository, is_whole, tag, has_whole_tag })
    }

    /// Whether `NAME` or `NAME:TAG` is this one or its end.
    pub(crate) fn ends_in(&self, name: &str) -> bool {
        let name = name.trim_start_matches('/');
        let (name, tag) = name.split_once(':').map_or((name, None), |(name, tag)| (name, Some(tag)));
        let is_tag = tag == self.tag.as_deref();
        is_tag
            && self
                .repository
                .strip_suffix(name)
                .is_some_and(|front| front.is_empty() || front.ends_with('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Part::{Known, Unknown};

    fn name(parts: &[&str]) -> Option<(String, bool, Option<String>)> {
        let parts = parts.iter().map(|part| match *part {
            "?" => Unknown,
            known => Known(known.to_owned()),
        });
        ClaimedName::of(&parts.collect()).map(|name| (name.repository, name.is_whole, name.tag))
    }

    fn is(repository: &str, is_whole: bool, tag: Option<&str>) -> (String, bool, Option<String>) {
        (repository.to_owned(), is_whole, tag.map(str::to_owned))
    }

    #[test]
    fn names_are_known_as_far_as_they_are() {
        assert_eq!(name(&["acme/api"]), Some(is("acme/api", true, None)));
        assert_eq!(
            name(&["localhost:5000/acme/api:1.2"]),
            Some(is("localhost:5000/acme/api", true, Some("1.2")))
        );
        assert_eq!(name(&["acme/api:", "?"]), Some(is("acme/api", true, None)));
        assert_eq!(name(&["acme/api:15-", "?"]), Some(is("acme/api", true, Some("15"))));
        assert_eq!(name(&["acme/shop:", "?", "-api"]), Some(is("acme/shop", true, Some("api"))));
        assert_eq!(name(&["acme/shop:a-", "?", "-b"]), Some(is("acme/shop", true, None)));
        assert_eq!(name(&["acme/shop:v", "?"]), Some(is("acme/shop", true, None)));
        assert_eq!(name(&["?", "/api:1"]), Some(is("api", false, Some("1"))));
        assert_eq!(name(&["?", "api"]), None);
        assert_eq!(name(&["acme/", "?", "/api"]), Some(is("api", false, None)));
        assert_eq!(name(&["acme/api-", "?", ":1"]), None);
        assert_eq!(name(&["acme/api@sha256:", "?"]), Some(is("acme/api", true, None)));
        assert_eq!(name(&["?", ":5000/api"]), Some(is("api", false, None)));
        assert_eq!(name(&["a b"]), None);
        assert_eq!(name(&["acme/Api"]), None);
    }
}
