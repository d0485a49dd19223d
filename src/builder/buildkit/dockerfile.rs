use std::io::{self, Cursor, Read};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::builder::{ContextEntry, ContextKind, ContextSource};

/// The folder that the Dockerfile frontend reads the Dockerfile from. It is apart from the build context, so
/// the text that is built never shows up as a file of it.
pub(super) struct DockerfileFolder {
    entries: [ContextEntry; 2],
    contents: [Bytes; 2],
}

/// The file's name, as messages of the engine show it.
pub(super) const NAME: &str = "Dockerfile";
/// Rules of its own, which win over a `.dockerignore` in the context: what is ignored is not offered anyway,
/// and a `.dockerignore` that is there is but a file. Not empty, as empty counts as absent.
const IGNORE_NAME: &str = "Dockerfile.dockerignore";
const IGNORE_NOTHING: &[u8] = b"#\n";

impl DockerfileFolder {
    pub(super) fn new(text: &[u8]) -> Self {
        let contents = [Bytes::copy_from_slice(text), Bytes::from_static(IGNORE_NOTHING)];
        let entry = |name: &str, content: &[u8]| ContextEntry {
            path: name.as_bytes().to_vec(),
            kind: ContextKind::File { executable: false, size: content.len() as u64 },
            modified_ns: time_of(content),
        };
        Self { entries: [entry(NAME, &contents[0]), entry(IGNORE_NAME, &contents[1])], contents }
    }
}

/// A time that stands for the content. The engine keeps the Dockerfile of an earlier build with equal files,
/// and fetches it again only if size or time differ.
fn time_of(content: &[u8]) -> i64 {
    let digest = Sha256::digest(content);
    let bytes = std::array::from_fn(|i| digest[i]);
    // 60 bits of nanoseconds: until 2006, which every file system can hold.
    i64::from_be_bytes(bytes) & ((1 << 60) - 1)
}

impl ContextSource for DockerfileFolder {
    fn entries(&self) -> &[ContextEntry] {
        &self.entries
    }

    fn open(&self, index: usize) -> io::Result<Box<dyn Read + Send>> {
        let content = self.contents.get(index).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Cursor::new(content.clone())))
    }

    fn admits(&self, _: &[String]) -> Result<(), String> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sizes_differ_in_time() {
        let (a, b) = (DockerfileFolder::new(b"FROM a"), DockerfileFolder::new(b"FROM b"));
        assert_ne!(a.entries[0].modified_ns, b.entries[0].modified_ns);
        assert_eq!(a.entries, DockerfileFolder::new(b"FROM a").entries);
        assert!((0..1 << 60).contains(&a.entries[0].modified_ns));
        let mut text = String::new();
        a.open(0).expect("opens").read_to_string(&mut text).expect("reads");
        assert_eq!(text, "FROM a");
    }
}
