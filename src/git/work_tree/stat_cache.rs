//! Remembers the blob ids of files whose bytes had to be hashed: untracked and ignored ones, and those whose
//! line endings or filters make the index useless. Only speed depends on it: whatever goes wrong, it is empty.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use sha1::{Digest, Sha1};

use crate::git::BlobId;
use crate::git::work_tree::disk::Stamp;

/// Changes with the layout, so that an older file is passed over.
const MAGIC: &[u8; 8] = b"swstat01";

/// More than this many and those that were not used in this run go.
const MANY: usize = 200_000;

/// A file is remembered only if it was last changed at least this many seconds ago: within one tick of a
/// file system's clock (two seconds on FAT) an edit can leave no trace. This is git's rule about racily
/// clean entries, applied before writing.
const SETTLED: i64 = 3;

pub(in crate::git) struct StatCache {
    path: PathBuf,
    stored: OnceLock<HashMap<Vec<u8>, Stored>>,
    fresh: Mutex<HashMap<Vec<u8>, CachedBlob>>,
}

#[derive(Clone, Copy)]
struct CachedBlob {
    stamp: Stamp,
    blob: BlobId,
}

struct Stored {
    known: CachedBlob,
    used: AtomicBool,
}

impl StatCache {
    /// In the private git folder of a work tree.
    pub(in crate::git) fn new(git_dir: &Path) -> Self {
        let path = git_dir.join("shipwright").join("stat-cache");
        Self { path, stored: OnceLock::new(), fresh: Mutex::default() }
    }

    pub(in crate::git) fn get(&self, path: &[u8], stamp: &Stamp) -> Option<BlobId> {
        let stored = self.stored().get(path).filter(|stored| stored.known.stamp == *stamp)?;
        stored.used.store(true, Relaxed);
        Some(stored.known.blob)
    }

    /// Remembers what was hashed; `now` was read before the bytes were.
    pub(in crate::git) fn put(&self, path: &[u8], stamp: Stamp, blob: BlobId, now: i64) {
        if is_settled(&stamp, now) {
            let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
            fresh.insert(path.to_owned(), CachedBlob { stamp, blob });
        }
    }

    fn stored(&self) -> &HashMap<Vec<u8>, Stored> {
        self.stored.get_or_init(|| {
            let bytes = std::fs::read(&self.path).unwrap_or_default();
            decode(&bytes).unwrap_or_default()
        })
    }
}

/// Writes what is new, in place of the old file at once.
impl Drop for StatCache {
    fn drop(&mut self) {
        let fresh = std::mem::take(self.fresh.get_mut().unwrap_or_else(PoisonError::into_inner));
        if fresh.is_empty() {
            return;
        }
        let are_few = self.stored().len() + fresh.len() <= MANY;
        let kept = self.stored().iter().filter(|(_, stored)| are_few || stored.used.load(Relaxed));
        let mut all: HashMap<&[u8], &CachedBlob> =
            kept.map(|(path, stored)| (&path[..], &stored.known)).collect();
        all.extend(fresh.iter().map(|(path, known)| (&path[..], known)));
        replace_file(&self.path, &encode(&all));
    }
}

/// Seconds since 1970.
pub(in crate::git) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(0)
}

pub(in crate::git) fn is_settled(stamp: &Stamp, now: i64) -> bool {
    stamp.modified.0.max(stamp.changed.0) <= now - SETTLED
}

/// Writes a cache file; a failure, which it tells, leaves the old one, or none.
pub(crate) fn replace_file(path: &Path, content: &[u8]) -> bool {
    let Some(folder) = path.parent() else { return false };
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let temporary = PathBuf::from(name);
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::File::create(&temporary))
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written.is_ok()
}

/// Removes the oldest files of a cache folder that holds more than `kept`, down to half of that.
pub(crate) fn forget_the_oldest(folder: &Path, kept: usize) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut files: Vec<_> = entries
        .flatten()
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    if files.len() <= kept {
        return;
    }
    files.sort();
    for (_, path) in &files[..files.len() - kept / 2] {
        // Another process may have removed it first.
        let _ = std::fs::remove_file(path);
    }
}

/// `content` with a hash behind it, so that a file that was cut or damaged is recognised.
pub(crate) fn sealed(mut content: Vec<u8>) -> Vec<u8> {
    let hash = Sha1::digest(&content);
    content.extend_from_slice(&hash);
    content
}

/// The content of a sealed file that begins with `magic`.
pub(crate) fn unsealed<'a>(bytes: &'a [u8], magic: &[u8]) -> Option<&'a [u8]> {
    let (content, hash) = bytes.split_at_checked(bytes.len().checked_sub(20)?)?;
    (Sha1::digest(content)[..] == *hash).then_some(content)?.strip_prefix(magic)
}

fn encode(entries: &HashMap<&[u8], &CachedBlob>) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for (path, known) in entries {
        let Ok(length) = u32::try_from(path.len()) else { continue };
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(path);
        known.stamp.encode(&mut bytes);
        bytes.extend_from_slice(known.blob.as_bytes());
    }
    sealed(bytes)
}

fn decode(bytes: &[u8]) -> Option<HashMap<Vec<u8>, Stored>> {
    let mut rest = unsealed(bytes, MAGIC)?;
    let mut entries = HashMap::with_capacity(rest.len() / 100);
    while !rest.is_empty() {
        let length = u32::from_le_bytes(take(&mut rest)?) as usize;
        let (path, after) = rest.split_at_checked(length)?;
        rest = after;
        let stamp = Stamp::decode(&mut rest)?;
        let blob = BlobId::new(take(&mut rest)?);
        let stored = Stored { known: CachedBlob { stamp, blob }, used: AtomicBool::new(false) };
        entries.insert(path.to_owned(), stored);
    }
    Some(entries)
}

impl Stamp {
    pub(in crate::git) fn encode(&self, bytes: &mut Vec<u8>) {
        let (modified, changed) = (self.modified, self.changed);
        for number in [self.size, self.inode, modified.0.cast_unsigned(), changed.0.cast_unsigned()] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for number in [modified.1, changed.1] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
    }

    pub(in crate::git) fn decode(rest: &mut &[u8]) -> Option<Self> {
        let mut number = || Some(u64::from_le_bytes(take(rest)?));
        let (size, inode) = (number()?, number()?);
        let (modified, changed) = (number()?.cast_signed(), number()?.cast_signed());
        let modified = (modified, u32::from_le_bytes(take(rest)?));
        let changed = (changed, u32::from_le_bytes(take(rest)?));
        Some(Self { size, modified, changed, inode })
    }
}

/// The next bytes of a cache file.
pub(in crate::git) fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::BlobHasher;

    fn stamp(modified: i64) -> Stamp {
        Stamp { size: 3, modified: (modified, 7), changed: (modified, 8), inode: 5 }
    }

    #[test]
    fn remembers_until_the_stamp_differs() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let blob = BlobHasher::hash(b"abc");
        let cache = StatCache::new(folder.path());
        cache.put(b"a\xff", stamp(100), blob, 1000);
        cache.put(b"fresh", stamp(999), blob, 1000);
        drop(cache);
        let cache = StatCache::new(folder.path());
        assert_eq!(cache.get(b"a\xff", &stamp(100)), Some(blob));
        assert_eq!(cache.get(b"a\xff", &stamp(101)), None);
        assert_eq!(cache.get(b"a\xff", &Stamp { inode: 6, ..stamp(100) }), None);
        assert_eq!(cache.get(b"fresh", &stamp(999)), None, "changed within the last seconds");
    }

    #[test]
    fn keeps_what_another_run_stored() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let blob = BlobHasher::hash(b"abc");
        StatCache::new(folder.path()).put(b"a", stamp(1), blob, 1000);
        StatCache::new(folder.path()).put(b"b", stamp(1), blob, 1000);
        let cache = StatCache::new(folder.path());
        assert_eq!(cache.get(b"a", &stamp(1)), Some(blob));
        assert_eq!(cache.get(b"b", &stamp(1)), Some(blob));
    }

    #[test]
    fn a_damaged_file_is_an_empty_cache() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let blob = BlobHasher::hash(b"abc");
        StatCache::new(folder.path()).put(b"a", stamp(1), blob, 1000);
        let path = folder.path().join("shipwright/stat-cache");
        let mut bytes = std::fs::read(&path).expect("written");
        bytes[30] ^= 1;
        std::fs::write(&path, &bytes).expect("writable");
        assert_eq!(StatCache::new(folder.path()).get(b"a", &stamp(1)), None);
        std::fs::write(&path, &bytes[..10]).expect("writable");
        assert_eq!(StatCache::new(folder.path()).get(b"a", &stamp(1)), None);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_no_error() {
        let cache = StatCache::new(Path::new("/dev/null/x"));
        cache.put(b"a", stamp(1), BlobHasher::hash(b""), 1000);
    }
}
