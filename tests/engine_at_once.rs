//! Two runs that move the same tags at the same time and cannot see each other's locks: other users, or CI jobs in
//! containers of their own, on one engine and on one registry. Whoever ends well leaves nothing mixed behind.

mod gate;
#[path = "registry/mod.rs"]
mod registry;
mod story;
mod support;

use std::time::{Duration, Instant};

use gate::Gate;
use registry::http::Seen;
use registry::proxy::Proxy;
use story::{CHAIN, Story};
use support::{Checkout, Engine, Run, Running};

const IMAGES: [&str; 3] = ["one", "two", "three"];

/// A checkout with a home of its own.
fn of(what: &str) -> Checkout {
    Checkout::with(&[
        ("one/Dockerfile", "FROM busybox\nCOPY f /f\n"),
        ("one/f", what),
        ("two/Dockerfile", "FROM busybox\nCOPY f /f\n"),
        ("two/f", what),
        ("three/Dockerfile", "FROM busybox\nCOPY f /f\n"),
        ("three/f", what),
    ])
}

/// What stands in the images of a tag.
fn contents(engine: &Engine, tag: &str) -> Vec<String> {
    IMAGES.iter().map(|name| engine.in_image(&format!("{name}:{tag}"), &["cat", "/f"])).collect()
}

fn is_moving_tag(first: &str) -> bool {
    first.starts_with("POST") && (first.contains("tag=main") || first.contains("tag=latest"))
}

#[test]
fn runs_of_two_users_on_one_engine_leave_the_images_of_one() {
    let Some(engine) = Engine::start() else { return };
    let (slow, quick) = (of("slow"), of("quick"));
    for checkout in [&slow, &quick] {
        engine.run(checkout, &["build"]).exits(0);
    }
    assert_eq!(contents(&engine, "main"), ["quick"; 3]);
    let gate = Gate::before(engine.host());
    gate.hold_after(2, is_moving_tag);
    let run = Running::start(&engine, &slow, &gate.host, &["build"]);
    gate.wait_for(1);
    engine.run(&quick, &["build"]).exits(0);
    gate.open();
    run.end().exits(0).says("at the same time");
    for tag in ["main", "latest"] {
        assert_eq!(contents(&engine, tag), ["slow"; 3], "{tag}");
    }
    let left = engine.docker(&["ps", "--all", "--quiet"]) + &engine.docker(&["volume", "ls", "--quiet"]);
    assert!(!left.contains("shipwright"), "{left}");
}

#[test]
fn many_runs_at_once_leave_the_images_of_one() {
    let Some(engine) = Engine::start() else { return };
    let checkouts = ["a", "b", "c"].map(of);
    let standing = |tag: &str| IMAGES.map(|name| engine.id(&format!("{name}:{tag}")));
    let own = checkouts.each_ref().map(|checkout| {
        engine.run(checkout, &["build"]).exits(0);
        standing("main")
    });
    for round in 0..6 {
        let runs =
            checkouts.each_ref().map(|checkout| Running::start(&engine, checkout, engine.host(), &["build"]));
        let runs = runs.map(Running::end);
        let all_well = runs.iter().all(|run| run.code == 0);
        for tag in ["main", "latest"] {
            let found = standing(tag);
            assert!(
                !all_well || own.contains(&found),
                "round {round}: {tag} is on the images of two\n{runs:#?}"
            );
        }
    }
}

/// A story whose pushes of one checkout go through a proxy, with two commits that differ in all images: the older one
/// and its child.
struct Race {
    story: Story,
    proxy: Proxy,
    _runtime: tokio::runtime::Runtime,
}

const OLDER: &str = "older";
const NEWER: &str = "newer";

fn race() -> Option<Race> {
    let story = story::story()?;
    let checkout = &story.checkout;
    checkout.git(&["branch", OLDER]);
    for (path, text) in [("base/a", "2"), ("api/b", "2"), ("tool/t", "2")] {
        checkout.write(path, text);
    }
    checkout.commit("all of them");
    checkout.git(&["branch", NEWER]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let proxy = runtime.block_on(Proxy::start(&story.server.address));
    Some(Race { story, proxy, _runtime: runtime })
}

fn is_main_of(seen: &Seen, image: &str) -> bool {
    seen.method == "PUT" && seen.target.ends_with(&format!("/{image}/manifests/main"))
}

impl Race {
    /// A clone beside the checkout, with `main` at one of the two.
    fn clone(&self, at: &str) -> std::path::PathBuf {
        let clone = self.story.checkout.beside(at);
        let path = clone.to_string_lossy().into_owned();
        self.story.checkout.git(&["clone", "--quiet", "--branch", at, ".", &path]);
        support::git_in(&clone, &["switch", "--quiet", "-C", "main"]);
        clone
    }

    fn push(&self, at: &str, address: &str, arguments: &[&str]) -> Running {
        let arguments = [&["push", "--registry", address], arguments].concat();
        let mut command = self.story.engine.command(&self.story.checkout, &arguments);
        Running::of(command.current_dir(self.clone(at)))
    }

    /// `slow` pushes; while one of its tags is on its way, `quick` pushes all it has.
    fn run(&self, slow: &str, quick: &str) -> (Run, Run) {
        self.proxy.hold(|seen| is_main_of(seen, "api"));
        let push = self.push(slow, &self.proxy.address, &[]);
        let given_up = Instant::now() + Duration::from_secs(300);
        while !CHAIN.iter().all(|image| self.proxy.seen().iter().any(|seen| is_main_of(seen, image))) {
            assert!(Instant::now() < given_up, "no tag moved");
            std::thread::sleep(Duration::from_millis(5));
        }
        // Main is half-way to the other one already, which an older one would respect.
        let quick = self.push(quick, &self.story.server.address, &["--force"]).end();
        self.proxy.heal();
        (push.end(), quick)
    }

    fn main(&self) -> Vec<Option<String>> {
        self.story.digests(&CHAIN, "main").into_values().collect()
    }
}

#[test]
fn a_slow_push_of_what_is_older_says_that_it_was_overtaken() {
    let Some(race) = race() else { return };
    let (slow, quick) = race.run(OLDER, NEWER);
    quick.exits(0);
    slow.exits(1).says("api:main").says("which is not in this history").says("was left");
}

#[test]
fn a_slow_push_of_what_is_newer_ends_with_all_tags_on_it() {
    let Some(race) = race() else { return };
    let (slow, quick) = race.run(NEWER, OLDER);
    quick.exits(0);
    slow.exits(0).says("at the same time");
    let main = race.main();
    race.push_again().end().exits(0).says("nothing to push");
    assert_eq!(race.main(), main);
}

impl Race {
    fn push_again(&self) -> Running {
        let mut command = self
            .story
            .engine
            .command(&self.story.checkout, &["push", "--registry", &self.story.server.address]);
        Running::of(command.current_dir(self.story.checkout.beside(NEWER)))
    }
}
