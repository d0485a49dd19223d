use std::collections::{BTreeMap, BTreeSet};

use super::tags::PlannedTag;
use crate::diagnostic::Diagnostic;
use crate::git::CommitId;
use crate::graph::{DependencyKind, ImageId, id};
use crate::image::{ContentKey, Digest, ImageReference, Platform, Repository};
use crate::naming::Namespace;
use crate::path::TreePath;
use crate::project::Evidence;

id! {
    /// A step of a plan, which needs those of its dependencies.
    StepId
}

/// What a run does, image by image, dependencies first.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which checkout it is for.
    pub checkout: CheckoutSummary,
    /// In front of every image's name.
    pub namespace: Namespace,
    /// Every selected image, in build order.
    pub steps: Vec<Step>,
    /// What was noticed while planning.
    pub diagnostics: Vec<Diagnostic>,
}

impl Plan {
    /// The steps with their ids.
    pub fn numbered(&self) -> impl Iterator<Item = (StepId, &Step)> {
        StepId::all(&self.steps).zip(&self.steps)
    }

    /// External bases without a digest, locked or of their own: what is behind them may be another image tomorrow.
    pub fn floating(&self) -> BTreeSet<&str> {
        self.steps.iter().flat_map(Step::floating).collect()
    }
}

#[derive(Clone, Debug)]
pub struct CheckoutSummary {
    pub name: String,
    /// HEAD's commit; an unborn branch has none.
    pub head: Option<CommitId>,
    /// The branch, `pr-N` in a pull request's job, nothing when detached.
    pub branch: Option<String>,
    /// Whether any selected image is dirty.
    pub dirty: bool,
}

/// What happens to one image.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its image in the project.
    pub image: ImageId,
    /// The repository that is tagged: NAMESPACE/NAME.
    pub repository: Repository,
    /// NAME, as the user types it.
    pub short_name: String,
    /// The Dockerfile, from the root of the checkout.
    pub dockerfile: TreePath,
    /// The build context's root, from the root of the checkout; none where the Dockerfile is wrong, or has no source
    /// and waits for a value of its base.
    pub context: Option<TreePath>,
    /// The stage, if it is not the last one.
    pub target: Option<String>,
    /// What it is built for; none where the image is blocked.
    pub platform: Option<Platform>,
    /// None where the image is blocked.
    pub key: Option<ContentKey>,
    /// `NAMESPACE/NAME:src-KEY`; none where the image is blocked.
    pub reference: Option<ImageReference>,
    /// Its name in the registry, where it is pulled.
    pub pulled_from: Option<ImageReference>,
    /// The last commit that changed an input of the image or of its dependencies.
    pub revision: Option<CommitId>,
    /// Whether an uncommitted edit is among the inputs.
    pub dirty: bool,
    /// In front of every tag, for names such as `dotnet/sdk:8.0`.
    pub tag_prefix: Option<String>,
    /// Whether it is built only when named or depended on.
    pub aside: bool,
    /// Whether a push is about it: what stands aside is published only when images are named.
    pub published: bool,
    /// Git-ignored inputs.
    pub unversioned: Vec<TreePath>,
    /// Images of this checkout that it is built from.
    pub dependencies: Vec<Dependency>,
    /// External images that it is built from, as written after expansion.
    pub bases: Vec<String>,
    /// The digests that the lock file has for them.
    pub locked: BTreeMap<String, Digest>,
    /// What it reads of folders that are build contexts with names.
    pub contexts: Vec<NamedInputs>,
    /// What counts for it because a file of the checkout says so that is no Dockerfile.
    pub evidence: Vec<Evidence>,
    /// How much enters the key.
    pub inputs: InputSummary,
    /// What happens.
    pub action: Action,
    /// Why; never empty.
    pub reasons: Vec<Reason>,
    /// All the tags that the image has afterwards.
    pub tags: Vec<PlannedTag>,
}

/// What an image reads of a folder that is a build context with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedInputs {
    /// Its name, as references have it.
    pub name: String,
    /// From the root of the checkout.
    pub folder: TreePath,
    /// Files and links of it that enter the key; none where the image is blocked.
    pub files: usize,
    /// Whether that is all of it.
    pub whole: bool,
}

impl Step {
    /// NAMESPACE/NAME, with `:PREFIX` where several images share the repository.
    pub fn name(&self) -> String {
        match &self.tag_prefix {
            None => self.repository.familiar(),
            Some(prefix) => format!("{}:{prefix}", self.repository.familiar()),
        }
    }

    /// The steps whose images it is built from, some perhaps more than once.
    pub fn needs(&self) -> impl Iterator<Item = StepId> {
        self.dependencies.iter().filter_map(|dependency| dependency.step)
    }

    fn floating(&self) -> impl Iterator<Item = &str> {
        let floats = |base: &&String| !base.contains('@') && !self.locked.contains_key(*base);
        self.bases.iter().filter(floats).map(String::as_str)
    }

    /// The reference to one of its tags.
    pub fn tagged(&self, tag: &PlannedTag) -> ImageReference {
        self.repository.with_tag(tag.tag.clone())
    }
}

/// What happens to an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// It is built.
    Build,
    /// It comes from a registry.
    Pull,
    /// It exists; tags are missing.
    Tag,
    /// It exists with all its tags.
    None,
    /// It cannot be built until something is set; its reasons say what.
    Blocked,
}

impl Action {
    /// The word in JSON and in text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Pull => "pull",
            Self::Tag => "tag",
            Self::None => "none",
            Self::Blocked => "blocked",
        }
    }
}

/// Why an action was chosen: names the file, argument or dependency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// For programs.
    pub kind: ReasonKind,
    /// The file it is about.
    pub path: Option<TreePath>,
    /// For people: `shared/auth.py changed`.
    pub text: String,
}

/// The kind of a [`Reason`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReasonKind {
    /// An input's content changed.
    FileChanged,
    /// An input was added.
    FileAdded,
    /// An input was removed.
    FileRemoved,
    /// An input's mode or type changed.
    FileMode,
    /// The Dockerfile's instructions changed.
    Dockerfile,
    /// A build argument changed.
    BuildArgument,
    /// A dependency is rebuilt or has another key.
    Dependency,
    /// An external base changed its name or digest.
    Base,
    /// The target changed.
    Target,
    /// The platform changed.
    Platform,
    /// No earlier image is known.
    NeverBuilt,
    /// No engine was asked.
    NotAsked,
    /// The image of this key was there once and is gone, or was overwritten by another.
    KeyMissing,
    /// `--no-cache` asked for it.
    Forced,
    /// Nothing changed; the text says since when.
    Unchanged,
    /// What has to be set before it can be built.
    Blocked,
}

impl ReasonKind {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FileChanged => "file-changed",
            Self::FileAdded => "file-added",
            Self::FileRemoved => "file-removed",
            Self::FileMode => "file-mode",
            Self::Dockerfile => "dockerfile",
            Self::BuildArgument => "build-argument",
            Self::Dependency => "dependency",
            Self::Base => "base",
            Self::Target => "target",
            Self::Platform => "platform",
            Self::NeverBuilt => "never-built",
            Self::NotAsked => "not-asked",
            Self::KeyMissing => "key-missing",
            Self::Forced => "forced",
            Self::Unchanged => "unchanged",
            Self::Blocked => "blocked",
        }
    }
}

/// An edge of the graph, as the plan shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// NAMESPACE/NAME of the dependency.
    pub image: String,
    /// Its step, where the plan has one for it.
    pub step: Option<StepId>,
    /// What the instruction is.
    pub kind: DependencyKind,
    /// Its line in the Dockerfile, from 1; declared ones have none.
    pub line: Option<usize>,
    /// Whether the reference has no namespace (`FROM base`), so that it could mean another image.
    pub is_inferred: bool,
}

/// How much enters an image's key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputSummary {
    pub files: usize,
    /// How many bytes they hold: what is sent at most.
    pub bytes: u64,
    /// Whether the whole context counts, because what the build reads of it cannot be known.
    pub whole_context: bool,
}
