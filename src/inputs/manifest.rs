use std::fs;
use std::path::PathBuf;

use super::files::InputFile;
use crate::git::{BlobId, InputKind, forget_the_oldest, replace_file};
use crate::image::ContentKey;
use crate::path::TreePath;

/// Files of keys that were built here, so that a later plan can name what changed. It is a cache: it may
/// be deleted at any time, and nothing but the wording of reasons depends on it.
#[derive(Clone, Debug)]
pub(crate) struct Manifests {
    folder: PathBuf,
}

/// More manifests than this, and the oldest go.
const KEPT: usize = 4096;

impl Manifests {
    /// Keeps them in `folder`, which need not exist.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The files of a key, if it was built here.
    pub(crate) fn read(&self, key: ContentKey) -> Option<Vec<InputFile>> {
        decode(&fs::read(self.path(key)).ok()?)
    }

    /// Whether a key was built here, as far as that is still remembered.
    pub(crate) fn has(&self, key: ContentKey) -> bool {
        self.path(key).exists()
    }

    /// Remembers the files of a key. A checkout that cannot be written to remembers nothing.
    pub(crate) fn write(&self, key: ContentKey, files: &[InputFile]) {
        let path = self.path(key);
        if !path.exists() {
            replace_file(&path, &encode(files));
            forget_the_oldest(&self.folder, KEPT);
        }
    }

    fn path(&self, key: ContentKey) -> PathBuf {
        self.folder.join(key.to_string())
    }
}

/// One record a file: mode, space, blob id, space, path, NUL; as `git ls-tree -z` does.
fn encode(files: &[InputFile]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(files.len() * 96);
    for file in files {
        bytes.extend_from_slice(format!("{} {} ", file.kind.git_mode(), file.blob).as_bytes());
        bytes.extend_from_slice(file.path.as_bytes());
        bytes.push(0);
    }
    bytes
}

fn decode(bytes: &[u8]) -> Option<Vec<InputFile>> {
    bytes.split_inclusive(|byte| *byte == 0).map(decode_one).collect()
}

fn decode_one(record: &[u8]) -> Option<InputFile> {
    let record = record.strip_suffix(&[0])?;
    let mode = record.get(..6)?;
    let hex = std::str::from_utf8(record.get(7..47)?).ok()?;
    let mut blob = [0; 20];
    for (at, byte) in blob.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(InputFile {
        path: TreePath::new(record.get(48..)?),
        kind: InputKind::from_git_mode(mode)?,
        blob: BlobId::new(blob),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Vec<InputFile> {
        let file = |path: &[u8], kind, byte| InputFile {
            path: TreePath::new(path),
            kind,
            blob: BlobId::new([byte; 20]),
        };
        vec![
            file(b"a b\nc", InputKind::File, 1),
            file(b"bin/\xff", InputKind::Executable, 0xab),
            InputFile::folder("empty".into()),
            file(b"link", InputKind::Link, 3),
        ]
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let manifests = Manifests::new(folder.path().join("manifests"));
        manifests.write(ContentKey::ZERO, &files());
        assert_eq!(manifests.read(ContentKey::ZERO), Some(files()));
        assert_eq!(manifests.read(ContentKey::new([1; 32])), None);
    }

    #[test]
    fn damage_is_as_good_as_absence() {
        let mut bytes = encode(&files());
        bytes.truncate(bytes.len() - 1);
        assert_eq!(decode(&bytes), None);
        assert_eq!(decode(b"100644 zz x\0"), None);
        assert_eq!(decode(b"\0"), None);
    }
}
