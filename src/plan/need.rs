use std::collections::BTreeSet;

use crate::project::Project;

/// What has to be made so that an engine has the `wanted` images: those that it lacks, and of an image that no
/// registry has what it is built from, likewise. In build order. What can be pulled needs no dependency.
pub(crate) fn needed(
    project: &Project,
    wanted: &[usize],
    is_here: &dyn Fn(usize) -> bool,
    can_be_pulled: &dyn Fn(usize) -> bool,
) -> Vec<usize> {
    let mut needed = BTreeSet::new();
    let mut open: Vec<usize> = wanted.to_vec();
    while let Some(at) = open.pop() {
        if !is_here(at) && needed.insert(at) && !can_be_pulled(at) {
            open.extend(project.images[at].dependencies());
        }
    }
    project.graph.ordered(needed)
}
