use std::collections::BTreeMap;
use std::time::Duration;

use super::cache::CacheSpec;
use crate::diagnostic::{Diagnostic, Location};
use crate::dockerfile::NamedKind;
use crate::evidence::{EvidenceChoice, NamedContext};
use crate::image::{Platform, Tag};
use crate::lockfile::Lockfile;
use crate::path::TreePath;

/// What a settings file says; all of it is empty where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsFile {
    /// The file; none if there is none.
    pub path: Option<TreePath>,
    /// In front of every image's name.
    pub namespace: Option<String>,
    /// Where images are pushed: `HOST[/PREFIX]`.
    pub registries: Vec<String>,
    /// Registries, `HOST[:PORT]`, that may be without encryption or have a certificate that nobody signed.
    pub insecure_registries: Vec<String>,
    /// Builders that stand alone, which build what is pushed.
    pub builders: Vec<String>,
    /// Names by path or path pattern, in the order of the file. A `/` in front of a name makes it a whole
    /// repository, which no namespace goes in front of.
    pub names: Vec<(String, String)>,
    /// Globs of Dockerfiles that are left out.
    pub exclude: Vec<String>,
    /// Globs of Dockerfiles that are taken back from what is left out or aside.
    pub include: Vec<String>,
    /// Tags besides `latest` with which a reference follows the image that is built here.
    pub follow: Vec<String>,
    /// Moving tags instead of `latest`.
    pub tags: Vec<Tag>,
    /// How often everything is built anew.
    pub refresh: Option<Refresh>,
    /// Build caches that are read.
    pub cache: Vec<CacheSpec>,
    /// Enters every key.
    pub metadata: Option<Metadata>,
    /// `[image.NAME]`.
    pub images: BTreeMap<String, ImageSettings>,
    /// Which files are read for what they say about images.
    pub evidence: EvidenceChoice,
    pub lock: Lockfile,
    /// What is worth saying about the file although it can be used.
    pub diagnostics: Vec<Diagnostic>,
    /// Where each line of `names` stands, for what is found out about it later.
    pub name_locations: BTreeMap<String, Location>,
}

/// The table `[image.NAME]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageSettings {
    /// Where the table is, if there is one.
    pub location: Option<Location>,
    /// The Dockerfile; where it is not said, the one that gives NAME.
    pub dockerfile: Option<TreePath>,
    /// The build context's root, from the root of the checkout.
    pub context: Option<TreePath>,
    pub target: Option<String>,
    /// Values for build arguments; those of the command line win.
    pub args: BTreeMap<String, String>,
    /// What to build for, without repetitions.
    pub platforms: Vec<Platform>,
    /// Images that must be built before, though no Dockerfile says so.
    pub depends_on: Vec<String>,
    /// Build contexts with names, by [`context_name`](crate::image::ImageReference::context_name).
    pub contexts: BTreeMap<String, GivenContext>,
    /// Build caches that are read; where it is not said, those of all images.
    pub cache: Option<Vec<CacheSpec>>,
    /// Whether every file of the context is an input.
    pub whole_context: bool,
    /// Whether references without a namespace never mean images of this checkout (`follow = false`).
    pub ignores_bare: bool,
}

/// A build context with a name, as settings or other files of the checkout give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenContext {
    pub(crate) what: NamedContext,
    /// The file.
    pub path: TreePath,
    /// The line, from 1.
    pub line: usize,
}

impl ImageSettings {
    /// What stands behind the names of build contexts. The image that an argument names is none.
    pub(super) fn context_kinds(&self) -> BTreeMap<String, NamedKind> {
        let kind = |context: &GivenContext| match context.what {
            NamedContext::Folder(_) => Some(NamedKind::Folder),
            NamedContext::Required { .. } => None,
            _ => Some(NamedKind::Image),
        };
        self.contexts.iter().filter_map(|(name, context)| Some((name.clone(), kind(context)?))).collect()
    }

    /// What is found out about them, with their place.
    pub fn at_its_place(&self, found: Diagnostic) -> Diagnostic {
        match &self.location {
            Some(location) => found.at(location.clone()),
            None => found,
        }
    }
}

/// The period after which images count as old: `7d`, `12h`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// As it was written.
    pub text: String,
    /// What it means; never zero.
    pub period: Duration,
}

/// Anything that should change every key when it changes, such as a version of the build's conventions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metadata {
    Text(String),
    Entries(BTreeMap<String, String>),
}

impl Metadata {
    /// One text that is another whenever the metadata is.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Text(text) => format!("text {text}"),
            Self::Entries(entries) => format!("entries {entries:?}"),
        }
    }
}

impl Refresh {
    /// How many periods have passed since 1970.
    pub fn number_at(&self, now: Duration) -> u64 {
        now.as_secs() / self.period.as_secs().max(1)
    }
}
