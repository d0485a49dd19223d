use super::load::Project;
use crate::git::{Checkout, CheckoutError, CommitId, PathPattern, Pathspecs, Questions};
use crate::path::TreePath;

/// Finds the revisions of all images, in their order, in one walk of history.
pub(crate) fn revisions(
    project: &Project,
    checkout: &Checkout,
    head: CommitId,
    settings: &[TreePath],
) -> Result<Vec<Option<CommitId>>, CheckoutError> {
    checkout.revisions(head, &questions(project, settings))
}

/// Of each image everything that may change it: its own sources, Dockerfile and ignore file, those of all its
/// dependencies, and the settings: the files that they are read from, or would be.
fn questions(project: &Project, settings: &[TreePath]) -> Questions {
    let settings = settings.iter().cloned().map(PathPattern::Path);
    let own = project.images.iter().map(|image| Pathspecs {
        paths: image.context.pathspecs.iter().cloned().chain(settings.clone()).collect(),
    });
    let mut questions = Questions::new(own.collect());
    let graph = &project.graph;
    for image in graph.images_in_cycles() {
        for dependency in graph.with_dependencies([image]) {
            questions.add_part(image, dependency);
        }
    }
    // What an image needs stands in front of it, unless they are in one loop.
    for image in graph.order() {
        for dependency in graph.direct_dependencies(*image) {
            questions.add_question(*image, dependency);
        }
    }
    questions
}
