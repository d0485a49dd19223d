//! Remembers between runs what files say about images.
//!
//! What a reader asked of the checkout, and what it heard, is kept beside what it made of it. A later run that would
//! hear the same makes the same of it without reading anything: git's index knows which bytes a file has. Only
//! speed depends on it: whatever goes wrong, nothing is remembered.

mod stored;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use sha1::{Digest, Sha1};

use self::stored::{Memo, Note};
use super::door::{Door, Heard};
use super::{Kind, Reading};
use crate::git::{
    BlobHasher, BlobId, NodeKind, Snapshot, forget_the_oldest, read_file, replace_file, sealed, unsealed,
};
use crate::limits;
use crate::path::TreePath;

/// Changes with the layout and with what readers make of a file.
const MAGIC: &[u8; 8] = b"swevid04";

/// More readings than this, and the oldest go: some branches, eight kinds each.
const KEPT: usize = 128;

/// What one reader would read, and where it is remembered what the same once came to.
pub(super) struct Memory<'t> {
    tree: &'t dyn Snapshot,
    folder: PathBuf,
    path: PathBuf,
    /// The reader's own files.
    blobs: BTreeMap<TreePath, BlobId>,
}

impl<'t> Memory<'t> {
    /// What is remembered of the reader `name` for these `files`; `None` where nothing can be, or one of them cannot be
    /// read.
    pub(super) fn of(
        tree: &'t dyn Snapshot,
        name: &str,
        files: &[TreePath],
        dockerfiles: &[TreePath],
        all: &[(TreePath, Kind)],
    ) -> Option<Self> {
        let folder = tree.cache_folder()?.join("evidence");
        let blobs = blobs(tree, files)?;
        let mut digest = Sha1::new().chain_update(env!("CARGO_PKG_VERSION")).chain_update(name);
        for path in dockerfiles {
            digest.update([&b"\0d"[..], path.as_bytes()].concat());
        }
        for (path, _) in all {
            digest.update([&b"\0e"[..], path.as_bytes()].concat());
        }
        for (path, blob) in &blobs {
            digest.update([&b"\0f"[..], path.as_bytes(), b"\0", blob.as_bytes()].concat());
        }
        let hex: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Self { tree, path: folder.join(hex), folder, blobs })
    }

    /// What the reader made of what it would hear again through `door`, which then knows what was read.
    pub(super) fn recall(&self, door: &Door<'_>) -> Option<Reading> {
        let bytes = fs::read(&self.path).ok()?;
        let memo = decode(unsealed(&bytes, MAGIC)?)?;
        self.is_still_true(&memo.heard, door).then(|| {
            door.remember(memo.heard);
            let notes = memo.notes.into_iter().map(Note::diagnostic).collect();
            Reading { claims: memo.claims, notes }
        })
    }

    /// Keeps a reading, if all that it rests on can be looked up again.
    pub(super) fn keep(&self, heard: Option<Heard>, reading: &Reading) {
        let Some(heard) = heard else { return };
        // A file that was saved in between has another id than the one that was looked up.
        let is_same = |(path, blob): (&TreePath, &Option<BlobId>)| {
            self.blobs.get(path).is_none_or(|known| Some(*known) == *blob)
        };
        let notes = reading.notes.iter().map(Note::of).collect::<Option<Vec<Note>>>();
        let Some(notes) = notes.filter(|_| heard.files.iter().all(is_same)) else { return };
        let memo = Memo { heard, claims: reading.claims.clone(), notes };
        let Ok(content) = serde_json::to_vec(&memo) else { return };
        // What cannot be told exactly is not told.
        if decode(&content).as_ref() == Some(&memo) {
            replace_file(&self.path, &sealed([&MAGIC[..], &content].concat()));
            forget_the_oldest(&self.folder, KEPT);
        }
    }

    fn is_still_true(&self, heard: &Heard, door: &Door<'_>) -> bool {
        let others: Vec<TreePath> = heard
            .files
            .iter()
            .filter(|(path, blob)| blob.is_some() && !self.blobs.contains_key(*path))
            .map(|(path, _)| path.clone())
            .collect();
        if !others.iter().all(|path| door.may_read(path)) {
            return false;
        }
        let Some(others) = blobs(self.tree, &others) else { return false };
        let is_same = |(path, blob): (&TreePath, &Option<BlobId>)| match blob {
            Some(_) => self.blobs.get(path).or_else(|| others.get(path)) == blob.as_ref(),
            None => !door.may_read(path) || self.tree.kind(path).is_none(),
        };
        heard.files.iter().all(is_same)
            && heard.folders.iter().all(|(path, is_folder)| door.is_folder(path) == *is_folder)
            && heard.links.iter().all(|(path, target)| door.linked(path) == *target)
    }
}

fn decode(bytes: &[u8]) -> Option<Memo> {
    serde_json::from_slice(bytes).ok()
}

/// Which bytes files have; `None` if one cannot be read. Links are rare: what they lead to is read.
fn blobs(tree: &dyn Snapshot, files: &[TreePath]) -> Option<BTreeMap<TreePath, BlobId>> {
    let (files, links): (Vec<&TreePath>, Vec<&TreePath>) =
        files.iter().partition(|path| tree.kind(path) == Some(NodeKind::File));
    let identities = tree.identify(&files).ok()?;
    let mut blobs: BTreeMap<TreePath, BlobId> =
        files.into_iter().cloned().zip(identities.iter().map(|identity| identity.blob)).collect();
    for path in links {
        let bytes = read_file(tree, path, limits::EVIDENCE).ok()??;
        blobs.insert(path.clone(), BlobHasher::hash(&bytes));
    }
    Some(blobs)
}

#[cfg(test)]
mod tests;
