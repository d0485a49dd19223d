//! What the bytes of files on disk are: from the index where that is certain, else by hashing them.

use std::io::{self, Read};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::git::work_tree::attributes::Attributes;
use crate::git::work_tree::blob_sizes::BlobSizes;
use crate::git::work_tree::conversion::{AutoCrlf, Difference};
use crate::git::work_tree::disk::{Disk, FileState, Neighbours, Stamp, named};
use crate::git::work_tree::entry::{Entry, KnownFile};
use crate::git::work_tree::files::Files;
use crate::git::work_tree::part::Part;
use crate::git::work_tree::stat_cache::StatCache;
use crate::git::work_tree::walk::threads;
use crate::git::{BlobHasher, BlobId, Identity, InputKind, NodeKind};
use crate::path::TreePath;

/// How many paths a thread takes at a time.
const CHUNK: usize = 256;

/// Files up to this size are read in one piece.
const SMALL: u64 = 1 << 20;

/// How often a file that changes while it is read is read again.
const ATTEMPTS: usize = 5;

const UNKNOWN: Identity = Identity { kind: InputKind::File, blob: BlobId::ZERO, size: 0, modified_ns: None };

pub(in crate::git) struct Identifier<'a> {
    pub(in crate::git) disk: &'a Disk,
    pub(in crate::git) parts: &'a [Part],
    pub(in crate::git) files: &'a Files<Entry>,
    pub(in crate::git) known: &'a [OnceLock<KnownFile>],
    pub(in crate::git) attributes: &'a [Attributes],
    pub(in crate::git) stat_cache: &'a StatCache,
    pub(in crate::git) blob_sizes: &'a BlobSizes,
    /// Whether the file system has executable bits, whatever `core.fileMode` says.
    pub(in crate::git) keeps_modes: bool,
    /// Read before any file, so that what changes afterwards is too young to be remembered.
    pub(in crate::git) now: i64,
}

impl Identifier<'_> {
    pub(in crate::git) fn identify(&self, paths: &[&TreePath]) -> io::Result<Vec<Identity>> {
        let mut identities = vec![UNKNOWN; paths.len()];
        let count = threads().min(paths.len().div_ceil(CHUNK));
        if count <= 1 {
            self.chunk(paths, &mut identities)?;
            return Ok(identities);
        }
        let chunks = Mutex::new(paths.chunks(CHUNK).zip(identities.chunks_mut(CHUNK)));
        let failure = Mutex::new(None);
        let work = || {
            loop {
                let chunk = chunks.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((paths, identities)) = chunk else { return };
                if let Err(error) = self.chunk(paths, identities) {
                    failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    return;
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..count {
                // Fewer do.
                let _ = std::thread::Builder::new().spawn_scoped(scope, work);
            }
            work();
        });
        match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(identities),
            Some(error) => Err(error),
        }
    }

    fn chunk(&self, paths: &[&TreePath], identities: &mut [Identity]) -> io::Result<()> {
        let mut neighbours = self.disk.neighbours();
        let mut hint = 0;
        for (path, identity) in paths.iter().zip(identities) {
            let path = path.as_bytes();
            *identity = self.one(path, &mut hint, &mut neighbours)?;
        }
        Ok(())
    }

    fn one(&self, path: &[u8], hint: &mut usize, neighbours: &mut Neighbours<'_>) -> io::Result<Identity> {
        let found = self.files.find_near(path, hint);
        if let Some(known) = found.and_then(|at| self.known[at].get()) {
            return Ok(known.identity());
        }
        let entry = found.map(|at| *self.files.data(at));
        let identity = self.look(path, entry, neighbours).map_err(|error| named(path, &error))?;
        Ok(match (found, KnownFile::new(&identity)) {
            (Some(at), Some(known)) => self.known[at].get_or_init(|| known).identity(),
            _ => identity,
        })
    }

    /// What a file is, if it was looked at and that could be kept.
    pub(in crate::git) fn known(&self, path: &TreePath, hint: &mut usize) -> Option<Identity> {
        let at = self.files.find_near(path.as_bytes(), hint)?;
        Some(self.known[at].get()?.identity())
    }

    fn look(
        &self,
        path: &[u8],
        entry: Option<Entry>,
        neighbours: &mut Neighbours<'_>,
    ) -> io::Result<Identity> {
        for _ in 0..ATTEMPTS {
            let state = neighbours.state(path)?;
            let found = match state.kind {
                NodeKind::File => self.file(path, entry, &state)?,
                NodeKind::Link => self.link(path, entry, &state)?,
                NodeKind::Folder => return Err(io::ErrorKind::IsADirectory.into()),
                NodeKind::Other => {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidInput,
                        "it is a device, socket or pipe",
                    ));
                }
            };
            let Some((blob, size)) = found else { continue };
            let (seconds, nanoseconds) = state.stamp.modified;
            let modified_ns = Some(i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds));
            return Ok(Identity { kind: self.kind(entry, &state), blob, size, modified_ns });
        }
        Err(io::Error::other("it changes while it is read"))
    }

    /// Whether the executable bit on disk counts: not where git says that disks have none (`core.fileMode`), unless
    /// the file system is known to have it all the same. Then a mode that somebody changed is an edit, which that
    /// setting only hides from git.
    pub(in crate::git) fn disk_has_modes(&self, entry: Option<Entry>) -> bool {
        let part = entry.and_then(Entry::tracked).map_or(0, |(part, _)| part);
        self.parts[part].settings.file_mode || self.keeps_modes
    }

    /// The executable bit of the disk, or of the index where the disk has none.
    fn kind(&self, entry: Option<Entry>, state: &FileState) -> InputKind {
        if state.kind == NodeKind::Link {
            return InputKind::Link;
        }
        let executable = if self.disk_has_modes(entry) {
            state.executable
        } else {
            entry.and_then(Entry::tracked).is_some_and(|(part, at)| {
                let entry = self.parts[part].index.entry(at);
                !entry.is_link() && entry.is_executable()
            })
        };
        if executable { InputKind::Executable } else { InputKind::File }
    }

    fn link(
        &self,
        path: &[u8],
        entry: Option<Entry>,
        state: &FileState,
    ) -> io::Result<Option<(BlobId, u64)>> {
        if let Some((part, at)) = entry.and_then(Entry::tracked) {
            let index = &self.parts[part].index;
            let entry = index.entry(at);
            if entry.is_link() && index.is_unchanged(&entry, &state.stamp) {
                return Ok(Some((entry.blob, state.stamp.size)));
            }
        }
        let target = self.disk.link_target(path)?;
        Ok(Some((BlobHasher::hash(&target), target.len() as u64)))
    }

    /// `None` if the file changed meanwhile.
    fn file(
        &self,
        path: &[u8],
        entry: Option<Entry>,
        state: &FileState,
    ) -> io::Result<Option<(BlobId, u64)>> {
        let Stamp { size, .. } = state.stamp;
        if let Some((part, at)) = entry.and_then(Entry::tracked) {
            let index = &self.parts[part].index;
            let entry = index.entry(at);
            if !entry.is_link() && index.is_unchanged(&entry, &state.stamp) {
                match self.difference(part, path) {
                    Difference::None => return Ok(Some((entry.blob, size))),
                    Difference::LineEndings if self.has_size(part, entry.blob, size) => {
                        return Ok(Some((entry.blob, size)));
                    }
                    // Only to be warned on the day when the attribute is gone.
                    Difference::Any if !self.blob_sizes.has_some() => {
                        self.has_size(part, entry.blob, size);
                    }
                    Difference::LineEndings | Difference::Any => {}
                }
            }
        }
        if let Some(blob) = self.stat_cache.get(path, &state.stamp) {
            return Ok(Some((blob, size)));
        }
        let Some(blob) = self.hash(path, size)? else { return Ok(None) };
        if self.disk.state(path)?.stamp != state.stamp {
            return Ok(None);
        }
        self.stat_cache.put(path, state.stamp, blob, self.now);
        Ok(Some((blob, size)))
    }

    /// Whether a blob has the size of its file. Git has only taken carriage returns away, so none are gone
    /// where the sizes are equal.
    fn has_size(&self, part: usize, blob: BlobId, size: u64) -> bool {
        let sizes = &self.blob_sizes;
        if sizes.is_known(blob, size) {
            return true;
        }
        let found = self.parts[part].blob_size(blob);
        if let Some(found) = found {
            sizes.learn(blob, found);
        }
        found == Some(size)
    }

    fn difference(&self, part: usize, path: &[u8]) -> Difference {
        let (attributes, part) = (&self.attributes[part], &self.parts[part]);
        let now = if attributes.is_empty() && part.settings.eol.autocrlf == AutoCrlf::False {
            Difference::None
        } else {
            Difference::of(&attributes.of(&path[part.prefix_length()..]), part.settings.eol)
        };
        // Git leaves a file as it wrote it when attributes or settings change, and still takes it for unchanged.
        // Where sizes have been compared, files were converted once.
        if now == Difference::None && self.blob_sizes.has_some() { Difference::LineEndings } else { now }
    }

    fn hash(&self, path: &[u8], size: u64) -> io::Result<Option<BlobId>> {
        let mut file = self.disk.open(path)?;
        if size > SMALL {
            return BlobHasher::read(&mut file, size);
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
        file.take(size + 1).read_to_end(&mut bytes)?;
        Ok((bytes.len() as u64 == size).then(|| BlobHasher::hash(&bytes)))
    }
}
