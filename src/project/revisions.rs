use std::collections::HashSet;

use super::load::Project;
use crate::checkout::{Checkout, CheckoutError, CommitId, PathPattern, Pathspecs};
use crate::path::TreePath;

/// Everything that may change image `at`: its own sources, Dockerfile and ignore file, those of all its
/// dependencies, and the settings: the files that they are read from, or would be.
pub fn revision_pathspecs(project: &Project, at: usize, settings: &[TreePath]) -> Pathspecs {
    let mut paths: Vec<PathPattern> = project
        .graph
        .with_dependencies([at])
        .into_iter()
        .flat_map(|image| project.images[image].pathspecs.clone())
        .collect();
    paths.extend(settings.iter().cloned().map(PathPattern::Path));
    let mut seen = HashSet::new();
    paths.retain(|path| seen.insert(path.clone()));
    Pathspecs { paths }
}

/// Finds the revisions of all images in one walk of history.
pub fn assign_revisions(
    project: &mut Project,
    checkout: &Checkout,
    head: CommitId,
    settings: &[TreePath],
) -> Result<(), CheckoutError> {
    let queries: Vec<Pathspecs> =
        (0..project.images.len()).map(|at| revision_pathspecs(project, at, settings)).collect();
    let revisions = checkout.revisions(head, &queries)?;
    for (image, revision) in project.images.iter_mut().zip(revisions) {
        image.revision = revision;
    }
    Ok(())
}
