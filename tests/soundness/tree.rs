//! The files of a folder as they are on disk, and a normalised copy of them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

/// A path as git and the engine have it: bytes with `/` between them, relative.
pub type Name = Vec<u8>;

/// A file, a link, or a folder in which nothing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A regular file.
    File { executable: bool, content: Vec<u8> },
    /// A symbolic link.
    Link(Vec<u8>),
    /// An empty folder.
    Folder,
}

/// All files and links of a folder. Folders are those that hold some, and those that are said to be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files(pub BTreeMap<Name, Entry>);

impl Files {
    /// Everything below a folder but git's own files.
    pub fn read(root: &Path) -> Self {
        let mut files = Self::default();
        files.add(root, &mut Vec::new());
        files
    }

    fn add(&mut self, folder: &Path, at: &mut Name) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let entry = entry.expect("an entry");
            let name = entry.file_name();
            if name == ".git" {
                continue;
            }
            let length = at.len();
            at.extend_from_slice(name.as_bytes());
            let path = entry.path();
            let kind = entry.file_type().expect("a kind");
            if kind.is_dir() {
                at.push(b'/');
                self.add(&path, at);
            } else if kind.is_symlink() {
                let target = fs::read_link(&path).expect("a link").into_os_string().into_vec();
                self.0.insert(at.clone(), Entry::Link(target));
            } else {
                let executable = entry.metadata().expect("its mode").permissions().mode() & 0o100 != 0;
                let content = fs::read(&path).expect("a file");
                self.0.insert(at.clone(), Entry::File { executable, content });
            }
            at.truncate(length);
        }
    }

    /// Those below a folder, seen from it; the empty name is all.
    pub fn below(&self, folder: &[u8]) -> Self {
        if folder.is_empty() {
            return self.clone();
        }
        let start = [folder, b"/"].concat();
        let inside = self.0.iter().filter_map(|(name, entry)| {
            name.strip_prefix(start.as_slice()).map(|rest| (rest.to_vec(), entry.clone()))
        });
        Self(inside.collect())
    }

    /// Those whose name this says is one of them.
    pub fn filtered(&self, is_one: impl Fn(&Name) -> bool) -> Self {
        let some = self.0.iter().filter(|(name, _)| is_one(name));
        Self(some.map(|(name, entry)| (name.clone(), entry.clone())).collect())
    }

    /// Whether something is below a folder.
    pub fn has_below(&self, folder: &[u8]) -> bool {
        let start = [folder, b"/"].concat();
        self.0.range(start.clone()..).next().is_some_and(|(name, _)| name.starts_with(&start))
    }

    /// A file's bytes.
    pub fn content(&self, name: &[u8]) -> Option<&[u8]> {
        match self.0.get(name) {
            Some(Entry::File { content, .. }) => Some(content),
            _ => None,
        }
    }

    /// The same for the same names, kinds, modes and contents only.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        for (name, entry) in &self.0 {
            part(name);
            match entry {
                Entry::File { executable, content } => {
                    part(if *executable { b"x" } else { b"f" });
                    part(content);
                }
                Entry::Link(target) => {
                    part(b"l");
                    part(target);
                }
                Entry::Folder => part(b"d"),
            }
        }
        hex(&hash.finalize())
    }

    /// Writes them with git's modes, and with times that are those of their contents: a builder that keeps what it
    /// has of a path with this size and time is right to keep it.
    pub fn write(&self, to: &Path) {
        fs::create_dir_all(to).expect("a folder");
        for (name, entry) in &self.0 {
            let path = under(to, name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            match entry {
                Entry::File { executable, content } => {
                    fs::write(&path, content).expect("a file");
                    let mode = if *executable { 0o755 } else { 0o644 };
                    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
                    let file = fs::File::options().append(true).open(&path).expect("a file");
                    file.set_modified(time_of(content)).expect("a time");
                }
                Entry::Link(target) => symlink(OsStr::from_bytes(target), &path).expect("a link"),
                Entry::Folder => fs::create_dir(&path).expect("a folder"),
            }
        }
    }
}

/// A time between 1970 and 2106 that other content does not have.
fn time_of(content: &[u8]) -> SystemTime {
    let digest = Sha256::digest(content);
    let number =
        |at: usize| digest[at..at + 4].iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    SystemTime::UNIX_EPOCH + Duration::new(number(0).into(), number(4) % 1_000_000_000)
}

/// A path in a folder of the disk.
pub fn under(root: &Path, name: &[u8]) -> PathBuf {
    root.join(OsStr::from_bytes(name))
}

/// Hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

/// The SHA-256 of some texts, each told from the next.
pub fn digest_of(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}
