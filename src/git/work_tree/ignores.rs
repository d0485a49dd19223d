//! Which untracked paths git ignores: `.gitignore` of every folder, `.git/info/exclude` and
//! `core.excludesFile`, read only when something untracked turns up below them.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bstr::ByteSlice;
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::git::work_tree::disk::Disk;
use crate::git::{NodeKind, read_own};
use crate::limits;
use crate::path::TreePath;

/// The rules that hold for a whole repository, and below them those of its folders.
pub(in crate::git) struct Ignores {
    /// `.git/info/exclude`, then `core.excludesFile`: the first that says anything wins.
    files: Vec<PathBuf>,
    rules: OnceLock<Vec<Gitignore>>,
    ignore_case: bool,
    /// The first file that could not be read, and why.
    problem: Mutex<Option<(PathBuf, io::Error)>>,
}

/// The `.gitignore` of a folder, and the one around it.
pub(in crate::git) struct FolderIgnores {
    folder: Vec<u8>,
    rules: OnceLock<Gitignore>,
    around: Option<Arc<FolderIgnores>>,
}

impl FolderIgnores {
    pub(in crate::git) fn new(folder: &[u8], around: Option<Arc<FolderIgnores>>) -> Arc<Self> {
        Arc::new(Self { folder: folder.to_owned(), rules: OnceLock::new(), around })
    }
}

impl Ignores {
    pub(in crate::git) fn new(files: Vec<PathBuf>, ignore_case: bool) -> Self {
        Self { files, rules: OnceLock::new(), ignore_case, problem: Mutex::new(None) }
    }

    /// Whether the rules name `path` itself; what holds for a folder around it is the caller's to know.
    /// `root` is the length of the repository's own folder in `path` (with its `/`): a submodule's rules
    /// begin there.
    pub(in crate::git) fn is_ignored(
        &self,
        disk: &Disk,
        folders: Option<&Arc<FolderIgnores>>,
        root: usize,
        path: &[u8],
        is_folder: bool,
    ) -> bool {
        let mut next = folders;
        while let Some(ignores) = next {
            next = ignores.around.as_ref();
            let Some(relative) = below(path, &ignores.folder) else { continue };
            let rules = ignores.rules.get_or_init(|| {
                let file = [&ignores.folder[..], b"/.gitignore"].concat();
                self.compile(&self.read(disk, file.trim_start_with(|c| c == '/')))
            });
            if let Some(verdict) = verdict(rules, relative, is_folder) {
                return verdict;
            }
        }
        let general = self.rules.get_or_init(|| {
            let read = |file: &PathBuf| match read_own(file, limits::GIT_FILE) {
                Ok(text) => text.unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                    self.give_up(file.clone(), error)
                }
                // Git goes on without it.
                Err(_) => Vec::new(),
            };
            self.files.iter().map(|file| self.compile(&read(file))).collect()
        });
        general.iter().find_map(|rules| verdict(rules, &path[root..], is_folder)).unwrap_or(false)
    }

    /// Why what was answered may be wrong: an ignore file that could not be read.
    pub(in crate::git) fn problem(&self) -> Option<(PathBuf, io::Error)> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The text of a folder's own file. Git follows no link there.
    fn read(&self, disk: &Disk, path: &[u8]) -> Vec<u8> {
        let read = match disk.state(path) {
            Ok(state) if state.kind == NodeKind::File => disk.read(path, limits::GIT_FILE),
            Ok(_) => Ok(Vec::new()),
            Err(error) => Err(error),
        };
        match read {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                self.give_up(PathBuf::from(TreePath::new(path).to_text()), error)
            }
            read => read.unwrap_or_default(),
        }
    }

    fn give_up(&self, path: PathBuf, error: io::Error) -> Vec<u8> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert((path, error));
        Vec::new()
    }

    fn compile(&self, text: &[u8]) -> Gitignore {
        compile(text, self.ignore_case)
    }
}

/// Reads the rules of one file.
pub(in crate::git) fn compile(text: &[u8], ignore_case: bool) -> Gitignore {
    let mut builder = GitignoreBuilder::new("");
    // Never fails: it only sets a flag.
    let _ = builder.case_insensitive(ignore_case);
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // Nothing but a mark matches nothing in git, but everything here.
        if line.trim_end_with(|c| c == ' ') == b"!" {
            continue;
        }
        // A pattern that is no pattern matches nothing, as in git.
        let _ = builder.add_line(None, &line.to_str_lossy());
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

fn below<'a>(path: &'a [u8], folder: &[u8]) -> Option<&'a [u8]> {
    if folder.is_empty() {
        return Some(path);
    }
    path.strip_prefix(folder)?.strip_prefix(b"/")
}

pub(in crate::git) fn verdict(rules: &Gitignore, path: &[u8], is_folder: bool) -> Option<bool> {
    if rules.is_empty() {
        return None;
    }
    let path: Cow<'_, Path> = match path.to_path() {
        Ok(path) => Cow::Borrowed(path),
        Err(_) => Cow::Owned(PathBuf::from(path.to_str_lossy().into_owned())),
    };
    match rules.matched(path, is_folder) {
        Match::None => None,
        Match::Ignore(_) => Some(true),
        Match::Whitelist(_) => Some(false),
    }
}
