use std::path::{Path, PathBuf};

use crate::cli::edge::Edge;
use crate::git::Checkout;

/// The repository that runs the hook. Mostly that is the one around the current folder; but with `git --git-dir` it may
/// be any other, and git says so with `GIT_DIR` alone.
pub(super) fn where_git_is(folder: PathBuf, edge: &Edge) -> PathBuf {
    let Some(git_dir) = edge.environment.get("GIT_DIR").filter(|_| edge.global.directory.is_none()) else {
        return folder;
    };
    let git_dir = edge.environment.current_dir.join(git_dir);
    let here = Checkout::discover(&folder);
    if here.is_ok_and(|here| is_same(here.git_dir(), &git_dir)) { folder } else { git_dir }
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
