use crate::cli::environment::Environment;
use crate::hook::RefUpdate;

/// A push as the framework pre-commit tells its hooks: in the environment, one ref at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PreCommitPush {
    /// The remote's name.
    pub remote: String,
    /// Where it is.
    pub url: String,
    /// The ref. What is pushed may be any revision: `pre-commit run --to-ref HEAD` gives what was typed.
    pub update: RefUpdate,
}

/// Reads what pre-commit says, if it is pre-commit that runs the hook. Where a push reaches back to the first commit
/// it names the branch alone, and without a push nothing at all: then the branch, or HEAD, is meant as a whole.
pub(super) fn pre_commit_push(environment: &Environment) -> Option<PreCommitPush> {
    if !environment.is_on("PRE_COMMIT") {
        return None;
    }
    let get = |name: &str| environment.get(&format!("PRE_COMMIT_{name}")).map(str::to_owned);
    let local_ref = get("LOCAL_BRANCH").unwrap_or_else(|| "HEAD".to_owned());
    Some(PreCommitPush {
        remote: get("REMOTE_NAME").unwrap_or_else(|| "origin".to_owned()),
        url: get("REMOTE_URL").unwrap_or_default(),
        update: RefUpdate {
            local: Some(get("TO_REF").unwrap_or_else(|| local_ref.clone())),
            remote_ref: get("REMOTE_BRANCH").unwrap_or_else(|| local_ref.clone()),
            remote: get("FROM_REF"),
            local_ref,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_of_some_commits_and_of_a_whole_branch() {
        let common = [
            ("PRE_COMMIT", "1"),
            ("PRE_COMMIT_LOCAL_BRANCH", "refs/heads/x"),
            ("PRE_COMMIT_REMOTE_BRANCH", "refs/heads/y"),
            ("PRE_COMMIT_REMOTE_NAME", "upstream"),
        ];
        let whole = pre_commit_push(&Environment::with_variables(common)).expect("a push");
        assert_eq!((whole.remote.as_str(), whole.update.branch()), ("upstream", Some("y")));
        assert_eq!((whole.update.local.as_deref(), whole.update.remote), (Some("refs/heads/x"), None));
        let refs = [("PRE_COMMIT_FROM_REF", "abc"), ("PRE_COMMIT_TO_REF", "def")];
        let some = Environment::with_variables(common.into_iter().chain(refs));
        let some = pre_commit_push(&some).expect("a push");
        assert_eq!((some.update.local.as_deref(), some.update.remote.as_deref()), (Some("def"), Some("abc")));
    }

    #[test]
    fn without_pre_commit_its_words_do_not_count() {
        assert_eq!(pre_commit_push(&Environment::with_variables([("PRE_COMMIT_TO_REF", "x")])), None);
    }
}
