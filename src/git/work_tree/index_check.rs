//! Whether an index is what git wrote: the hash at its end, and the trees that it names. Git itself looks at neither,
//! for speed; here it is done once for each index that git writes, and remembered by its times.

use std::path::{Path, PathBuf};

use sha1::{Digest, Sha1};

use crate::git::work_tree::disk::{Disk, Stamp};
use crate::git::work_tree::stat_cache::{is_settled, now, replace_file, sealed, unsealed};
use crate::git::work_tree::whole::read_own;
use crate::limits;

const MAGIC: &[u8; 8] = b"swindx01";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::git) struct Soundness {
    /// Whether the cached trees are those of the entries.
    pub(in crate::git) trees: bool,
}

/// The index of one git folder, before it is read.
pub(in crate::git) struct IndexCheck {
    path: PathBuf,
    stamp: Option<Stamp>,
    now: i64,
}

impl IndexCheck {
    pub(in crate::git) fn new(git_dir: &Path) -> Self {
        let stamp = Disk::new(git_dir).and_then(|disk| disk.state(b"index")).map(|state| state.stamp);
        Self { path: git_dir.join("shipwright").join("index-check"), stamp: stamp.ok(), now: now() }
    }

    /// What an earlier run found out about this index, which is told by its times and by the hash at its end.
    pub(in crate::git) fn known(&self, raw: &[u8]) -> Option<Soundness> {
        let bytes = read_own(&self.path, limits::GIT_CACHE).ok()??;
        let (trees, rest) = unsealed(&bytes, MAGIC)?.split_first()?;
        (rest == self.identity(raw)?).then_some(Soundness { trees: *trees == 1 })
    }

    pub(in crate::git) fn remember(&self, raw: &[u8], found: Soundness) {
        if let Some(identity) = self.identity(raw)
            && self.stamp.is_some_and(|stamp| is_settled(&stamp, self.now))
        {
            let bytes = MAGIC.iter().copied().chain([u8::from(found.trees)]).chain(identity);
            replace_file(&self.path, &sealed(bytes.collect()));
        }
    }

    fn identity(&self, raw: &[u8]) -> Option<Vec<u8>> {
        let mut identity = raw.last_chunk::<20>()?.to_vec();
        self.stamp?.encode(&mut identity);
        Some(identity)
    }
}

/// Whether the bytes are those that the hash at their end is of. `index.skipHash` writes zeros instead.
pub(in crate::git) fn is_whole(raw: &[u8]) -> bool {
    let Some((content, hash)) = raw.split_last_chunk::<20>() else { return false };
    *hash == [0; 20] || Sha1::digest(content)[..] == *hash
}
