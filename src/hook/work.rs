use super::RefUpdate;
use crate::git::CommitId;

/// A commit whose images are wanted, under the names that it gets on the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WantedCommit {
    pub commit: CommitId,
    /// The branch, if it is pushed as one.
    pub branch: Option<String>,
    pub tags: Vec<String>,
}

/// What to build for pushed refs: each commit once for each branch. For the second branch of a commit only tags are
/// left to do.
pub(crate) fn work(pushed: &[(RefUpdate, CommitId)]) -> Vec<WantedCommit> {
    let mut found: Vec<WantedCommit> = Vec::new();
    for (_, commit) in pushed {
        if found.iter().any(|work| work.commit == *commit) {
            continue;
        }
        let ours = || pushed.iter().filter(|(_, of)| of == commit).map(|(update, _)| update);
        let tags: Vec<String> = ours().filter_map(RefUpdate::tag).map(str::to_owned).collect();
        let mut branches: Vec<Option<String>> =
            ours().filter_map(RefUpdate::branch).map(|branch| Some(branch.to_owned())).collect();
        if branches.is_empty() {
            branches.push(None);
        }
        found.extend(branches.into_iter().map(|branch| WantedCommit {
            commit: *commit,
            branch,
            tags: tags.clone(),
        }));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_commit_share_its_work() {
        let [a, b] = ["a", "b"].map(|digit| digit.repeat(40).parse::<CommitId>().expect("an id"));
        let update =
            |remote_ref: &str| RefUpdate { remote_ref: remote_ref.to_owned(), ..RefUpdate::default() };
        let pushed = [
            (update("refs/heads/x"), a),
            (update("refs/tags/v1"), a),
            (update("refs/tags/v0"), b),
            (update("refs/heads/y"), a),
            (update("refs/for/main"), b),
        ];
        let work = work(&pushed);
        let names: Vec<_> =
            work.iter().map(|work| (work.commit, work.branch.as_deref(), &work.tags[..])).collect();
        let [v0, v1] = ["v0", "v1"].map(|tag| vec![tag.to_owned()]);
        assert_eq!(names, [(a, Some("x"), &v1[..]), (a, Some("y"), &v1[..]), (b, None, &v0[..])]);
    }
}
