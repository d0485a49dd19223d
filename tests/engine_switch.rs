//! Git at work on the checkout while a command reads and builds it, on a real engine, through the real binary. No tag
//! may come to stand on what its branch never held.

mod gate;
mod story;
mod support;

#[path = "registry/mod.rs"]
mod registry;

use std::time::Duration;

use gate::{Gate, run_while_held};
use story::CHAIN;
use support::{Checkout, Engine, Run, Running, image, text};

macro_rules! engine {
    () => {
        match Engine::start() {
            Some(engine) => engine,
            None => return,
        }
    };
}

/// Two branches, `main` and `feature`, on which both images differ; `main` is checked out.
fn branches() -> Checkout {
    let checkout = Checkout::with(&[
        ("base/Dockerfile", "FROM busybox\nCOPY b /b\n"),
        ("base/b", "of main"),
        ("api/Dockerfile", "FROM acme/base\nCOPY a /a\n"),
        ("api/a", "of main"),
    ]);
    checkout.git(&["switch", "--quiet", "--create", "feature"]);
    checkout.write("base/b", "of feature");
    checkout.write("api/a", "of feature");
    checkout.commit("Another content");
    checkout.git(&["switch", "--quiet", "main"]);
    checkout
}

/// The key that an image has at a commit.
fn key_at(engine: &Engine, checkout: &Checkout, rev: &str, name: &str) -> String {
    let plan = engine.run(checkout, &["plan", "--rev", rev, "--format", "json"]).exits(0).json();
    text(&image(&plan, name)["key"])
}

const IMAGES: [&str; 2] = ["base", "api"];

/// Asserts that the images of a tag are those of a commit, or that there are none.
#[track_caller]
fn belongs_to(engine: &Engine, checkout: &Checkout, tag: &str, rev: &str, must_be_there: bool) {
    for name in IMAGES {
        let tagged = format!("{name}:{tag}");
        if !engine.has(&tagged) {
            assert!(!must_be_there, "{tagged} is not there");
            continue;
        }
        let key = engine.label(&tagged, "io.shipwright.key");
        assert_eq!(key, key_at(engine, checkout, rev, name), "{tagged} is not the image of {rev}");
    }
}

fn is_build(first: &str) -> bool {
    first.starts_with("POST") && first.contains("/session")
}

fn is_push(first: &str) -> bool {
    first.starts_with("POST") && first.contains("/push")
}

fn is_version(first: &str) -> bool {
    first.contains("/version")
}

#[test]
fn a_switch_while_the_checkout_is_read_mixes_nothing() {
    let engine = engine!();
    let checkout = branches();
    let run = run_while_held(&engine, &checkout, &["build"], &[], is_version, || {
        // Folders are read while the engine is asked, contents afterwards; nothing tells when the former has happened, and
        // whether it has is all the same for what must hold.
        std::thread::sleep(Duration::from_millis(300));
        checkout.git(&["switch", "--quiet", "feature"]);
    });
    run.exits(0);
    belongs_to(&engine, &checkout, "feature", "feature", true);
    belongs_to(&engine, &checkout, "latest", "feature", true);
    belongs_to(&engine, &checkout, "main", "main", false);
}

#[test]
fn a_switch_during_a_build_is_planned_again() {
    let engine = engine!();
    let checkout = branches();
    let run = run_while_held(&engine, &checkout, &["build"], &[], is_build, || {
        checkout.git(&["switch", "--quiet", "feature"]);
    });
    run.exits(0).says("HEAD moved from main").says("to feature").says("planning again");
    belongs_to(&engine, &checkout, "feature", "feature", true);
    belongs_to(&engine, &checkout, "latest", "feature", true);
    belongs_to(&engine, &checkout, "main", "main", false);
}

#[test]
fn a_switch_between_equal_branches_moves_the_tags_of_the_new_one() {
    let engine = engine!();
    let checkout = branches();
    checkout.git(&["branch", "twin"]);
    let run = run_while_held(&engine, &checkout, &["build"], &[], is_build, || {
        checkout.git(&["switch", "--quiet", "twin"]);
    });
    run.exits(0).says("to twin");
    belongs_to(&engine, &checkout, "twin", "twin", true);
    assert!(!engine.has("api:main"), "main was left before its tags moved");
}

#[test]
fn a_second_switch_is_an_error_and_moves_nothing() {
    let engine = engine!();
    let checkout = branches();
    let gate = Gate::before(engine.host());
    gate.hold(is_build);
    let run = Running::start(&engine, &checkout, &gate.host, &["build"]);
    for branch in ["feature", "main"] {
        gate.wait_for(1);
        checkout.git(&["switch", "--quiet", branch]);
        if branch == "feature" { gate.let_through() } else { gate.open() }
    }
    run.end().exits(1).says("HEAD moved from feature").says("second time");
    for tag in ["main", "feature", "latest"] {
        assert!(IMAGES.iter().all(|name| !engine.has(&format!("{name}:{tag}"))), "{tag} moved");
    }
}

#[test]
fn commits_during_a_build_get_the_tags_that_they_should_have() {
    let engine = engine!();
    let checkout = branches();
    checkout.write("api/a", "not committed yet");
    let first = checkout.head();
    for how in [
        &["commit", "--quiet", "--all", "--message", "The same content"][..],
        &["commit", "--quiet", "--amend", "--message", "Other words"],
    ] {
        let run = run_while_held(&engine, &checkout, &["build", "--no-cache"], &[], is_build, || {
            checkout.git(how);
        });
        run.exits(0).says("HEAD moved from main");
        let head = checkout.head();
        belongs_to(&engine, &checkout, "main", "main", true);
        assert_eq!(engine.id(&format!("api:{head}")), engine.id("api:main"), "{how:?}");
        assert!(!engine.has(&format!("api:{first}")), "no image of the first commit was built");
    }
}

#[test]
fn files_that_git_takes_back_during_a_build_are_planned_again() {
    let engine = engine!();
    let checkout = branches();
    for how in [&["stash", "--quiet"][..], &["checkout", "--quiet", "HEAD", "--", "api/a"]] {
        checkout.write("api/a", format!("to be taken back by {how:?}"));
        let run = run_while_held(&engine, &checkout, &["build", "--no-cache"], &[], is_build, || {
            checkout.git(how);
        });
        run.exits(0).says("planning again");
        belongs_to(&engine, &checkout, "main", "main", true);
    }
}

#[test]
fn what_changes_nothing_for_the_images_is_no_reason_to_plan_again() {
    let engine = engine!();
    let checkout = branches();
    let run = run_while_held(&engine, &checkout, &["build"], &[], is_build, || {
        checkout.write("notes.txt", "in no image");
        checkout.git(&["add", "notes.txt"]);
        checkout.git(&["gc", "--quiet"]);
    })
    .exits(0);
    assert!(!run.stderr.contains("again"), "{}", run.stderr);
    belongs_to(&engine, &checkout, "main", "main", true);
}

#[test]
fn a_branch_that_moves_while_its_commit_is_built_is_asked_again() {
    let engine = engine!();
    let checkout = branches();
    let run = run_while_held(&engine, &checkout, &["build", "--rev", "feature"], &[], is_build, || {
        checkout.git(&["branch", "--force", "feature", "main"]);
    });
    run.exits(0).says("feature moved from").says("planning again");
    belongs_to(&engine, &checkout, "feature", "main", true);
}

#[test]
fn a_git_command_that_is_at_work_is_waited_for() {
    let engine = engine!();
    let checkout = branches();
    checkout.write(".git/index.lock", "");
    let mut run = Running::start(&engine, &checkout, engine.host(), &["build"]).0;
    let mut stderr = std::io::BufReader::new(run.stderr.take().expect("a pipe"));
    let mut line = String::new();
    std::io::BufRead::read_line(&mut stderr, &mut line).expect("text");
    assert!(line.contains("waiting for git") && line.contains("index.lock"), "{line}");
    checkout.git(&["-c", "core.hooksPath=/dev/null", "symbolic-ref", "HEAD", "refs/heads/feature"]);
    checkout.write("base/b", "of feature");
    checkout.write("api/a", "of feature");
    checkout.remove(".git/index.lock");
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut stderr, &mut rest).expect("text");
    assert!(run.wait().expect("it ends").success(), "{rest}");
    belongs_to(&engine, &checkout, "feature", "feature", true);
    assert!(!engine.has("api:main"));

    checkout.write(".git/index.lock", "");
    engine.run(&checkout, &["build"]).exits(1).says("index.lock").says("remove");
    checkout.run(&["plan", "--offline"]).exits(0);
    // Git's own hooks run while it holds the lock, and it waits for them.
    let mut command = engine.command(&checkout, &["build"]);
    command.env("GIT_INDEX_FILE", ".git/index.lock");
    Run::of(&command.output().expect("the command runs")).exits(0);
    checkout.remove(".git/index.lock");
}

#[test]
fn ensure_gives_the_images_of_what_is_checked_out_in_the_end() {
    let engine = engine!();
    let checkout = branches();
    let run = run_while_held(&engine, &checkout, &["ensure", "api"], &[], is_build, || {
        checkout.git(&["switch", "--quiet", "feature"]);
    })
    .exits(0);
    let key = key_at(&engine, &checkout, "feature", "api");
    assert_eq!(run.stdout.lines().count(), 1, "{run:?}");
    let name = run.stdout.trim().split_once('/').expect("a namespace").1.to_owned();
    assert_eq!(engine.label(&name, "io.shipwright.key"), key);
}

#[test]
fn a_switch_during_a_push_moves_no_tag_of_the_branch_that_was_left() {
    let story = story!();
    let checkout = &story.checkout;
    checkout.git(&["switch", "--quiet", "--create", "feature"]);
    checkout.write("api/b", "of feature");
    checkout.commit("Another content");
    checkout.git(&["switch", "--quiet", "main"]);
    let run = run_while_held(
        &story.engine,
        checkout,
        &["push", "--registry", &story.address],
        &[],
        is_push,
        || {
            checkout.git(&["switch", "--quiet", "feature"]);
        },
    );
    run.exits(0).says("HEAD moved from main").says("planning again");
    assert!(story.digests(&CHAIN, "main").values().all(Option::is_none));
    assert!(story.digests(&CHAIN, "feature").values().all(Option::is_some));
}

/// Numbers that look random and are the same in every run of the tests (Knuth's MMIX generator).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// A switch at any moment of a run: whatever comes of it, a branch's tags are on its own images.
#[test]
fn switches_at_any_moment_mix_nothing() {
    let engine = engine!();
    let checkout = branches();
    // Enough files for the two states to be met half-way.
    for branch in ["feature", "main"] {
        checkout.git(&["switch", "--quiet", branch]);
        for number in 0..150 {
            checkout.write(&format!("api/files/{number}"), format!("{number} {branch}"));
        }
        checkout.write("api/Dockerfile", "FROM acme/base\nCOPY a /a\nCOPY files /files\n");
        checkout.commit("many files");
    }
    let keys = ["main", "feature"].map(|branch| IMAGES.map(|name| key_at(&engine, &checkout, branch, name)));
    let mut numbers = Numbers(7);
    let mut done = 0;
    for round in 0..25 {
        let (_, other) = if round % 2 == 0 { ("main", "feature") } else { ("feature", "main") };
        let run = Running::start(&engine, &checkout, engine.host(), &["build"]);
        std::thread::sleep(Duration::from_millis(numbers.below(120)));
        checkout.git(&["switch", "--quiet", other]);
        let run = run.end();
        assert!(run.code == 0 || run.code == 1, "{run:#?}");
        done += usize::from(run.code == 0);
        for (branch, keys) in ["main", "feature"].iter().zip(&keys) {
            for (name, key) in IMAGES.iter().zip(keys) {
                let tagged = format!("{name}:{branch}");
                if engine.has(&tagged) {
                    let found = engine.label(&tagged, "io.shipwright.key");
                    assert_eq!(found, *key, "round {round}: {tagged}\n{run:#?}");
                }
            }
        }
    }
    assert!(done >= 20, "one switch is planned around: {done} of 25 came to an end");
}
