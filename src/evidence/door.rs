use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::Kind;
use crate::diagnostic::{Diagnostic, Location};
use crate::git::{NodeKind, Snapshot, read_file};
use crate::limits;
use crate::path::TreePath;

/// How readers of evidence see the checkout: regular files inside it alone, none beyond a limit.
pub(crate) struct Door<'t> {
    tree: &'t dyn Snapshot,
    dockerfiles: &'t [TreePath],
    files: &'t [(TreePath, Kind)],
    /// What was asked for.
    seen: Mutex<BTreeSet<TreePath>>,
}

impl<'t> Door<'t> {
    /// `dockerfiles` and the `files` that may be evidence are sorted.
    pub(crate) fn new(
        tree: &'t dyn Snapshot,
        dockerfiles: &'t [TreePath],
        files: &'t [(TreePath, Kind)],
    ) -> Self {
        Self { tree, dockerfiles, files, seen: Mutex::default() }
    }

    /// The text of a file; `None` if nothing stands there, or what git ignores: no clone has that, so that it would
    /// make images that no commit has. One that is no text, too long or not readable is the note
    /// to make of it.
    pub(crate) fn read(&self, path: &TreePath) -> Result<Option<String>, Box<Diagnostic>> {
        let skipped = |why: &str| {
            let message = format!("{path} is not read for what it says about images: {why}");
            Box::new(Diagnostic::note(message).at(Location::file(path.clone())))
        };
        let is_found = self.files.binary_search_by(|(file, _)| file.cmp(path)).is_ok();
        if !is_found && !self.tree.is_tracked(path) {
            return Ok(None);
        }
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone());
        match read_file(self.tree, path, limits::EVIDENCE) {
            Ok(None) => Ok(None),
            Ok(Some(bytes)) => String::from_utf8(bytes).map(Some).map_err(|_| skipped("it is not UTF-8")),
            Err(error) => Err(skipped(&error.to_string())),
        }
    }

    /// Which files were read, sorted.
    pub(super) fn seen(self) -> Vec<TreePath> {
        self.seen.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect()
    }

    /// Whether a folder of the checkout stands there.
    pub(crate) fn is_folder(&self, path: &TreePath) -> bool {
        path.is_root() || self.tree.kind(path) == Some(NodeKind::Folder)
    }

    /// The files from which images can be made, sorted.
    pub(crate) fn dockerfiles(&self) -> &'t [TreePath] {
        self.dockerfiles
    }

    /// Whether an image can be made from the file at `path`.
    pub(crate) fn is_dockerfile(&self, path: &TreePath) -> bool {
        self.dockerfiles.binary_search(path).is_ok()
    }

    /// The Dockerfile that a build of `context` without a file's name uses.
    pub(crate) fn dockerfile_in(&self, context: &TreePath) -> Option<TreePath> {
        let names = ["Dockerfile", "Containerfile"];
        names.into_iter().map(|name| context.join(name)).find(|path| self.is_dockerfile(path))
    }
}

/// Resolves `path`, as written, from `folder`; `None` if it leads out of the checkout.
pub(crate) fn inside(folder: &TreePath, path: &str) -> Option<TreePath> {
    if path.starts_with('/') {
        return None;
    }
    let mut depth = folder.components().count();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => depth = depth.checked_sub(1)?,
            _ => depth += 1,
        }
    }
    Some(TreePath::clamped([folder.as_bytes(), path.as_bytes()].join(&b'/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_out_of_the_checkout() {
        let from = |folder: &str, path| inside(&folder.into(), path).map(|path| path.to_text());
        assert_eq!(from("a/b", "../c/./d"), Some("a/c/d".to_owned()));
        assert_eq!(from("a", ".."), Some(String::new()));
        assert_eq!(from("a", "../.."), None);
        assert_eq!(from("a", "../../a"), None);
        assert_eq!(from("a", "/etc"), None);
    }
}
