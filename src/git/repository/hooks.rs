//! What git's hooks need to know: where they are, and what git is doing when it runs one.

use std::path::{Component, Path, PathBuf};

use crate::git::{Checkout, CheckoutError, read_own};
use crate::limits;

/// Where git looks for hooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HooksFolder {
    /// The folder, which need not exist.
    pub path: PathBuf,
    /// Whether `core.hooksPath` names it.
    pub is_configured: bool,
    /// Whether it is neither in the work tree nor in the git folder, so that other repositories may use it too.
    pub is_outside: bool,
}

/// What git keeps in its folder while it works through several commits and checks out as it pleases.
const UNFINISHED: [&str; 4] = ["rebase-merge", "rebase-apply", "BISECT_LOG", "sequencer"];

impl Checkout {
    /// Where git looks for the hooks of this work tree: `core.hooksPath`, else a folder that all worktrees share.
    pub(crate) fn hooks_folder(&self) -> Result<HooksFolder, CheckoutError> {
        let config = self.opened().config();
        let configured = match config.as_ref().map(|config| config.get_path("core.hooksPath")) {
            Some(Ok(path)) if !path.as_os_str().is_empty() => Some(path),
            Some(Err(error)) if error.code() != git2::ErrorCode::NotFound => {
                return Err(CheckoutError::git("read core.hooksPath", &error));
            }
            _ => None,
        };
        let Some(configured) = configured else {
            let path = self.common_dir().join("hooks");
            return Ok(HooksFolder { path, is_configured: false, is_outside: false });
        };
        let path = self.root().join(configured);
        let main = self.common_dir().parent().filter(|_| self.common_dir().ends_with(".git"));
        let ours = [Some(self.root()), Some(self.git_dir()), Some(self.common_dir()), main];
        let real = real(&path);
        let is_outside = !ours.into_iter().flatten().any(|folder| real.starts_with(self::real(folder)));
        Ok(HooksFolder { path, is_configured: true, is_outside })
    }

    /// Whether a rebase, a bisection or the like is under way.
    pub(crate) fn is_in_progress(&self) -> bool {
        UNFINISHED.iter().any(|name| self.git_dir().join(name).exists())
    }

    /// What HEAD was on before the last `git switch` or `git checkout`, and what it is on since, in git's words: a
    /// branch, or a commit. `None` where git keeps no log of it.
    pub(crate) fn last_switch(&self) -> Option<(String, String)> {
        let log = read_own(&self.git_dir().join("logs").join("HEAD"), limits::GIT_LOG).ok()??;
        let log = String::from_utf8_lossy(&log);
        let (_, message) = log.trim_end().lines().next_back()?.split_once('\t')?;
        let (from, to) = message.strip_prefix("checkout: moving from ")?.split_once(" to ")?;
        Some((from.to_owned(), to.to_owned()))
    }
}

/// The path without links and `..`, as far as it exists.
fn real(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            component => plain.push(component),
        }
        if let Ok(found) = plain.canonicalize() {
            plain = found;
        }
    }
    plain
}
