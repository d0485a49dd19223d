//! The workflows of docs/ci.md, step by step, on a real engine and a real registry with a login. Every job begins
//! with nothing: a shallow clone, an engine without the images, a home without a login.

mod examples;
mod registry;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use examples::{blocks, document};
use registry::server::{LOGIN, Server, with_config};
use serde_json::{Value, json};
use shipwright::internals::{ImageReference, Registry as _, Tag};
use support::{Checkout, Engine, Run, git_in};

/// The YAML block of docs/ci.md that begins with this comment and has this text.
fn workflow(path: &str, part: &str) -> String {
    let comment = format!("# {path}\n");
    let mut found = blocks(&document("docs/ci.md"), "yaml").into_iter();
    found.find(|block| block.starts_with(&comment) && block.contains(part)).expect("a workflow of docs/ci.md")
}

/// The commands under a key of YAML: what follows it on its line, the lines of its block, or the entries of its list.
fn commands(lines: &[&str], key: &str) -> Vec<String> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(rest) = line.trim_start().strip_prefix(key).and_then(|rest| rest.strip_prefix(':')) else {
            continue;
        };
        if !["", " |"].contains(&rest) {
            found.push(rest.trim().to_owned());
            continue;
        }
        let below = lines[at + 1..].iter().take_while(|below| indent(below) > indent(line));
        found.push(below.map(|line| line.trim().trim_start_matches("- ")).collect::<Vec<_>>().join("\n"));
    }
    found
}

/// The lines of a top-level or second-level entry of YAML.
fn entry<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut lines = text.lines().skip_while(|line| line.trim_start() != format!("{name}:"));
    let first = lines.next().unwrap_or_else(|| panic!("no {name} in {text}"));
    lines.take_while(|line| indent(line) > indent(first)).collect()
}

/// The named step of a job: its script.
fn step(text: &str, job: &str, name: &str) -> String {
    let lines = entry(text, job);
    let from = lines.iter().position(|line| line.trim() == format!("- name: {name}"));
    let from = from.unwrap_or_else(|| panic!("no step `{name}` in {job}"));
    let to = lines[from + 1..].iter().position(|line| line.trim_start().starts_with("- "));
    let to = to.map_or(lines.len(), |to| from + 1 + to);
    commands(&lines[from..to], "run").pop().expect("a script")
}

struct Story {
    engine: Engine,
    server: Server,
    checkout: Checkout,
    jobs: std::cell::Cell<usize>,
}

impl Story {
    fn start() -> Option<Self> {
        let engine = Engine::start()?;
        let server = Server::start(&["htpasswd"])?;
        let checkout = Checkout::with(&[
            ("base/Dockerfile", "FROM busybox\nCOPY a /a\n"),
            ("base/a", "1"),
            ("api/Dockerfile", "FROM acme/base\nCOPY b /b\n"),
            ("api/b", "1"),
            ("tool/Dockerfile", "FROM busybox\nCOPY t /t\n"),
            ("tool/t", "1"),
        ]);
        Some(Self { engine, server, checkout, jobs: std::cell::Cell::new(0) })
    }

    /// A fresh machine that has checked `commit` out, detached, with this depth of history.
    fn job(&self, commit: &str, depth: Option<u32>, variables: &[(&str, &str)]) -> Job<'_> {
        self.forget();
        let number = self.jobs.replace(self.jobs.get() + 1);
        let home = self.checkout.beside(&format!("job-{number}"));
        let folder = home.join("shop");
        fs::create_dir_all(&folder).expect("a folder");
        git_in(&folder, &["init", "--quiet"]);
        let url = format!("file://{}", self.checkout.root.display());
        git_in(&self.checkout.root, &["config", "uploadpack.allowAnySHA1InWant", "true"]);
        let depth = depth.map(|depth| format!("--depth={depth}"));
        let fetch: Vec<&str> =
            ["fetch", "--quiet"].into_iter().chain(depth.as_deref()).chain([&*url, commit]).collect();
        git_in(&folder, &fetch);
        git_in(&folder, &["checkout", "--quiet", "--detach", commit]);
        let event = home.join("event.json");
        fs::write(&event, r#"{"repository": {"default_branch": "main"}}"#).expect("a file");
        let mut variables: BTreeMap<String, String> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        variables.entry("GITHUB_EVENT_PATH".to_owned()).or_insert(event.to_string_lossy().into_owned());
        for (name, value) in [("CI", "true"), ("GITHUB_SHA", commit), ("CI_COMMIT_SHA", commit)] {
            variables.insert(name.to_owned(), value.to_owned());
        }
        Job { story: self, folder, home, variables }
    }

    /// Takes all images of the checkout off the engine.
    fn forget(&self) {
        let listed = self.engine.docker(&["images", "--format", "{{.Repository}}:{{.Tag}}"]);
        let ours = format!("{}/", self.engine.namespace);
        for name in listed.lines().filter(|name| name.starts_with(&ours)) {
            self.engine.docker(&["rmi", "--force", name]);
        }
    }

    /// What stands under a tag, by image.
    fn digests(&self, tag: &str) -> BTreeMap<&'static str, Option<String>> {
        self.digests_below("", tag)
    }

    fn digests_below(&self, prefix: &str, tag: &str) -> BTreeMap<&'static str, Option<String>> {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let login = json!({"username": LOGIN.0, "password": LOGIN.1});
        let config = json!({"auths": {&self.server.address: login}});
        let client = with_config(&self.server.folder(), &config, registry::server::options());
        let of = |name: &'static str| {
            let repository = self.server.repository(&format!("{prefix}{}/{name}", self.engine.namespace));
            let reference: ImageReference = repository.with_tag(Tag::new(tag).expect("a tag"));
            let found = runtime.block_on(client.head(&reference)).expect("an answer");
            (name, found.map(|found| found.digest.to_string()))
        };
        ["base", "api", "tool"].into_iter().map(of).collect()
    }

    fn commit(&self, path: &str, content: &str) -> String {
        self.checkout.write(path, content);
        self.checkout.commit(content);
        self.checkout.git(&["rev-parse", "HEAD"])
    }
}

struct Job<'a> {
    story: &'a Story,
    folder: PathBuf,
    home: PathBuf,
    variables: BTreeMap<String, String>,
}

impl Job<'_> {
    /// Runs a script as the CI system does.
    fn script(&self, script: &str, variables: &[(&str, &str)]) -> Run {
        let binary = Path::new(env!("CARGO_BIN_EXE_shipwright")).parent().expect("a folder");
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new("bash")
            .args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script])
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", format!("{}:{path}", binary.display()))
            .env("HOME", &self.home)
            .env("DOCKER_HOST", self.story.engine.host())
            .env("SHIPWRIGHT_NAMESPACE", &self.story.engine.namespace)
            .env("REGISTRY", &self.story.server.address)
            .env("REGISTRY_TOKEN", LOGIN.1)
            .env("GITHUB_ACTOR", LOGIN.0)
            .env("CI_REGISTRY", &self.story.server.address)
            .env("CI_REGISTRY_IMAGE", format!("{}/group/shop", self.story.server.address))
            .env("CI_REGISTRY_USER", LOGIN.0)
            .env("CI_REGISTRY_PASSWORD", LOGIN.1)
            .env("GITHUB_STEP_SUMMARY", self.home.join("summary.md"))
            .env("GITHUB_OUTPUT", self.home.join("output"))
            .envs(&self.variables)
            .envs(variables.iter().copied())
            .output()
            .expect("bash runs");
        Run::of(&output)
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.home.join(name)).unwrap_or_default()
    }
}

/// How many images a run built.
fn built(run: &Run) -> usize {
    run.stderr.lines().filter(|line| line.contains(" built in ")).count()
}

fn push_of(branch: &str) -> [(&str, &str); 3] {
    [("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_NAME", "push"), ("GITHUB_REF", branch)]
}

const REQUEST: [(&str, &str); 3] =
    [("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_NAME", "pull_request"), ("GITHUB_REF", "refs/pull/7/merge")];

#[test]
fn github_builds_what_changed_and_tags_the_rest() {
    let Some(story) = Story::start() else { return };
    let text = workflow(".github/workflows/images.yml", "name: images");
    let (log_in, push) =
        (step(&text, "images", "Log in"), step(&text, "images", "Build what changed, tag the rest"));
    let first = story.checkout.git(&["rev-parse", "HEAD"]);

    let job = story.job(&first, Some(1), &push_of("refs/heads/main"));
    job.script(&log_in, &[]).exits(0);
    let run = job.script(&push, &[]).exits(0).says("::group::").says("3 pushed");
    assert_eq!(built(&run), 3);
    let main = story.digests("main");
    assert!(main.values().all(Option::is_some) && story.digests("latest") == main, "{main:?}");
    let summary = job.file("summary.md");
    assert!(summary.contains("/api | built | never built here |"), "{summary}");
    assert!(summary.contains("### Pushed: shop"), "{summary}");

    let job = story.job(&first, Some(1), &push_of("refs/heads/main"));
    job.script(&log_in, &[]).exits(0);
    let run = job.script(&push, &[]).exits(0).says("nothing to push");
    assert_eq!(built(&run), 0, "what is in the registry is known without any state");
    assert!(
        job.file("summary.md").contains("/api | unchanged | the registry has it |"),
        "{}",
        job.file("summary.md")
    );

    let second = story.commit("api/b", "2");
    let job = story.job(&second, Some(1), &REQUEST);
    job.script(&log_in, &[]).exits(0);
    assert_eq!(built(&job.script(&push, &[]).exits(0)), 1);
    let request = story.digests("pr-7");
    assert_eq!((&request["base"], &request["tool"]), (&main["base"], &main["tool"]));
    assert_ne!(request["api"], main["api"]);
    assert_eq!(
        (story.digests("main"), story.digests("latest")),
        (main.clone(), main),
        "a request moves neither"
    );

    let job = story.job(&second, Some(1), &push_of("refs/heads/main"));
    job.script(&log_in, &[]).exits(0);
    let run = job.script(&push, &[]).exits(0);
    assert_eq!(built(&run), 0, "the merge builds nothing: {}", run.stderr);
    assert_eq!((story.digests("main"), story.digests("latest")), (request.clone(), request));
    let summary = job.file("summary.md");
    assert!(summary.contains("/api | tagged | the registry has it |"), "{summary}");
}

#[test]
fn a_fork_s_request_builds_and_pushes_nothing_and_that_is_no_failure() {
    let Some(story) = Story::start() else { return };
    let text = workflow(".github/workflows/images.yml", "name: images");
    let push = step(&text, "images", "Build what changed, tag the rest");
    let commit = story.checkout.git(&["rev-parse", "HEAD"]);
    let event = |from: &str| -> Value {
        json!({"pull_request": {"number": 7, "head": {"sha": commit, "repo": {"full_name": from}},
               "base": {"repo": {"full_name": "acme/shop"}}}})
    };
    let path = story.checkout.beside("event.json");
    let event_path = path.to_string_lossy();
    let variables = [&REQUEST[..], &[("GITHUB_EVENT_PATH", &*event_path)]].concat();

    fs::write(&path, event("eve/shop").to_string()).expect("a file");
    let job = story.job(&commit, Some(1), &variables);
    let said = format!(
        "nothing pushed: this is a pull request of a fork and there are no credentials for {}",
        story.server.address
    );
    let run = job.script(&push, &[]).exits(0).says(&said);
    assert_eq!(built(&run), 3);
    for tag in ["main", "latest", "pr-7"] {
        assert!(story.digests(tag).values().all(Option::is_none), "{tag}");
    }

    fs::write(&path, event("acme/shop").to_string()).expect("a file");
    story.job(&commit, Some(1), &variables).script(&push, &[]).exits(4);
}

#[test]
fn github_s_layers_build_one_after_the_other_and_tags_move_last() {
    let Some(story) = Story::start() else { return };
    let text = workflow(".github/workflows/matrix.yml", "name: matrix");
    let find = step(&text, "affected", "Find out what is affected");
    let (log_in, build) = (step(&text, "layer-0", "Log in"), step(&text, "layer-0", "Build one image"));
    let tag = step(&text, "tags", "Build what is left, tag the rest");
    let variables = push_of("refs/heads/main");
    let first = story.checkout.git(&["rev-parse", "HEAD"]);
    let pipeline = |since: &str, commit: &str| -> (Vec<Vec<String>>, usize) {
        let job = story.job(commit, None, &variables);
        job.script(&find, &[("SINCE", since)]).exits(0);
        let output = job.file("output");
        let layers: Value =
            serde_json::from_str(output.strip_prefix("layers=").expect("an output")).expect("JSON");
        let before = story.digests("main");
        let mut images = Vec::new();
        for layer in layers.as_array().expect("layers") {
            let mut names = Vec::new();
            for entry in layer["include"].as_array().expect("a matrix") {
                let job = story.job(commit, Some(1), &variables);
                job.script(&log_in, &[]).exits(0);
                let image = support::text(&entry["image"]);
                let run = job.script(&build, &[("IMAGE", &image)]).exits(0);
                assert_eq!(built(&run), 1, "its dependencies come from the registry: {}", run.stderr);
                names.push(image.rsplit('/').next().unwrap_or_default().to_owned());
            }
            images.push(names);
        }
        assert_eq!(story.digests("main"), before, "no job of one image moves a tag");
        let job = story.job(commit, Some(1), &variables);
        job.script(&log_in, &[]).exits(0);
        (images, built(&job.script(&tag, &[]).exits(0)))
    };
    let all = pipeline(&"0".repeat(40), &first);
    assert_eq!(all, (vec![vec!["base".to_owned(), "tool".to_owned()], vec!["api".to_owned()]], 0));
    let main = story.digests("main");
    assert!(main.values().all(Option::is_some) && story.digests("latest") == main, "{main:?}");
    let second = story.commit("base/a", "2");
    assert_eq!(pipeline(&first, &second), (vec![vec!["base".to_owned()], vec!["api".to_owned()]], 0));
    let now = story.digests("main");
    assert_eq!(now["tool"], main["tool"]);
    assert!(now["base"] != main["base"] && now["api"] != main["api"], "{now:?}");
    let third = story.commit("README", "nothing of an image");
    assert_eq!(pipeline(&second, &third), (Vec::new(), 0), "nothing to build is fine");
}

#[test]
fn gitlab_builds_what_changed_and_its_child_pipeline_likewise() {
    let Some(story) = Story::start() else { return };
    let plain = workflow(".gitlab-ci.yml", "$CI_COMMIT_TAG");
    let job_script = |text: &str, job: &str| -> String {
        let lines = entry(text, job);
        [commands(&lines, "before_script"), commands(&lines, "script")].concat().join("\n")
    };
    let first = story.checkout.git(&["rev-parse", "HEAD"]);
    let branch = [("GITLAB_CI", "true"), ("CI_COMMIT_BRANCH", "main"), ("CI_DEFAULT_BRANCH", "main")];
    let job = story.job(&first, Some(1), &branch);
    let run =
        job.script(&job_script(&plain, "images"), &[]).exits(0).says("section_start:").says("section_end:");
    assert_eq!(built(&run), 3);
    let main = story.digests_below("group/shop/", "main");
    assert!(main.values().all(Option::is_some), "{main:?}");

    let second = story.commit("base/a", "2");
    let parent = workflow(".gitlab-ci.yml", "trigger:");
    let request =
        [("GITLAB_CI", "true"), ("CI_MERGE_REQUEST_IID", "12"), ("CI_MERGE_REQUEST_DIFF_BASE_SHA", &first)];
    let job = story.job(&second, None, &request);
    job.script(&job_script(&parent, "affected"), &[]).exits(0);
    let child = fs::read_to_string(job.folder.join("affected.yml")).expect("a child pipeline");
    let local = workflow(".gitlab/shipwright.yml", ".shipwright:");
    let images: Vec<String> = child
        .lines()
        .filter_map(|line| line.split("SHIPWRIGHT_IMAGE: \"").nth(1)?.split('"').next())
        .map(str::to_owned)
        .collect();
    assert_eq!(images, ["base", "api"].map(|name| format!("{}/{name}", story.engine.namespace)));
    for image in &images {
        let job = story.job(&second, Some(1), &request);
        let run = job.script(&job_script(&local, ".shipwright"), &[("SHIPWRIGHT_IMAGE", image)]).exits(0);
        assert_eq!(built(&run), 1, "{}", run.stderr);
    }
    assert!(story.digests_below("group/shop/", "pr-12").values().all(Option::is_none));
    let job = story.job(&second, Some(1), &request);
    assert_eq!(built(&job.script(&job_script(&parent, "tags"), &[]).exits(0)), 0);
    let now = story.digests_below("group/shop/", "pr-12");
    assert_eq!(now["tool"], main["tool"]);
    assert!(now["base"] != main["base"] && now["base"].is_some(), "{now:?}");
    assert_eq!(story.digests_below("group/shop/", "main"), main);
}

/// Whoever writes a Dockerfile writes to the log, which the runner of GitHub Actions reads commands out of.
#[test]
fn what_a_build_prints_is_no_command() {
    let Some(engine) = Engine::start() else { return };
    let prints = "printf '::set-output name=a::b\\n##[add-mask]x\\n  ::stop-commands::y\\n\\r::error::z\\n'";
    let checkout = Checkout::with(&[
        ("good/Dockerfile", &format!("FROM busybox\nRUN {prints}\n")),
        ("bad/Dockerfile", &format!("FROM busybox\nRUN {prints} && exit 3\n")),
    ]);
    let mut command = engine.command(&checkout, &["build", "--jobs", "2"]);
    command.envs([
        ("GITHUB_ACTIONS", "true"),
        ("CI", "true"),
        ("GITHUB_STEP_SUMMARY", "/nonexistent/summary"),
    ]);
    let run = Run::of(&command.output().expect("the command runs")).exits(1);
    let run =
        run.says("no summary of this job: /nonexistent/summary").says("#1 \\u{3a}:set-output name=a::b");
    let commands: Vec<&str> = run
        .stderr
        .lines()
        .filter(|line| line.trim_start().starts_with("::") || line.contains("##["))
        .collect();
    let (groups, errors): (Vec<&str>, Vec<&str>) =
        commands.into_iter().partition(|line| line.starts_with("::group::") || *line == "::endgroup::");
    assert_eq!(groups.len(), 4, "{run:#?}");
    let [error] = errors[..] else { panic!("{errors:?}") };
    assert!(error.starts_with("::error file=bad/Dockerfile,line=2,title=shipwright::"), "{error}");
}

/// Steps that no test runs would go stale unnoticed.
#[test]
fn every_step_of_the_document_is_known_here() {
    let known = [
        "Install Shipwright",
        "Log in",
        "Build what changed, tag the rest",
        "Find out what is affected",
        "Build one image",
        "Build what is left, tag the rest",
    ];
    let text = document("docs/ci.md");
    let log_ins: std::collections::BTreeSet<&str> =
        text.lines().filter(|line| line.contains("run:") && line.contains("docker login")).collect();
    assert_eq!(log_ins.len(), 1, "{log_ins:?}");
    for name in text.lines().filter_map(|line| line.trim().strip_prefix("- name: ")) {
        assert!(known.contains(&name), "{name}");
    }
}

/// The action at the root of this repository, as a job that names it in `uses:` runs it.
#[test]
fn the_action_pushes_and_gives_on_what_was_printed() {
    let Some(story) = Story::start() else { return };
    let action = document("action.yml");
    let (install, run) = (step(&action, "runs", "Install"), step(&action, "runs", "Run"));
    let head = story.checkout.git(&["rev-parse", "HEAD"]);
    let job = story.job(&head, Some(1), &push_of("refs/heads/main"));
    let login = step(&workflow(".github/workflows/images.yml", ""), "images", "Log in");
    job.script(&login, &[]).exits(0);
    // This version is on the machine already, so nothing is compiled.
    let here = [("GITHUB_ACTION_PATH", env!("CARGO_MANIFEST_DIR")), ("CARGO", "/nowhere")];
    job.script(&install, &here).exits(0);
    let push = format!("push --registry {}", story.server.address);
    job.script(&run, &[("ARGUMENTS", &push)]).exits(0).says("3 pushed");
    assert!(story.digests("main").values().all(Option::is_some));
    job.script(&run, &[("ARGUMENTS", &format!("ensure --registry {} api", story.server.address))]).exits(0);
    let output = job.file("output");
    let reference = output.lines().find(|line| line.contains("/api:src-")).expect("a reference");
    assert!(output.lines().filter(|line| line.starts_with("stdout<<")).count() == 2, "{output}");
    assert!(reference.starts_with(&story.engine.namespace), "{output}");
    // Words are no commands of a shell, and a failure stays one.
    let odd = job.script(&run, &[("ARGUMENTS", "plan --since $(touch /nowhere/x); true")]);
    assert_eq!(odd.code, 2, "{odd:#?}");
}
