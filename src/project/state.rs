use std::collections::HashMap;

use super::images::{Image, ReadyImage};
use super::load::Project;
use super::options::Options;
use crate::git::{InputKind, Tracking};
use crate::image::ContentKey;
use crate::path::TreePath;

/// How an image of the work tree stands to HEAD.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CleanState {
    /// Whether an uncommitted edit is among its inputs, or those of a dependency.
    pub dirty: bool,
    /// Inputs that git ignores: they make nothing dirty, but nobody else has them.
    pub unversioned: Vec<TreePath>,
}

/// The state of every image where the tree is known to be the commit's.
pub(crate) fn assume_clean(work_tree: &Project) -> Vec<CleanState> {
    work_tree
        .images
        .iter()
        .map(|image| CleanState { dirty: false, unversioned: unversioned(image) })
        .collect()
}

/// An image is clean if its key, git-ignored inputs left out, is the one that HEAD's tree gives with the
/// same settings. Without a HEAD (unborn branch) every image is dirty.
pub(crate) fn compare_with_head(work_tree: &Project, head: Option<&Project>) -> Vec<CleanState> {
    let committed: HashMap<(&TreePath, String), Option<ContentKey>> = head
        .into_iter()
        .flat_map(|head| &head.images)
        .map(|image| ((&image.dockerfile, image.name.title()), image.key()))
        .collect();
    work_tree
        .images
        .iter()
        .map(|image| {
            let Some(ready) = image.ready() else { return CleanState::default() };
            let committed = committed.get(&(&image.dockerfile, image.name.title())).copied().flatten();
            CleanState { dirty: committed != Some(ready.versioned_key), unversioned: unversioned(image) }
        })
        .collect()
}

fn unversioned(image: &Image) -> Vec<TreePath> {
    let files = image.ready().into_iter().flat_map(ReadyImage::all_files).map(|(_, file)| file);
    let mut paths: Vec<TreePath> =
        files.filter(|file| file.tracking == Tracking::Ignored).map(|file| file.path.clone()).collect();
    if !image.named.is_empty() {
        paths.sort();
        paths.dedup();
    }
    paths
}

impl Project {
    /// Everything that git could know of what decides the images: inputs, Dockerfiles, ignore files, files that
    /// say something about images, settings and the lock; sorted.
    pub fn versioned_paths<'a>(&'a self, options: &'a Options) -> Vec<&'a TreePath> {
        let of_image = |image: &'a Image| {
            let inputs = image.ready().into_iter().flat_map(ReadyImage::all_files);
            let ignore_files = image.named.values().filter_map(|named| named.ignore_file.as_ref());
            let versioned = inputs.filter(|(input, file)| {
                file.tracking != Tracking::Ignored && input.kind != InputKind::Folder
            });
            [&image.dockerfile]
                .into_iter()
                .chain(&image.context.ignore_file)
                .chain(ignore_files)
                .chain(versioned.map(|(_, file)| &file.path))
        };
        let mut paths: Vec<&TreePath> = options
            .settings
            .path
            .iter()
            .chain(&options.settings.lock.path)
            .chain(&self.evidence)
            .chain(self.images.iter().flat_map(of_image))
            .collect();
        // Stable, because that is quick where most of it is in order already.
        paths.sort();
        paths.dedup();
        paths
    }
}
