use std::collections::BTreeMap;
use std::io::{self, Read};

use bstr::BStr;

use crate::git::{
    BlobHasher, FileTree, Identity, InputKind, Node, NodeKind, Obstacle, Snapshot, Tracking, at_most,
};
use crate::ops::Files;
use crate::path::TreePath;

/// The files of a checkout with other bytes in some of them: what it will be when these are written. Keeps nothing of
/// what it finds out.
pub(super) struct Overlay {
    pub files: Files,
    pub replaced: BTreeMap<TreePath, Vec<u8>>,
}

impl FileTree for Overlay {
    fn kind(&self, path: &TreePath) -> Option<NodeKind> {
        self.files.kind(path)
    }

    fn is_tracked(&self, path: &TreePath) -> bool {
        self.files.is_tracked(path)
    }

    fn has_versioned_below(&self, folder: &TreePath) -> bool {
        self.files.has_versioned_below(folder)
    }

    fn read(&self, path: &TreePath, limit: u64) -> io::Result<Vec<u8>> {
        match self.replaced.get(path) {
            Some(bytes) => at_most(&bytes[..], limit),
            None => self.files.read(path, limit),
        }
    }

    fn list(&self, folder: &TreePath, prune: &mut dyn FnMut(&TreePath) -> bool) -> io::Result<Vec<Node>> {
        self.files.list(folder, prune)
    }

    fn absent_submodule(&self, path: &TreePath) -> Option<TreePath> {
        self.files.absent_submodule(path)
    }
}

impl Snapshot for Overlay {
    fn nodes(&self) -> &[Node] {
        self.files.nodes()
    }

    fn visit(&self, visitor: &mut dyn FnMut(&BStr, NodeKind, Tracking)) {
        self.files.visit(visitor);
    }

    fn identify(&self, paths: &[&TreePath]) -> io::Result<Vec<Identity>> {
        let mut identities = self.files.identify(paths)?;
        for (path, identity) in paths.iter().zip(&mut identities) {
            if let Some(bytes) = self.replaced.get(*path) {
                identity.blob = BlobHasher::hash(bytes);
                identity.size = bytes.len() as u64;
            }
        }
        Ok(identities)
    }

    fn length(&self, path: &TreePath, identified: u64) -> io::Result<u64> {
        match self.replaced.get(path) {
            Some(bytes) => Ok(bytes.len() as u64),
            None => self.files.length(path, identified),
        }
    }

    fn open(&self, path: &TreePath) -> io::Result<Box<dyn Read + Send>> {
        match self.replaced.get(path) {
            Some(bytes) => Ok(Box::new(io::Cursor::new(bytes.clone()))),
            None => self.files.open(path),
        }
    }

    fn open_planned(&self, path: &TreePath, kind: InputKind) -> io::Result<Box<dyn Read + Send>> {
        match self.replaced.get(path) {
            Some(_) => self.open(path),
            None => self.files.open_planned(path, kind),
        }
    }

    fn obstacle(&self, path: &TreePath) -> Option<Obstacle> {
        self.files.obstacle(path)
    }

    fn has_lfs(&self) -> bool {
        self.files.has_lfs()
    }

    fn is_lfs_pointer(&self, path: &TreePath) -> bool {
        self.files.is_lfs_pointer(path)
    }

    fn submodules(&self) -> &[TreePath] {
        self.files.submodules()
    }

    fn unreadable_folders(&self) -> &[(TreePath, String)] {
        self.files.unreadable_folders()
    }
}
