//! Runs that go wrong, are cut short or meet others, on a real engine, through the real binary.

mod support;

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Checkout, Engine, Run, image, images_of, names, text, texts};

macro_rules! engine {
    () => {
        match Engine::start() {
            Some(engine) => engine,
            None => return,
        }
    };
}

/// Numbers that look random and are the same in every run of the tests (Knuth's MMIX generator).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn spawn(engine: &Engine, checkout: &Checkout, arguments: &[&str]) -> Child {
    let mut command = engine.command(checkout, &[&["build"], arguments].concat());
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the command runs")
}

fn signal(child: &Child, name: &str) {
    let sent = std::process::Command::new("kill").args([name, &child.id().to_string()]).status();
    assert!(sent.expect("kill runs").success());
}

/// Waits until the child says that this has begun, and keeps reading so that it is never held up.
fn wait_for(child: &mut Child, what: &str) -> std::thread::JoinHandle<String> {
    use std::io::BufRead;
    let stderr = child.stderr.take().expect("a pipe");
    let mut lines = std::io::BufReader::new(stderr).lines();
    let mut seen = String::new();
    while !seen.lines().last().unwrap_or_default().ends_with(what) {
        let line = lines.next().unwrap_or_else(|| panic!("no `{what}` in {seen}")).expect("text");
        seen = format!("{seen}{line}\n");
    }
    std::thread::spawn(move || lines.map_while(Result::ok).fold(seen, |seen, line| format!("{seen}{line}\n")))
}

/// What a run tells of how long builds took the last time.
#[test]
fn a_later_run_knows_how_long_builds_took() {
    let engine = engine!();
    let checkout = Checkout::with(&[
        ("base/Dockerfile", "FROM busybox\nCOPY a /\nRUN sleep 1\n"),
        ("base/a", "1"),
        ("api/Dockerfile", "FROM acme/base\n"),
    ]);
    let expected = |events: &[Value]| -> Vec<(String, Option<f64>)> {
        let started = events.iter().find(|event| event["event"] == "started").expect("an event");
        let images = started["images"].as_array().expect("images").iter();
        let one = |image: &Value| (text(&image["image"]), image["expected_seconds"].as_f64());
        images.map(one).collect()
    };
    let (run, first) = engine.build(&checkout, &["--verbose"]);
    run.exits(0).says("slowest chain: ");
    assert!(expected(&first).iter().all(|(_, took)| took.is_none()), "{first:?}");
    checkout.write("base/a", "2");
    let (run, second) = engine.build(&checkout, &[]);
    assert!(!run.exits(0).stderr.contains("slowest"), "short runs need no explanation");
    for (image, took) in expected(&second) {
        let took = took.unwrap_or_else(|| panic!("nothing is known of {image}"));
        assert!((0.01..60.0).contains(&took) && (took >= 1.0 || image.ends_with("api")), "{image}: {took}");
    }
    let record = checkout.root.join(".git/shipwright/durations");
    std::fs::write(&record, "\u{0}odd\n9999999999999999999999 x\n").expect("written");
    checkout.write("base/a", "3");
    let (run, third) = engine.build(&checkout, &[]);
    run.exits(0);
    assert!(expected(&third).iter().all(|(_, took)| took.is_none()), "{third:?}");
    assert_eq!(std::fs::read_to_string(&record).expect("a record").lines().count(), 2);
}

fn plan_of(engine: &Engine, checkout: &Checkout, arguments: &[&str]) -> Value {
    engine.run(checkout, &[&["plan", "--format", "json"], arguments].concat()).exits(0).json()
}

/// Asserts that every image of the checkout is in place, its branch on the planned key.
#[track_caller]
fn is_complete(engine: &Engine, checkout: &Checkout, branch: &str) {
    let plan = plan_of(engine, checkout, &[]);
    for name in names(&plan) {
        assert_eq!(image(&plan, &name)["action"], "none", "{name}");
        let key = engine.label(&format!("{name}:{branch}"), "io.shipwright.key");
        assert_eq!(image(&plan, &name)["key"], key, "{name}");
    }
}

fn reference(plan: &Value, name: &str) -> String {
    let reference = text(&image(plan, name)["reference"]);
    reference.split_once('/').expect("a namespace").1.to_owned()
}

#[test]
fn after_a_failure_what_is_independent_is_built_and_every_moving_tag_stays() {
    let engine = engine!();
    let shop = Checkout::shop();
    let tags = ["-t", "latest,edge"];
    engine.build(&shop, &tags).0.exits(0);
    let moving: Vec<String> = names(&shop.plan(&[]))
        .iter()
        .flat_map(|name| ["main", "latest", "edge"].map(|tag| format!("{name}:{tag}")))
        .collect();
    let ids = || moving.iter().map(|name| engine.id(name)).collect::<Vec<_>>();
    let before = ids();
    let still = format!("not moved: `main`, `latest` and `edge` still point at {}", shop.head());
    shop.write("shared/Dockerfile", "FROM acme/base\n\nRUN echo to the log && \\\n    cat /nowhere\n");
    shop.write("motd/motd.txt", "Good night.\n");
    shop.commit("Break it");
    let (run, events) = engine.build(&shop, &tags);
    let run = run.exits(1);
    let plan = plan_of(&engine, &shop, &tags);
    assert!(engine.has(&reference(&plan, "motd")), "what is independent has its key");
    assert!(!engine.has(&reference(&plan, "shared")) && !engine.has(&reference(&plan, "service1")));
    assert_eq!(ids(), before);
    let outcome = |name: &str| {
        let is_it = |event: &&Value| {
            event["event"] == "image-finished" && text(&event["image"]).ends_with(&format!("/{name}"))
        };
        events.iter().find(is_it).unwrap_or_else(|| panic!("{name}")).clone()
    };
    let failure = outcome("shared");
    assert_eq!((&failure["outcome"], &failure["line"]), (&"failed".into(), &3.into()));
    assert!(texts(&failure["log"]).iter().any(|line| line.contains("to the log")), "{failure}");
    assert!(texts(&failure["log"]).iter().any(|line| line.contains("/nowhere")), "{failure}");
    for dependent in ["service1", "service1-dev", "service2"] {
        assert_eq!(outcome(dependent)["outcome"], "dependency-failed", "{dependent}");
    }
    assert_eq!(outcome("motd")["outcome"], "built");
    assert_eq!(outcome("admin")["outcome"], "reused");
    let moved = |event: &Value| event["event"] == "tagged" && event["moves"] == true;
    assert!(!events.iter().any(moved), "{events:#?}");
    assert_eq!(events.last().expect("events")["outcome"], "failed");
    for part in
        ["shared/Dockerfile:3", "RUN echo to the log", "to the log", &still, "1 failed", "3 not started"]
    {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
    shop.git(&["revert", "--no-edit", "HEAD"]);
    engine.build(&shop, &tags).0.exits(0);
    assert_eq!(ids(), before);
}

#[test]
fn a_failure_says_where_the_tags_of_prefixed_and_of_dirty_images_are() {
    let engine = engine!();
    let checkout = Checkout::with(&[
        ("sdk/8.0/Dockerfile", "FROM busybox\nCOPY a /\n"),
        ("sdk/8.0/a", "1"),
        ("api/Dockerfile", "FROM busybox\n"),
        ("shipwright.toml", "[names]\n\"sdk/{ver}\" = \"sdk:{ver}\"\n"),
    ]);
    let first = checkout.head();
    engine.build(&checkout, &[]).0.exits(0);
    checkout.write("unrelated", "x");
    checkout.commit("Nothing that an image sees");
    engine.build(&checkout, &[]).0.exits(0);
    let second = checkout.head();
    assert_ne!(first, second);
    let break_it = || checkout.write("api/Dockerfile", "FROM busybox\nRUN false\n");
    break_it();
    let run = engine.run(&checkout, &["build"]).exits(1);
    run.says(&format!("not moved: `main` and `latest` still point at {second}"));
    checkout.write("api/Dockerfile", "FROM busybox\nRUN true\n");
    engine.build(&checkout, &[]).0.exits(0);
    break_it();
    let run = engine.run(&checkout, &["build"]).exits(1);
    run.says("not moved: `main` and `latest` still point at images with uncommitted changes");
}

#[test]
fn fail_fast_stops_what_else_is_being_built() {
    let engine = engine!();
    let checkout = Checkout::with(&[
        ("bad/Dockerfile", "FROM busybox\nRUN sleep 1; false\n"),
        ("slow/Dockerfile", "FROM busybox\nRUN sleep 45\n"),
    ]);
    let start = Instant::now();
    let (run, events) = engine.build(&checkout, &["--fail-fast", "--jobs", "2"]);
    run.exits(1);
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    let slow = events
        .iter()
        .find(|event| event["event"] == "image-finished" && text(&event["image"]).ends_with("/slow"));
    assert_eq!(slow.expect("its end")["outcome"], "cancelled");
}

#[test]
fn jobs_limits_how_many_are_built_at_a_time() {
    let engine = engine!();
    let files: Vec<(String, String)> = (0..4)
        .map(|at| {
            (
                format!("i{at}/Dockerfile"),
                format!("FROM busybox\nRUN sleep 1; echo {at} {}\n", engine.namespace),
            )
        })
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let checkout = Checkout::with(&files);
    let (run, events) = engine.build(&checkout, &["-j", "2"]);
    run.exits(0);
    let (mut running, mut most) = (0_i32, 0);
    for event in &events {
        running +=
            i32::from(event["event"] == "build-started") - i32::from(event["event"] == "image-finished");
        most = most.max(running);
    }
    assert_eq!(most, 2, "{events:#?}");
}

#[test]
fn ctrl_c_and_a_polite_kill_stop_all_builds_at_once() {
    let engine = engine!();
    for name in ["-INT", "-TERM"] {
        let sleep = format!("FROM busybox\nRUN echo asleep; sleep 60; echo {name} {}\n", engine.namespace);
        let checkout = Checkout::with(&[
            ("a/Dockerfile", sleep.as_str()),
            ("b/Dockerfile", sleep.as_str()),
            ("c/Dockerfile", "FROM acme/a\n"),
        ]);
        let mut child = spawn(&engine, &checkout, &["--progress", "plain", "--jobs", "2"]);
        let rest = wait_for(&mut child, "asleep");
        let asked = Instant::now();
        signal(&child, name);
        assert_eq!(child.wait().expect("it ends").code(), Some(130));
        // The promise is a second; a loaded machine is given more, and far less than the 60 of the build.
        assert!(asked.elapsed() < Duration::from_secs(10), "{name}: {:?}", asked.elapsed());
        let said = rest.join().expect("what it said");
        assert!(said.contains("interrupted"), "{said}");
        assert!(said.contains("not moved: `main` and `latest` do not exist yet"), "{said}");
        for image in ["a:main", "b:main", "c:main", "a:latest"] {
            assert!(!engine.has(image), "{image}");
        }
    }
}

/// `kill -9` while tags move: each moving tag stands on the old or the new image, and the next run moves
/// the rest.
#[test]
fn a_run_that_is_killed_while_tags_move_is_completed_by_the_next() {
    let engine = engine!();
    let shop = Checkout::shop();
    let tags: String = (0..30).map(|at| format!("edge-{at}")).collect::<Vec<_>>().join(",");
    engine.build(&shop, &[]).0.exits(0);
    let start = Instant::now();
    engine.build(&shop, &["-t", &tags]).0.exits(0);
    let whole = u64::try_from(start.elapsed().as_millis()).expect("a short time");
    let mut numbers = Numbers(20_260_102);
    for round in 0..6 {
        shop.git(&["switch", "--quiet", "--create", &format!("round-{round}")]);
        let mut child = engine
            .command(&shop, &["build", "-t", &format!("{tags},round-{round}-next")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the command runs");
        std::thread::sleep(Duration::from_millis(numbers.below(whole)));
        // It may have ended already; then there is nothing to repair.
        let _ = child.kill();
        child.wait().expect("it ends");
        engine.build(&shop, &[]).0.exits(0);
        is_complete(&engine, &shop, &format!("round-{round}"));
    }
}

/// `kill -9` while images are built: whatever has a key's tag holds that content.
#[test]
fn a_run_that_is_killed_while_building_is_completed_by_the_next() {
    let engine = engine!();
    let shop = Checkout::shop();
    engine.build(&shop, &[]).0.exits(0);
    let mut numbers = Numbers(7);
    for round in 0..5 {
        let token = format!("{}-{round}", engine.namespace);
        shop.write("base/etc/shop.conf", &token);
        shop.commit(&token);
        let mut child = spawn(&engine, &shop, &["--progress", "quiet"]);
        std::thread::sleep(Duration::from_millis(numbers.below(2500)));
        // It may have ended already; then there is nothing to repair.
        let _ = child.kill();
        child.wait().expect("it ends");
        engine.build(&shop, &[]).0.exits(0);
        is_complete(&engine, &shop, "main");
        for name in ["base", "service1-dev", "service2", "admin"] {
            let conf =
                || engine.in_image(&format!("{name}:{}", shop.head()), &["cat", "/etc/shop/shop.conf"]);
            // The second reading tells a wrong image from output that the engine lost; both are failures.
            assert_eq!(conf(), token, "{name} in round {round}; read again: {:?}", conf());
        }
    }
}

#[test]
fn two_runs_at_the_same_time_come_to_the_same_end() {
    let engine = engine!();
    let shop = Checkout::shop();
    let runs: Vec<Child> = (0..3).map(|_| spawn(&engine, &shop, &["--progress", "quiet"])).collect();
    for child in runs {
        let run = Run::of(&child.wait_with_output().expect("it ends"));
        assert_eq!(run.code, 0, "{run:#?}");
    }
    is_complete(&engine, &shop, "main");
}

#[test]
fn a_file_that_changes_during_the_run_never_gets_the_key_of_what_was_planned() {
    let engine = engine!();
    let slow = format!("FROM busybox\nRUN echo asleep; sleep 3; echo {}\n", engine.namespace);
    let checkout = Checkout::with(&[
        ("base/Dockerfile", slow.as_str()),
        ("api/Dockerfile", "FROM acme/base\nCOPY a /\n"),
        ("api/a", "planned"),
    ]);
    let plan = plan_of(&engine, &checkout, &[]);
    let mut child = spawn(&engine, &checkout, &["--progress", "plain"]);
    let rest = wait_for(&mut child, "asleep");
    checkout.write("api/a", "changed");
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
    let said = rest.join().expect("what it said");
    assert!(said.contains("api/a"), "the file is named: {said}");
    assert!(!engine.has(&reference(&plan, "api")) && !engine.has("api:main") && !engine.has("base:main"));
    engine.build(&checkout, &[]).0.exits(0);
    assert_eq!(engine.in_image("api:main", &["cat", "/a"]), "changed");
}

#[test]
fn an_image_that_only_has_the_tag_of_a_key_is_not_taken_for_it() {
    let engine = engine!();
    let checkout = Checkout::with(&[("api/Dockerfile", "FROM busybox\nCOPY a /\n"), ("api/a", "1")]);
    let plan = plan_of(&engine, &checkout, &[]);
    engine.docker(&["tag", "busybox:latest", &text(&image(&plan, "api")["reference"])]);
    let (run, events) = engine.build(&checkout, &[]);
    run.exits(0);
    assert_eq!(images_of(&events, "build-started"), ["api"]);
    assert_eq!(engine.in_image(&reference(&plan, "api"), &["cat", "/a"]), "1");
}

#[test]
fn a_stale_latest_of_a_base_never_slips_in() {
    let engine = engine!();
    let checkout = Checkout::with(&[
        ("base/Dockerfile", "FROM busybox\nCOPY a /\n"),
        ("base/a", "1"),
        ("api/Dockerfile", "FROM acme/base:latest\nRUN cp /a /b\n"),
    ]);
    engine.build(&checkout, &[]).0.exits(0);
    checkout.write("base/a", "2");
    engine.build(&checkout, &["base"]).0.exits(0);
    engine.docker(&["tag", "busybox:latest", &format!("{}/base:latest", engine.namespace)]);
    let (run, events) = engine.build(&checkout, &["api"]);
    run.exits(0);
    assert_eq!(images_of(&events, "build-started"), ["api"]);
    assert_eq!(engine.in_image("api:main", &["cat", "/b"]), "2");
    assert_eq!(engine.in_image("base:latest", &["cat", "/a"]), "2", "the tag is put back");
}

#[test]
fn a_tag_that_was_lost_is_given_again_without_a_build() {
    let engine = engine!();
    let checkout = Checkout::with(&[("api/Dockerfile", "FROM busybox\nRUN true\n")]);
    engine.build(&checkout, &[]).0.exits(0);
    engine.docker(&["rmi", &format!("{}/api:latest", engine.namespace)]);
    assert_eq!(image(&plan_of(&engine, &checkout, &[]), "api")["action"], "tag");
    let (run, events) = engine.build(&checkout, &[]);
    run.exits(0);
    assert_eq!(images_of(&events, "build-started"), [""; 0]);
    let tagged: Vec<String> = events
        .iter()
        .filter(|event| event["event"] == "tagged")
        .map(|event| text(&event["reference"]))
        .collect();
    assert_eq!(tagged, [format!("{}/api:latest", engine.namespace)]);
}

#[test]
fn a_selection_moves_only_the_tags_of_its_images() {
    let engine = engine!();
    let shop = Checkout::shop();
    engine.build(&shop, &[]).0.exits(0);
    shop.git(&["switch", "--quiet", "--create", "other"]);
    let (run, events) = engine.build(&shop, &["service2", "-t", "edge"]);
    run.exits(0);
    assert_eq!(images_of(&events, "build-started"), [""; 0]);
    for name in ["base", "shared", "service2"] {
        assert!(engine.has(&format!("{name}:other")) && engine.has(&format!("{name}:edge")), "{name}");
    }
    for name in ["motd", "service1", "tools"] {
        assert!(!engine.has(&format!("{name}:other")) && !engine.has(&format!("{name}:edge")), "{name}");
    }
}

#[test]
fn blocked_images_are_left_out_and_wrong_ones_hold_the_tags() {
    let engine = engine!();
    let shop = Checkout::shop();
    shop.write("tools/Dockerfile", "ARG BASE\nFROM ${BASE}\nCOPY wrap.sh /usr/bin/wrap\n");
    shop.commit("It needs a base");
    let (run, events) = engine.build(&shop, &[]);
    run.exits(0).says("4 blocked");
    assert_eq!(images_of(&events, "build-started").len(), 8);
    assert!(engine.has("service1:main") && !engine.has("lint:main"));
    let mut strict = engine.command(&shop, &["build"]);
    Run::of(&strict.env("CI", "true").output().expect("the command runs")).exits(2);
    engine.build(&shop, &["--build-arg", "BASE=busybox"]).0.exits(0);
    assert!(engine.has("lint:main") && !engine.has(&format!("lint:{}", shop.head())));

    shop.git(&["switch", "--quiet", "--create", "wrong"]);
    shop.write("tools/Dockerfile", "FORM busybox\n");
    shop.write("motd/motd.txt", "Good night.\n");
    shop.commit("It does not parse");
    let (run, events) = engine.build(&shop, &[]);
    run.exits(2).says("did you mean FROM?");
    assert_eq!(images_of(&events, "build-started"), ["motd"]);
    assert!(!engine.has("motd:wrong") && !engine.has("base:wrong"), "no moving tag moves");
    assert!(engine.has(&format!("motd:{}", shop.head())));
}

#[test]
fn proxies_reach_run_undeclared_and_change_nothing_else() {
    let engine = engine!();
    let checkout = Checkout::with(&[
        ("api/Dockerfile", "FROM busybox\nRUN echo $HTTP_PROXY > /proxy\n"),
        ("web/Dockerfile", "FROM busybox\nARG no_proxy\nRUN echo $no_proxy > /proxy\n"),
    ]);
    let keys = checkout.keys();
    let proxies = ["--build-arg", "HTTP_PROXY=http://proxy:3128", "--build-arg", "no_proxy=local"];
    engine.build(&checkout, &proxies).0.exits(0);
    assert_eq!(engine.in_image("api:main", &["cat", "/proxy"]), "http://proxy:3128");
    assert_eq!(engine.in_image("web:main", &["cat", "/proxy"]), "local");
    assert_eq!(keys_of(&checkout, &proxies), keys);
    assert!(engine.has(&format!("api:{}", checkout.head())), "the commit says all that matters");
}

fn keys_of(checkout: &Checkout, arguments: &[&str]) -> Vec<(String, String)> {
    support::keys(&checkout.plan(arguments))
}

#[test]
fn what_is_for_another_operating_system_is_left_out() {
    let engine = engine!();
    let checkout = Checkout::with(&[
        ("api/Dockerfile", "FROM busybox\n"),
        ("core/Dockerfile", "FROM mcr.microsoft.com/windows/nanoserver:ltsc2022\n"),
        ("tool/Dockerfile", "FROM scratch\nCOPY Dockerfile /\n"),
        ("shipwright.toml", "[image.tool]\nplatforms = [\"windows/amd64\"]\n"),
    ]);
    let (run, events) = engine.build(&checkout, &[]);
    run.exits(0).says("1 built, 2 blocked").says("needs an engine for windows, and this is one for linux");
    assert_eq!(images_of(&events, "build-started"), ["api"]);
    assert!(engine.has("api:main"));
    let run = engine.run(&checkout, &["build", "api", "--platform", "windows/amd64"]).exits(2);
    run.says("this engine builds for linux, not for windows/amd64");
}

#[test]
fn secrets_from_the_environment_and_unhashed_arguments_change_no_key() {
    let engine = engine!();
    let checkout = Checkout::with(&[(
        "api/Dockerfile",
        "FROM busybox\nARG TOKEN\nRUN --mount=type=secret,id=s wc -c < /run/secrets/s > /s; echo ${#TOKEN} > /t\n",
    )]);
    let mut command = engine
        .command(&checkout, &["build", "--secret", "id=s,env=PASS", "--unhashed-build-arg", "TOKEN=12345"]);
    let run = Run::of(&command.env("PASS", "hunter2hunter2").output().expect("the command runs")).exits(0);
    assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    assert_eq!(engine.in_image("api:main", &["cat", "/s", "/t"]), "14\n5");
    let (run, events) = engine.build(&checkout, &["--unhashed-build-arg", "TOKEN=6"]);
    run.exits(0);
    assert_eq!(images_of(&events, "build-started"), [""; 0]);
    engine.run(&checkout, &["build", "--secret", "id=s,env=UNSET_VARIABLE"]).exits(2).says("UNSET_VARIABLE");
}

#[test]
fn every_form_of_progress_says_what_it_should() {
    let engine = engine!();
    // The engine must not know the instruction from an earlier run: what it has cached logs nothing.
    let dockerfile = format!("FROM busybox\nRUN : {} && echo in the log\n", engine.namespace);
    let checkout = Checkout::with(&[("api/Dockerfile", dockerfile.as_str())]);
    let run = engine.run(&checkout, &["build", "--progress", "json"]).exits(0);
    let events: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    assert_eq!((&events[0]["event"], &events[0]["schema"]), (&"started".into(), &1.into()));
    assert_eq!(events.last().expect("events")["event"], "finished");
    assert!(
        events.iter().any(|event| event["event"] == "build-log" && event["line"] == "in the log"),
        "{events:#?}"
    );
    let file = checkout.beside("dump");
    let path = file.to_string_lossy().into_owned();
    let run = engine.run(&checkout, &["build", "--no-cache", "--quiet", "--dump-file", &path]).exits(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    let dumped = std::fs::read_to_string(&file).expect("a file");
    let kinds: Vec<String> = dumped
        .lines()
        .map(|line| text(&serde_json::from_str::<Value>(line).expect("a JSON line")["event"]))
        .collect();
    assert!(kinds.contains(&"build-log".to_owned()) && kinds.contains(&"tagged".to_owned()), "{kinds:?}");
    let run = engine.run(&checkout, &["build", "--no-cache", "--progress", "plain"]).exits(0);
    assert!(
        run.stderr.lines().any(|line| line.contains("api") && line.ends_with("in the log")),
        "{}",
        run.stderr
    );
    assert_eq!(run.stdout, "");
}

#[test]
fn a_target_and_the_settings_arguments_reach_the_build() {
    let engine = engine!();
    let shop = Checkout::shop();
    engine.build(&shop, &["admin", "--target", "preview"]).0.exits(0);
    assert_eq!(engine.in_image("admin:main", &["ls", "/preview"]), "orders.html\nusers.html");
    assert!(!engine.has(&format!("admin:{}", shop.head())));
    shop.write("shipwright.toml", "[image.service2]\nargs = { GREETING = \"servus\" }\n");
    shop.commit("Settings");
    engine.build(&shop, &["service2"]).0.exits(0);
    let image = format!("service2:{}", shop.head());
    assert_eq!(engine.in_image(&image, &["cat", "/etc/shop/greeting"]), "servus");
}

#[test]
fn ignored_and_hostile_file_names_arrive_as_they_are() {
    use std::os::unix::ffi::OsStrExt;
    let engine = engine!();
    let checkout = Checkout::with(&[
        ("api/Dockerfile", "FROM busybox\nCOPY files /files\n"),
        (".gitignore", "*.jar\n"),
        ("api/files/build.jar", "jar"),
        ("api/files/a b'c\"d", "x"),
    ]);
    let odd = std::ffi::OsStr::from_bytes(b"api/files/caf\xe9");
    std::fs::write(checkout.root.join(odd), "x").expect("a file");
    std::os::unix::fs::symlink("build.jar", checkout.root.join("api/files/link")).expect("a link");
    let (run, _) = engine.build(&checkout, &[]);
    if run.code == 1 && run.stderr.contains("invalid UTF-8") {
        // Newer engines refuse such names, docker's own client's too; then it is said what to do.
        run.says("takes only names").says("rename api/files/caf");
        return;
    }
    run.exits(0);
    let listing = engine.in_image(
        "api:main",
        &["sh", "-c", "cd /files && printf '%s,' * | od -An -c | tr -d ' \\n'; readlink link"],
    );
    assert!(listing.contains("351") && listing.ends_with("build.jar"), "{listing}");
    assert_eq!(engine.in_image("api:main", &["cat", "/files/build.jar", "/files/a b'c\"d"]), "jarx");
}

#[test]
fn events_that_cannot_be_written_are_an_error_though_the_images_are_there() {
    let engine = engine!();
    let checkout = Checkout::with(&[("api/Dockerfile", "FROM busybox\nRUN true\n")]);
    let full = || std::fs::File::options().write(true).open("/dev/full").expect("a device");
    engine
        .run(&checkout, &["build", "--events", "/dev/full"])
        .exits(1)
        .says("cannot write --events /dev/full");
    assert!(engine.has("api"));
    let mut command = engine.command(&checkout, &["build", "--progress", "json"]);
    let output = command.stdout(full()).stderr(Stdio::piped()).output().expect("it runs");
    Run::of(&output).exits(1).says("cannot write the events");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = engine.command(&checkout, &["build", "--progress", "json"]);
    let output = command.stdout(writer).stderr(Stdio::piped()).output().expect("it runs");
    Run::of(&output).exits(0);
}
