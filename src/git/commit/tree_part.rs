//! One repository that files of a commit come from: the checkout's own, or a submodule's.

use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use git2::{ObjectType, Oid, Repository};

use crate::git::commit::blob_stream::BlobStreams;
use crate::git::repository::discover::Opened;
use crate::git::repository::executable::Git;
use crate::git::repository::loose::Loose;
use crate::git::repository::objects::Objects;
use crate::git::repository::packs;
use crate::git::work_tree::attributes::Attributes;
use crate::git::work_tree::conversion::{AutoCrlf, Conversion, Refusal};
use crate::git::work_tree::index::Index;
use crate::git::work_tree::part::{PartSettings, read_index};
use crate::git::work_tree::whole::too_long;
use crate::git::{BlobId, CheckoutError, UserFolders};
use crate::path::TreePath;

/// Blobs up to this size are read in one piece.
const SMALL: u64 = 16 << 10;

/// Every pointer file of Git LFS begins so.
pub(in crate::git) const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// A repository with what its files become on disk.
pub(in crate::git) struct TreePart {
    /// From the root of the checkout; empty for the checkout itself.
    pub(in crate::git) folder: Vec<u8>,
    pub(in crate::git) attributes: Attributes,
    pub(in crate::git) settings: PartSettings,
    pub(in crate::git) git_dir: PathBuf,
    streams: BlobStreams,
    objects: Mutex<Objects>,
}

/// A repository before its files are known.
pub(in crate::git) struct PartSource {
    pub(in crate::git) git_dir: PathBuf,
    pub(in crate::git) common_dir: PathBuf,
    pub(in crate::git) objects: Objects,
    pub(in crate::git) settings: PartSettings,
}

impl TreePart {
    pub(in crate::git) fn new(source: PartSource, folder: Vec<u8>, attributes: Attributes) -> Self {
        let PartSource { git_dir, objects, settings, .. } = source;
        let streams = BlobStreams::new(&git_dir);
        Self { folder, attributes, settings, git_dir, streams, objects: Mutex::new(objects) }
    }

    /// Length of the folder with its `/` in front of every path.
    pub(in crate::git) fn prefix_length(&self) -> usize {
        if self.folder.is_empty() { 0 } else { self.folder.len() + 1 }
    }

    /// Whether blobs may differ from what git would write to disk.
    pub(in crate::git) fn may_convert(&self) -> bool {
        !self.attributes.is_empty() || self.settings.eol.autocrlf != AutoCrlf::False
    }

    /// What git makes of a file (not of a link) when it writes it to disk. `path` is from the checkout's root.
    pub(in crate::git) fn conversion(
        &self,
        path: &[u8],
        blob: BlobId,
    ) -> Result<Option<Conversion>, Refusal> {
        if !self.may_convert() {
            return Ok(None);
        }
        let attributes = self.attributes.of(&path[self.prefix_length()..]);
        match Conversion::of(&attributes, self.settings.eol) {
            Err(Refusal::Filter(_)) if self.is_lfs_pointer(blob) => Err(Refusal::LfsPointer),
            // Without a program git writes the file as if there were no filter.
            Err(Refusal::Filter(name)) if !self.settings.runs_filter(&name) => {
                let plain = attributes.without_filter();
                Conversion::of(&plain, self.settings.eol).map_err(|_| Refusal::Filter(name))
            }
            other => other,
        }
    }

    /// Pointers are small, so a large blob need not be read to know that it is none.
    fn is_lfs_pointer(&self, blob: BlobId) -> bool {
        let small = self.size(blob).is_ok_and(|size| size <= 1024);
        small && self.read(blob).is_ok_and(|bytes| bytes.starts_with(LFS_POINTER))
    }

    pub(in crate::git) fn size(&self, blob: BlobId) -> io::Result<u64> {
        Ok(self.objects().reader()?.size(blob.oid())?)
    }

    pub(in crate::git) fn read(&self, blob: BlobId) -> io::Result<Vec<u8>> {
        Ok(read_blob(&self.objects(), blob)?)
    }

    /// The same, unless there are more than `limit`: a blob of nothing but zeros takes next to no space in git.
    pub(in crate::git) fn read_at_most(&self, blob: BlobId, limit: u64) -> io::Result<Vec<u8>> {
        if self.size(blob)? > limit { Err(too_long(limit)) } else { self.read(blob) }
    }

    /// The bytes of a blob, one after the other: memory does not grow with the blob.
    pub(in crate::git) fn open(&self, blob: BlobId) -> io::Result<Box<dyn Read + Send>> {
        if self.size(blob)? > SMALL
            && let Some(stream) = self.streams.open(blob)?
        {
            return Ok(Box::new(stream));
        }
        Ok(Box::new(Cursor::new(self.read(blob)?)))
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(in crate::git) fn read_blob(objects: &Objects, blob: BlobId) -> Result<Vec<u8>, CheckoutError> {
    Ok(objects.reader()?.read(blob.oid(), ObjectType::Blob)?.data().to_vec())
}

/// The bytes of the blob of a file, which `path` names, unless there are more than `limit`.
pub(in crate::git) fn read_whole(
    objects: &Objects,
    blob: BlobId,
    path: &[u8],
    limit: u64,
) -> Result<Vec<u8>, CheckoutError> {
    if objects.reader()?.size(blob.oid())? > limit {
        return Err(CheckoutError::io(Path::new(&TreePath::new(path).to_text()), too_long(limit)));
    }
    read_blob(objects, blob)
}

impl PartSource {
    /// The repository of a submodule, if it is here and has the commit; with its index, if it is checked out.
    /// The repository around it keeps it under its `name`; an old one has its own in its folder.
    pub(in crate::git) fn of_submodule(
        &self,
        name: Option<&[u8]>,
        folder: &Path,
        commit: Oid,
        user: &UserFolders,
    ) -> Option<(Self, Index)> {
        let kept = name.into_iter().flat_map(|name| {
            let name = TreePath::new(name);
            // A linked worktree has repositories of its own.
            [&self.git_dir, &self.common_dir].map(|around| name.to_os(&around.join("modules")))
        });
        let kept = kept.filter_map(|folder| {
            let found = Repository::open_bare(folder).ok()?;
            let loose = Loose::of(found.commondir());
            Some(Objects::new(found, loose))
        });
        let in_place = std::iter::once_with(|| Some(Opened::at(folder).ok()??.objects)).flatten();
        let has_it = |found: &Objects| {
            let is_sound = packs::check(found.none().commondir()).is_ok();
            is_sound && found.one(commit).is_ok_and(|repository| repository.find_commit(commit).is_ok())
        };
        let objects = kept.chain(in_place).find(has_it)?;
        let repository = objects.none();
        let git_dir = repository.path().to_owned();
        let common_dir = repository.commondir().to_owned();
        let settings = PartSettings::new(repository.config().ok(), &common_dir, user);
        // Without an index it only takes longer.
        let index = read_index(&Git::with_work_tree(&git_dir, &git_dir)).unwrap_or_default();
        Some((Self { git_dir, common_dir, objects, settings }, index))
    }
}
