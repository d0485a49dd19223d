use std::collections::BTreeSet;

use super::images::{Image, ImageState};
use super::load::Project;
use crate::graph::ImageId;
use crate::image::ImageReference;
use crate::lockfile::lockable;

impl Project {
    /// The external images that these are built from, or that builds FROM them take by their triggers, as far as
    /// they can be locked: those without a digest of their own.
    pub fn lockable_bases(&self, images: impl IntoIterator<Item = ImageId>) -> BTreeSet<ImageReference> {
        let of_image = |image: &Image| {
            let bases = image.bases.iter().filter_map(|base| base.parse().ok());
            bases.chain(image.later.iter().cloned()).collect::<Vec<ImageReference>>()
        };
        let bases = images.into_iter().flat_map(|at| of_image(&self.images[at]));
        bases.filter_map(|base| lockable(&base)).collect()
    }

    /// Whether the bases of every image are known. What does not parse, or has a FROM without a value, may use
    /// any.
    pub fn knows_all_bases(&self) -> bool {
        let is_known = |image: &Image| {
            !matches!(image.state, ImageState::Invalid(_)) && image.evaluation.problems.is_empty()
        };
        self.images.iter().all(is_known)
    }

    /// Images that have another key in `other`, such as the same files with another lock.
    pub fn images_with_another_key(&self, other: &Self) -> Vec<ImageId> {
        let key_in = |project: &Self, image: &Image| {
            let same = |it: &&Image| it.dockerfile == image.dockerfile && it.name.full() == image.name.full();
            project.images.iter().find(same).and_then(Image::key)
        };
        let has_another = |at: &ImageId| {
            let image = &self.images[*at];
            image.key().is_some() && key_in(other, image) != image.key()
        };
        ImageId::all(&self.images).filter(has_another).collect()
    }
}
