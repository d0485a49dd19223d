//! What keeps commits alive: branches, remote-tracking branches, tags, the stash and worktrees.

use std::path::PathBuf;

use git2::{ObjectType, Repository};

use crate::git::{Checkout, CheckoutError, CommitId};

/// A reference that keeps a commit alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Root {
    /// What it is called: `main`, `origin/main`, `v1.0`, `stash@{0}`.
    pub name: String,
    /// Its commit; of an annotated tag the one that it stands for.
    pub commit: CommitId,
    pub kind: RootKind,
}

/// What keeps a commit alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RootKind {
    Branch,
    RemoteBranch,
    Tag,
    /// An entry of the stash. Files in it that git did not track are not in its commit.
    Stash,
}

const STASH: &str = "refs/stash";

impl Checkout {
    /// All branches, remote-tracking branches, tags of commits and entries of the stash.
    pub(crate) fn roots(&self) -> Result<Vec<Root>, CheckoutError> {
        let mut roots = if self.objects_only() { self.asked_roots()? } else { self.read_roots()? };
        roots.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        Ok(roots)
    }

    fn read_roots(&self) -> Result<Vec<Root>, CheckoutError> {
        let opened = self.opened();
        let repository = opened.objects.all()?;
        let failed = |error: git2::Error| CheckoutError::git("list branches and tags", &error);
        let mut roots = Vec::new();
        for reference in repository.references().map_err(failed)?.flatten() {
            let full = String::from_utf8_lossy(reference.name_bytes()).into_owned();
            // `origin/HEAD` is another name of a branch that is listed itself.
            if reference.symbolic_target_bytes().is_some() {
                continue;
            }
            let commit = reference.peel(ObjectType::Commit).ok().and_then(|it| CommitId::from_oid(it.id()));
            roots.extend(commit.and_then(|commit| root(&full, commit)));
        }
        roots.extend(stash(repository));
        Ok(roots)
    }

    fn asked_roots(&self) -> Result<Vec<Root>, CheckoutError> {
        let format = "--format=%(refname) %(objectname) %(*objectname) %(symref)";
        let folders = ["refs/heads", "refs/remotes", "refs/tags"];
        let listed =
            self.ask(&[&["for-each-ref", format], &folders[..]].concat(), "list branches and tags")?;
        let line = |line: &str| {
            let mut words = line.split(' ');
            let (name, object, peeled, target) = (words.next()?, words.next()?, words.next()?, words.next()?);
            let id = if peeled.is_empty() { object } else { peeled };
            if target.is_empty() { root(name, id.parse().ok()?) } else { None }
        };
        let mut roots: Vec<Root> = listed.lines().filter_map(line).collect();
        let entries = self.ask(&["log", "--walk-reflogs", "--format=%H", STASH, "--"], "read the stash");
        let entries = entries.unwrap_or_default();
        let commits = entries.lines().filter_map(|id| id.parse().ok());
        roots.extend(commits.enumerate().map(|(at, commit)| stashed(at, commit)));
        Ok(roots)
    }

    /// The parents of a commit, the first one first; none where a shallow clone ends.
    pub(crate) fn parents(&self, commit: CommitId) -> Result<Vec<CommitId>, CheckoutError> {
        let opened = self.opened();
        let id = commit.oid();
        let found =
            opened.objects.all()?.find_commit(id).map_err(|error| CheckoutError::object(id, &error))?;
        Ok(found.parent_ids().filter_map(CommitId::from_oid).collect())
    }

    /// Folders of the other worktrees of this repository, as far as they exist.
    pub(crate) fn other_worktrees(&self) -> Vec<PathBuf> {
        let opened = self.opened();
        let names = opened.objects.none().worktrees().ok();
        let names: Vec<String> =
            names.iter().flat_map(|names| names.iter()).flatten().flatten().map(str::to_owned).collect();
        let linked = names.iter().filter_map(|name| opened.objects.none().find_worktree(name).ok());
        let linked = linked.map(|worktree| worktree.path().to_owned());
        let is_repository_folder = self.common_dir().file_name().is_some_and(|name| name == ".git");
        let main = self.common_dir().parent().filter(|_| is_repository_folder).map(PathBuf::from);
        let own = self.root().canonicalize().ok();
        let is_other = |folder: &PathBuf| folder.canonicalize().is_ok_and(|folder| Some(folder) != own);
        main.into_iter().chain(linked).filter(is_other).collect()
    }
}

fn root(full: &str, commit: CommitId) -> Option<Root> {
    let kinds = [
        ("refs/heads/", RootKind::Branch),
        ("refs/remotes/", RootKind::RemoteBranch),
        ("refs/tags/", RootKind::Tag),
    ];
    let known = kinds.into_iter().find_map(|(folder, kind)| Some((full.strip_prefix(folder)?, kind)));
    known.map(|(name, kind)| Root { name: name.to_owned(), commit, kind })
}

/// All entries of the stash: the reference is the newest alone.
fn stash(repository: &Repository) -> Vec<Root> {
    let Ok(entries) = repository.reflog(STASH) else { return Vec::new() };
    let commits = entries.iter().filter_map(|entry| CommitId::from_oid(entry.id_new()));
    commits.enumerate().map(|(at, commit)| stashed(at, commit)).collect()
}

fn stashed(at: usize, commit: CommitId) -> Root {
    Root { name: format!("stash@{{{at}}}"), commit, kind: RootKind::Stash }
}
