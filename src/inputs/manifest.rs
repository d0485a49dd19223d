use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::files::InputFile;
use crate::git::{InputKind, forget_the_oldest, replace_file};
use crate::image::ContentKey;
use crate::path::TreePath;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyManifest {
    pub files: Vec<InputFile>,
    /// Those of build contexts with names, by name.
    pub contexts: BTreeMap<String, Vec<InputFile>>,
    /// Which file, that is no Dockerfile, said what of the image: `target`, `args.VERSION`. No values.
    pub said: BTreeMap<String, TreePath>,
}

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

    /// What a key was built of, if that was here.
    pub(crate) fn read(&self, key: ContentKey) -> Option<KeyManifest> {
        decode(&fs::read(self.path(key)).ok()?)
    }

    /// Whether a key was built here, as far as that is still remembered.
    pub(crate) fn has(&self, key: ContentKey) -> bool {
        self.path(key).exists()
    }

    /// Remembers what a key was built of. A checkout that cannot be written to remembers nothing.
    pub(crate) fn write(&self, key: ContentKey, manifest: &KeyManifest) {
        let path = self.path(key);
        if !path.exists() {
            replace_file(&path, &encode(manifest));
            forget_the_oldest(&self.folder, KEPT);
        }
    }

    fn path(&self, key: ContentKey) -> PathBuf {
        self.folder.join(key.to_string())
    }
}

/// What begins a record about another file.
const SAID: &[u8] = b"said ";

/// What begins the files of a build context with a name.
const CONTEXT: &[u8] = b"context ";

/// One record a file: mode, space, blob id, space, path, NUL; as `git ls-tree -z` does. Behind them what other files said:
/// the word, what, a line feed, path, NUL. Behind those the build contexts with names: the word, its name, NUL, and its files.
fn encode(manifest: &KeyManifest) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(manifest.files.len() * 96);
    for file in &manifest.files {
        encode_one(file, &mut bytes);
    }
    for (field, path) in manifest.said.iter().filter(|(field, _)| !field.contains(['\n', '\0'])) {
        for part in [SAID, field.as_bytes(), b"\n", path.as_bytes(), b"\0"] {
            bytes.extend_from_slice(part);
        }
    }
    for (name, files) in manifest.contexts.iter().filter(|(name, _)| !name.contains('\0')) {
        for part in [CONTEXT, name.as_bytes(), b"\0"] {
            bytes.extend_from_slice(part);
        }
        for file in files {
            encode_one(file, &mut bytes);
        }
    }
    bytes
}

fn encode_one(file: &InputFile, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(format!("{} {} ", file.kind.git_mode(), file.blob).as_bytes());
    bytes.extend_from_slice(file.path.as_bytes());
    bytes.push(0);
}

fn decode(bytes: &[u8]) -> Option<KeyManifest> {
    let mut manifest = KeyManifest::default();
    let mut context: Option<String> = None;
    for record in bytes.split_inclusive(|byte| *byte == 0) {
        if let Some(name) = record.strip_prefix(CONTEXT) {
            let name = String::from_utf8(name.strip_suffix(&[0])?.to_vec()).ok()?;
            manifest.contexts.insert(name.clone(), Vec::new());
            context = Some(name);
            continue;
        }
        match record.strip_prefix(SAID) {
            None => match &context {
                None => manifest.files.push(decode_one(record)?),
                Some(name) => manifest.contexts.entry(name.clone()).or_default().push(decode_one(record)?),
            },
            Some(said) => {
                let said = said.strip_suffix(&[0])?;
                let end = said.iter().position(|byte| *byte == b'\n')?;
                let field = String::from_utf8(said[..end].to_vec()).ok()?;
                manifest.said.insert(field, TreePath::new(&said[end + 1..]));
            }
        }
    }
    Some(manifest)
}

fn decode_one(record: &[u8]) -> Option<InputFile> {
    let record = record.strip_suffix(&[0])?;
    let mode = record.get(..6)?;
    Some(InputFile {
        path: TreePath::new(record.get(48..)?),
        kind: InputKind::from_git_mode(mode)?,
        blob: std::str::from_utf8(record.get(7..47)?).ok()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::BlobId;

    fn manifest() -> KeyManifest {
        let said = [("target", "compose.yaml"), ("args.A B", "b\nc/docker-bake.hcl")];
        let said = said.into_iter().map(|(field, path)| (field.to_owned(), path.into())).collect();
        let contexts = BTreeMap::from([("assets".to_owned(), files()), ("empty".to_owned(), Vec::new())]);
        KeyManifest { files: files(), contexts, said }
    }

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
        manifests.write(ContentKey::ZERO, &manifest());
        assert_eq!(manifests.read(ContentKey::ZERO), Some(manifest()));
        assert_eq!(manifests.read(ContentKey::new([1; 32])), None);
    }

    #[test]
    fn damage_is_as_good_as_absence() {
        let mut bytes = encode(&manifest());
        bytes.truncate(bytes.len() - 1);
        assert_eq!(decode(&bytes), None);
        assert_eq!(decode(b"100644 zz x\0"), None);
        assert_eq!(decode(b"\0"), None);
        assert_eq!(decode(b"said target\0"), None);
    }
}
