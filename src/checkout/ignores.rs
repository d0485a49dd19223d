//! Which untracked paths git ignores: `.gitignore` of every folder, `.git/info/exclude` and
//! `core.excludesFile`, read only when something untracked turns up below them.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bstr::ByteSlice;
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::disk::Disk;

/// The rules that hold for a whole repository, and below them those of its folders.
pub(super) struct Ignores {
    /// `.git/info/exclude`, then `core.excludesFile`: the first that says anything wins.
    files: Vec<PathBuf>,
    rules: OnceLock<Vec<Gitignore>>,
    ignore_case: bool,
}

/// The `.gitignore` of a folder, and the one around it.
pub(super) struct FolderIgnores {
    /// From the root of the checkout.
    folder: Vec<u8>,
    rules: OnceLock<Gitignore>,
    around: Option<Arc<FolderIgnores>>,
}

impl FolderIgnores {
    pub(super) fn new(folder: &[u8], around: Option<Arc<FolderIgnores>>) -> Arc<Self> {
        Arc::new(Self { folder: folder.to_owned(), rules: OnceLock::new(), around })
    }
}

impl Ignores {
    pub(super) fn new(files: Vec<PathBuf>, ignore_case: bool) -> Self {
        Self { files, rules: OnceLock::new(), ignore_case }
    }

    /// Whether the rules name `path` itself; what holds for a folder around it is the caller's to know.
    /// `root` is the length of the repository's own folder in `path` (with its `/`): a submodule's rules
    /// begin there.
    pub(super) fn is_ignored(
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
                let text = disk.read(file.trim_start_with(|c| c == '/')).unwrap_or_default();
                self.compile(&text)
            });
            if let Some(verdict) = verdict(rules, relative, is_folder) {
                return verdict;
            }
        }
        let general = self.rules.get_or_init(|| {
            self.files.iter().map(|file| self.compile(&std::fs::read(file).unwrap_or_default())).collect()
        });
        general.iter().find_map(|rules| verdict(rules, &path[root..], is_folder)).unwrap_or(false)
    }

    fn compile(&self, text: &[u8]) -> Gitignore {
        compile(text, self.ignore_case)
    }
}

/// Reads the rules of one file.
pub(super) fn compile(text: &[u8], ignore_case: bool) -> Gitignore {
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

/// What the rules of one file say about a path below its folder.
pub(super) fn verdict(rules: &Gitignore, path: &[u8], is_folder: bool) -> Option<bool> {
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
