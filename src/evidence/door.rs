use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::Kind;
use crate::diagnostic::{Diagnostic, Location};
use crate::discovery::is_dockerfile_text;
use crate::git::{BlobHasher, BlobId, LinkTarget, NodeKind, Snapshot, follow, read_file};
use crate::limits;
use crate::path::TreePath;

/// How readers of evidence see the checkout: regular files inside it alone, none beyond a limit.
pub(crate) struct Door<'t> {
    tree: &'t dyn Snapshot,
    dockerfiles: &'t [TreePath],
    files: &'t [(TreePath, Kind)],
    log: Mutex<Log>,
}

/// What was asked of the checkout, and what it answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Heard {
    /// The bytes of files; `None` where nothing stands that may be read.
    pub(super) files: BTreeMap<TreePath, Option<BlobId>>,
    /// Whether a folder stands there.
    pub(super) folders: BTreeMap<TreePath, bool>,
    /// The Dockerfiles that links beside them lead to.
    pub(super) links: BTreeMap<TreePath, Option<TreePath>>,
}

#[derive(Default)]
struct Log {
    heard: Heard,
    /// Files that may not be read, or cannot.
    refused: Vec<TreePath>,
    /// Bytes of all files together.
    bytes: u64,
}

impl<'t> Door<'t> {
    /// `dockerfiles` and the `files` that may be evidence are sorted.
    pub(crate) fn new(
        tree: &'t dyn Snapshot,
        dockerfiles: &'t [TreePath],
        files: &'t [(TreePath, Kind)],
    ) -> Self {
        Self { tree, dockerfiles, files, log: Mutex::default() }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a file is one that any clone has: what git ignores would make images that no commit has.
    pub(super) fn may_read(&self, path: &TreePath) -> bool {
        self.files.binary_search_by(|(file, _)| file.cmp(path)).is_ok() || self.tree.is_tracked(path)
    }

    /// The text of a file; `None` if nothing stands there, or what git ignores: no clone has that, so that it would
    /// make images that no commit has. One that is no text, too long or not readable is the note
    /// to make of it.
    pub(crate) fn read(&self, path: &TreePath) -> Result<Option<String>, Box<Diagnostic>> {
        let skipped = |why: &str| {
            let message = format!("{path} is not read for what it says about images: {why}");
            Box::new(Diagnostic::note(message).at(Location::file(path.clone())))
        };
        if !self.may_read(path) {
            self.log().heard.files.insert(path.clone(), None);
            return Ok(None);
        }
        let bytes = match read_file(self.tree, path, limits::EVIDENCE) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.log().refused.push(path.clone());
                return Err(skipped(&error.to_string()));
            }
        };
        let mut log = self.log();
        log.heard.files.insert(path.clone(), bytes.as_deref().map(BlobHasher::hash));
        let Some(bytes) = bytes else { return Ok(None) };
        log.bytes += bytes.len() as u64;
        if log.bytes > limits::EVIDENCE_ALL {
            log.refused.push(path.clone());
            return Err(skipped("other files of its kind have too many bytes already"));
        }
        String::from_utf8(bytes).map(Some).map_err(|_| skipped("it is not UTF-8"))
    }

    /// Takes for heard what an earlier reader heard.
    pub(super) fn remember(&self, heard: Heard) {
        self.log().heard = heard;
    }

    /// What was heard, if that is all that the reader's claims rest on.
    pub(super) fn heard(&self) -> Option<Heard> {
        let log = self.log();
        log.refused.is_empty().then(|| log.heard.clone())
    }

    /// Which files were asked for and may be read.
    pub(super) fn seen(self) -> Vec<TreePath> {
        let (files, refused) = {
            let mut log = self.log();
            (std::mem::take(&mut log.heard.files), std::mem::take(&mut log.refused))
        };
        let paths = files.into_iter().filter(|(path, blob)| blob.is_some() || self.may_read(path));
        paths.map(|(path, _)| path).chain(refused).collect()
    }

    /// Whether a folder of the checkout stands there.
    pub(crate) fn is_folder(&self, path: &TreePath) -> bool {
        if path.is_root() {
            return true;
        }
        let is_folder = self.tree.kind(path) == Some(NodeKind::Folder);
        self.log().heard.folders.insert(path.clone(), is_folder);
        is_folder
    }

    /// The files from which images can be made, sorted.
    pub(crate) fn dockerfiles(&self) -> &'t [TreePath] {
        self.dockerfiles
    }

    /// The file that an image is made from for who names `path`: its own name need not say what it is, and it may be a
    /// link to a Dockerfile in its folder.
    pub(crate) fn dockerfile(&self, path: &TreePath) -> Option<TreePath> {
        let is_one = || {
            let text = self.read(path).ok().flatten();
            text.is_some_and(|text| is_dockerfile_text(text.as_bytes()))
        };
        if self.is_found(path) {
            return Some(path.clone());
        }
        match self.tree.kind(path) {
            Some(NodeKind::File) => is_one().then(|| path.clone()),
            _ => self.linked(path),
        }
    }

    /// The Dockerfile in the same folder that the link at `path` leads to.
    pub(super) fn linked(&self, path: &TreePath) -> Option<TreePath> {
        let is_link = self.tree.kind(path) == Some(NodeKind::Link);
        let target = match is_link.then(|| follow(self.tree, path)) {
            Some(LinkTarget::File(target)) => Some(target),
            _ => None,
        };
        let found = target.filter(|target| target.parent() == path.parent() && self.is_found(target));
        self.log().heard.links.insert(path.clone(), found.clone());
        found
    }

    fn is_found(&self, path: &TreePath) -> bool {
        self.dockerfiles.binary_search(path).is_ok()
    }

    /// The Dockerfile that a build of `context` without a file's name uses.
    pub(crate) fn dockerfile_in(&self, context: &TreePath) -> Option<TreePath> {
        let names = ["Dockerfile", "Containerfile"];
        let path = |name| context.join(name);
        let found = |path: TreePath| if self.is_found(&path) { Some(path) } else { self.linked(&path) };
        names.into_iter().map(path).find_map(found)
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
