use std::cmp::Reverse;
use std::collections::HashSet;

use super::draft::{Draft, draft};
use super::error::LoadError;
use super::findings::findings;
use super::images::Image;
use super::keys;
use super::options::Options;
use crate::diagnostic::{Diagnostic, Severity};
use crate::git::{CommitId, Snapshot};
use crate::graph::{Graph, ImageId};
use crate::naming::Namespace;
use crate::path::TreePath;

#[derive(Debug)]
pub struct Project {
    /// In front of every name.
    pub namespace: Namespace,
    pub images: Vec<Image>,
    pub graph: Graph,
    /// Images that cannot be published under their names, each with the settings line that settles it.
    pub provisional: Vec<(ImageId, String)>,
    /// Dockerfiles that were left out, which a note counts.
    pub left_out: Vec<TreePath>,
    /// Dockerfiles that could not be read, so that their images are missing.
    pub unreadable: Vec<TreePath>,
    /// Files that were read for what they say about images, sorted.
    pub evidence: Vec<TreePath>,
    pub diagnostics: Vec<Diagnostic>,
}

impl Project {
    pub fn assign_revisions(&mut self, revisions: Vec<Option<CommitId>>) {
        for (image, revision) in self.images.iter_mut().zip(revisions) {
            image.revision = revision;
        }
    }
}

impl Project {
    /// What is wrong with the Dockerfiles of images that somebody asks for, where nothing was said of it because they
    /// stand aside.
    pub(crate) fn faults_aside(&self, wanted: &[ImageId]) -> Vec<Diagnostic> {
        let errors = self.diagnostics.iter().filter(|found| found.severity == Severity::Error);
        let said: HashSet<&TreePath> =
            errors.filter_map(|found| found.location.as_ref().map(|location| &location.path)).collect();
        let is_unsaid =
            |image: &&Image| image.aside && image.file.is_hopeless() && !said.contains(&image.dockerfile);
        let images = wanted.iter().map(|at| &self.images[*at]).filter(is_unsaid);
        images.flat_map(|image| findings(&image.dockerfile, &image.file, &image.evaluation)).collect()
    }
}

/// More files than this are freed aside.
const MANY_FILES: usize = 10_000;

impl Drop for Project {
    /// A process that ends does not wait until a hundred thousand paths are freed, and one that goes on leaks nothing.
    fn drop(&mut self) {
        let files = |image: &Image| image.ready().map_or(0, |ready| ready.files.len());
        if self.images.iter().map(files).sum::<usize>() > MANY_FILES {
            let images = std::mem::take(&mut self.images);
            // Without a thread the images go with the closure, here.
            let _ = std::thread::Builder::new().spawn(move || drop(images));
        }
    }
}

/// Reads all images of `tree`. `checkout_name` and `origin_url` are facts for naming.
pub(crate) fn load(
    tree: &dyn Snapshot,
    checkout_name: &str,
    origin_url: Option<&str>,
    options: &Options,
) -> Result<Project, LoadError> {
    let Draft { naming, images, graph, left_out, unreadable, evidence, mut diagnostics, .. } =
        draft(tree, checkout_name, origin_url, options);
    let images = keys::assign(tree, images, &graph, options, &mut diagnostics)?;
    diagnostics.sort_by_key(|diagnostic| Reverse(diagnostic.severity));
    let provisional = naming.provisional().into_iter().map(|(at, line)| (ImageId(at), line)).collect();
    Ok(Project {
        namespace: naming.namespace,
        provisional,
        images,
        graph,
        left_out,
        unreadable,
        evidence,
        diagnostics,
    })
}
