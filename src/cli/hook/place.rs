use std::path::Path;

use crate::cli::args::GlobalArgs;
use crate::cli::environment::Environment;
use crate::cli::session::start_folder;
use crate::git::Checkout;

/// Makes the command work on the repository that runs the hook. Mostly that is the one around the current folder; but
/// with `git --git-dir` it may be any other, and git says so with `GIT_DIR` alone.
pub(super) fn where_git_is(global: &GlobalArgs, environment: &Environment) -> GlobalArgs {
    let Some(git_dir) = environment.get("GIT_DIR").filter(|_| global.directory.is_none()) else {
        return global.clone();
    };
    let git_dir = environment.current_dir.join(git_dir);
    let here = Checkout::discover(&start_folder(global, environment));
    if here.is_ok_and(|here| is_same(here.git_dir(), &git_dir)) {
        return global.clone();
    }
    GlobalArgs { directory: Some(git_dir), ..global.clone() }
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
