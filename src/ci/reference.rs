//! What a CI system says about a commit that it has checked out without a branch.
//!
//! CI systems fetch one commit and detach HEAD; only their variables say what it was built for. Those are
//! believed only for the very commit that they name, so a job that checks out something else gets no branch.
//!
//! In the job of a pull request no branch counts, not even one that is checked out: workflows check out the branch of
//! the request by its name, and in someone's fork that may be `main`.

use super::event::CiEvent;
use super::system::{System, is_yes};
use crate::git::{CommitId, Head};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CiTrigger {
    Branch(String),
    /// A pull (or merge) request with its number. Its branch may be called `main` in someone's fork, so it
    /// never counts.
    PullRequest(String),
    Tag(String),
    /// Nothing that a moving tag could follow: another commit than the one of the pull request whose job it is, or
    /// the merge that a queue tries out.
    Nothing,
}

/// The CI system's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CiReference {
    pub system: &'static str,
    pub trigger: CiTrigger,
    /// The repository's default branch, where the system tells.
    pub default_branch: Option<String>,
    /// Whether it is a pull request from another repository, whose jobs have no secrets.
    pub from_fork: bool,
}

/// What the CI system says about HEAD; nothing outside CI, on a branch (unless it is a pull request's job), or where
/// the system speaks of another commit. `environment` looks up a variable.
pub(crate) fn ci_reference(
    environment: &dyn Fn(&str) -> Option<String>,
    event: &CiEvent,
    head: &Head,
) -> Option<CiReference> {
    let commit = head.commit?;
    let get = |name: &str| environment(name).filter(|value| !value.is_empty());
    // Azure says the same in its own word.
    let is_ci = ["CI", "TF_BUILD"].into_iter().filter_map(get).any(|value| is_yes(&value));
    let is_ci = is_ci || get("CI").is_some_and(|value| value == "woodpecker");
    let first = |names: &[&str]| names.iter().find_map(|name| get(name));
    let system = System::of(&get).filter(|_| is_ci)?;
    let is_this_commit = first(system.commit)?.parse() == Ok(commit);
    let about = pull_request(system, &first)
        .map(CiTrigger::PullRequest)
        .or_else(|| first(system.reference).and_then(|reference| by_reference(&reference)))
        .or_else(|| first(system.tag).map(CiTrigger::Tag))
        .or_else(|| first(system.branch).map(|branch| by_branch(system, &branch)))?;
    let is_target = system.target_event.is_some_and(|(name, value)| get(name).as_deref() == Some(value));
    let trigger = match about {
        // The variables of such a job are those of a push to the branch that the request is for.
        _ if is_target => of_request(event.number.as_ref(), commit, event),
        _ if event.follows_request && !is_this_commit => of_request(event.number.as_ref(), commit, event),
        CiTrigger::PullRequest(number) if is_this_commit => CiTrigger::PullRequest(number),
        CiTrigger::PullRequest(number) => of_request(Some(&number), commit, event),
        CiTrigger::Branch(branch) if branch.starts_with("gh-readonly-queue/") => CiTrigger::Nothing,
        trigger if is_this_commit && head.branch.is_none() => trigger,
        _ => return None,
    };
    Some(CiReference {
        system: system.name,
        trigger,
        default_branch: first(system.default_branch).or_else(|| event.default_branch.clone()),
        from_fork: system.is_from_fork(event, &get),
    })
}

/// The pull request, if its own commit is checked out.
fn of_request(number: Option<&String>, commit: CommitId, event: &CiEvent) -> CiTrigger {
    match number.filter(|_| event.pull_request_commit == Some(commit)) {
        Some(number) => CiTrigger::PullRequest(number.clone()),
        None => CiTrigger::Nothing,
    }
}

fn pull_request(system: &System, first: &dyn Fn(&[&str]) -> Option<String>) -> Option<String> {
    // Buildkite and Travis write `false` where there is none.
    first(system.pull_request).filter(|value| value != "false")
}

fn by_reference(reference: &str) -> Option<CiTrigger> {
    if let Some(branch) = reference.strip_prefix("refs/heads/") {
        return Some(CiTrigger::Branch(branch.to_owned()));
    }
    if let Some(tag) = reference.strip_prefix("refs/tags/") {
        return Some(CiTrigger::Tag(tag.to_owned()));
    }
    let request = ["refs/pull/", "refs/merge-requests/", "refs/pull-requests/"]
        .into_iter()
        .find_map(|prefix| reference.strip_prefix(prefix))?;
    Some(CiTrigger::PullRequest(request.split('/').next()?.to_owned()))
}

fn by_branch(system: &System, branch: &str) -> CiTrigger {
    if let Some(number) = system.request_branch.and_then(|prefix| branch.strip_prefix(prefix)) {
        return CiTrigger::PullRequest(number.to_owned());
    }
    let branch = branch.strip_prefix(system.remote).unwrap_or(branch);
    CiTrigger::Branch(branch.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

    fn detached() -> Head {
        Head { commit: SHA.parse().ok(), ..Head::default() }
    }

    fn on_branch(name: &str) -> Head {
        Head { branch: Some(name.to_owned()), ..detached() }
    }

    fn ask(variables: &[(&str, &str)], head: &Head) -> Option<CiReference> {
        let get = |name: &str| {
            variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
        };
        ci_reference(&get, &CiEvent::default(), head)
    }

    fn trigger(variables: &[(&str, &str)]) -> Option<CiTrigger> {
        let variables = [&[("CI", "true")], variables].concat();
        ask(&variables, &detached()).map(|reference| reference.trigger)
    }

    fn branch(name: &str) -> CiTrigger {
        CiTrigger::Branch(name.to_owned())
    }

    fn request(number: &str) -> CiTrigger {
        CiTrigger::PullRequest(number.to_owned())
    }

    #[test]
    fn github() {
        let base = [("GITHUB_ACTIONS", "true"), ("GITHUB_SHA", SHA), ("GITHUB_REF_NAME", "x")];
        let with = |reference| trigger(&[&base[..], &[("GITHUB_REF", reference)]].concat());
        assert_eq!(with("refs/heads/feature/login"), Some(branch("feature/login")));
        assert_eq!(with("refs/pull/7/merge"), Some(request("7")));
        assert_eq!(with("refs/tags/v1"), Some(CiTrigger::Tag("v1".to_owned())));
    }

    #[test]
    fn gitlab() {
        let base = [("GITLAB_CI", "true"), ("CI_COMMIT_SHA", SHA), ("CI_DEFAULT_BRANCH", "trunk")];
        let with = |variable| trigger(&[&base[..], &[variable]].concat());
        assert_eq!(with(("CI_COMMIT_BRANCH", "main")), Some(branch("main")));
        assert_eq!(with(("CI_MERGE_REQUEST_IID", "12")), Some(request("12")));
        assert_eq!(with(("CI_COMMIT_TAG", "v1")), Some(CiTrigger::Tag("v1".to_owned())));
        let variables = [&base[..], &[("CI", "true"), ("CI_COMMIT_BRANCH", "main")]].concat();
        let reference = ask(&variables, &detached()).expect("GitLab");
        assert_eq!(reference.default_branch.as_deref(), Some("trunk"));
    }

    #[test]
    fn a_pull_request_is_never_its_branch() {
        for (present, commit, number, branch) in [
            ("BUILDKITE", "BUILDKITE_COMMIT", "BUILDKITE_PULL_REQUEST", "BUILDKITE_BRANCH"),
            ("TRAVIS", "TRAVIS_COMMIT", "TRAVIS_PULL_REQUEST", "TRAVIS_BRANCH"),
            ("CIRCLECI", "CIRCLE_SHA1", "CIRCLE_PR_NUMBER", "CIRCLE_BRANCH"),
            ("BITBUCKET_BUILD_NUMBER", "BITBUCKET_COMMIT", "BITBUCKET_PR_ID", "BITBUCKET_BRANCH"),
            ("JENKINS_URL", "GIT_COMMIT", "CHANGE_ID", "BRANCH_NAME"),
            ("DRONE", "DRONE_COMMIT_SHA", "DRONE_PULL_REQUEST", "DRONE_BRANCH"),
            ("APPVEYOR", "APPVEYOR_REPO_COMMIT", "APPVEYOR_PULL_REQUEST_NUMBER", "APPVEYOR_REPO_BRANCH"),
            ("SEMAPHORE", "SEMAPHORE_GIT_SHA", "SEMAPHORE_GIT_PR_NUMBER", "SEMAPHORE_GIT_BRANCH"),
            ("CIRRUS_CI", "CIRRUS_CHANGE_IN_REPO", "CIRRUS_PR", "CIRRUS_BRANCH"),
        ] {
            let variables = [(present, "1"), (commit, SHA), (branch, "main"), (number, "9")];
            assert_eq!(trigger(&variables), Some(request("9")), "{present}");
            assert_eq!(trigger(&variables[..3]), Some(super::tests::branch("main")), "{present}");
        }
        let azure =
            [("TF_BUILD", "True"), ("BUILD_SOURCEVERSION", SHA), ("BUILD_SOURCEBRANCH", "refs/pull/3/merge")];
        assert_eq!(ask(&azure, &detached()).map(|reference| reference.trigger), Some(request("3")));
    }

    /// Comments on a request, and runs that follow its run, have the default branch's variables and all secrets. What
    /// they check out by hand is the request's.
    #[test]
    fn jobs_that_are_started_by_a_request_s_job() {
        let run = |from: &str, number: &str| {
            format!(
                r#"{{"workflow_run": {{"event": "pull_request", "head_sha": "{SHA}", "pull_requests": [{number}],
                    "head_repository": {{"full_name": "{from}"}}}}, "repository": {{"full_name": "acme/shop"}}}}"#
            )
        };
        let comment = r#"{"issue": {"number": 9, "pull_request": {"url": "x"}}}"#;
        let (other, main) = ("1".repeat(40), on_branch("main"));
        let of = |event: &str, sha: &str| {
            let get = |name: &str| match name {
                "CI" | "GITHUB_ACTIONS" => Some("true".to_owned()),
                "GITHUB_REF" => Some("refs/heads/main".to_owned()),
                "GITHUB_SHA" => Some(sha.to_owned()),
                _ => None,
            };
            ci_reference(&get, &CiEvent::from_json(event.as_bytes()), &main).map(|found| found.trigger)
        };
        assert_eq!(of(&run("eve/shop", ""), &other), Some(CiTrigger::Nothing));
        assert_eq!(of(&run("acme/shop", r#"{"number": 9}"#), &other), Some(request("9")));
        assert_eq!(of(comment, &other), Some(CiTrigger::Nothing), "nothing tells whose commit it is");
        assert_eq!(of(comment, SHA), None, "what the job itself is about");
        assert!(CiEvent::from_json(run("eve/shop", "").as_bytes()).from_fork);
        assert!(!CiEvent::from_json(run("acme/shop", "").as_bytes()).from_fork);
        for unrelated in [r#"{"issue": {"number": 9}}"#, r#"{"workflow_run": {"event": "push"}}"#] {
            assert_eq!(of(unrelated, &other), None, "{unrelated}");
        }
    }

    #[test]
    fn requests_of_forks() {
        let of = |variables: &[(&str, &str)]| {
            let variables = [&[("CI", "true")], variables].concat();
            ask(&variables, &detached()).expect("a system").from_fork
        };
        let kite = [("BUILDKITE", "true"), ("BUILDKITE_COMMIT", SHA), ("BUILDKITE_PULL_REQUEST", "9")];
        let kite = |repository, request| {
            let more = [("BUILDKITE_REPO", repository), ("BUILDKITE_PULL_REQUEST_REPO", request)];
            of(&[&kite[..], &more].concat())
        };
        assert!(kite("git@github.com:acme/shop.git", "git://github.com/eve/shop.git"));
        for request in ["git://github.com/Acme/shop.git", "https://github.com/acme/shop/", ""] {
            assert!(!kite("git@github.com:acme/shop.git", request), "{request}");
        }
        let jenkins = [("JENKINS_URL", "x"), ("GIT_COMMIT", SHA), ("CHANGE_ID", "9")];
        assert!(!of(&jenkins));
        assert!(of(&[&jenkins[..], &[("CHANGE_FORK", "eve")]].concat()));
        for (present, commit, number, own, request) in [
            (
                "APPVEYOR",
                "APPVEYOR_REPO_COMMIT",
                "APPVEYOR_PULL_REQUEST_NUMBER",
                "APPVEYOR_REPO_NAME",
                "APPVEYOR_PULL_REQUEST_HEAD_REPO_NAME",
            ),
            (
                "SEMAPHORE",
                "SEMAPHORE_GIT_SHA",
                "SEMAPHORE_GIT_PR_NUMBER",
                "SEMAPHORE_GIT_REPO_SLUG",
                "SEMAPHORE_GIT_PR_SLUG",
            ),
        ] {
            let from = |whose| {
                of(&[(present, "1"), (commit, SHA), (number, "9"), (own, "acme/shop"), (request, whose)])
            };
            assert!(from("eve/shop") && !from("acme/shop") && !from(""), "{present}");
        }
    }

    #[test]
    fn quirks() {
        let base = [("BUILDKITE", "true"), ("BUILDKITE_COMMIT", SHA), ("BUILDKITE_BRANCH", "main")];
        assert_eq!(
            trigger(&[&base[..], &[("BUILDKITE_PULL_REQUEST", "false")]].concat()),
            Some(branch("main"))
        );
        let circle = [("CIRCLECI", "true"), ("CIRCLE_SHA1", SHA), ("CIRCLE_BRANCH", "pull/4")];
        assert_eq!(trigger(&circle), Some(request("4")));
        let jenkins = [("JENKINS_URL", "x"), ("GIT_COMMIT", SHA), ("GIT_BRANCH", "origin/feature/x")];
        assert_eq!(trigger(&jenkins), Some(branch("feature/x")));
        // An empty variable is not set.
        assert_eq!(trigger(&[&base[..], &[("BUILDKITE_TAG", "")]].concat()), Some(branch("main")));
    }

    #[test]
    fn only_in_ci_only_detached_only_this_commit() {
        let variables = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_SHA", SHA),
            ("GITHUB_REF", "refs/heads/main"),
            ("CI", "true"),
        ];
        assert!(ask(&variables, &detached()).is_some());
        assert_eq!(ask(&variables[..3], &detached()), None, "CI is not set");
        assert_eq!(ask(&variables, &on_branch("x")), None);
        let other = Head { commit: Some(CommitId::new([1; 20])), ..Head::default() };
        assert_eq!(ask(&variables, &other), None);
        assert_eq!(ask(&variables, &Head::default()), None, "unborn");
    }

    /// `gh pr checkout` and `ref: ${{ github.head_ref }}` check out a branch of the fork's name.
    #[test]
    fn a_branch_that_a_pull_request_s_job_checks_out_is_none() {
        let variables = [("CI", "true"), ("GITHUB_ACTIONS", "true"), ("GITHUB_REF", "refs/pull/7/merge")];
        let of = |sha: &str, event: &CiEvent| {
            let get = |name: &str| match name {
                "GITHUB_SHA" => Some(sha.to_owned()),
                name => {
                    variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
                }
            };
            ci_reference(&get, event, &on_branch("main")).expect("GitHub").trigger
        };
        let other = "1".repeat(40);
        assert_eq!(of(SHA, &CiEvent::default()), request("7"));
        assert_eq!(of(&other, &CiEvent::default()), CiTrigger::Nothing);
        let event = CiEvent { pull_request_commit: SHA.parse().ok(), ..CiEvent::default() };
        assert_eq!(of(&other, &event), request("7"), "the request's own commit");
    }
}
