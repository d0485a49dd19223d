use std::ops::Deref;
use std::sync::Arc;

use super::encoding::Encoder;
use crate::git::{BlobId, InputKind};
use crate::path::TreePath;

/// A file or link of the build context, or a folder that is empty there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFile {
    pub path: TreePath,
    /// Regular, executable, link or folder: all of a mode that git keeps.
    pub kind: InputKind,
    /// Its content, or the link's target.
    pub blob: BlobId,
}

impl InputFile {
    /// A folder of which the ignore file leaves nothing but itself. Its id is that of git's empty tree.
    pub fn folder(path: TreePath) -> Self {
        Self { path, kind: InputKind::Folder, blob: EMPTY_TREE }
    }
}

/// `git hash-object -t tree /dev/null`.
const EMPTY_TREE: BlobId = BlobId::new([
    0x4b, 0x82, 0x5d, 0xc6, 0x42, 0xcb, 0x6e, 0xb9, 0xa0, 0x60, 0xe5, 0x4b, 0xf8, 0xd6, 0x92, 0x88, 0xfb,
    0xee, 0x49, 0x04,
]);

/// The files that enter a key, sorted by path, and a digest over them. The digest is made once, and on any
/// thread, while keys have to wait for those of dependencies. Copies share the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFiles {
    files: Arc<[InputFile]>,
    digest: [u8; 32],
}

impl InputFiles {
    /// Takes files in the order of their paths.
    pub fn new(files: Vec<InputFile>) -> Self {
        debug_assert!(files.is_sorted_by(|a, b| a.path < b.path), "inputs are sorted");
        let mut encoder = Encoder::new("shipwright files 1");
        encoder.field("files", files.len());
        for file in &files {
            encoder.bytes(file.path.as_bytes());
            encoder.bytes(file.kind.git_mode().as_bytes());
            encoder.bytes(file.blob.as_bytes());
        }
        Self { files: files.into(), digest: encoder.finish() }
    }

    /// Equal for equal files only.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

impl Default for InputFiles {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Deref for InputFiles {
    type Target = [InputFile];

    fn deref(&self) -> &[InputFile] {
        &self.files
    }
}
