use std::io::{self, Read};

use sha1::{Digest, Sha1};

use crate::git::BlobId;

/// Computes a [`BlobId`] from bytes as they come, in flat memory. Git puts the size in front of the bytes,
/// so it must be known first, and whoever feeds the hasher must feed exactly that many.
#[derive(Clone)]
pub(crate) struct BlobHasher {
    state: Sha1,
    missing: u64,
    exceeded: bool,
}

impl BlobHasher {
    /// For a blob of `size` bytes.
    pub(crate) fn new(size: u64) -> Self {
        let mut state = Sha1::new();
        state.update(format!("blob {size}\0"));
        Self { state, missing: size, exceeded: false }
    }

    /// Takes the next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self.missing.checked_sub(bytes.len() as u64) {
            Some(rest) => self.missing = rest,
            None => self.exceeded = true,
        }
        self.state.update(bytes);
    }

    /// The id; `None` if there were more or fewer bytes than announced.
    pub(crate) fn finish(self) -> Option<BlobId> {
        (self.missing == 0 && !self.exceeded).then(|| BlobId::new(self.state.finalize().into()))
    }

    pub(crate) fn hash(bytes: &[u8]) -> BlobId {
        let mut state = Sha1::new();
        state.update(format!("blob {}\0", bytes.len()));
        state.update(bytes);
        BlobId::new(state.finalize().into())
    }

    /// The id of what `reader` gives; `None` if that is not `size` bytes.
    pub(crate) fn read(reader: &mut dyn Read, size: u64) -> io::Result<Option<BlobId>> {
        let mut hasher = Self::new(size);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(hasher.finish()),
                Ok(count) => hasher.update(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if hasher.exceeded {
                return Ok(None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_git_s_ids() {
        // `git hash-object` of nothing and of "hello\n".
        assert_eq!(BlobHasher::hash(b"").to_string(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(BlobHasher::hash(b"hello\n").to_string(), "ce013625030ba8dba906f756967f9e9ca394464a");
    }

    #[test]
    fn a_wrong_size_gives_no_id() {
        let read = |bytes: &[u8], size| BlobHasher::read(&mut &*bytes, size).expect("memory");
        assert_eq!(read(b"hello\n", 6), Some(BlobHasher::hash(b"hello\n")));
        assert_eq!(read(b"hello\n", 5), None);
        assert_eq!(read(b"hello\n", 7), None);
    }
}
