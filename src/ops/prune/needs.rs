//! Which images the commits of a repository and its work trees lead to.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use crate::diagnostic::{Diagnostic, Severity};
use crate::git::{CheckoutError, CommitId, Root, RootKind};
use crate::image::ContentKey;
use crate::ops::workspace::{EngineNeed, Workspace, open};
use crate::ops::{Config, Error, ImageRequest};
use crate::path::TreePath;
use crate::plan::Needs;
use crate::project::{Image, Project, revisions};
use crate::settings;

/// What the work trees, branches, tags and stashed changes of a repository need.
pub(super) async fn needs(
    config: &Config,
    request: &ImageRequest,
    keep: NonZeroUsize,
    workspace: &Workspace,
    engine: EngineNeed,
) -> Result<Needs, Error> {
    let checkout = &workspace.checkout;
    let roots = checkout.roots()?;
    refuse_half_a_repository(workspace, &roots)?;
    let mut collected = Needs::default();
    add(&mut collected, &of_work_tree(workspace, "the work tree")?, "the work tree");
    for folder in checkout.other_worktrees() {
        let who = format!("the worktree {}", folder.display());
        let config = Config { folder: folder.clone(), ..config.clone() };
        let (other, _) = open(&config, request, engine, None).await?;
        add(&mut collected, &of_work_tree(&other, &who)?, &who);
        add_commit_of(&mut collected, &other, request, &who)?;
    }
    add_commit_of(&mut collected, workspace, request, "HEAD")?;
    let history = History { workspace, request, keep, states: Mutex::default() };
    let found: Result<Vec<Needed>, Error> = roots.par_iter().map(|root| history.of_root(root)).collect();
    for (who, state) in found?.into_iter().flatten() {
        add(&mut collected, &state, &who);
    }
    Ok(collected)
}

/// What is needed cannot be known where branches or their history are missing.
fn refuse_half_a_repository(workspace: &Workspace, roots: &[Root]) -> Result<(), Error> {
    let head = workspace.checkout.head();
    if workspace.checkout.is_shallow() {
        return Err(Error::usage_with_hint(
            "this clone is shallow: what its branches need is not all here",
            "`git fetch --unshallow` brings the rest; in CI, prune where the images are built from a full clone",
        ));
    }
    let is_own = |root: &Root| root.kind == RootKind::Branch;
    let is_elsewhere = |root: &Root| root.kind == RootKind::RemoteBranch && Some(root.commit) != head.commit;
    if head.branch.is_none() && !roots.iter().any(|root| is_own(root) || is_elsewhere(root)) {
        return Err(Error::usage_with_hint(
            "no branch is known here but the commit that is checked out: images of all others would go",
            "`git fetch origin '+refs/heads/*:refs/remotes/origin/*'` brings them",
        ));
    }
    Ok(())
}

/// What a reference leads to, each with what it is called.
type Needed = Vec<(String, Arc<State>)>;

#[derive(Debug, Default)]
struct State {
    keys: Vec<ContentKey>,
    /// Dockerfiles whose image has no key there.
    unknown: Vec<String>,
    error: Option<Diagnostic>,
    newest: Option<CommitId>,
}

impl State {
    fn of(project: &Project) -> Self {
        let mut unknown: Vec<String> = project.unreadable.iter().map(TreePath::to_text).collect();
        let keyless = project.images.iter().filter(|image| image.key().is_none());
        unknown.extend(keyless.map(|image| image.dockerfile.to_text()));
        let mut errors = project.diagnostics.iter().filter(|found| found.severity == Severity::Error);
        let error = errors.next().cloned();
        let places = errors.chain(&error).filter_map(|found| found.location.as_ref());
        unknown.extend(places.map(|place| place.path.to_text()));
        let keys = project.images.iter().filter_map(Image::key).collect();
        Self { keys, unknown, error, newest: None }
    }
}

fn add(needs: &mut Needs, state: &State, who: &str) {
    for key in &state.keys {
        needs.keys.entry(*key).or_insert_with(|| who.to_owned());
    }
    for dockerfile in &state.unknown {
        needs.dockerfiles.entry(dockerfile.clone()).or_insert_with(|| who.to_owned());
    }
}

fn of_work_tree(workspace: &Workspace, who: &str) -> Result<State, Error> {
    let state = State::of(&workspace.project);
    match &state.error {
        Some(error) => Err(unknowable(who, error)),
        None => Ok(state),
    }
}

fn add_commit_of(
    needs: &mut Needs,
    workspace: &Workspace,
    request: &ImageRequest,
    who: &str,
) -> Result<(), Error> {
    let Some(commit) = workspace.checkout.head().commit else { return Ok(()) };
    let project = workspace.project_at(request, commit)?;
    if let Some(project) = project {
        add(needs, &State::of(&project), who);
    }
    Ok(())
}

fn unknowable(who: &str, error: &Diagnostic) -> Error {
    let place = error.location.as_ref().map(|place| format!("{}: ", place.path)).unwrap_or_default();
    Error::usage_with_hint(
        format!("what {who} needs is not known: {place}{}", error.message),
        "fix it there, or delete what is no longer wanted; nothing was removed",
    )
}

/// Commits that were looked at, each once.
struct History<'a> {
    workspace: &'a Workspace,
    request: &'a ImageRequest,
    keep: NonZeroUsize,
    states: Mutex<HashMap<CommitId, Arc<State>>>,
}

impl History<'_> {
    /// What a reference leads to; of a branch also its earlier revisions.
    fn of_root(&self, root: &Root) -> Result<Needed, Error> {
        let newest = self.at(root.commit)?;
        let is_branch = matches!(root.kind, RootKind::Branch | RootKind::RemoteBranch);
        if let (true, Some(error)) = (is_branch, &newest.error) {
            return Err(unknowable(&root.name, error));
        }
        let mut next = newest.newest.filter(|_| is_branch);
        let mut found = vec![(root.name.clone(), newest)];
        while found.len() < self.keep.get() {
            let Some(revision) = next else { break };
            let Some(before) = self.workspace.checkout.parents(revision)?.first().copied() else { break };
            let state = self.at(before)?;
            next = state.newest;
            found.push((format!("an earlier revision of {}", root.name), state));
        }
        Ok(found)
    }

    fn at(&self, commit: CommitId) -> Result<Arc<State>, Error> {
        let known = |states: &Mutex<HashMap<CommitId, Arc<State>>>| {
            states.lock().unwrap_or_else(PoisonError::into_inner).get(&commit).cloned()
        };
        if let Some(state) = known(&self.states) {
            return Ok(state);
        }
        let state = Arc::new(self.read(commit)?);
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(states.entry(commit).or_insert(state)))
    }

    fn read(&self, commit: CommitId) -> Result<State, Error> {
        let Some(project) = self.workspace.project_at(self.request, commit)? else {
            let error = Diagnostic::error(format!("its settings file cannot be read at {}", commit.short()));
            return Err(unknowable("a commit", &error));
        };
        let checkout = &self.workspace.checkout;
        let settings = settings::paths(&*self.workspace.tree);
        let revisions = revisions(&project, checkout, commit, &settings)?;
        let newest = self.newest(revisions.into_iter().flatten().collect())?;
        Ok(State { newest, ..State::of(&project) })
    }

    /// The newest of some commits: by time, and where that is equal by descent.
    fn newest(&self, mut commits: Vec<CommitId>) -> Result<Option<CommitId>, CheckoutError> {
        commits.sort();
        commits.dedup();
        let checkout = &self.workspace.checkout;
        let mut newest: Option<(i64, CommitId)> = None;
        for commit in commits {
            let time = checkout.commit_time(commit)?;
            let is_newer = match newest {
                None => true,
                Some((then, other)) if then == time => checkout.is_ancestor(other, commit)?,
                Some((then, _)) => then < time,
            };
            if is_newer {
                newest = Some((time, commit));
            }
        }
        Ok(newest.map(|(_, commit)| commit))
    }
}
