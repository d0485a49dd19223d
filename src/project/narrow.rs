use std::collections::{BTreeSet, HashSet};

use super::images::Image;
use super::load::Project;
use crate::diagnostic::{Diagnostic, Severity};
use crate::graph::ImageId;
use crate::path::TreePath;
use crate::printable::few;

const NAMED: usize = 3;

impl Project {
    /// Leaves of what was noticed only what matters to who wants `selected`: errors in files that neither these images nor
    /// what they are built from have become one note, the rest goes. What is about no image's file, such as the settings,
    /// matters to all.
    pub(crate) fn keep_findings_about(&mut self, selected: &[ImageId]) {
        let needed: HashSet<ImageId> =
            self.graph.with_dependencies(selected.iter().copied()).into_iter().collect();
        if needed.len() == self.images.len() {
            return;
        }
        let files_of = |is_needed: bool| -> HashSet<TreePath> {
            let images = ImageId::all(&self.images).filter(|at| needed.contains(at) == is_needed);
            images.flat_map(|at| files(&self.images[at])).cloned().collect()
        };
        let (own, foreign) = (files_of(true), files_of(false));
        let is_foreign = |found: &Diagnostic| {
            let place = found.location.as_ref();
            let mut places = place.into_iter().chain(found.related.iter().map(|(place, _)| place));
            place.is_some_and(|place| foreign.contains(&place.path))
                && !places.any(|place| own.contains(&place.path))
        };
        let (elsewhere, here): (Vec<Diagnostic>, Vec<Diagnostic>) =
            std::mem::take(&mut self.diagnostics).into_iter().partition(is_foreign);
        self.diagnostics = here;
        self.diagnostics.extend(errors_elsewhere(&elsewhere));
    }
}

fn files(image: &Image) -> impl Iterator<Item = &TreePath> {
    let named = image.named.values().filter_map(|named| named.ignore_file.as_ref());
    [&image.dockerfile].into_iter().chain(&image.context.ignore_file).chain(named)
}

fn errors_elsewhere(elsewhere: &[Diagnostic]) -> Option<Diagnostic> {
    let errors = elsewhere.iter().filter(|found| found.severity == Severity::Error);
    let places =
        errors.flat_map(|found| found.location.iter().chain(found.related.iter().map(|(place, _)| place)));
    let paths: BTreeSet<&TreePath> = places.map(|place| &place.path).collect();
    let what = match paths.len() {
        0 => return None,
        1 => "a file that the selection does not need has errors".to_owned(),
        count => format!("{count} files that the selection does not need have errors"),
    };
    Some(Diagnostic::note(format!("{what}: {}", few(paths, NAMED))).hint("`shipwright plan` shows them"))
}
