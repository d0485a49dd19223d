use serde_json::Value;

use crate::git::CommitId;

/// What the file of an event says, for systems whose variables do not say it all (GitHub's `GITHUB_EVENT_PATH`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CiEvent {
    /// The number of the pull request.
    pub number: Option<String>,
    /// The commit of the pull request's branch.
    pub pull_request_commit: Option<CommitId>,
    /// Whether that branch is in another repository.
    pub from_fork: bool,
    /// Whether the job only follows something that happened to the pull request: a comment, or a run for it.
    pub follows_request: bool,
    /// The default branch of the repository.
    pub default_branch: Option<String>,
}

impl CiEvent {
    /// Reads the file; what it does not say is left open.
    pub fn from_json(bytes: &[u8]) -> Self {
        let event: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let number = |value: &Value| value["number"].as_u64().map(|number| number.to_string());
        let commit = |value: &Value| value.as_str().and_then(|commit| commit.parse().ok());
        let default_branch = text(&event["repository"]["default_branch"]);
        let (request, issue, run) = (&event["pull_request"], &event["issue"], &event["workflow_run"]);
        if issue["pull_request"].is_object() {
            return Self { number: number(issue), follows_request: true, default_branch, ..Self::default() };
        }
        if run["event"].as_str().is_some_and(|event| event.starts_with("pull_request")) {
            return Self {
                number: number(&run["pull_requests"][0]),
                pull_request_commit: commit(&run["head_sha"]),
                from_fork: run["head_repository"]["full_name"] != event["repository"]["full_name"],
                follows_request: true,
                default_branch,
            };
        }
        let repository = |side: &str| text(&request[side]["repo"]["full_name"]);
        Self {
            number: number(request),
            pull_request_commit: commit(&request["head"]["sha"]),
            // The repository of a fork may have been deleted meanwhile.
            from_fork: request.is_object() && repository("head") != repository("base"),
            follows_request: false,
            default_branch,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn the_event_s_file_says_what_variables_do_not() {
        let event = |head: &str| {
            CiEvent::from_json(
                format!(
                    r#"{{"pull_request": {{"number": 9, "head": {{"sha": "{SHA}", "repo": {head}}},
                        "base": {{"repo": {{"full_name": "acme/shop"}}}}}},
                        "repository": {{"default_branch": "trunk"}}}}"#
                )
                .as_bytes(),
            )
        };
        let fork = event(r#"{"full_name": "eve/shop"}"#);
        assert_eq!((fork.number.as_deref(), fork.default_branch.as_deref()), (Some("9"), Some("trunk")));
        assert_eq!((fork.pull_request_commit, fork.from_fork), (SHA.parse().ok(), true));
        assert!(event("null").from_fork, "its repository is gone");
        assert!(!event(r#"{"full_name": "acme/shop"}"#).from_fork);
        for other in ["", "[]", "null", r#"{"pull_request": 1}"#, r#"{"ref": "refs/heads/main"}"#] {
            assert_eq!(CiEvent::from_json(other.as_bytes()), CiEvent::default(), "{other}");
        }
    }
}
