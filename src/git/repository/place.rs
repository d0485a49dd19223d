//! Where a repository's work tree is. A linked worktree's git folder notes where that worktree was made, which is not
//! where it is once somebody has copied, moved or mounted it; so, as for git, the folder that holds `.git` counts.

use std::path::{Path, PathBuf};

use git2::{ConfigLevel, Repository};

use crate::git::work_tree::whole::read_own;

/// Git reads no longer `.git` files either.
const LONGEST: u64 = 1 << 20;

/// The folder, from `start` upwards, whose `.git` leads to `git_dir`. None for a repository that was found by itself:
/// a bare one, or from inside git's own folder.
pub(in crate::git) fn holder(start: &Path, git_dir: &Path) -> Option<PathBuf> {
    let (start, git_dir) = (start.canonicalize().ok()?, git_dir.canonicalize().ok()?);
    start.ancestors().find(|folder| leads_to(folder, &git_dir)).map(Path::to_owned)
}

/// The folder of the work tree; none of a bare repository.
pub(in crate::git) fn work_tree(repository: &Repository, holder: Option<&Path>) -> Option<PathBuf> {
    let git_dir = repository.path();
    if git_dir == repository.commondir() {
        // `core.worktree`, else the folder around.
        return repository.workdir().map(normal);
    }
    match holder {
        Some(holder) => Some(own_setting(repository).unwrap_or_else(|| holder.to_owned())),
        None => noted(git_dir),
    }
}

/// `core.worktree` of a linked worktree alone; the shared one is about the main worktree.
fn own_setting(repository: &Repository) -> Option<PathBuf> {
    let own = repository.config().ok()?.open_level(ConfigLevel::Worktree).ok()?;
    let path = repository.path().join(own.get_path("core.worktree").ok()?);
    path.canonicalize().ok().or(Some(path))
}

/// The place that a worktree's git folder has noted, if the worktree there is still this one.
fn noted(git_dir: &Path) -> Option<PathBuf> {
    let git = read_own(&git_dir.join("gitdir"), LONGEST).ok()??;
    let git = git_dir.join(os_path(git.trim_ascii_end())?);
    let folder = git.parent()?.canonicalize().ok()?;
    leads_to(&folder, &git_dir.canonicalize().ok()?).then_some(folder)
}

/// Whether `.git` in `folder` is the git folder, or names it. Both paths are without links.
fn leads_to(folder: &Path, git_dir: &Path) -> bool {
    let git = folder.join(".git");
    let Ok(metadata) = git.metadata() else { return false };
    let target = if metadata.is_file() {
        let text = read_own(&git, LONGEST).ok().flatten().unwrap_or_default();
        text.strip_prefix(b"gitdir: ").and_then(|path| Some(folder.join(os_path(path.trim_ascii_end())?)))
    } else {
        metadata.is_dir().then_some(git)
    };
    target.and_then(|target| target.canonicalize().ok()).is_some_and(|target| target == git_dir)
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere not all bytes are a path")]
fn os_path(bytes: &[u8]) -> Option<&Path> {
    use std::os::unix::ffi::OsStrExt as _;
    Some(Path::new(std::ffi::OsStr::from_bytes(bytes)))
}

#[cfg(not(unix))]
fn os_path(bytes: &[u8]) -> Option<&Path> {
    Some(Path::new(std::str::from_utf8(bytes).ok()?))
}

/// Without the slash that libgit2 puts behind folders.
pub(in crate::git) fn normal(path: &Path) -> PathBuf {
    path.components().collect()
}
