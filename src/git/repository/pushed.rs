//! What a remote has already, so that a push can be told from what was there before.

use std::collections::HashSet;

use git2::Oid;

use crate::git::{Checkout, CheckoutError, CommitId};

impl Checkout {
    /// The commits that the branches of a remote were on when they were last seen. A remote that is given by its URL
    /// has those of every remote with that URL.
    pub(crate) fn remote_commits(&self, remote: &str, url: &str) -> Result<Vec<CommitId>, CheckoutError> {
        let mut commits = Vec::new();
        for name in self.remote_names(remote, url) {
            let folder = format!("refs/remotes/{name}/");
            if self.objects_only() {
                let listed =
                    self.ask(&["for-each-ref", "--format=%(objectname)", &folder], "list the branches")?;
                commits.extend(listed.lines().filter_map(|id| id.parse::<CommitId>().ok()));
                continue;
            }
            let opened = self.opened();
            let failed = |error: git2::Error| CheckoutError::git("list the branches", &error);
            let references = opened.objects.none().references().map_err(failed)?;
            let ours = references.flatten().filter(|found| found.name_bytes().starts_with(folder.as_bytes()));
            commits.extend(ours.filter_map(|found| CommitId::from_oid(found.target()?)));
        }
        commits.sort();
        commits.dedup();
        Ok(commits)
    }

    /// The remote of that name, else those that the URL belongs to.
    fn remote_names(&self, remote: &str, url: &str) -> Vec<String> {
        let Some(config) = self.opened().config() else { return vec![remote.to_owned()] };
        if config.get_string(&format!("remote.{remote}.url")).is_ok() {
            return vec![remote.to_owned()];
        }
        let mut names = Vec::new();
        if let Ok(mut entries) = config.entries(Some(r"^remote\..*\.(push)?url$")) {
            while let Some(Ok(entry)) = entries.next() {
                let (Ok(name), Ok(value)) = (entry.name(), entry.value()) else { continue };
                let name = name.trim_start_matches("remote.").rsplit_once('.').map(|(name, _)| name);
                names.extend(name.filter(|_| value == url).map(str::to_owned));
            }
        }
        names
    }

    /// The commits of `known` history that the history of `commit` begins to differ from: the parents, outside of
    /// what is new, of the commits that are new. `commit` itself if nothing is; none if nothing is known.
    pub(crate) fn where_new_begins(
        &self,
        commit: CommitId,
        known: &[CommitId],
    ) -> Result<Vec<CommitId>, CheckoutError> {
        if known.is_empty() {
            return Ok(Vec::new());
        }
        let opened = self.opened();
        let repository = opened.objects.all()?;
        let failed = |error: git2::Error| CheckoutError::git("compare with what the remote has", &error);
        let mut walk = repository.revwalk().map_err(failed)?;
        walk.push(commit.oid()).map_err(failed)?;
        for known in known {
            if repository.find_commit(known.oid()).is_ok() {
                walk.hide(known.oid()).map_err(failed)?;
            }
        }
        let new: Vec<Oid> = walk.collect::<Result<_, _>>().map_err(failed)?;
        if new.is_empty() {
            return Ok(vec![commit]);
        }
        let is_new: HashSet<Oid> = new.iter().copied().collect();
        let mut seen = HashSet::new();
        let mut begins = Vec::new();
        for id in new {
            let found = repository.find_commit(id).map_err(|error| CheckoutError::object(id, &error))?;
            let outside = found.parent_ids().filter(|parent| !is_new.contains(parent));
            // Behind the end of a shallow clone there is nothing to compare with.
            let here = outside.filter(|parent| repository.find_commit(*parent).is_ok());
            begins.extend(here.filter(|parent| seen.insert(*parent)).filter_map(CommitId::from_oid));
        }
        Ok(begins)
    }
}
