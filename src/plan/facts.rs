use std::collections::{BTreeMap, BTreeSet};

use super::model::CheckoutSummary;
use super::tags::TagPolicy;
use crate::graph::ImageId;
use crate::image::{ImageReference, Tag};
use crate::inputs::{Fingerprint, InputFile};
use crate::path::TreePath;
use crate::project::{CleanState, Project};

/// The image that the branch had before the one that is planned.
#[derive(Clone, Debug)]
pub(crate) struct PreviousImage {
    pub fingerprint: Fingerprint,
    /// Its files, where a manifest or git still has them; paths from the root of the context.
    pub files: Option<Vec<InputFile>>,
    /// Those of build contexts with names, where `files` are known.
    pub contexts: BTreeMap<String, Vec<InputFile>>,
    /// Which file, that is no Dockerfile, said what of it: `target`, `args.VERSION`.
    pub said: BTreeMap<String, TreePath>,
}

/// What is known of one selected image besides the checkout.
#[derive(Clone, Debug, Default)]
pub(crate) struct ImageFacts {
    /// Tags, in its repository, of the engine's image that has exactly this key and platform; `None` where
    /// the engine has no such image.
    pub existing: Option<BTreeSet<Tag>>,
    /// How many bytes that image has.
    pub size: Option<u64>,
    /// Its name in a registry, if one has it and it is to be pulled rather than built.
    pub remote: Option<ImageReference>,
    /// Tags that never move and name an image of another key already.
    pub conflicts: BTreeSet<Tag>,
    /// The image that the branch had before, for the reasons.
    pub previous: Option<PreviousImage>,
}

#[derive(Clone)]
pub(crate) struct Facts<'a> {
    pub project: &'a Project,
    /// How each stands to HEAD; one an image.
    pub clean: &'a [CleanState],
    /// What is known of each; one an image.
    pub known: &'a [ImageFacts],
    /// The selected images, dependencies first.
    pub selected: &'a [ImageId],
    /// Selected by an exact list, whose dependencies are taken as they are.
    pub exact: bool,
    pub tags: &'a TagPolicy,
    /// Images that are built although they exist (`--no-cache`).
    pub rebuilt: &'a [ImageId],
    pub asked: bool,
    pub checkout: CheckoutSummary,
}

/// A base in the form that Docker shows.
pub(super) fn shown_base(base: &str) -> String {
    base.parse().map_or_else(|_| base.to_owned(), |base: ImageReference| base.complete())
}
