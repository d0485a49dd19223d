use super::event::CiEvent;

/// How a CI system names things: variables of the environment, of which the first of a list that is set counts.
pub(crate) struct System {
    pub(crate) name: &'static str,
    /// Set, and to this value if there is one, where this system runs.
    present: (&'static str, Option<&'static str>),
    pub(super) commit: &'static [&'static str],
    /// Full references (`refs/heads/…`, `refs/pull/7/merge`).
    pub(super) reference: &'static [&'static str],
    pub(super) pull_request: &'static [&'static str],
    pub(super) tag: &'static [&'static str],
    pub(super) branch: &'static [&'static str],
    pub(super) default_branch: &'static [&'static str],
    /// How the branch of a fork's pull request begins, before its number.
    pub(super) request_branch: Option<&'static str>,
    /// What stands in front of the name of a branch: Jenkins's git plug-in gives the remote-tracking name.
    pub(super) remote: &'static str,
    /// A variable and its value in jobs for a pull request that have the variables of a push to its target.
    pub(super) target_event: Option<(&'static str, &'static str)>,
    fork: Fork,
    pub(crate) log: Option<LogForm>,
    pub(crate) event_file: &'static str,
    pub(crate) summary_file: &'static str,
    /// The folder that annotations are relative to.
    pub(crate) workspace: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogForm {
    GitHub,
    GitLab,
}

/// What tells that a pull request comes from another repository.
enum Fork {
    Nothing,
    Event,
    /// Both are set, and name different repositories.
    Differ(&'static str, &'static str),
    Set(&'static str),
    Yes(&'static str),
}

const NONE: System = System {
    name: "",
    present: ("", None),
    commit: &[],
    reference: &[],
    pull_request: &[],
    tag: &[],
    branch: &[],
    default_branch: &[],
    request_branch: None,
    remote: "",
    target_event: None,
    fork: Fork::Nothing,
    log: None,
    event_file: "",
    summary_file: "",
    workspace: "",
};

/// From the systems' documentation. Those that imitate another one's variables come before it.
const SYSTEMS: [System; 14] = [
    // Gitea and Forgejo set the same variables.
    System {
        name: "GitHub Actions",
        present: ("GITHUB_ACTIONS", None),
        commit: &["GITHUB_SHA"],
        reference: &["GITHUB_REF"],
        fork: Fork::Event,
        target_event: Some(("GITHUB_EVENT_NAME", "pull_request_target")),
        log: Some(LogForm::GitHub),
        event_file: "GITHUB_EVENT_PATH",
        summary_file: "GITHUB_STEP_SUMMARY",
        workspace: "GITHUB_WORKSPACE",
        ..NONE
    },
    System {
        name: "GitLab CI",
        present: ("GITLAB_CI", None),
        commit: &["CI_COMMIT_SHA"],
        pull_request: &["CI_MERGE_REQUEST_IID", "CI_EXTERNAL_PULL_REQUEST_IID"],
        tag: &["CI_COMMIT_TAG"],
        branch: &["CI_COMMIT_BRANCH"],
        default_branch: &["CI_DEFAULT_BRANCH"],
        fork: Fork::Differ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "CI_MERGE_REQUEST_PROJECT_ID"),
        log: Some(LogForm::GitLab),
        ..NONE
    },
    System {
        name: "Buildkite",
        present: ("BUILDKITE", None),
        commit: &["BUILDKITE_COMMIT"],
        pull_request: &["BUILDKITE_PULL_REQUEST"],
        tag: &["BUILDKITE_TAG"],
        branch: &["BUILDKITE_BRANCH"],
        default_branch: &["BUILDKITE_PIPELINE_DEFAULT_BRANCH"],
        fork: Fork::Differ("BUILDKITE_PULL_REQUEST_REPO", "BUILDKITE_REPO"),
        ..NONE
    },
    // A build of a pull request from a fork has a number and the branch `pull/7`; other pull requests
    // are built as pushes to their branches.
    System {
        name: "CircleCI",
        present: ("CIRCLECI", None),
        commit: &["CIRCLE_SHA1"],
        pull_request: &["CIRCLE_PR_NUMBER"],
        tag: &["CIRCLE_TAG"],
        branch: &["CIRCLE_BRANCH"],
        // It has the number only then.
        fork: Fork::Set("CIRCLE_PR_NUMBER"),
        request_branch: Some("pull/"),
        ..NONE
    },
    System {
        name: "Travis CI",
        present: ("TRAVIS", None),
        commit: &["TRAVIS_COMMIT"],
        pull_request: &["TRAVIS_PULL_REQUEST"],
        tag: &["TRAVIS_TAG"],
        branch: &["TRAVIS_BRANCH"],
        fork: Fork::Differ("TRAVIS_PULL_REQUEST_SLUG", "TRAVIS_REPO_SLUG"),
        ..NONE
    },
    System {
        name: "Azure Pipelines",
        present: ("TF_BUILD", None),
        commit: &["BUILD_SOURCEVERSION"],
        reference: &["BUILD_SOURCEBRANCH"],
        pull_request: &["SYSTEM_PULLREQUEST_PULLREQUESTNUMBER", "SYSTEM_PULLREQUEST_PULLREQUESTID"],
        fork: Fork::Yes("SYSTEM_PULLREQUEST_ISFORK"),
        ..NONE
    },
    System {
        name: "Bitbucket Pipelines",
        present: ("BITBUCKET_BUILD_NUMBER", None),
        commit: &["BITBUCKET_COMMIT"],
        pull_request: &["BITBUCKET_PR_ID"],
        tag: &["BITBUCKET_TAG"],
        branch: &["BITBUCKET_BRANCH"],
        ..NONE
    },
    System {
        name: "Jenkins",
        present: ("JENKINS_URL", None),
        commit: &["GIT_COMMIT"],
        pull_request: &["CHANGE_ID"],
        tag: &["TAG_NAME"],
        branch: &["BRANCH_NAME", "GIT_LOCAL_BRANCH", "GIT_BRANCH"],
        fork: Fork::Set("CHANGE_FORK"),
        remote: "origin/",
        ..NONE
    },
    System {
        name: "Drone",
        present: ("DRONE", None),
        commit: &["DRONE_COMMIT_SHA"],
        pull_request: &["DRONE_PULL_REQUEST"],
        tag: &["DRONE_TAG"],
        branch: &["DRONE_BRANCH"],
        default_branch: &["DRONE_REPO_BRANCH"],
        ..NONE
    },
    System {
        name: "Woodpecker",
        present: ("CI_SYSTEM_NAME", Some("woodpecker")),
        commit: &["CI_COMMIT_SHA"],
        pull_request: &["CI_COMMIT_PULL_REQUEST"],
        tag: &["CI_COMMIT_TAG"],
        branch: &["CI_COMMIT_BRANCH"],
        default_branch: &["CI_REPO_DEFAULT_BRANCH"],
        ..NONE
    },
    System {
        name: "AppVeyor",
        present: ("APPVEYOR", None),
        commit: &["APPVEYOR_REPO_COMMIT"],
        pull_request: &["APPVEYOR_PULL_REQUEST_NUMBER"],
        tag: &["APPVEYOR_REPO_TAG_NAME"],
        branch: &["APPVEYOR_REPO_BRANCH"],
        fork: Fork::Differ("APPVEYOR_PULL_REQUEST_HEAD_REPO_NAME", "APPVEYOR_REPO_NAME"),
        ..NONE
    },
    System {
        name: "Semaphore",
        present: ("SEMAPHORE", None),
        commit: &["SEMAPHORE_GIT_SHA"],
        pull_request: &["SEMAPHORE_GIT_PR_NUMBER"],
        tag: &["SEMAPHORE_GIT_TAG_NAME"],
        branch: &["SEMAPHORE_GIT_BRANCH"],
        fork: Fork::Differ("SEMAPHORE_GIT_PR_SLUG", "SEMAPHORE_GIT_REPO_SLUG"),
        ..NONE
    },
    System {
        name: "Cirrus CI",
        present: ("CIRRUS_CI", None),
        commit: &["CIRRUS_CHANGE_IN_REPO"],
        pull_request: &["CIRRUS_PR"],
        tag: &["CIRRUS_TAG"],
        branch: &["CIRRUS_BRANCH"],
        default_branch: &["CIRRUS_DEFAULT_BRANCH"],
        request_branch: Some("pull/"),
        ..NONE
    },
    System {
        name: "AWS CodeBuild",
        present: ("CODEBUILD_BUILD_ID", None),
        commit: &["CODEBUILD_RESOLVED_SOURCE_VERSION"],
        reference: &["CODEBUILD_WEBHOOK_HEAD_REF"],
        ..NONE
    },
];

impl System {
    /// The system that this job runs in. `get` looks up a variable; an empty one is not set.
    pub(crate) fn of(get: &dyn Fn(&str) -> Option<String>) -> Option<&'static Self> {
        SYSTEMS.iter().find(|system| {
            let (name, wanted) = system.present;
            let is_on = |value: &str| value != "0" && !value.eq_ignore_ascii_case("false");
            get(name).is_some_and(|value| wanted.map_or_else(|| is_on(&value), |wanted| value == wanted))
        })
    }

    pub(super) fn is_from_fork(&self, event: &CiEvent, get: &dyn Fn(&str) -> Option<String>) -> bool {
        match self.fork {
            Fork::Nothing => false,
            Fork::Event => event.from_fork,
            Fork::Differ(one, other) => {
                let repository = |name| get(name).map(|url| owner_and_name(&url));
                repository(one).zip(repository(other)).is_some_and(|(one, other)| one != other)
            }
            Fork::Set(name) => get(name).is_some(),
            Fork::Yes(name) => get(name).is_some_and(|value| is_yes(&value)),
        }
    }
}

/// What URLs of a repository have in common, however it is reached.
fn owner_and_name(url: &str) -> String {
    let url = url.trim_end_matches('/');
    let mut parts: Vec<&str> = url.strip_suffix(".git").unwrap_or(url).rsplit(['/', ':']).take(2).collect();
    parts.reverse();
    parts.join("/").to_ascii_lowercase()
}

pub(super) fn is_yes(value: &str) -> bool {
    value.eq_ignore_ascii_case("true") || value == "1"
}
