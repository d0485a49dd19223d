//! Remembers the names in folders, so that a folder that has not changed is only looked at, for a sixth of what
//! reading it costs. Git's untracked cache rests on the same fact: whatever appears in a folder, leaves it or
//! is renamed in it changes the folder's own times. This is used only on local file systems that are known
//! to keep that promise; everywhere else, and whenever anything is wrong with the file, folders are read.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::git::NodeKind;
use crate::git::work_tree::disk::{Disk, Listing, Stamp};
use crate::git::work_tree::stat_cache::{is_settled, now, replace_file, sealed, take, unsealed};

const MAGIC: &[u8; 8] = b"swfold01";

#[derive(Default)]
pub(in crate::git) struct FolderCache {
    path: PathBuf,
    /// That of the root: folders of other file systems are not remembered. None where nothing is.
    device: Option<u64>,
    bytes: Vec<u8>,
    known: HashMap<Vec<u8>, CachedFolder>,
    now: i64,
}

struct CachedFolder {
    stamp: Stamp,
    names: Range<usize>,
    used: AtomicBool,
}

/// A folder that had to be read, for next time.
pub(in crate::git) struct FreshFolder {
    path: Vec<u8>,
    stamp: Stamp,
    names: Vec<u8>,
}

impl FolderCache {
    /// In the private git folder of a work tree.
    pub(in crate::git) fn open(disk: &Disk, git_dir: &Path) -> Self {
        let path = git_dir.join("shipwright").join("folders");
        let device = disk.reliable_device();
        let bytes = device.and_then(|_| std::fs::read(&path).ok()).unwrap_or_default();
        let known = decode(&bytes).unwrap_or_default();
        Self { path, device, bytes, known, now: now() }
    }

    /// Fills `listing` with the names in a folder; what had to be read goes to `fresh`.
    pub(in crate::git) fn list(
        &self,
        disk: &Disk,
        path: &[u8],
        listing: &mut Listing,
        fresh: &mut Vec<FreshFolder>,
    ) -> io::Result<()> {
        if let Some(known) = self.known.get(path)
            && let Ok(state) = disk.state(path)
            && state.kind == NodeKind::Folder
            && state.stamp == known.stamp
        {
            known.used.store(true, Relaxed);
            listing.clear();
            let mut rest = &self.bytes[known.names.clone()];
            while let Some((kind, name)) = next_name(&mut rest) {
                listing.push(name, kind);
            }
            return Ok(());
        }
        let state = disk.list(path, listing)?;
        if let Some((stamp, device)) = state
            && self.device == Some(device)
            && is_settled(&stamp, self.now)
        {
            let mut names = Vec::new();
            for (name, kind) in listing.iter() {
                // No file system has names that long.
                let Ok(length) = u16::try_from(name.len()) else { return Ok(()) };
                names.push(code(kind));
                names.extend_from_slice(&length.to_le_bytes());
                names.extend_from_slice(name);
            }
            fresh.push(FreshFolder { path: path.to_owned(), stamp, names });
        }
        Ok(())
    }

    /// Writes what is still true and what is new, if anything is.
    pub(in crate::git) fn save(&self, fresh: &[FreshFolder]) {
        if fresh.is_empty() {
            return;
        }
        let mut bytes = MAGIC.to_vec();
        for (path, known) in self.known.iter().filter(|(_, known)| known.used.load(Relaxed)) {
            encode(&mut bytes, path, &known.stamp, &self.bytes[known.names.clone()]);
        }
        for folder in fresh {
            encode(&mut bytes, &folder.path, &folder.stamp, &folder.names);
        }
        replace_file(&self.path, &sealed(bytes));
    }
}

fn code(kind: NodeKind) -> u8 {
    match kind {
        NodeKind::File => 0,
        NodeKind::Link => 1,
        NodeKind::Folder => 2,
        NodeKind::Other => 3,
    }
}

fn next_name<'a>(rest: &mut &'a [u8]) -> Option<(NodeKind, &'a [u8])> {
    let [kind] = take(rest)?;
    let length = u16::from_le_bytes(take(rest)?);
    let (name, after) = rest.split_at_checked(usize::from(length))?;
    *rest = after;
    let kinds = [NodeKind::File, NodeKind::Link, NodeKind::Folder, NodeKind::Other];
    Some((*kinds.get(usize::from(kind))?, name))
}

fn encode(bytes: &mut Vec<u8>, path: &[u8], stamp: &Stamp, names: &[u8]) {
    for length in [path.len(), names.len()] {
        bytes.extend_from_slice(&(length as u64).to_le_bytes());
    }
    stamp.encode(bytes);
    bytes.extend_from_slice(path);
    bytes.extend_from_slice(names);
}

fn decode(bytes: &[u8]) -> Option<HashMap<Vec<u8>, CachedFolder>> {
    let content = unsealed(bytes, MAGIC)?;
    let mut rest = content;
    let mut known = HashMap::with_capacity(content.len() / 256);
    while !rest.is_empty() {
        let path_length = usize::try_from(u64::from_le_bytes(take(&mut rest)?)).ok()?;
        let names_length = usize::try_from(u64::from_le_bytes(take(&mut rest)?)).ok()?;
        let stamp = Stamp::decode(&mut rest)?;
        let (path, after) = rest.split_at_checked(path_length)?;
        let start = MAGIC.len() + content.len() - after.len();
        rest = after.get(names_length..)?;
        let names = start..start + names_length;
        known.insert(path.to_owned(), CachedFolder { stamp, names, used: AtomicBool::new(false) });
    }
    Some(known)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    struct Folder {
        temporary: tempfile::TempDir,
        disk: Disk,
    }

    impl Folder {
        fn new() -> Self {
            let temporary = tempfile::tempdir().expect("a temporary folder");
            std::fs::create_dir_all(temporary.path().join("a/b")).expect("writable");
            let disk = Disk::new(temporary.path()).expect("there");
            Self { temporary, disk }
        }

        fn cache(&self, now: i64) -> FolderCache {
            let git_dir = self.temporary.path().join(".git");
            FolderCache { now, ..FolderCache::open(&self.disk, &git_dir) }
        }

        /// The names in `a`, and whether the folder had to be read. What is new is remembered.
        fn list(&self, now: i64) -> (Vec<String>, bool) {
            let cache = self.cache(now);
            let (mut listing, mut fresh) = (Listing::default(), Vec::new());
            cache.list(&self.disk, b"a", &mut listing, &mut fresh).expect("readable");
            cache.save(&fresh);
            let mut names: Vec<String> =
                listing.iter().map(|(name, kind)| format!("{} {kind:?}", name.escape_ascii())).collect();
            names.sort();
            let used = cache.known.get(&b"a"[..]).is_some_and(|known| known.used.load(Relaxed));
            (names, !used)
        }

        fn path(&self, path: &str) -> PathBuf {
            self.temporary.path().join("a").join(path)
        }
    }

    /// Far enough ahead for everything on disk to be old.
    fn later() -> i64 {
        now() + 1000
    }

    #[test]
    fn an_unchanged_folder_is_read_once() {
        let folder = Folder::new();
        std::fs::write(folder.path("file"), "").expect("writable");
        std::os::unix::fs::symlink("x", folder.path("link")).expect("writable");
        if folder.disk.reliable_device().is_none() {
            return;
        }
        let names = ["b Folder", "file File", "link Link"].map(str::to_owned).to_vec();
        assert_eq!(folder.list(later()), (names.clone(), true));
        assert_eq!(folder.list(later()), (names.clone(), false));
        // What is in a file is no matter of the folder.
        std::fs::write(folder.path("file"), "more").expect("writable");
        assert_eq!(folder.list(later()), (names, false));
    }

    #[test]
    fn every_change_of_its_names_is_seen() {
        let folder = Folder::new();
        let changes: [&dyn Fn(); 6] = [
            &|| std::fs::write(folder.path("new"), "").expect("writable"),
            &|| std::fs::rename(folder.path("new"), folder.path("newer")).expect("allowed"),
            &|| std::fs::remove_file(folder.path("newer")).expect("allowed"),
            &|| std::fs::remove_dir(folder.path("b")).expect("allowed"),
            &|| std::fs::write(folder.path("b"), "a file now").expect("writable"),
            &|| {
                let other = folder.temporary.path().join("other");
                std::os::unix::fs::symlink("x", &other).expect("writable");
                std::fs::rename(other, folder.path("b")).expect("allowed");
            },
        ];
        let mut before = folder.list(later()).0;
        for change in changes {
            folder.list(later());
            change();
            let (names, _) = folder.list(later());
            assert_ne!(names, before);
            before = names;
        }
    }

    #[test]
    fn a_folder_that_changed_just_now_is_not_remembered() {
        let folder = Folder::new();
        for _ in 0..3 {
            assert!(folder.list(now()).1);
        }
    }

    #[test]
    fn a_damaged_file_is_an_empty_cache() {
        let folder = Folder::new();
        folder.list(later());
        let path = folder.temporary.path().join(".git/shipwright/folders");
        let Ok(mut bytes) = std::fs::read(&path) else { return };
        bytes[40] ^= 1;
        std::fs::write(&path, bytes).expect("writable");
        assert_eq!(folder.list(later()), (vec!["b Folder".to_owned()], true));
    }
}
