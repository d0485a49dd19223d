//! Hooks that build, push and tag, on a real engine, with real pushes and branch switches.

mod registry;
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use registry::server::{Server, anonymous};
use shipwright::internals::{Registry as _, Tag};
use support::{Checkout, Engine, Run};

/// A checkout of three images with a remote, and git whose hooks find `shipwright` and the engine.
struct Story {
    engine: Engine,
    shop: Checkout,
    remote: PathBuf,
}

impl Story {
    fn new(hooks: &[&str]) -> Option<Self> {
        let engine = Engine::start()?;
        let shop = Checkout::with(&[
            ("base/Dockerfile", "FROM busybox\nCOPY a /a\n"),
            ("base/a", "1"),
            ("api/Dockerfile", "FROM acme/base\nCOPY b /b\n"),
            ("api/b", "1"),
            ("tool/Dockerfile", "FROM busybox\nCOPY t /t\n"),
            ("tool/t", "1"),
        ]);
        let remote = shop.beside("the remote.git");
        let path = remote.to_string_lossy().into_owned();
        shop.git(&["init", "--quiet", "--bare", "--initial-branch=main", &path]);
        shop.git(&["remote", "add", "origin", &path]);
        shop.run(&[&["hook", "install"], hooks].concat()).exits(0);
        Some(Self { engine, shop, remote })
    }

    fn git(&self, arguments: &[&str]) -> Run {
        self.git_on(self.engine.host(), arguments)
    }

    fn git_on(&self, host: &str, arguments: &[&str]) -> Run {
        let ours = Path::new(env!("CARGO_BIN_EXE_shipwright")).parent().expect("a folder");
        let path = std::env::var("PATH").expect("a PATH");
        let mut command = Command::new("git");
        command
            .current_dir(&self.shop.root)
            .env_clear()
            .env("PATH", format!("{}:{path}", ours.display()))
            .env("HOME", self.shop.beside(""))
            .env("DOCKER_HOST", host)
            .env("SHIPWRIGHT_NAMESPACE", &self.engine.namespace)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .args(arguments);
        Run::of(&command.output().expect("git runs"))
    }

    fn commit(&self, path: &str, text: &str) -> String {
        self.shop.write(path, text);
        self.shop.commit(text);
        self.shop.head()
    }

    fn remote_has(&self, name: &str) -> bool {
        let reference = format!("refs/{name}");
        let found = Command::new("git")
            .current_dir(&self.remote)
            .args(["rev-parse", "--quiet", "--verify", &reference])
            .output();
        found.expect("git runs").status.success()
    }

    fn have(&self, tag: &str) -> [bool; 3] {
        ["base", "api", "tool"].map(|name| self.engine.has(&format!("{name}:{tag}")))
    }
}

const NONE: [bool; 3] = [false; 3];
const ALL: [bool; 3] = [true; 3];

macro_rules! story {
    ($hooks:expr) => {
        match Story::new($hooks) {
            Some(story) => story,
            None => return,
        }
    };
}

#[test]
fn every_image_of_the_pushed_commit_is_built_or_nothing_is_pushed() {
    let story = story!(&["--mode", "build"]);
    let head = story.shop.head();
    story.shop.write("api/b", "of the work tree");
    story.git(&["push", "origin", "main:release/1", "main:refs/tags/v1"]).exits(0);
    assert_eq!([story.have(&head), story.have("release-1"), story.have("v1")], [ALL; 3]);
    assert_eq!(story.have("main"), NONE, "the pushed name counts, not the local one");
    assert_eq!(story.engine.in_image("api:release-1", &["cat", "/b"]), "1");

    story.shop.git(&["switch", "--quiet", "--create", "bad"]);
    story.commit("tool/Dockerfile", "FROM busybox\nCOPY t /t\nRUN exit 3\n");
    let run = story.git(&["push", "origin", "bad"]).exits(1);
    let said = run.says("not pushed: bad at").says("its images are not built").says("git push --no-verify");
    assert!(said.stderr.contains("RUN exit 3"), "{}", said.stderr);
    assert!(!story.remote_has("heads/bad"));
    assert_eq!(story.have("bad"), NONE, "no tag moves");
    story.git(&["push", "--no-verify", "origin", "bad"]).exits(0);
    assert!(story.remote_has("heads/bad"));
}

#[test]
fn images_are_in_the_registry_before_the_refs_are_anywhere() {
    let story = story!(&["--mode", "push"]);
    let Some(server) = Server::start(&[]) else { return };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let digest = |name: &str, tag: &str| {
        let repository = server.repository(&format!("{}/{name}", story.engine.namespace));
        let found = runtime.block_on(anonymous().head(&repository.with_tag(Tag::new(tag).expect("a tag"))));
        found.expect("an answer").map(|found| found.digest.to_string())
    };
    let settings = |address: &str| format!("registry = \"{address}\"\n");
    let head = story.commit("shipwright.toml", &settings(&server.address));
    story.shop.git(&["tag", "v1.0"]);
    story.git(&["push", "origin", "main", "v1.0"]).exits(0).says("3 pushed");
    assert!(story.remote_has("heads/main") && story.remote_has("tags/v1.0"));
    let api = digest("api", "main");
    assert!(api.is_some());
    for tag in [&head, "latest", "v1.0"] {
        assert_eq!(digest("api", tag), api, "{tag}");
    }

    // A branch builds what is new and leaves `latest`.
    story.shop.git(&["switch", "--quiet", "--create", "feature/x"]);
    story.commit("api/b", "2");
    story.git(&["push", "origin", "feature/x"]).exits(0).says("1 pushed");
    assert_ne!(digest("api", "feature-x"), api);
    assert_eq!((digest("api", "latest"), digest("tool", "feature-x")), (api, digest("tool", "main")));
    // Who forces git forces the tags.
    let before = digest("api", "feature-x");
    story.shop.git(&["reset", "--quiet", "--hard", "main"]);
    story.commit("api/b", "3");
    story.git(&["push", "--force", "origin", "feature/x"]).exits(0);
    assert_ne!(digest("api", "feature-x"), before);

    // A registry that does not answer stops the push.
    story.shop.git(&["switch", "--quiet", "--create", "nowhere"]);
    story.commit("shipwright.toml", &settings("127.0.0.1:9"));
    let run = story.git(&["push", "origin", "nowhere"]).exits(1);
    run.says("not pushed: nowhere at").says("its images are not in the registry").says("--no-verify");
    assert!(!story.remote_has("heads/nowhere"));
    story.git(&["push", "origin", "--delete", "feature/x"]).exits(0);
}

#[test]
fn what_several_pushed_refs_share_is_done_once() {
    let story = story!(&["--mode", "push"]);
    let Some(server) = Server::start(&[]) else { return };
    story.commit("shipwright.toml", &format!("registry = \"{}\"\n", server.address));
    story.shop.git(&["branch", "feature"]);
    story.shop.git(&["switch", "--quiet", "feature"]);
    story.commit("api/b", "2");
    let refs = ["main", "main:refs/heads/copy", "main:refs/tags/v1", "feature", "feature:refs/tags/v2"];
    let run = story.git(&[&["push", "origin"], &refs[..]].concat()).exits(0);
    let count = |part: &str| run.stderr.matches(part).count();
    assert_eq!(count(" built in "), 4, "base and tool once, api twice: {}", run.stderr);
    assert_eq!(count("pushed 127.0.0.1"), 4, "{}", run.stderr);
    let said: Vec<&str> = run.stderr.lines().filter(|line| line.contains(" tags written")).collect();
    assert_eq!(said.len(), 3, "a commit once for each branch: {said:?}");
    for (name, tags) in [("api", ["main", "copy", "v1"]), ("tool", ["main", "copy", "feature"])] {
        let reference = |tag: &str| server.reference(&format!("{}/{name}:{tag}", story.engine.namespace));
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let found = tags.map(|tag| {
            let found = runtime.block_on(anonymous().head(&reference(tag))).expect("an answer");
            found.expect(tag).digest
        });
        assert!(found.iter().all(|digest| *digest == found[0]), "{name}: {found:?}");
    }
}

#[test]
fn a_branch_switch_tags_all_images_or_none() {
    let story = story!(&["post-checkout"]);
    story.engine.build(&story.shop, &[]).0.exits(0);
    let run = story.git(&["switch", "--quiet", "--create", "same"]).exits(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    assert_eq!(story.have("same"), ALL);

    story.commit("base/a", "2");
    story.shop.git(&["branch", "other"]);
    let run = story.git(&["switch", "--quiet", "other"]).exits(0);
    assert_eq!(run.stderr, "2 to build: run shipwright\n");
    assert_eq!(story.have("other"), NONE);
    let same = story.engine.id("tool:same");
    story.git(&["switch", "--quiet", "same"]).exits(0).says("2 to build: run shipwright");
    assert_eq!(story.engine.id("tool:same"), same);

    story.engine.build(&story.shop, &[]).0.exits(0);
    let run = story.git(&["switch", "--quiet", "other"]).exits(0);
    assert_eq!(run.stderr, "");
    assert_eq!(story.have("other"), ALL);
    assert_eq!(story.engine.id("api:other"), story.engine.id("api:same"));
    let api = story.engine.id("api:main");
    story.git(&["switch", "--quiet", "main"]).exits(0);
    assert_eq!(story.engine.id("api:main"), api, "the tags of a branch follow it alone");
    assert_ne!(api, story.engine.id("api:other"));
    assert_eq!(story.engine.id("api:latest"), api);
}

#[test]
fn without_an_engine_a_push_that_builds_is_stopped() {
    let story = story!(&["--mode", "build"]);
    let run = story.git_on("unix:///nowhere/docker.sock", &["push", "origin", "main"]).exits(1);
    run.says("no container engine answers").says("git push --no-verify");
    assert!(!story.remote_has("heads/main"));
}
