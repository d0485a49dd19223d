use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::printable::hex;

/// How often a lock that another run holds is tried again.
const RETRY: Duration = Duration::from_millis(50);

/// Which runs exclude each other while they move tags: those of one user, of one namespace on one engine. Others on the
/// same engine have locks of their own; for them all tags are looked at again once they have moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LockScope {
    /// Where the lock's file is, and stays; it is made if it is not there. It can be deleted when nothing runs.
    pub folder: PathBuf,
    /// The engine's own id.
    pub engine: String,
    pub namespace: String,
}

/// The lock could not be used: the folder cannot be written or its file system has no locks.
#[derive(Debug, thiserror::Error)]
#[error("cannot lock {}: {source}", path.display())]
pub(crate) struct LockError {
    path: PathBuf,
    source: io::Error,
}

/// The right to move the tags of a namespace, until it is dropped. The operating system gives it back
/// when a process ends in whatever way, so a killed run locks nobody out.
#[derive(Debug)]
pub(crate) struct TagLock {
    _file: File,
}

impl LockScope {
    /// The lock's file. A hash, because namespaces and engine ids hold what file names cannot.
    pub(crate) fn path(&self) -> PathBuf {
        let mut hash = Sha256::new();
        hash.update(self.engine.as_bytes());
        hash.update([0]);
        hash.update(self.namespace.as_bytes());
        self.folder.join(format!("tags-{}.lock", hex(&hash.finalize()[..16])))
    }
}

impl TagLock {
    /// Takes the lock if nobody has it.
    pub(crate) fn try_acquire(scope: &LockScope) -> Result<Option<Self>, LockError> {
        let path = scope.path();
        let attempt = || -> io::Result<Option<Self>> {
            let file = open(&scope.folder, &path)?;
            match file.try_lock() {
                Ok(()) => Ok(Some(Self { _file: file })),
                Err(TryLockError::WouldBlock) => Ok(None),
                Err(TryLockError::Error(error)) => Err(error),
            }
        };
        attempt().map_err(|source| LockError { path: path.clone(), source })
    }

    /// Takes the lock as soon as it is free; `waiting` is called once if it is not free at first.
    pub(crate) async fn acquire(scope: &LockScope, waiting: impl FnOnce()) -> Result<Self, LockError> {
        if let Some(lock) = Self::try_acquire(scope)? {
            return Ok(lock);
        }
        waiting();
        loop {
            tokio::time::sleep(RETRY).await;
            if let Some(lock) = Self::try_acquire(scope)? {
                return Ok(lock);
            }
        }
    }
}

/// What the folder of locks is known by elsewhere: runs that share it see each other's locks. Made once, at random.
pub(crate) fn place_of(folder: &Path) -> io::Result<String> {
    let path = folder.join("place");
    if !path.exists() {
        std::fs::create_dir_all(folder)?;
        let name = hex(&rand::random::<[u8; 12]>());
        let whole = folder.join(format!("place-{name}"));
        std::fs::write(&whole, &name)?;
        // Whoever comes second reads what the first wrote, and never half of it.
        let linked = std::fs::hard_link(&whole, &path);
        std::fs::remove_file(&whole)?;
        linked.or_else(
            |error| if error.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) },
        )?;
    }
    let mut name = String::new();
    File::open(&path)?.take(64).read_to_string(&mut name)?;
    Ok(name)
}

fn open(folder: &Path, path: &Path) -> io::Result<File> {
    std::fs::create_dir_all(folder)?;
    OpenOptions::new().create(true).truncate(false).write(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(folder: &Path, namespace: &str) -> LockScope {
        LockScope {
            folder: folder.join("state"),
            engine: "6f3c:engine".to_owned(),
            namespace: namespace.to_owned(),
        }
    }

    #[test]
    fn one_holder_per_engine_and_namespace() {
        let folder = tempfile::tempdir().expect("a folder");
        let acme = scope(folder.path(), "quay.io/acme");
        let held = TagLock::try_acquire(&acme).expect("works").expect("free");
        assert!(TagLock::try_acquire(&acme).expect("works").is_none());
        assert!(TagLock::try_acquire(&scope(folder.path(), "other")).expect("works").is_some());
        let engine = LockScope { engine: "another".to_owned(), ..acme.clone() };
        assert!(TagLock::try_acquire(&engine).expect("works").is_some());
        drop(held);
        assert!(TagLock::try_acquire(&acme).expect("works").is_some());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("state"), "a file").expect("written");
        let error = TagLock::try_acquire(&scope(folder.path(), "acme")).expect_err("not a folder");
        assert!(error.to_string().contains("state"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn waits_until_it_is_free_and_says_so() {
        let folder = tempfile::tempdir().expect("a folder");
        let acme = scope(folder.path(), "acme");
        let held = TagLock::try_acquire(&acme).expect("works").expect("free");
        let release = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(3)).await;
            drop(held);
        });
        let mut said = 0;
        let lock = TagLock::acquire(&acme, || said += 1).await;
        assert!(lock.is_ok() && release.is_finished());
        assert_eq!(said, 1);
    }
}
