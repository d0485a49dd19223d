//! What git says is checked out at one moment, so that a later moment can be told from it.

use std::path::PathBuf;

use super::disk::{Disk, FileState};
use super::{Checkout, CheckoutError, CommitId, Head, head};
use crate::printable::printable;

/// What git's commands change of a checkout besides its files. Files are read one after the other; when the moments
/// before and after are equal, no command of git has come between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// What HEAD leads to; none on an unborn branch.
    commit: Option<CommitId>,
    /// None when HEAD is detached.
    branch: Option<String>,
    /// Whether a rebase, a bisection or the like is under way.
    in_progress: bool,
    /// The file of the index, which git replaces whenever it has written files.
    index: Option<FileState>,
}

impl Moment {
    /// How HEAD is elsewhere at a later moment, for people: `HEAD moved from main at 1234 to feature at 5678`. `None`
    /// where it is not.
    pub fn head_moved(&self, later: &Self) -> Option<String> {
        if (&self.commit, &self.branch) != (&later.commit, &later.branch) {
            return Some(format!("HEAD moved from {} to {}", self.shown(), later.shown()));
        }
        match (self.in_progress, later.in_progress) {
            (false, true) => Some("a rebase or bisection began".to_owned()),
            (true, false) => Some("a rebase or bisection ended".to_owned()),
            _ => None,
        }
    }

    fn shown(&self) -> String {
        let commit = self.commit.map(|commit| commit.short());
        match (&self.branch, commit) {
            (Some(branch), Some(commit)) => format!("{} at {commit}", printable(branch)),
            (Some(branch), None) => format!("{}, which has no commit,", printable(branch)),
            (None, Some(commit)) => commit,
            (None, None) => "nowhere".to_owned(),
        }
    }
}

impl Checkout {
    /// The moment for which [`Self::head`] was read; the index is looked at now.
    pub fn moment_of_head(&self) -> Moment {
        self.moment_with(self.head())
    }

    /// This moment. HEAD is asked last, because git moves it last.
    pub fn moment(&self) -> Result<Moment, CheckoutError> {
        let before = self.moment_with(self.head());
        let head = head::read(&self.opened())?;
        Ok(Moment { commit: head.commit, branch: head.branch, ..before })
    }

    fn moment_with(&self, head: &Head) -> Moment {
        let index = Disk::new(self.git_dir()).and_then(|disk| disk.state(b"index")).ok();
        Moment { commit: head.commit, branch: head.branch.clone(), in_progress: self.is_in_progress(), index }
    }

    /// The file by which a command of git keeps others from the index, and so from the files, as long as it is there.
    pub fn index_lock(&self) -> Option<PathBuf> {
        let path = self.git_dir().join("index.lock");
        path.symlink_metadata().is_ok().then_some(path)
    }

    /// What a local branch leads to now; `None` where there is none of that name.
    pub fn branch_commit(&self, name: &str) -> Option<CommitId> {
        self.resolve(&format!("refs/heads/{name}")).ok()
    }
}
