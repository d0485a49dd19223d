//! `shipwright ensure`, `build --pull-cache` and logins, on a real engine and a real registry.

mod registry;
mod story;
mod support;

use registry::http::{Seen, reply};
use registry::proxy::{Proxy, Replacement};
use registry::server::{LOGIN, Uploader, auths};
use registry::tokens::{READER, TokenServer, WRITER};
use serde_json::Value;
use shipwright::internals::Registry as _;
use shipwright::ops::{
    self, Audience, Choices, Config, Diagnostic, Ending, EnsureRequest, Ensured, Event, ImageOutcome,
    ImageRequest, NamespaceSource, RemotePolicy,
};
use story::{Story, story_with};
use support::{Checkout, Run, images_of, text};

/// What `ensure` did.
struct Done {
    run: Run,
    built: Vec<String>,
    pulled: Vec<String>,
}

fn with_events(story: &Story, command: &str, arguments: &[&str]) -> Done {
    let file = story.checkout.beside("ensure.json");
    let path = file.to_string_lossy().into_owned();
    let _ = std::fs::remove_file(&file);
    let all = [&[command, "--registry", &story.address, "--events", &path], arguments].concat();
    let run = story.engine.run(&story.checkout, &all);
    let lines = std::fs::read_to_string(&file).unwrap_or_default();
    let events: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect();
    let pulls = events.iter().filter(|event| event["event"] == "pull-started");
    let name = |reference: String| reference.rsplit(['/', ':']).nth(1).unwrap_or_default().to_owned();
    let mut pulled: Vec<String> = pulls.map(|event| name(text(&event["reference"]))).collect();
    pulled.sort();
    Done { run, built: images_of(&events, "build-started"), pulled }
}

impl Story {
    fn ensure(&self, arguments: &[&str]) -> Done {
        with_events(self, "ensure", arguments)
    }

    fn reference(&self, name: &str) -> String {
        let images = self.engine.run(&self.checkout, &["images"]).exits(0).stdout;
        let start = format!("{}/{name}:src-", self.engine.namespace);
        images.lines().find(|line| line.starts_with(&start)).expect("the image").to_owned()
    }
}

#[test]
fn what_is_nowhere_is_built_and_only_the_reference_is_printed() {
    let story = story!();
    let reference = story.reference("api");
    let first = story.ensure(&["api"]);
    assert_eq!(first.run.exits(0).stdout, format!("{reference}\n"));
    assert_eq!(first.built, ["api", "base"]);
    assert!(!story.engine.has("api:main") && !story.engine.has("api:latest"), "no tag moves");
    assert!(!story.engine.has("tool"), "nothing else is built");
    assert!(story.server.log().is_empty() || story.digests(&["api"], &tag_of(&reference))["api"].is_none());

    let second = story.ensure(&["--progress", "json", "api/Dockerfile", "base", "api"]);
    let base = story.reference("base");
    assert_eq!(
        second.run.exits(0).stdout,
        format!("{reference}\n{base}\n"),
        "in the order of the names, once"
    );
    assert!(second.built.is_empty());
}

fn tag_of(reference: &str) -> String {
    reference.rsplit(':').next().expect("a tag").to_owned()
}

#[test]
fn what_the_registry_has_is_pulled_with_its_dependencies_left_there() {
    let story = story!();
    story.ensure(&["--remote", "all", "api"]).run.exits(0);
    let key = tag_of(&story.reference("api"));
    assert!(story.digests(&["api"], &key)["api"].is_some(), "what was built is pushed");
    assert!(story.digests(&["api"], "main")["api"].is_none(), "no tag moves there either");

    story.forget();
    let pulled = story.ensure(&["api"]);
    assert_eq!(pulled.run.exits(0).stdout, format!("{}\n", story.reference("api")));
    assert_eq!((pulled.built, pulled.pulled), (vec![], vec!["api".to_owned()]));
    assert!(!story.engine.has("base"), "what is pulled needs no base");

    // A change above: the base comes from the registry, and the new image stays here.
    story.forget();
    story.checkout.write("api/b", "2");
    let changed = story.ensure(&["api"]);
    changed.run.exits(0);
    assert_eq!((changed.built, changed.pulled), (vec!["api".to_owned()], vec!["base".to_owned()]));
    let key = tag_of(&story.reference("api"));
    assert!(story.digests(&["api"], &key)["api"].is_none());
    // Pushed later, although there is nothing to build any more.
    story.ensure(&["--remote", "push", "api"]).run.exits(0);
    assert!(story.digests(&["api"], &key)["api"].is_some());

    story.forget();
    let alone = story.ensure(&["--remote", "none", "base"]);
    alone.run.exits(0);
    assert_eq!(alone.built, ["base"]);
}

#[test]
fn what_fails_prints_no_reference() {
    let story = story!();
    story.checkout.write("api/Dockerfile", "FROM acme/base\nRUN false\n");
    story.checkout.write("broken/Dockerfile", "FRMO x\n");
    story.checkout.write("open/Dockerfile", "ARG BASE\nFROM $BASE\n");
    let silent = |arguments: &[&str], code| {
        let ensured = story.ensure(arguments);
        let run = ensured.run.exits(code);
        assert_eq!(run.stdout, "");
        run
    };
    silent(&["tool", "api"], 1).says("api/Dockerfile:2:1");
    silent(&["tol"], 2).says("tool");
    silent(&["open"], 2).says("BASE");
    silent(&["broken"], 2).says("broken/Dockerfile:1");
    silent(&["-t", "x", "tool"], 2).says("ensure moves no tags");
    silent(&["--no-cache", "tool"], 2).says("shipwright build --no-cache");
    silent(&["--offline", "tool"], 2).says("--remote none");
    let fine = story.ensure(&["tool"]).run.exits(0);
    assert!(!fine.stderr.contains("broken"), "what is wrong elsewhere does not matter: {}", fine.stderr);
}

#[test]
fn a_registry_that_does_not_answer_is_built_around() {
    let mut story = story!();
    "127.0.0.1:1".clone_into(&mut story.address);
    let ensured = story.ensure(&["base"]);
    ensured.run.exits(0).says("127.0.0.1:1").says("is built instead");
    assert_eq!(ensured.built, ["base"]);
    story.ensure(&["--remote", "push", "base"]).run.exits(4).says("127.0.0.1:1");
}

#[test]
fn pull_cache_pulls_what_the_registry_has() {
    let story = story!();
    story.push(&[]).0.exits(0);
    story.forget();
    story.checkout.write("api/b", "2");
    story.checkout.commit("change");
    let plan = story.engine.run(&story.checkout, &["plan", "--pull-cache", "--registry", &story.address]);
    assert_eq!(plan.exits(0).stdout.matches("has it").count(), 2);
    let built = with_events(&story, "build", &["--pull-cache"]);
    built.run.exits(0);
    assert_eq!(built.built, ["api"]);
    assert_eq!(built.pulled, ["base", "tool"]);
    for name in story::CHAIN {
        assert!(story.engine.has(&format!("{name}:main")), "{name}");
    }
}

#[test]
fn an_image_with_a_tag_prefix_is_found_where_a_push_has_put_it() {
    let story = story!();
    story.checkout.write("shipwright.toml", "[names]\n'tool' = 'tool:8.0'\n");
    story.checkout.commit("prefix");
    story.push(&["tool"]).0.exits(0);
    story.forget();
    let ensured = story.ensure(&["tool"]);
    ensured.run.exits(0);
    assert_eq!((ensured.built, ensured.pulled), (vec![], vec!["tool".to_owned()]));
    let pushed = story.ensure(&["--remote", "push", "tool"]).run.exits(0);
    let key = pushed.stdout.trim_end().rsplit("8.0-").next().expect("a key").to_owned();
    assert!(story.digests(&["tool"], &format!("8.0-{key}"))["tool"].is_some());
    assert!(story.digests(&["tool"], &key)["tool"].is_none(), "it stands under one name");
}

#[test]
fn what_exact_leaves_out_comes_from_the_registry() {
    let story = story!();
    story.push(&["base"]).0.exits(0);
    story.forget();
    let built = with_events(&story, "build", &["--exact", "api"]);
    built.run.exits(0);
    assert_eq!(built.built, ["api"]);
    assert!(!story.engine.has("base:main"), "only what is selected gets tags that move");

    story.forget();
    let (run, built) = story.push(&["--exact", "api"]);
    run.exits(0);
    assert_eq!(built, ["api"]);
    assert!(story.digests(&["api"], "main")["api"].is_some());

    story.forget();
    let run = story.engine.run(&story.checkout, &["build", "--exact", "api"]).exits(2);
    run.says("is not built");
}

/// Whoever may write to a registry can put anything under the tag of a key.
#[test]
fn another_image_under_a_key_is_neither_pulled_nor_tagged() {
    let story = story!();
    story.push(&[]).0.exits(0);
    let key = tag_of(&story.reference("base"));
    story.forget();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let repository = format!("{}/base", story.engine.namespace);
    let (uploader, before) = (Uploader::new(&story.server), story.digests(&["base"], "main"));
    runtime.block_on(uploader.image(&repository, &key, &[], "amd64"));
    let reference = format!("{}/{repository}:{key}", story.address);
    for (command, arguments) in
        [("ensure", &["base"][..]), ("build", &["--pull-cache"]), ("build", &["--exact", "api"])]
    {
        let done = with_events(&story, command, arguments);
        done.run.exits(4).says(&reference).says("not an image of Shipwright's").says("delete");
        assert!(done.built.is_empty() && done.pulled.is_empty(), "{:?} {:?}", done.built, done.pulled);
    }
    for arguments in [&["plan", "--pull-cache"][..], &["push"], &["push", "--force"]] {
        let all = [arguments, &["--registry", &story.address]].concat();
        story.engine.run(&story.checkout, &all).exits(4).says(&reference);
    }
    assert!(!story.engine.has(&format!("base:{key}")));
    story.ensure(&["--remote", "push", "base"]).run.exits(4).says(&reference);
    assert_eq!(story.digests(&["base"], "main"), before);
}

/// Runs a command with a login in Docker's configuration, or with none.
fn run_as(story: &Story, login: Option<(&str, &str)>, arguments: &[&str]) -> Run {
    run_in_job(story, login, arguments, &[])
}

/// The same in a job of a CI system.
fn run_in_job(
    story: &Story,
    login: Option<(&str, &str)>,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Run {
    let folder = story.checkout.beside("docker");
    std::fs::create_dir_all(&folder).expect("a folder");
    let config = login.map_or(serde_json::json!({}), |login| auths(&story.address, login));
    std::fs::write(folder.join("config.json"), config.to_string()).expect("written");
    let all = [&[arguments[0], "--registry", &story.address], &arguments[1..]].concat();
    let mut command = story.engine.command(&story.checkout, &all);
    command.env("DOCKER_CONFIG", &folder).envs(variables.iter().copied());
    let run = Run::of(&command.output().expect("the command runs"));
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(!login.is_some_and(|(_, password)| said.contains(password)), "a password is shown: {said}");
    run
}

#[test]
fn a_registry_with_tokens() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let tokens = runtime.block_on(TokenServer::start(folder.path()));
    let certificate = tokens.certificate.to_string_lossy();
    let Some(story) = story_with(&["token", &tokens.realm, &certificate]) else { return };
    run_as(&story, Some(READER), &["push"]).exits(4).says("config.json").says("push");

    // The token of a fork's job may only read.
    let head = story.checkout.git(&["rev-parse", "HEAD"]);
    let event = story.checkout.beside("event.json");
    let request = serde_json::json!({"number": 7, "head": {"sha": head, "repo": {"full_name": "eve/shop"}},
        "base": {"repo": {"full_name": "acme/shop"}}});
    std::fs::write(&event, serde_json::json!({"pull_request": request}).to_string()).expect("a file");
    let job = [
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_REF", "refs/pull/7/merge"),
        ("GITHUB_SHA", head.as_str()),
        ("GITHUB_EVENT_PATH", &event.to_string_lossy()),
    ];
    let run = run_in_job(&story, Some(READER), &["push"], &job).exits(0);
    let run = run.says("nothing pushed: this is a pull request of a fork").says("may not push to");
    assert!(!run.stderr.contains("error"), "{}", run.stderr);
    run_in_job(&story, Some(("reader", "hunter2")), &["push"], &job)
        .exits(4)
        .says("does not accept the login");

    run_as(&story, Some(WRITER), &["push"]).exits(0).says("3 pushed");
    run_as(&story, Some(WRITER), &["push"]).exits(0).says("nothing to push");
    story.forget();
    let pulled = run_as(&story, Some(READER), &["ensure", "tool"]).exits(0);
    assert!(pulled.stderr.contains("1 pulled"), "{}", pulled.stderr);
}

#[test]
fn logins_are_docker_s() {
    let Some(story) = story_with(&["htpasswd"]) else { return };
    let run = |login: Option<(&str, &str)>, arguments: &[&str]| run_as(&story, login, arguments);
    let wrong = ("me", "not-the-password");
    let pushed = run(Some(wrong), &["push"]).exits(4);
    pushed.says(&story.address).says("config.json");
    run(None, &["push"]).exits(4).says("docker login");
    run(Some(LOGIN), &["push"]).exits(0).says("3 pushed");

    story.forget();
    let refused = run(Some(wrong), &["ensure", "tool"]).exits(4);
    assert_eq!(refused.says("config.json").stdout, "", "a wrong login is not built around");
    let pulled = run(Some(LOGIN), &["ensure", "tool"]).exits(0);
    assert!(pulled.stderr.contains("1 pulled"), "{}", pulled.stderr);
    story.forget();
    run(None, &["ensure", "tool"]).exits(0).says("is built instead");
}

/// A builder fetches the frontend that a `# syntax=` line names by itself, and asks who started the build for the login.
#[test]
fn frontends_are_fetched_with_docker_s_logins() {
    let Some(story) = story_with(&["htpasswd"]) else { return };
    run_as(&story, Some(LOGIN), &["push"]).exits(0).says("3 pushed");
    // Any image will do: what a builder gets is what is seen here, not what it makes of it.
    let frontend = format!("{}/{}", story.address, story.reference("tool"));
    story.checkout.write("api/Dockerfile", format!("# syntax={frontend}\nFROM scratch\nCOPY b /b\n"));
    let refused = run_as(&story, None, &["build", "api"]).exits(1);
    assert!(refused.stderr.contains("uthoriz"), "{}", refused.stderr);
    let fetched = run_as(&story, Some(LOGIN), &["build", "api"]).exits(1);
    assert!(!fetched.stderr.contains("uthoriz"), "{}", fetched.stderr);
    let asked = story.server.log();
    let allowed = asked.lines().filter(|line| line.contains("authorized request"));
    let of_frontend = allowed.filter(|line| line.contains("/tool/manifests/"));
    let is_builder =
        |line: &&str| ["useragent=buildkit", "useragent=containerd"].iter().any(|it| line.contains(it));
    let mut by_the_engine = of_frontend.filter(is_builder);
    assert!(by_the_engine.next().is_some(), "{asked}");
}

#[test]
fn a_program_can_call_it() {
    let story = story!();
    let call = |names: &[&str], heard: &mut Heard| {
        let config = Config {
            folder: story.checkout.root.clone(),
            host: Some(story.engine.host().to_owned()),
            ..Config::default()
        };
        let choices = Choices {
            namespace: Some((story.engine.namespace.clone(), NamespaceSource::Environment)),
            registries: vec![story.address.clone()],
            ..Choices::default()
        };
        let request = EnsureRequest {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            remote: RemotePolicy::All,
            images: ImageRequest { choices, ..ImageRequest::default() },
            ..EnsureRequest::default()
        };
        ops::block_on(ops::ensure(&config, &request, heard))
    };
    let mut heard = Heard::default();
    let Ensured::There(references) = call(&["api", "tool"], &mut heard).expect("built") else {
        panic!("{heard:?}")
    };
    assert_eq!((heard.findings.len(), heard.failed.len()), (0, 0), "{heard:?}");
    let printed: Vec<String> = references.iter().map(ToString::to_string).collect();
    assert_eq!(printed, [story.reference("api"), story.reference("tool")]);
    assert!(story.digests(&["api"], &tag_of(&printed[0]))["api"].is_some());

    let error = call(&["tol"], &mut heard).expect_err("there is none");
    assert_eq!(error.ending(), Ending::Wrong);
    let found = error.into_findings();
    assert!(found[0].hint.as_ref().is_some_and(|hint| hint.contains("tool")), "{found:?}");
    story.checkout.write("tool/Dockerfile", "FROM busybox\nRUN echo why; false\n");
    let ensured = call(&["tool"], &mut heard).expect("it can begin");
    assert_eq!(ensured, Ensured::Missing(Ending::Failed));
    let [(line, log)] = &heard.failed[..] else { panic!("{heard:?}") };
    assert_eq!(*line, Some(2));
    assert!(log.iter().any(|line| line.contains("why")), "{heard:?}");
}

/// What a program hears.
#[derive(Debug, Default)]
struct Heard {
    findings: Vec<Diagnostic>,
    /// Line and log of the builds that failed.
    failed: Vec<(Option<usize>, Vec<String>)>,
}

impl Audience for Heard {
    fn finds(&mut self, findings: &[Diagnostic]) {
        self.findings.extend_from_slice(findings);
    }

    fn event(&mut self, event: &Event) {
        if let Event::ImageFinished { outcome: ImageOutcome::Failed { line, log, .. }, .. } = event {
            self.failed.push((*line, log.clone()));
        }
    }
}

#[test]
fn several_registries_get_the_same() {
    let story = story!();
    let Some(second) = registry::server::Server::start(&[]) else { return };
    let settings = format!("registry = [\"{}\", \"{}/mirror\"]\n", story.address, second.address);
    let checkout = Checkout::with(&[("tool/Dockerfile", "FROM busybox\nCOPY f /\n"), ("tool/f", "1")]);
    checkout.write("shipwright.toml", settings);
    checkout.commit("settings");
    story.engine.run(&checkout, &["push"]).exits(0).says("1 image in 2 registries: 2 pushed");
    let first = story.digests(&["tool"], "latest")["tool"].clone().expect("pushed");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let there = second.reference(&format!("mirror/{}/tool:latest", story.engine.namespace));
    let found = runtime.block_on(registry::server::anonymous().head(&there)).expect("an answer");
    assert_eq!(found.expect("pushed").digest.to_string(), first);
    let twice = ["push", "--registry", &story.address, "--registry", &story.address];
    story.engine.run(&checkout, &twice).exits(0).says("1 image: nothing to push");
}

fn is_look_up(request: &Seen) -> bool {
    request.target.contains("/manifests/") && matches!(request.method.as_str(), "HEAD" | "GET")
}

/// Docker pushes without a look at what is there; whoever looks must not fail where it does not.
#[test]
fn what_docker_may_push_is_pushed_where_a_look_at_it_is_refused() {
    let refusals: [Replacement; 4] = [
        |request, answer| {
            (is_look_up(request) && answer.target == "404").then(|| reply("403 Forbidden", &[], ""))
        },
        |request, answer| {
            let wanted = "WWW-Authenticate: Basic realm=x";
            (is_look_up(request) && answer.target == "404").then(|| reply("401 Unauthorized", &[wanted], ""))
        },
        |request, _| {
            (request.method == "HEAD" && is_look_up(request))
                .then(|| reply("405 Method Not Allowed", &["Allow: GET"], ""))
        },
        // What may not be written is for neither.
        |request, _| request.target.contains("/manifests/").then(|| reply("403 Forbidden", &[], "")),
    ];
    for (at, refusal) in refusals.into_iter().enumerate() {
        let Some(mut story) = story_with(&["htpasswd"]) else { return };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let proxy = runtime.block_on(Proxy::start(&story.server.address));
        story.address.clone_from(&proxy.address);
        proxy.replace(refusal);
        let ours = run_as(&story, Some(LOGIN), &["push", "tool"]);
        let by_docker = format!("{}/{}/by-docker:1", proxy.address, story.engine.namespace);
        let docker = |arguments: &[&str]| {
            let mut command = std::process::Command::new("docker");
            command.args(["-H", story.engine.host()]).args(arguments);
            command.env("DOCKER_CONFIG", story.checkout.beside("docker")).output().expect("docker runs")
        };
        assert!(docker(&["tag", "busybox:latest", &by_docker]).status.success());
        let pushed = docker(&["push", &by_docker]);
        docker(&["rmi", &by_docker]);
        assert_eq!(pushed.status.success(), at < 3, "{at}: {}", String::from_utf8_lossy(&pushed.stderr));
        ours.exits(if at < 3 { 0 } else { 4 });
    }
}
