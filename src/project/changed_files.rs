use std::collections::HashMap;

use super::images::{Image, ImageState, ReadyImage};
use super::keys::explicit;
use super::load::Project;
use crate::git::Identity;
use crate::graph::ImageId;
use crate::image::ContentKey;
use crate::inputs::{InputFile, InputFiles};
use crate::path::TreePath;

/// A file that has other bytes or another mode.
pub(crate) struct ChangedFile {
    pub path: TreePath,
    pub identity: Identity,
}

/// An image whose key is another one because files changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rekeyed {
    pub image: ImageId,
    pub before: ContentKey,
    /// Its own inputs that changed; none where only what it is built from did.
    pub files: Vec<TreePath>,
}

impl Project {
    /// Gives images the keys that they have with other content in some of their files. Right as long as nobody reads these
    /// files for what they mean: then images, names, contexts and inputs stay what they are.
    pub(crate) fn change_files(&mut self, changed: &[ChangedFile]) -> Vec<Rekeyed> {
        let mut made: HashMap<usize, InputFiles> = HashMap::new();
        let mut rekeyed = Vec::new();
        for at in self.graph.order().to_vec() {
            let files = self.images[at].inputs_among(changed);
            let dependencies = self.dependency_keys(at);
            let Some(ready) = ready_mut(&mut self.images[at]) else { continue };
            if files.is_empty() && dependencies == ready.material.dependencies {
                continue;
            }
            if !files.is_empty() {
                // Images that share a list share the new one.
                let list = ready.files.as_ptr().addr();
                let inputs = made.entry(list).or_insert_with(|| ready.with_files(&files, changed));
                ready.material.files = inputs.clone();
            }
            ready.material.dependencies = dependencies;
            let before = std::mem::replace(&mut ready.key, ready.material.key());
            ready.versioned_key = ready.key;
            if ready.key != before {
                let files = files.into_iter().map(|(_, change)| changed[change].path.clone()).collect();
                rekeyed.push(Rekeyed { image: at, before, files });
            }
        }
        rekeyed
    }

    /// Whether any image that can be built has this file among its inputs.
    pub(crate) fn has_input(&self, path: &TreePath) -> bool {
        self.images.iter().any(|image| {
            let Some(ready) = image.ready() else { return false };
            let path = path.relative_to(&image.context.root);
            path.is_some_and(|path| {
                ready.material.files.binary_search_by(|input| input.path.cmp(&path)).is_ok()
            })
        })
    }

    /// The keys of what an image is built from, as its material has them.
    fn dependency_keys(&self, image: ImageId) -> Vec<(String, ContentKey)> {
        let image = &self.images[image];
        let key = |id: ImageId| self.images[id].key();
        let bound =
            image.bound.iter().filter_map(|bound| Some((explicit(&bound.expanded), key(bound.image)?)));
        let declared = image.declared.iter().filter_map(|at| Some((String::new(), key(*at)?)));
        let mut keys: Vec<_> = bound.chain(declared).collect();
        keys.sort();
        keys.dedup();
        keys
    }
}

impl Image {
    /// Which of its inputs are among these: their places among the inputs and among the changes.
    fn inputs_among(&self, changed: &[ChangedFile]) -> Vec<(usize, usize)> {
        let Some(ready) = self.ready() else { return Vec::new() };
        let place = |(change, file): (usize, &ChangedFile)| {
            let path = file.path.relative_to(&self.context.root)?;
            let inputs = &ready.material.files;
            let at = inputs.binary_search_by(|input| input.path.cmp(&path)).ok()?;
            Some((at, change))
        };
        changed.iter().enumerate().filter_map(place).collect()
    }
}

impl ReadyImage {
    fn with_files(&self, files: &[(usize, usize)], changed: &[ChangedFile]) -> InputFiles {
        let mut inputs: Vec<InputFile> = self.material.files.to_vec();
        for (at, change) in files {
            let Identity { kind, blob, .. } = changed[*change].identity;
            inputs[*at] = InputFile { path: inputs[*at].path.clone(), kind, blob };
        }
        InputFiles::new(inputs)
    }
}

fn ready_mut(image: &mut Image) -> Option<&mut ReadyImage> {
    match &mut image.state {
        ImageState::Ready(ready) => Some(ready),
        ImageState::Blocked(_) | ImageState::Invalid(_) => None,
    }
}
