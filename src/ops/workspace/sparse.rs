use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Location};
use crate::git::WorkTree;
use crate::path::TreePath;
use crate::printable::and_more;
use crate::project::{Project, ReadyImage};

/// Warns of inputs that HEAD has and a sparse checkout leaves out: a build sees the checkout as it is on disk.
pub(super) fn absent_inputs(tree: &WorkTree, head: Option<&Project>) -> Vec<Diagnostic> {
    let left_out: BTreeSet<TreePath> = tree.left_out_by_sparse_checkout().into_iter().collect();
    if left_out.is_empty() {
        return Vec::new();
    }
    let mut warnings = Vec::new();
    let images = head.map(|head| head.images.as_slice()).unwrap_or_default();
    // An image that is left out as a whole is no surprise.
    for image in images.iter().filter(|image| !left_out.contains(&image.dockerfile)) {
        let files = image.ready().into_iter().flat_map(ReadyImage::all_files);
        let mut absent = files.map(|(_, file)| &file.path).filter(|path| left_out.contains(path));
        let Some(first) = absent.next() else { continue };
        let more = and_more(absent.count());
        let name = image.name.full();
        let folder = first.parent().unwrap_or_default();
        warnings.push(
            Diagnostic::warning(format!("{name} reads {first}{more}, which this sparse checkout leaves out"))
                .at(Location::file(image.dockerfile.clone()))
                .hint(format!(
                    "`git sparse-checkout add '{folder}'` brings it, or `--rev HEAD` reads the commit"
                )),
        );
    }
    warnings
}
