use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::cache::CacheSpec;
use super::evidence::Evidence;
use crate::diagnostic::Diagnostic;
use crate::dockerfile::{Dockerfile, Evaluation};
use crate::git::{CommitId, PathPattern, Tracking};
use crate::graph::{DependencyKind, ImageId};
use crate::image::{ContentKey, Digest, ImageReference};
use crate::inputs::{InputFile, Material};
use crate::naming::ImageName;
use crate::path::TreePath;

#[derive(Clone, Debug)]
pub struct Image {
    pub dockerfile: TreePath,
    /// What it is called, and where that comes from.
    pub name: ImageName,
    /// Whether it is built only when named or depended on.
    pub aside: bool,
    pub tracked: bool,
    /// The stage to build, if not the last.
    pub target: Option<String>,
    /// Whether `--target` chose the stage, so that the image is not what the checkout alone says.
    pub target_from_flag: bool,
    pub file: Dockerfile,
    /// What it means with the build arguments of this run.
    pub evaluation: Evaluation,
    /// References that are bound to images of this checkout.
    pub bound: Vec<BoundReference>,
    /// Images that the settings say it needs.
    pub declared: Vec<ImageId>,
    /// External images, as written after expansion.
    pub bases: Vec<String>,
    /// External images that its ONBUILD triggers name, which only builds FROM it use.
    pub later: Vec<ImageReference>,
    /// Those of the references to them that the lock file pins.
    pub locked: Vec<LockedReference>,
    /// What counts for it because a file of the checkout says so that is no Dockerfile.
    pub evidence: Vec<Evidence>,
    /// What it reads of the checkout; of an image whose Dockerfile is wrong the root alone.
    pub context: BuildContext,
    /// What it reads of folders that are build contexts with names, by name. Their pathspecs are among those of `context`.
    pub named: BTreeMap<String, BuildContext>,
    /// Build contexts with names, used or not, as settings write them.
    pub contexts: BTreeMap<String, String>,
    /// The last commit that changed any of these, its dependencies' included.
    pub revision: Option<CommitId>,
    /// Build caches that its settings say are read.
    pub cache: Option<Vec<CacheSpec>>,
    /// Why its inputs cannot be read, which matters to those only who want the image.
    pub obstacle: Option<Diagnostic>,
    /// Its key, or why it has none.
    pub state: ImageState,
}

impl Image {
    /// The images it depends on, each once.
    pub fn dependencies(&self) -> Vec<ImageId> {
        dependencies(&self.bound, &self.declared)
    }

    /// Its key, where it has one.
    pub fn key(&self) -> Option<ContentKey> {
        self.ready().map(|ready| ready.key)
    }

    /// Its inputs and key, where it can be built.
    pub fn ready(&self) -> Option<&ReadyImage> {
        match &self.state {
            ImageState::Ready(ready) => Some(ready),
            ImageState::Blocked(_) | ImageState::Invalid(_) => None,
        }
    }

    /// The digest that the lock file has for one of its external bases.
    pub fn locked_digest(&self, base: &str) -> Option<&Digest> {
        locked_digest(&self.locked, base)
    }

    /// Which file, that is no Dockerfile, says what of it: `target`, `args.VERSION`.
    pub fn said(&self) -> BTreeMap<String, TreePath> {
        self.evidence.iter().map(|said| (said.field.clone(), said.path.clone())).collect()
    }

    /// `NAMESPACE/NAME:[PREFIX-]src-KEY`, where it can be built.
    pub fn reference(&self) -> Option<ImageReference> {
        Some(self.name.repository.with_tag(self.name.tag(&self.key()?.tag())))
    }
}

/// The images behind bound references and those that the settings declare, each once.
pub(super) fn dependencies(bound: &[BoundReference], declared: &[ImageId]) -> Vec<ImageId> {
    let mut images: Vec<ImageId> =
        bound.iter().map(|bound| bound.image).chain(declared.iter().copied()).collect();
    images.sort_unstable();
    images.dedup();
    images
}

pub(super) fn locked_digest<'l>(locked: &'l [LockedReference], base: &str) -> Option<&'l Digest> {
    locked.iter().find(|locked| locked.expanded == base)?.pinned.digest.as_ref()
}

/// What an image reads of the checkout.
#[derive(Clone, Debug, Default)]
pub struct BuildContext {
    pub root: TreePath,
    pub ignore_file: Option<TreePath>,
    pub whole: bool,
    /// What may change the image, for its revision: own paths, without those of dependencies.
    pub pathspecs: Vec<PathPattern>,
}

/// A reference in a Dockerfile that means an image of this checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundReference {
    pub image: ImageId,
    pub kind: DependencyKind,
    /// The reference after expansion.
    pub expanded: String,
    /// Its bytes in the Dockerfile, which are replaced by the planned key's reference when it is sent.
    pub span: Range<usize>,
    /// Line in the Dockerfile, from 1.
    pub line: usize,
    /// Whether it has no namespace (`FROM base`), so that it could mean another image.
    pub is_inferred: bool,
}

/// A reference in a Dockerfile to an external image whose digest is locked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedReference {
    /// The reference after expansion.
    pub expanded: String,
    /// The reference with the locked digest, which takes its place when the Dockerfile is sent.
    pub pinned: ImageReference,
    /// Its bytes in the Dockerfile.
    pub span: Range<usize>,
}

#[derive(Clone, Debug)]
pub enum ImageState {
    Ready(Box<ReadyImage>),
    /// Not until something is set: each text says what, and there is at least one. The rest of the run goes on.
    Blocked(Vec<String>),
    /// It is wrong; a diagnostic says what. The text is for its dependents.
    Invalid(String),
}

/// The inputs of an image that can be built.
#[derive(Clone, Debug)]
pub struct ReadyImage {
    pub material: Material,
    pub key: ContentKey,
    /// The key without what git ignores, here and in dependencies: what HEAD's tree can be compared with.
    pub versioned_key: ContentKey,
    /// The files of the context, in the order of `material.files`.
    pub files: Arc<[ContextFile]>,
    /// Those of contexts with names, in the order of `material.contexts`.
    pub named: BTreeMap<String, Arc<[ContextFile]>>,
}

impl ReadyImage {
    /// All input files, those of contexts with names included.
    pub fn all_files(&self) -> impl Iterator<Item = (&InputFile, &ContextFile)> {
        let named =
            self.named.iter().filter_map(|(name, files)| Some((self.material.contexts.get(name)?, files)));
        let lists = std::iter::once((&self.material.files, &self.files)).chain(named);
        lists.flat_map(|(inputs, files)| inputs.iter().zip(files.iter()))
    }
}

/// Where an input file is, and what sending it needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextFile {
    pub path: TreePath,
    /// Bytes; for a link the length of its target.
    pub size: u64,
    /// When the file was changed, in nanoseconds since 1970, where the tree knows.
    pub modified_ns: Option<i128>,
    pub tracking: Tracking,
}
