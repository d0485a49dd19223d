//! What each kind of CI job makes of a commit, and what its log shows; through the real binary with the variables of
//! that job.

mod support;

use std::fs;

use serde_json::{Value, json};
use support::{Checkout, Run, image, texts};

/// A job: the variables of one CI system, `HEAD` in them being the commit that is checked out.
struct Job {
    checkout: Checkout,
    head: String,
}

impl Job {
    /// As `git checkout --detach`, which most systems do.
    fn detached() -> Self {
        let job = Self::on_branch();
        job.checkout.git(&["checkout", "--quiet", "--detach"]);
        job
    }

    /// On `main`, as GitHub's checkout action leaves it after a push, or as a step has switched to it.
    fn on_branch() -> Self {
        let checkout = Checkout::with(&[
            ("api/Dockerfile", "FROM busybox\n"),
            ("shipwright.toml", "namespace = \"acme\"\n"),
        ]);
        let head = checkout.git(&["rev-parse", "HEAD"]);
        Self { checkout, head }
    }

    fn run(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
        let variables: Vec<(&str, &str)> = variables
            .iter()
            .map(|(name, value)| (*name, if *value == "HEAD" { self.head.as_str() } else { *value }))
            .chain([("CI", "true")])
            .collect();
        self.checkout.run_with(&variables, arguments)
    }

    /// The branch and the moving tags.
    fn plan(&self, variables: &[(&str, &str)]) -> (Value, Vec<String>) {
        let plan = self.run(variables, &["plan", "--offline", "--format", "json"]).exits(0).json();
        let tags = texts(&image(&plan, "api")["tags"]);
        let short = &self.head[..12];
        let moving = tags.into_iter().filter(|tag| !tag.starts_with("src-") && tag != short && tag != "v1");
        (plan["checkout"]["branch"].clone(), moving.collect())
    }

    /// A file with the event of a pull request, as GitHub gives it.
    fn event(&self, number: u64, head: &str, from: &str) -> String {
        let path = self.checkout.beside("event.json");
        let event = json!({
            "pull_request": {
                "number": number,
                "head": {"sha": head, "ref": "main", "repo": {"full_name": from}},
                "base": {"sha": self.head, "ref": "main", "repo": {"full_name": "acme/shop"}},
            },
            "repository": {"full_name": "acme/shop", "default_branch": "main"},
        });
        fs::write(&path, event.to_string()).expect("a file");
        path.to_string_lossy().into_owned()
    }
}

fn tags(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

const GITHUB: (&str, &str) = ("GITHUB_ACTIONS", "true");
const GITLAB: (&str, &str) = ("GITLAB_CI", "true");
const NOTHING: (Value, Vec<String>) = (Value::Null, Vec::new());
const OTHER: &str = "0000000000000000000000000000000000000001";

#[test]
fn github_pushes_and_schedules_are_about_their_branch() {
    for (event, reference, branch) in [
        ("push", "refs/heads/main", "main"),
        ("schedule", "refs/heads/main", "main"),
        ("workflow_dispatch", "refs/heads/feature/x", "feature/x"),
    ] {
        let variables =
            [GITHUB, ("GITHUB_EVENT_NAME", event), ("GITHUB_REF", reference), ("GITHUB_SHA", "HEAD")];
        let expected = (json!(branch), tags(&[&branch.replace('/', "-"), "latest"]));
        assert_eq!(Job::detached().plan(&variables), expected, "{event}");
    }
    let variables = [GITHUB, ("GITHUB_REF", "refs/heads/main"), ("GITHUB_SHA", "HEAD")];
    assert_eq!(Job::on_branch().plan(&variables), (json!("main"), tags(&["main", "latest"])));
}

#[test]
fn github_pull_requests_are_their_number() {
    let job = Job::detached();
    let merge = [
        GITHUB,
        ("GITHUB_EVENT_NAME", "pull_request"),
        ("GITHUB_REF", "refs/pull/7/merge"),
        ("GITHUB_HEAD_REF", "main"),
        ("GITHUB_BASE_REF", "main"),
        ("GITHUB_SHA", "HEAD"),
    ];
    assert_eq!(job.plan(&merge), (json!("pr-7"), tags(&["pr-7"])));
    // A workflow that checks out the request's own commit, of which GITHUB_SHA is the merge.
    let event = job.event(7, &job.head, "eve/shop");
    let own = [&merge[..5], &[("GITHUB_SHA", OTHER), ("GITHUB_EVENT_PATH", &event)]].concat();
    assert_eq!(job.plan(&own), (json!("pr-7"), tags(&["pr-7"])));
}

#[test]
fn a_fork_s_branch_called_main_moves_neither_main_nor_latest() {
    let job = Job::on_branch();
    let event = job.event(7, &job.head, "eve/shop");
    for name in ["pull_request", "pull_request_target"] {
        let reference = if name == "pull_request" { "refs/pull/7/merge" } else { "refs/heads/main" };
        let base =
            [GITHUB, ("GITHUB_EVENT_NAME", name), ("GITHUB_REF", reference), ("GITHUB_HEAD_REF", "main")];
        // `ref: ${{ github.head_ref }}` leaves the job on the fork's branch `main`.
        let of_fork = [&base[..], &[("GITHUB_SHA", OTHER), ("GITHUB_EVENT_PATH", &event)]].concat();
        assert_eq!(job.plan(&of_fork), (json!("pr-7"), tags(&["pr-7"])), "{name}");
        // Nothing tells whose commit it is.
        let unknown = [&base[..], &[("GITHUB_SHA", OTHER)]].concat();
        assert_eq!(job.plan(&unknown), NOTHING, "{name}");
    }
    // What `pull_request_target` checks out by itself is the branch that the request is for.
    let event = job.event(7, OTHER, "eve/shop");
    let target = [
        GITHUB,
        ("GITHUB_EVENT_NAME", "pull_request_target"),
        ("GITHUB_REF", "refs/heads/main"),
        ("GITHUB_SHA", "HEAD"),
        ("GITHUB_EVENT_PATH", &event),
    ];
    assert_eq!(job.plan(&target), NOTHING);
    assert_eq!(Job::detached().plan(&target), NOTHING);
}

#[test]
fn github_tags_and_merge_queues_have_no_branch() {
    let job = Job::detached();
    job.checkout.git(&["tag", "v1"]);
    let tag = [GITHUB, ("GITHUB_EVENT_NAME", "push"), ("GITHUB_REF", "refs/tags/v1"), ("GITHUB_SHA", "HEAD")];
    assert_eq!(job.plan(&tag).0, Value::Null);
    assert!(!job.plan(&tag).1.contains(&"main".to_owned()));
    let queue = "gh-readonly-queue/main/pr-7-0123456789";
    let reference = format!("refs/heads/{queue}");
    let group =
        [GITHUB, ("GITHUB_EVENT_NAME", "merge_group"), ("GITHUB_REF", &reference), ("GITHUB_SHA", "HEAD")];
    assert_eq!(job.plan(&group), NOTHING);
    job.checkout.git(&["switch", "--quiet", "--create", queue]);
    assert_eq!(job.plan(&group), NOTHING, "the checkout action makes a branch of it");
}

#[test]
fn gitlab_branches_requests_tags_and_trains() {
    let job = Job::detached();
    let of =
        |variables: &[(&str, &str)]| job.plan(&[&[GITLAB, ("CI_COMMIT_SHA", "HEAD")], variables].concat());
    assert_eq!(
        of(&[("CI_COMMIT_BRANCH", "main"), ("CI_DEFAULT_BRANCH", "main")]),
        (json!("main"), tags(&["main", "latest"]))
    );
    assert_eq!(of(&[("CI_COMMIT_TAG", "v1")]).0, Value::Null);
    for kind in ["detached", "merged_result", "merge_train"] {
        let request = [
            ("CI_MERGE_REQUEST_IID", "12"),
            ("CI_MERGE_REQUEST_EVENT_TYPE", kind),
            ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "main"),
            ("CI_DEFAULT_BRANCH", "main"),
        ];
        assert_eq!(of(&request), (json!("pr-12"), tags(&["pr-12"])), "{kind}");
    }
    // A step that switches to the source branch, to commit there.
    let on_branch = Job::on_branch();
    let request = [GITLAB, ("CI_COMMIT_SHA", "HEAD"), ("CI_MERGE_REQUEST_IID", "12")];
    assert_eq!(on_branch.plan(&request), (json!("pr-12"), tags(&["pr-12"])));
    let other = [GITLAB, ("CI_COMMIT_SHA", OTHER), ("CI_MERGE_REQUEST_IID", "12")];
    assert_eq!(on_branch.plan(&other), NOTHING);
}

#[test]
fn variables_count_in_ci_alone() {
    let job = Job::on_branch();
    let run = job.checkout.run_with(
        &[GITHUB, ("GITHUB_REF", "refs/pull/7/merge"), ("GITHUB_SHA", &job.head)],
        &["plan", "--offline", "--format", "json"],
    );
    assert_eq!(run.exits(0).json()["checkout"]["branch"], "main");
}

/// What GitHub's runner would take for a command.
fn commands(run: &Run) -> Vec<String> {
    let lines = run.stdout.lines().chain(run.stderr.lines());
    let is_command = |line: &&str| line.trim_start().starts_with("::") || line.contains("##[");
    lines.filter(is_command).map(str::to_owned).collect()
}

#[test]
fn errors_in_dockerfiles_are_annotations() {
    let checkout = Checkout::with(&[
        ("a/Dockerfile", "FROM busybox\n  CPOY x /\n"),
        ("b,c/Dockerfile", "FROM busybox\nCOPY missing /\n"),
        ("shipwright.toml", "namespace = \"acme\"\n"),
    ]);
    let run = checkout.run_with(&[GITHUB], &["plan", "--offline"]).exits(2);
    let found = commands(&run);
    assert!(
        found
            .iter()
            .any(|line| line.starts_with("::error file=a/Dockerfile,line=2,col=3,title=shipwright::")),
        "{found:?}"
    );
    assert!(
        found.iter().any(|line| line.starts_with("::warning file=b%2Cc/Dockerfile,line=2,col=6,")),
        "{found:?}"
    );
    let workspace = checkout.root.parent().expect("a folder").to_string_lossy().into_owned();
    let run = checkout.run_with(&[GITHUB, ("GITHUB_WORKSPACE", &workspace)], &["plan", "--offline"]);
    assert!(commands(&run).iter().any(|line| line.contains("file=shop/a/Dockerfile,")), "{run:#?}");
    assert_eq!(commands(&checkout.run(&["plan", "--offline"])), Vec::<String>::new(), "nobody else is asked");
    let run = checkout.run_with(&[GITHUB], &["plan", "nowhere", "--offline"]).exits(2);
    assert!(commands(&run)[0].starts_with("::error title=shipwright::there is no image"), "{run:?}");
}

#[test]
fn names_and_contents_of_files_give_no_commands() {
    let checkout = Checkout::with(&[("shipwright.toml", "namespace = \"acme\"\n")]);
    for name in ["::set-output name=a::b", "##[add-mask]x", "a%0A::error::b\n::c"] {
        checkout.write(&format!("{name}/Dockerfile"), "FROM busybox\n##[add-mask]\nCPOY '##[group]' ::x::\n");
        checkout.write(&format!("x{name}/Dockerfile"), "FROM busybox\nCOPY ##[warning]x /\nCOPY . /\n");
    }
    checkout.commit("hostile");
    for command in [
        &["plan"][..],
        &["plan", "--verbose"],
        &["images", "--verbose"],
        &["graph"],
        &["plan", "--format", "json"],
    ] {
        let run = checkout.run_with(&[GITHUB], &[command, &["--offline"]].concat()).shows_nothing_raw();
        for line in commands(&run) {
            let ours = line.starts_with("::error file=") || line.starts_with("::warning file=");
            assert!(ours && line.matches("::").count() >= 2, "{command:?}: {line}");
            let properties = line[2..].split("::").next().unwrap_or_default();
            assert!(!properties.contains("set-output name=a:"), "{line}");
        }
        if command.contains(&"json") {
            run.json();
        }
    }
}
