//! `shipwright push` on a real engine and a real registry.

mod registry;
mod story;
mod support;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use registry::http::Seen;
use registry::proxy::{Fault, Proxy};
use story::{CHAIN, Story, story};
use support::{Checkout, Run};

#[test]
fn what_the_registry_has_is_only_tagged() {
    let story = story!();
    let (run, built) = story.push(&[]);
    run.exits(0).says("3 pushed");
    assert_eq!(built.len(), 3);
    let first = story.digests(&CHAIN, "main");
    assert!(first.values().all(Option::is_some), "{first:?}");
    let head = story.checkout.head()[..12].to_owned();
    for tag in ["latest", &head] {
        assert_eq!(story.digests(&CHAIN, tag), first, "{tag}");
    }
    let (run, built) = story.push(&[]);
    run.exits(0).says("nothing to push");
    assert!(built.is_empty());
    let lent = format!("{}/{}/*", story.address, story.engine.namespace);
    assert_eq!(
        story.engine.docker(&["images", "--quiet", &lent]).trim(),
        "",
        "names for the way are taken off"
    );

    // Elsewhere, with nothing on the engine: a branch changes one image.
    story.forget();
    story.checkout.git(&["switch", "--quiet", "--create", "feature/x"]);
    story.checkout.write("api/b", "2");
    story.checkout.commit("change");
    let (run, built) = story.push(&[]);
    run.exits(0).says("1 pushed");
    assert_eq!(built, ["api"], "its base comes from the registry by its key");
    let branch = story.digests(&CHAIN, "feature-x");
    assert_eq!((&branch["base"], &branch["tool"]), (&first["base"], &first["tool"]));
    assert_ne!(branch["api"], first["api"]);
    assert_eq!(story.digests(&CHAIN, "latest"), first, "latest is the default branch's");
    assert!(!story.engine.has("tool:feature-x"), "what is only tagged need not be here");
}

/// Line by line what is in the registry; from where to where tags move only where it is asked for.
#[test]
fn each_image_is_told_with_its_tags() {
    let story = story!();
    let told = |arguments: &[&str]| -> Vec<String> {
        let (run, _) = story.push(arguments);
        let stderr = run.exits(0).stderr.replace(&story.engine.namespace, "acme");
        stderr.replace(&story.address, "HOST").lines().map(str::to_owned).collect()
    };
    let first = told(&[]);
    for image in CHAIN {
        let tagged = format!("tagged acme/{image} (main, latest)");
        assert!(first.contains(&tagged), "{tagged}: {first:#?}");
        let pushed = format!("pushed HOST/acme/{image}:src-");
        assert!(first.iter().any(|line| line.starts_with(&pushed) && line.ends_with(" of 3)")), "{first:#?}");
    }
    assert!(first.iter().any(|line| line.contains("(3 of 3)")), "{first:#?}");
    assert!(!first.iter().any(|line| line.contains("  move ")), "{first:#?}");

    story.checkout.write("api/b", "2");
    story.checkout.commit("change");
    let live = told(&["--progress", "live"]).join("\n");
    assert!(live.contains("pushed   acme/api (main, latest)"), "{live}");
    assert!(!live.contains("pushed   acme/base"), "{live}");

    story.checkout.write("api/b", "3");
    story.checkout.commit("again");
    let verbose = told(&["--verbose"]);
    let moves: Vec<&String> = verbose.iter().filter(|line| line.starts_with("  move ")).collect();
    assert!(moves.iter().any(|line| line.contains("acme/api:main")), "{verbose:#?}");
    assert!(moves.iter().all(|line| line.contains(" → ")), "{verbose:#?}");
}

#[test]
fn images_outside_of_a_selection_that_no_longer_match_are_listed() {
    let story = story!();
    let name = |image: &str| format!("{}/{image}", story.engine.namespace);
    let (api, tool) = (name("api"), name("tool"));
    story.push(&[]).0.exits(0);
    let silent = |run: Run| {
        let run = run.exits(0);
        assert!(!run.stderr.contains("different content"), "{}", run.stderr);
    };
    silent(story.push(&["tool"]).0);
    story.checkout.write("base/a", "2");
    story.checkout.commit("two images");
    let on_engine = |arguments: &[&str]| story.engine.build(&story.checkout, arguments).0.exits(0);
    on_engine(&["base"]).says(&format!("note: under main {api} has different content"));
    let said = format!("note: in {} under main {api} has different content", story.address);
    story.push(&["base"]).0.exits(0).says(&said);
    story.checkout.write("tool/t", "2");
    story.checkout.commit("the third");
    let both = format!("note: under main {api} and {tool} have different content");
    on_engine(&["--exact", "base"]).says(&both);
    story.push(&["base"]).0.exits(0).says(&both.replace("note: ", &format!("note: in {} ", story.address)));
    silent(on_engine(&[]));
    silent(story.push(&[]).0);
    silent(on_engine(&["base"]));
}

/// Jobs of one machine share its engine.
#[test]
fn two_pushes_of_one_engine_leave_no_names_behind() {
    let Some(mut story) = story() else { return };
    let (proxy, _runtime) = proxied(&mut story);
    story.engine.build(&story.checkout, &[]).0.exits(0);
    proxy.hold(is_manifest);
    let start = || {
        let mut command = story.engine.command(&story.checkout, &["push", "--registry", &story.address]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command runs")
    };
    let pushes = [start(), start()];
    let given_up = Instant::now() + Duration::from_secs(60);
    while proxy.seen().iter().filter(|seen| is_manifest(seen)).count() < pushes.len() {
        assert!(Instant::now() < given_up, "no image arrived");
        std::thread::sleep(Duration::from_millis(5));
    }
    proxy.heal();
    for push in pushes {
        Run::of(&push.wait_with_output().expect("it ends")).exits(0);
    }
    let lent = format!("{}/{}/*", story.address, story.engine.namespace);
    assert_eq!(story.engine.docker(&["images", "--digests", &lent]).lines().count(), 1, "only the head");
}

#[test]
fn a_name_of_the_registry_that_was_there_before_stays() {
    let story = story!();
    story.engine.build(&story.checkout, &[]).0.exits(0);
    let key = story.engine.run(&story.checkout, &["images"]).exits(0).stdout;
    let source = key.lines().find(|line| line.contains("/tool:")).expect("the tool").to_owned();
    let theirs = format!("{}/{source}", story.address);
    story.engine.docker(&["tag", &source, &theirs]);
    story.push(&[]).0.exits(0);
    story.engine.docker(&["image", "inspect", &theirs]);
    story.engine.docker(&["rmi", &theirs]);
}

#[test]
fn what_must_not_be_published_is_refused() {
    let story = story!();
    story.checkout.write("api/b", "uncommitted");
    let (run, _) = story.push(&[]);
    run.exits(2).says("uncommitted changes are in").says("api/b").says("--dirty");
    assert!(story.digests(&CHAIN, "main").values().all(Option::is_none));
    story.push(&["--dirty"]).0.exits(0);
    let latest = story.digests(&CHAIN, "latest");
    assert!(latest["api"].is_none() && latest["base"].is_some(), "{latest:?}");
    assert!(story.digests(&CHAIN, "main")["api"].is_some());

    story.push(&["--no-cache"]).0.exits(2).says("leave --no-cache out");
    let (run, _) = story.push_from(&Checkout::with(&[("x/Dockerfile", "FROM busybox\n")]), &["--no-build"]);
    run.exits(1).says("neither the engine nor the registry has");
    story.checkout.git(&["checkout", "--quiet", "."]);
    story.checkout.git(&["branch", "feature-x"]);
    story.checkout.git(&["switch", "--quiet", "--create", "feature/x"]);
    let (run, _) = story.push(&[]);
    run.exits(2).says("the branches feature/x and feature-x have the same tag");
    let twins = Checkout::with(&[
        ("one/worker/Dockerfile", "FROM busybox\n"),
        ("two/worker/Dockerfile", "FROM busybox\nUSER 1\n"),
    ]);
    let (run, _) = story.push_from(&twins, &[]);
    run.exits(2)
        .says("only because another image has its name")
        .says("[names] of shipwright.toml: \"one/worker\" = ");
    let unnamed = Checkout::with(&[("x/Dockerfile", "FROM busybox\n")]);
    let mut command = story.engine.command(&unnamed, &["push", "--registry", &story.address]);
    let run = Run::of(&command.env_remove("SHIPWRIGHT_NAMESPACE").output().expect("the command runs"));
    run.exits(2).says("namespace = ");
}

/// A proxy in front of the story's registry, and what it runs on.
fn proxied(story: &mut Story) -> (Proxy, tokio::runtime::Runtime) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let proxy = runtime.block_on(Proxy::start(&story.server.address));
    story.address.clone_from(&proxy.address);
    (proxy, runtime)
}

/// Whether the request ends sending a layer or a configuration.
fn is_upload(seen: &Seen) -> bool {
    seen.method == "PUT" && seen.target.contains("digest=")
}

/// Whether the request puts an image under its key.
fn is_manifest(seen: &Seen) -> bool {
    seen.method == "PUT" && seen.target.contains("/manifests/")
}

/// What was sent to its end, by digest.
fn uploads(seen: &[Seen]) -> Vec<String> {
    let digest = |seen: &Seen| seen.target.split_once("digest=").expect("an upload").1.replace("%3A", ":");
    let digests = seen.iter().filter(|seen| is_upload(seen)).map(digest);
    digests.map(|digest| digest.split('&').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_push_that_was_cut_off_is_continued_where_it_was() {
    let Some(mut story) = story() else { return };
    let (proxy, _runtime) = proxied(&mut story);
    // Images of layers that no other test has: an engine notes where a layer is without a lock, and forgets a place
    // when pushes of that layer end in the same moment.
    let own = |what: &str| format!("{what} of {}", story.engine.namespace);
    for (path, content) in [
        ("base/Dockerfile", "FROM scratch\nCOPY a /a\n".to_owned()),
        ("tool/Dockerfile", "FROM acme/base\nCOPY t /t\nCOPY n /n\n".to_owned()),
        ("tool/n", own("n")),
        ("base/a", own("a")),
    ] {
        story.checkout.write(path, content);
    }
    story.checkout.commit("own layers");
    story.push(&[]).0.exits(0);

    let mut sent = uploads(&proxy.seen());
    let all = sent.len();
    sent.sort();
    sent.dedup();
    assert_eq!(sent.len(), all, "what images share is sent once and mounted");

    // Other layers, and a registry that goes silent once it has one image, until somebody loses patience.
    story.checkout.write("base/a", own("another a"));
    story.checkout.write("tool/t", "2");
    story.checkout.commit("again");
    proxy.break_after(is_manifest, Fault::Delay(Duration::from_secs(3600)));
    let mut command = story.engine.command(&story.checkout, &["push", "--registry", &story.address]);
    let mut push = command.stderr(Stdio::null()).spawn().expect("the command runs");
    let given_up = Instant::now() + Duration::from_secs(60);
    let last = loop {
        let last = proxy.seen().iter().position(is_manifest);
        if let Some(last) = last.filter(|last| proxy.seen().len() > last + 1) {
            break last;
        }
        assert!(Instant::now() < given_up && push.try_wait().expect("a child").is_none(), "no image arrived");
        std::thread::sleep(Duration::from_millis(5));
    };
    let pid = push.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill runs").success());
    assert_eq!(push.wait().expect("a child").code(), Some(130));
    let first = uploads(&proxy.seen()[..=last]);

    proxy.heal();
    let (run, built) = story.push(&[]);
    run.exits(0).says(" 2 pushed");
    assert!(built.is_empty());
    let second = uploads(&proxy.seen());
    let twice: Vec<_> = second.iter().filter(|digest| first.contains(digest)).collect();
    assert!(!first.is_empty() && !second.is_empty() && twice.is_empty(), "{twice:?} of {first:?}");
}

/// One image is new each time, the other one goes back to what the registry has: each request of the engine is broken
/// in turn.
#[test]
fn whatever_breaks_while_layers_are_sent_no_moving_tag_moves_alone() {
    let Some(mut story) = story() else { return };
    let (proxy, _runtime) = proxied(&mut story);
    let names = ["base", "tool"];
    let commit = |round: usize| {
        story.checkout.write("base/a", (round % 2).to_string());
        story.checkout.write("tool/t", format!("round {round}"));
        story.checkout.commit("a round");
    };
    for round in 0..3 {
        commit(round);
        proxy.heal();
        story.push(&names).0.exits(0);
    }
    let of_engine = |seen: &Seen| !seen.headers["user-agent"].starts_with("shipwright/");
    let seen = proxy.seen();
    let first = seen.iter().position(of_engine).expect("the engine pushes") + 1;
    let last = seen.iter().rposition(of_engine).expect("the engine pushes") + 1;
    assert!(seen.iter().any(is_upload) && last > first + 5, "{first} to {last}");
    let faults = [
        Fault::Status("500 Internal Server Error", None),
        Fault::Cut,
        Fault::Status("429 Too Many Requests", Some(1)),
        Fault::CutAfter,
        Fault::Status("503 Service Unavailable", Some(0)),
        Fault::Truncate,
        Fault::Delay(Duration::from_millis(50)),
    ];
    let mut before = story.digests(&names, "main");
    // Twice, so that each request meets two of them.
    let places = (0..2).flat_map(|pass| (first..=last).map(move |place| (place, place + 3 * pass)));
    for (round, (place, kind)) in places.enumerate() {
        commit(3 + round);
        let fault = faults[kind % faults.len()];
        proxy.break_requests(place, 1, fault);
        let (run, _) = story.push(&names);
        let now = story.digests(&names, "main");
        let moved = names.iter().filter(|name| now[**name] != before[**name]).count();
        let expected = if run.code == 0 { names.len() } else { 0 };
        assert_eq!(moved, expected, "request {place} of {last}, {fault:?}: {now:?} {run:?}");
        proxy.heal();
        story.push(&names).0.exits(0);
        before = story.digests(&names, "main");
        assert_eq!(story.digests(&names, "latest"), before);
    }
}

/// Two commits whose images are all in the registry, so that a push from one to the other only puts tags: each of
/// its requests is broken in turn.
#[test]
fn whatever_breaks_the_moving_tags_belong_together_and_the_next_push_completes() {
    let Some(mut story) = story() else { return };
    let (proxy, _runtime) = proxied(&mut story);
    let mut states = Vec::new();
    for content in ["one", "two"] {
        story.checkout.write("base/a", content);
        story.checkout.write("tool/t", content);
        story.checkout.commit(content);
        story.push(&[]).0.exits(0);
        states.push((story.checkout.head(), story.digests(&CHAIN, "main")));
    }
    let go_to = |story: &Story, (commit, _): &(String, _)| {
        story.checkout.git(&["reset", "--quiet", "--hard", commit]);
    };
    go_to(&story, &states[0]);
    proxy.heal();
    let (run, _) = story.push(&["--force", "--verbose"]);
    run.exits(0).says(&format!("{} → {}", states[1].0, states[0].0));
    let count = proxy.seen().len();
    let mut place = 0;
    let passing = [
        Fault::Status("503 Service Unavailable", Some(0)),
        Fault::Status("429 Too Many Requests", Some(1)),
        Fault::Status("500 Internal Server Error", None),
        Fault::Cut,
        Fault::CutAfter,
        Fault::Truncate,
        Fault::Delay(Duration::from_millis(50)),
    ];
    let broken_once = (1..=count).map(|first| (first, 1));
    let broken_from = (1..=count).rev().step_by(10).map(|first| (first, 100_000));
    for (round, (first, broken)) in broken_once.chain(broken_from).enumerate() {
        let (from, to) = (&states[place], &states[1 - place]);
        go_to(&story, to);
        proxy.break_requests(first, broken, passing[round % passing.len()]);
        let (run, _) = story.push(&["--force"]);
        let now = story.digests(&CHAIN, "main");
        let what = format!("request {first} of {count}, {:?}: {run:?}", passing[round % passing.len()]);
        if run.code == 0 {
            assert_eq!(now, to.1, "{what}");
        } else {
            assert_eq!(run.code, 4, "{what}");
            assert!(now == from.1 || now == to.1 || run.stderr.contains("does not belong"), "{what}");
            assert!(run.stderr.contains(&story.address), "{what}");
        }
        proxy.heal();
        story.push(&["--force"]).0.exits(0);
        assert_eq!(story.digests(&CHAIN, "main"), to.1, "{what}");
        assert_eq!(story.digests(&CHAIN, "latest"), to.1, "{what}");
        place = 1 - place;
    }
}

#[test]
fn a_tag_that_somebody_else_moved_is_left_to_them() {
    let story = story!();
    let other = Checkout::empty();
    story.checkout.git(&["branch", "before"]);
    other.git(&["pull", "--quiet", &story.checkout.root.to_string_lossy(), "main"]);
    other.write("tool/t", "theirs");
    other.commit("theirs");
    story.push_from(&other, &[]).0.exits(0);
    let theirs = story.digests(&CHAIN, "main");
    story.checkout.write("tool/t", "ours");
    story.checkout.commit("ours");
    let (run, _) = story.push(&[]);
    run.exits(1).says("which is not in this history").says("--force");
    assert_eq!(story.digests(&CHAIN, "main"), theirs);
    story.push(&["--force", "--verbose"]).0.exits(0).says(" → ");
    assert_ne!(story.digests(&CHAIN, "main")["tool"], theirs["tool"]);
}

/// The other one's push begins and ends between our first look and our tags.
#[test]
fn a_tag_that_moves_while_images_are_sent_is_looked_at_again() {
    let Some(mut story) = story() else { return };
    let direct = story.address.clone();
    let (proxy, _runtime) = proxied(&mut story);
    story.push(&[]).0.exits(0);
    let other = Checkout::empty();
    other.git(&["pull", "--quiet", &story.checkout.root.to_string_lossy(), "main"]);
    let race = |first: &Checkout, second: &Checkout| {
        proxy.hold(is_manifest);
        let mut command = story.engine.command(first, &["push", "--registry", &story.address]);
        let push = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command runs");
        let given_up = Instant::now() + Duration::from_secs(60);
        while !proxy.seen().iter().any(is_manifest) {
            assert!(Instant::now() < given_up, "no image arrived");
            std::thread::sleep(Duration::from_millis(5));
        }
        story.engine.run(second, &["push", "--registry", &direct]).exits(0);
        proxy.heal();
        Run::of(&push.wait_with_output().expect("it ends"))
    };
    let put = |checkout: &Checkout, text: &str| {
        checkout.write("tool/t", text);
        checkout.commit(text);
    };
    put(&other, "theirs");
    put(&story.checkout, "ours");
    let run = race(&story.checkout, &other);
    let theirs = other.head()[..12].to_owned();
    run.exits(1).says(&format!("is at {theirs}, which is not in this history")).says("--force");
    let theirs = story.digests(&CHAIN, &theirs);
    assert_eq!((story.digests(&CHAIN, "main"), story.digests(&CHAIN, "latest")), (theirs.clone(), theirs));

    // A push of an older commit that ends meanwhile is no reason to stop.
    put(&other, "older");
    let from = other.root.to_string_lossy().into_owned();
    story.checkout.git(&["fetch", "--quiet", &from, "main"]);
    story.checkout.git(&["reset", "--quiet", "--hard", "FETCH_HEAD"]);
    put(&story.checkout, "newest");
    race(&story.checkout, &other).exits(0);
    let newest = story.digests(&["tool"], &story.checkout.head()[..12]);
    assert_eq!(story.digests(&["tool"], "main"), newest);
}

#[test]
fn a_registry_that_does_not_answer_is_an_exit_code_of_its_own() {
    let story = story!();
    let run = story.engine.run(&story.checkout, &["push", "--registry", "127.0.0.1:1"]);
    run.exits(4).says("127.0.0.1:1");
    let run = story.engine.run(&story.checkout, &["push", "--registry", "https://ghcr.io"]);
    run.exits(2).says("is a URL");
}

#[test]
fn what_git_does_not_have_is_pushed_and_listed() {
    let story = story!();
    story.checkout.write(".gitignore", "*.jar\n");
    story.checkout.write("tool/Dockerfile", "FROM busybox\nCOPY . /t\n");
    story.checkout.commit("a jar is built before");
    story.checkout.write("tool/app.jar", "made");
    let (run, _) = story.push(&["tool"]);
    run.exits(0).says("tool holds what git does not have: tool/app.jar");
    assert!(story.digests(&["tool"], "latest")["tool"].is_some());
}
