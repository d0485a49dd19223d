//! Folders of old releases. Who has ten folders of versions builds the ones that something names.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::ImageId;
use crate::naming::is_version;
use crate::path::TreePath;

/// So many folders of versions side by side are an archive; nine may well be all that is kept up.
const MANY: usize = 10;

/// An image, as far as it counts here.
pub(super) struct Kept<'i> {
    pub(super) dockerfile: &'i TreePath,
    pub(super) aside: bool,
    /// Whether settings or other files say something of it.
    pub(super) is_said: bool,
    pub(super) dependencies: Vec<ImageId>,
}

/// The images in folders of versions that nothing names, where other files or other images name some of those beside
/// them.
pub(super) fn archived(images: &[Kept<'_>]) -> Vec<ImageId> {
    let mut shelves: BTreeMap<TreePath, BTreeMap<TreePath, Vec<ImageId>>> = BTreeMap::new();
    for at in ImageId::all(images).filter(|at| !images[at.0].aside) {
        if let Some(folder) = version_folder(images[at.0].dockerfile) {
            let shelf = folder.parent().unwrap_or_default();
            shelves.entry(shelf).or_default().entry(folder).or_default().push(at);
        }
    }
    shelves.retain(|_, folders| folders.len() >= MANY);
    if shelves.is_empty() {
        return Vec::new();
    }
    let named = named(images);
    let mut archived = Vec::new();
    for folders in shelves.into_values() {
        let is_named = |of: &Vec<ImageId>| of.iter().any(|at| named.contains(at));
        let (known, others): (Vec<_>, Vec<_>) = folders.into_values().partition(is_named);
        if !known.is_empty() {
            archived.extend(others.into_iter().flatten());
        }
    }
    archived
}

/// The outermost folder around a Dockerfile whose name is a version.
fn version_folder(dockerfile: &TreePath) -> Option<TreePath> {
    let mut found = None;
    let mut folder = dockerfile.parent();
    while let Some(here) = folder {
        folder = here.parent();
        if is_version(here.file_name()) {
            found = Some(here);
        }
    }
    found
}

/// The images that other files build, or that an image elsewhere is built from.
fn named(images: &[Kept<'_>]) -> BTreeSet<ImageId> {
    let mut named = BTreeSet::new();
    for at in ImageId::all(images) {
        let image = &images[at.0];
        if image.is_said {
            named.insert(at);
        }
        let own = version_folder(image.dockerfile);
        let is_elsewhere =
            |other: &ImageId| own.is_none() || version_folder(images[other.0].dockerfile) != own;
        named.extend(image.dependencies.iter().copied().filter(is_elsewhere));
    }
    named
}
