//! What git says is checked out at one moment, so that a later moment can be told from it.

use std::path::PathBuf;

use crate::git::repository::head;
use crate::git::work_tree::disk::{Disk, FileState};
use crate::git::{Checkout, CheckoutError, CommitId, Head};
use crate::printable::printable;

/// What git's commands change of a checkout besides its files. Files are read one after the other; when the moments
/// before and after are equal, no command of git has come between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
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
    pub(crate) fn head_moved(&self, later: &Self) -> Option<String> {
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
    pub(crate) fn moment_of_head(&self) -> Moment {
        self.moment_with(self.head())
    }

    /// This moment. HEAD is asked last, because git moves it last.
    pub(crate) fn moment(&self) -> Result<Moment, CheckoutError> {
        let before = self.moment_with(self.head());
        let head = head::read(&self.opened())?;
        Ok(Moment { commit: head.commit, branch: head.branch, ..before })
    }

    fn moment_with(&self, head: &Head) -> Moment {
        let index = Disk::new(self.git_dir()).and_then(|disk| disk.state(b"index")).ok();
        Moment { commit: head.commit, branch: head.branch.clone(), in_progress: self.is_in_progress(), index }
    }

    /// The file by which a command of git keeps others from the index, and so from the files, as long as it is there.
    pub(crate) fn index_lock(&self) -> Option<PathBuf> {
        let path = self.git_dir().join("index.lock");
        path.symlink_metadata().is_ok().then_some(path)
    }

    /// What a local branch leads to now; `None` where there is none of that name.
    pub(crate) fn branch_commit(&self, name: &str) -> Option<CommitId> {
        self.resolve(&format!("refs/heads/{name}")).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::TestRepository;

    /// The moment before something was done, and the one after.
    fn around(repository: &TestRepository, done: impl FnOnce(&TestRepository)) -> (Moment, Moment) {
        let checkout = repository.checkout();
        let before = checkout.moment_of_head();
        assert_eq!(checkout.moment().expect("readable"), before);
        done(repository);
        (before, checkout.moment().expect("readable"))
    }

    fn repository() -> TestRepository {
        let repository = TestRepository::new();
        repository.write("a", "1");
        repository.commit("one");
        repository.git(["branch", "twin"]);
        repository.write("a", "2");
        repository.commit("two");
        repository
    }

    #[test]
    fn whatever_moves_head_is_told() {
        let git = |arguments: &'static [&'static str]| {
            move |repository: &TestRepository| drop(repository.git(arguments.iter().copied()))
        };
        for (arguments, said) in [
            (&["switch", "--quiet", "twin"][..], "to twin at"),
            (&["switch", "--quiet", "--detach"], "HEAD moved from main at"),
            (&["switch", "--quiet", "--create", "same"], "to same at"),
            (&["commit", "--quiet", "--amend", "-m", "other words"], "to main at"),
            (&["reset", "--quiet", "--hard", "twin"], "to main at"),
            (&["reset", "--quiet", "--soft", "twin"], "to main at"),
            (&["rebase", "--quiet", "--force-rebase", "--root"], "to main at"),
            (&["switch", "--quiet", "--orphan", "new"], "to new, which has no commit,"),
            (&["bisect", "start"], "bisection began"),
            (&["branch", "--move", "renamed"], "to renamed at"),
        ] {
            let (before, after) = around(&repository(), git(arguments));
            let moved = before.head_moved(&after).unwrap_or_else(|| panic!("{arguments:?}"));
            assert!(moved.contains(said), "{arguments:?}: {moved}");
        }
    }

    #[test]
    fn files_that_git_writes_change_the_index_alone() {
        for arguments in
            [&["stash", "--quiet"][..], &["checkout", "--quiet", "twin", "--", "a"], &["add", "b"]]
        {
            let repository = repository();
            repository.write("a", "edited");
            repository.write("b", "new");
            let (before, after) = around(&repository, |it| drop(it.git(arguments.iter().copied())));
            assert_eq!(before.head_moved(&after), None, "{arguments:?}");
            assert_ne!(before, after, "{arguments:?}");
        }
    }

    #[test]
    fn tidying_up_changes_nothing() {
        for arguments in
            [&["gc", "--quiet"][..], &["pack-refs", "--all"], &["branch", "other"], &["tag", "v1"]]
        {
            let (before, after) = around(&repository(), |it| drop(it.git(arguments.iter().copied())));
            assert_eq!(before, after, "{arguments:?}");
        }
    }

    #[test]
    fn a_branch_is_asked_each_time() {
        let repository = repository();
        let checkout = repository.checkout();
        let before = checkout.branch_commit("twin").expect("there");
        repository.git(["branch", "--force", "twin", "main"]);
        assert_ne!(checkout.branch_commit("twin"), Some(before));
        repository.git(["branch", "--delete", "--force", "twin"]);
        assert_eq!(checkout.branch_commit("twin"), None);
    }
}
