//! What builds as it is written and is hardly meant: said once a checkout.

use std::collections::{BTreeSet, HashSet};

use super::contexts::Located;
use super::files::ImageFiles;
use crate::diagnostic::Diagnostic;
use crate::git::Snapshot;
use crate::path::TreePath;
use crate::printable::few;

const FEW: usize = 5;

/// One note for each ignore file, whatever the number of images.
pub(super) fn git_folders(contexts: &[Option<Located>]) -> Vec<Diagnostic> {
    let wanted = contexts.iter().flatten().filter(|context| context.wants_git_folder);
    let files: BTreeSet<&TreePath> = wanted.filter_map(|context| context.ignore_file.as_ref()).collect();
    let note = |file: &TreePath| {
        Diagnostic::note(format!(
            "{file} takes `.git` back, but only a source that names it gets it: every commit would change the image. \
             A build argument can tell the commit"
        ))
    };
    files.into_iter().map(note).collect()
}

/// Files that Git LFS has not fetched: a build gets three lines of text in place of each.
pub(super) fn lfs_pointers(tree: &dyn Snapshot, files: &[ImageFiles]) -> Option<Diagnostic> {
    if !tree.has_lfs() {
        return None;
    }
    let mut seen = HashSet::new();
    let lists = files.iter().flat_map(ImageFiles::all).filter(|image| seen.insert(image.files.as_ptr()));
    let small = lists.flat_map(|image| image.files.iter()).filter(|file| LFS_SIZES.contains(&file.size));
    let small: BTreeSet<&TreePath> = small.map(|file| &file.path).collect();
    let pointers: Vec<&TreePath> = small.into_iter().filter(|path| tree.is_lfs_pointer(path)).collect();
    let what = match pointers.len() {
        0 => return None,
        1 => "1 input is a pointer of Git LFS, not the file".to_owned(),
        count => format!("{count} inputs are pointers of Git LFS, not the files"),
    };
    let warning = Diagnostic::warning(format!("{what}: {}", few(pointers, FEW)));
    Some(warning.hint("`git lfs pull` fetches what they stand for"))
}

/// How long pointers are: three lines with a hash, and at most 1,024 bytes by their specification.
const LFS_SIZES: std::ops::RangeInclusive<u64> = 100..=1024;
