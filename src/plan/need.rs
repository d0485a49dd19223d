use std::collections::BTreeSet;

use crate::graph::ImageId;
use crate::project::Project;

/// What has to be made so that an engine has the `wanted` images: those that it lacks, and of an image that no
/// registry has what it is built from, likewise. In build order. What can be pulled needs no dependency.
pub(crate) fn needed(
    project: &Project,
    wanted: &[ImageId],
    is_here: &dyn Fn(ImageId) -> bool,
    can_be_pulled: &dyn Fn(ImageId) -> bool,
) -> Vec<ImageId> {
    let mut needed = BTreeSet::new();
    let mut open: Vec<ImageId> = wanted.to_vec();
    while let Some(at) = open.pop() {
        if !is_here(at) && needed.insert(at) && !can_be_pulled(at) {
            open.extend(project.images[at].dependencies());
        }
    }
    project.graph.ordered(needed)
}
