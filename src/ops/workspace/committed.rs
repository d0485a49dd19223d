//! How a work tree stands to the commit that is checked out.

use std::sync::Arc;
use std::time::Duration;

use super::files;
use super::sparse::absent_inputs;
use crate::diagnostic::Diagnostic;
use crate::git::{Checkout, CommitId, CommitTree, FileTree, HeadTree, WorkTree};
use crate::lockfile::Lockfile;
use crate::ops::Error;
use crate::project::{CleanState, Options, Project, assume_clean, compare_with_head, load};
use crate::settings::{self, Choices, Resolved};

/// How each image of a work tree stands to a commit, and warnings about inputs that only the commit has. `committed`
/// gives the options with the commit's own settings, if those are right.
pub(super) fn compare_with_commit(
    checkout: &Checkout,
    tree: &Arc<WorkTree>,
    project: &Project,
    options: &Options,
    commit: CommitId,
    committed: impl Fn(&HeadTree) -> Option<Options>,
) -> Result<(Vec<CleanState>, Vec<Diagnostic>), Error> {
    let files = checkout.commit_tree(commit)?;
    if is_as_committed(tree, &files, project, options)? {
        return Ok((assume_clean(project), Vec::new()));
    }
    let files = HeadTree::new(files, tree.clone());
    let load = |options: Options| load(&files, checkout.name(), checkout.origin_url(), &options);
    let head = committed(&files).map(load).transpose()?;
    Ok((compare_with_head(project, head.as_ref()), absent_inputs(tree, head.as_ref())))
}

/// Whether nothing that could matter to any image differs from the commit, so that its tree need not be
/// planned as well.
fn is_as_committed(
    tree: &WorkTree,
    committed: &CommitTree,
    project: &Project,
    options: &Options,
) -> Result<bool, Error> {
    let differences = tree.differences(committed, &project.versioned_paths(options))?;
    let is_same =
        differences.added.is_empty() && differences.removed.is_empty() && differences.modified.is_empty();
    Ok(is_same && is_committed(&options.settings.lock, committed))
}

/// Git says nothing about a lock file that it ignores.
pub(super) fn is_committed(lock: &Lockfile, committed: &CommitTree) -> bool {
    lock.path.is_none() || files::lock_in(committed).ok().as_ref() == Some(lock)
}

/// The options with the committed settings in place of those on disk, so that an uncommitted edit of them
/// counts as one. `None` if those of the commit are wrong: then it gives no images.
pub(super) fn committed_options(
    choices: &Choices,
    committed: &dyn FileTree,
    resolved: &Resolved,
    now: Duration,
) -> Option<Options> {
    let file = files::settings_in(committed).ok()?;
    let options = settings::resolve(choices, &file, now).ok()?.options;
    let Options { platform, build_platform, engine_system, .. } = resolved.options.clone();
    Some(Options { platform, build_platform, engine_system, ..options })
}
