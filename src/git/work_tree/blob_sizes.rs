//! Remembers which blobs have which sizes. Where line endings may be converted, equal sizes of a file and its blob
//! prove that they are equal, but asking git for the sizes of many blobs takes long. A blob's size never
//! changes, so what is remembered is true for ever and in every clone.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::git::BlobId;
use crate::git::work_tree::stat_cache::{replace_file, sealed, unsealed};

const MAGIC: &[u8; 8] = b"swsize01";

/// With more than this, what this run did not learn is forgotten.
const MANY: usize = 500_000;

pub(in crate::git) struct BlobSizes {
    path: PathBuf,
    /// Sorted facts.
    stored: OnceLock<Vec<u128>>,
    learned: Mutex<HashSet<u128>>,
}

impl BlobSizes {
    /// In the git folder that all worktrees share.
    pub(in crate::git) fn new(common_dir: &Path) -> Self {
        let path = common_dir.join("shipwright").join("blob-sizes");
        Self { path, stored: OnceLock::new(), learned: Mutex::default() }
    }

    pub(in crate::git) fn is_known(&self, blob: BlobId, size: u64) -> bool {
        let fact = fact(blob, size);
        self.stored().binary_search(&fact).is_ok()
            || self.learned.lock().unwrap_or_else(PoisonError::into_inner).contains(&fact)
    }

    /// Whether earlier runs in this clone had to know a size: git converts files here, or it did.
    pub(in crate::git) fn has_some(&self) -> bool {
        !self.stored().is_empty()
    }

    pub(in crate::git) fn learn(&self, blob: BlobId, size: u64) {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner).insert(fact(blob, size));
    }

    fn stored(&self) -> &[u128] {
        self.stored.get_or_init(|| {
            let bytes = std::fs::read(&self.path).unwrap_or_default();
            let facts = unsealed(&bytes, MAGIC).unwrap_or_default();
            facts.as_chunks().0.iter().map(|fact| u128::from_le_bytes(*fact)).collect()
        })
    }
}

impl Drop for BlobSizes {
    fn drop(&mut self) {
        let learned = self.learned.get_mut().unwrap_or_else(PoisonError::into_inner);
        if learned.is_empty() {
            return;
        }
        let mut facts: Vec<u128> = learned.drain().collect();
        if self.stored().len() + facts.len() <= MANY {
            facts.extend(self.stored());
        }
        facts.sort_unstable();
        facts.dedup();
        let bytes = MAGIC.iter().copied().chain(facts.iter().flat_map(|fact| fact.to_le_bytes())).collect();
        replace_file(&self.path, &sealed(bytes));
    }
}

/// Sixteen bytes of the id, which are as random as anything, and the size.
fn fact(blob: BlobId, size: u64) -> u128 {
    let mut head = [0; 16];
    head.copy_from_slice(&blob.as_bytes()[..16]);
    u128::from_le_bytes(head) ^ (u128::from(size) << 64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::BlobHasher;

    #[test]
    fn facts_are_kept_from_run_to_run() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (a, b) = (BlobHasher::hash(b"a"), BlobHasher::hash(b"b"));
        let sizes = BlobSizes::new(folder.path());
        assert!(!sizes.is_known(a, 1));
        sizes.learn(a, 1);
        assert!(sizes.is_known(a, 1));
        drop(sizes);
        BlobSizes::new(folder.path()).learn(b, 7);
        let sizes = BlobSizes::new(folder.path());
        assert!(sizes.is_known(a, 1) && sizes.is_known(b, 7));
        assert!(!sizes.is_known(a, 2) && !sizes.is_known(b, 1));
        std::fs::write(folder.path().join("shipwright/blob-sizes"), "garbage").expect("writable");
        assert!(!BlobSizes::new(folder.path()).is_known(a, 1));
    }
}
