//! Git works on the checkout whenever its user likes. What a command has read must be of one moment, and no tag may
//! move for a state that is gone by then: such a command is planned again, once.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::CheckoutFiles;
use crate::diagnostic::Diagnostic;
use crate::git::{Checkout, CommitId, Moment};
use crate::ops::{Audience, Config, Ending, Error, ImageRequest, Said, Speaker};
use crate::printable::printable;
use crate::project::{Options, Project, load};

/// How long a command of git may keep the index.
const PATIENCE: Duration = Duration::from_secs(10);

/// After this a user wonders what is going on.
const SILENCE: Duration = Duration::from_millis(300);

const RETRY: Duration = Duration::from_millis(10);

/// What a command that writes has to know about git at work, and what it has found out.
pub(in crate::ops) struct Watch {
    /// Whether it has been planned again already.
    is_last: bool,
    /// Whether git itself waits for this process, as it does for its hooks.
    inside_git: bool,
    patience: Duration,
    speaker: Speaker,
    gone: OnceLock<String>,
}

/// Whether what was planned is still so; the error says what is not.
pub(in crate::ops) type Guard = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// Runs a command; if git changed what it is about before it could end, once more.
pub(in crate::ops) async fn planned_again<T>(
    config: &Config,
    audience: &mut dyn Audience,
    command: impl AsyncFn(&Arc<Watch>, &mut dyn Audience) -> Result<T, Error>,
) -> Result<T, Error> {
    let first = Watch::new(config, audience, false, PATIENCE);
    let ended = command(&first, audience).await;
    let Some(how) = first.gone.get() else { return ended };
    first.say(&format!("{how} during the run: planning again"));
    let second = Watch::new(config, audience, true, PATIENCE);
    let ended = command(&second, audience).await;
    match second.gone.get() {
        None => ended,
        Some(how) => Err(moved_twice(how, "during the run")),
    }
}

fn moved_twice(how: &str, when: &str) -> Error {
    let error = Diagnostic::error(format!("{how} {when}, for the second time: no tag of a branch was moved"));
    Error::one(Ending::Failed, error.hint("run it again when git has come to rest"))
}

impl Watch {
    fn new(config: &Config, audience: &dyn Audience, is_last: bool, patience: Duration) -> Arc<Self> {
        Arc::new(Self {
            is_last,
            inside_git: config.inside_git,
            patience,
            speaker: audience.speaker(),
            gone: OnceLock::new(),
        })
    }

    fn say(&self, what: &str) {
        (self.speaker)(Said::Line(what));
    }

    /// For a command that is not run again, and must not wait longer than this for git.
    pub(in crate::ops) fn once(config: &Config, audience: &dyn Audience, patience: Duration) -> Arc<Self> {
        Self::new(config, audience, true, patience)
    }

    /// Waits until no command of git holds the index; says so if that takes a while.
    pub(super) fn wait_for_git(&self, checkout: &Checkout) -> Result<(), Error> {
        let begun = Instant::now();
        let mut is_said = self.inside_git;
        while let (false, Some(lock)) = (self.inside_git, checkout.index_lock()) {
            let path = printable(&lock.display().to_string()).into_owned();
            if begun.elapsed() >= self.patience {
                let seconds = self.patience.as_secs();
                return Err(Error::one(
                    Ending::Failed,
                    Diagnostic::error(format!(
                        "a git command is changing this checkout: {path} is there for more than {seconds} s"
                    ))
                    .hint("run again when it has ended; if none runs, one was killed: remove that file"),
                ));
            }
            if begun.elapsed() >= SILENCE && !std::mem::replace(&mut is_said, true) {
                self.say(&format!("waiting for git, which is changing this checkout ({path})"));
            }
            std::thread::sleep(RETRY);
        }
        Ok(())
    }

    fn note(&self, how: &str) {
        let _ = self.gone.set(how.to_owned());
    }

    /// What git has done since, once it has done all of it.
    pub(super) fn change(&self, checkout: &Checkout, before: &Moment) -> Result<Option<Change>, Error> {
        self.wait_for_git(checkout)?;
        let now = checkout.moment()?;
        Ok(match before.head_moved(&now) {
            Some(how) => Some(Change::Head(how)),
            None => (*before != now).then_some(Change::Index),
        })
    }

    /// Says why the checkout is read again, if that is worth a word.
    pub(super) fn reading_again(&self, change: &Change) {
        if let Change::Head(how) = change {
            self.say(&format!("{how} while the checkout was read: reading it again"));
        }
    }
}

/// What git did while the checkout was read.
pub(super) enum Change {
    Head(String),
    /// The index is another file, and with it maybe files of the work tree.
    Index,
}

/// The error of a checkout that did not come to rest.
pub(super) fn never_at_rest(change: &Change) -> Error {
    let how = match change {
        Change::Head(how) => how,
        Change::Index => FILES_CHANGED,
    };
    moved_twice(how, "while the checkout was read")
}

const FILES_CHANGED: &str = "git changed files of this checkout";

/// What a plan was made for. What git pushes, it has decided on before it ran its hook.
pub(super) fn basis(
    request: &ImageRequest,
    commit: Option<CommitId>,
    files: &CheckoutFiles,
    before: Option<Moment>,
) -> Basis {
    match (files, before, commit) {
        (CheckoutFiles::WorkTree(_), Some(before), _) => Basis::WorkTree(before),
        (CheckoutFiles::Commit { branch: Some(branch), .. }, _, Some(commit)) if request.pushed.is_none() => {
            Basis::Branch(branch.clone(), commit)
        }
        _ => Basis::Commit,
    }
}

#[derive(Clone)]
pub(super) enum Basis {
    WorkTree(Moment),
    Branch(String, CommitId),
    Commit,
}

/// What is needed to ask whether a plan still holds.
pub(super) struct PlanCheck {
    pub(super) basis: Basis,
    pub(super) checkout: Arc<Checkout>,
    pub(super) project: Arc<Project>,
    pub(super) options: Options,
    pub(super) watch: Arc<Watch>,
}

impl PlanCheck {
    /// Asks git anew. What is gone is noted for [`planned_again`].
    pub(super) fn holds(&self) -> Result<(), String> {
        match self.gone()? {
            None => Ok(()),
            Some(how) => {
                self.watch.note(&how);
                Err(format!("{how} during the run"))
            }
        }
    }

    fn gone(&self) -> Result<Option<String>, String> {
        match &self.basis {
            Basis::Commit => Ok(None),
            Basis::Branch(name, commit) => Ok(match self.checkout.branch_commit(name) {
                Some(now) if now == *commit => None,
                now => {
                    let now = now.map_or_else(|| "nowhere".to_owned(), |now| now.short());
                    Some(format!("{} moved from {} to {now}", printable(name), commit.short()))
                }
            }),
            Basis::WorkTree(then) => {
                let now = self.checkout.moment().map_err(|error| error.to_string())?;
                let moved = then.head_moved(&now);
                // An edit that git has noticed comes after this run, as one that it has not; a checkout of other
                // files is worth another look, but not for ever.
                let is_other = || *then != now && !self.watch.is_last && self.has_other_keys();
                let other = || is_other().then(|| FILES_CHANGED.to_owned());
                Ok(moved.or_else(other))
            }
        }
    }

    /// Whether the files give other images by now. Git writes its index also when it has only looked.
    fn has_other_keys(&self) -> bool {
        let Ok(tree) = self.checkout.work_tree() else { return true };
        let now = load(&tree, self.checkout.name(), self.checkout.origin_url(), &self.options);
        now.map_or(true, |now| !self.project.images_with_another_key(&now).is_empty())
    }
}
