//! The main job on a real engine, through the real binary.

mod support;

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::{Duration, Instant};

use support::{Checkout, Engine, Run, image, images_of, text};

/// Short names of `fixtures/shop`.
const SHOP: [&str; 12] = [
    "admin",
    "base",
    "lint",
    "motd",
    "node-base",
    "reports",
    "service1",
    "service1-dev",
    "service2",
    "shared",
    "tools",
    "web",
];

macro_rules! engine {
    () => {
        match Engine::start() {
            Some(engine) => engine,
            None => return,
        }
    };
}

#[test]
fn the_first_run_builds_all_the_second_nothing_and_a_change_its_chain() {
    let engine = engine!();
    let shop = Checkout::shop();
    let (run, events) = engine.build(&shop, &[]);
    run.exits(0);
    assert_eq!(images_of(&events, "build-started"), SHOP);
    for name in SHOP {
        for tag in ["main", "latest", &shop.head()] {
            assert!(engine.has(&format!("{name}:{tag}")), "{name}:{tag}");
        }
        let key = engine.label(&format!("{name}:main"), "io.shipwright.key");
        assert!(engine.has(&format!("{name}:src-{}", &key[..16])), "{name}: {key}");
    }
    assert_eq!(engine.in_image("web:main", &["cat", "/srv/index.txt"]).lines().count(), 2);
    assert_eq!(engine.in_image("admin:main", &["cat", "/srv/admin.html"]), "<h1>Orders</h1>\n<h1>Users</h1>");
    assert_eq!(engine.in_image("admin:main", &["test", "-x", "/usr/bin/wrap"]), "");

    let (run, events) = engine.build(&shop, &[]);
    let run = run.exits(0);
    assert!(images_of(&events, "build-started").is_empty() && images_of(&events, "tagged").is_empty());
    assert!(run.stderr.contains("12 images: 12 unchanged"), "{}", run.stderr);

    shop.git(&["switch", "--quiet", "--create", "feature/login"]);
    shop.write("shared/auth.sh", "#!/bin/sh\nallowed() { true; }\n");
    shop.commit("Let everybody in");
    let plan = engine.run(&shop, &["plan"]).exits(0);
    assert!(plan.stdout.contains("shared/auth.sh changed"), "{}", plan.stdout);
    let (run, events) = engine.build(&shop, &[]);
    run.exits(0);
    let chain = ["reports", "service1", "service1-dev", "service2", "shared"];
    assert_eq!(images_of(&events, "build-started"), chain);
    for name in SHOP {
        let moved = engine.id(&format!("{name}:feature-login")) != engine.id(&format!("{name}:main"));
        assert_eq!(moved, chain.contains(&name), "{name}");
        assert!(engine.has(&format!("{name}:{}", shop.head())), "{name}");
    }
    assert_eq!(
        engine.in_image("service1:feature-login", &["cat", "/usr/lib/shop/auth.sh"]),
        "#!/bin/sh\nallowed() { true; }"
    );

    shop.git(&["switch", "--quiet", "main"]);
    let (run, events) = engine.build(&shop, &[]);
    run.exits(0);
    assert!(images_of(&events, "build-started").is_empty(), "a branch switch builds nothing");
    assert_eq!(engine.id("service1:latest"), engine.id("service1:main"));

    shop.git(&["switch", "--quiet", "feature/login"]);
    shop.git(&["revert", "--no-edit", "HEAD"]);
    let (run, events) = engine.build(&shop, &[]);
    run.exits(0);
    assert!(images_of(&events, "build-started").is_empty(), "a revert builds nothing");
    assert_eq!(engine.id("shared:feature-login"), engine.id("shared:main"));
}

#[test]
fn a_failing_run_stops_its_dependents_only_and_moves_no_moving_tag() {
    let engine = engine!();
    let shop = Checkout::shop();
    engine.build(&shop, &[]).0.exits(0);
    let before: Vec<String> = SHOP.iter().map(|name| engine.id(&format!("{name}:main"))).collect();
    shop.write("shared/Dockerfile", "FROM acme/base\nRUN echo one && \\\n    echo two && false\n");
    shop.write("motd/motd.txt", "Good night.\n");
    shop.commit("Break it");
    let (run, events) = engine.build(&shop, &[]);
    let run = run.exits(1);
    assert!(run.stderr.contains("shared/Dockerfile:2"), "{}", run.stderr);
    assert!(run.stderr.contains("RUN echo one"), "{}", run.stderr);
    assert!(run.stderr.contains("two"), "the end of its log: {}", run.stderr);
    assert!(run.stderr.contains("not started"), "{}", run.stderr);
    assert_eq!(images_of(&events, "build-started"), ["motd", "shared"]);
    let after: Vec<String> = SHOP.iter().map(|name| engine.id(&format!("{name}:main"))).collect();
    assert_eq!(before, after, "moving tags moved");
}

#[test]
fn files_of_equal_size_and_time_never_get_mixed_up() {
    let engine = engine!();
    let dockerfile = "FROM busybox\nCOPY app.py /app.py\n";
    let checkout = Checkout::with(&[
        ("a/Dockerfile", dockerfile),
        ("a/app.py", "print('a')\n"),
        ("b/Dockerfile", dockerfile),
        ("b/app.py", "print('b')\n"),
    ]);
    let time = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    for path in ["a/app.py", "b/app.py"] {
        let file = std::fs::File::options().write(true).open(checkout.root.join(path)).expect("a file");
        file.set_modified(time).expect("a time");
    }
    engine.build(&checkout, &[]).0.exits(0);
    assert_eq!(engine.in_image("a:main", &["cat", "/app.py"]), "print('a')");
    assert_eq!(engine.in_image("b:main", &["cat", "/app.py"]), "print('b')");
    checkout.write("a/app.py", "print('c')\n");
    let file = std::fs::File::options().write(true).open(checkout.root.join("a/app.py")).expect("a file");
    file.set_modified(time).expect("a time");
    engine.build(&checkout, &[]).0.exits(0);
    assert_eq!(engine.in_image("a:main", &["cat", "/app.py"]), "print('c')");
}

#[test]
fn build_arguments_change_the_images_that_declare_them_and_give_no_commit_tags() {
    let engine = engine!();
    let shop = Checkout::shop();
    engine.build(&shop, &[]).0.exits(0);
    let (run, events) = engine.build(&shop, &["--build-arg", "GREETING=moin"]);
    run.exits(0);
    assert_eq!(images_of(&events, "build-started"), ["service2"]);
    assert_eq!(engine.in_image("service2:main", &["cat", "/etc/shop/greeting"]), "moin");
    assert_eq!(
        engine.in_image(&format!("service2:{}", shop.head()), &["cat", "/etc/shop/greeting"]),
        "hello"
    );
}

#[test]
fn secrets_reach_the_build_and_nothing_else() {
    let engine = engine!();
    let checkout = Checkout::with(&[(
        "api/Dockerfile",
        "FROM busybox\nRUN --mount=type=secret,id=token wc -c < /run/secrets/token > /length\n",
    )]);
    let file = checkout.beside("token");
    std::fs::write(&file, "hunter2hunter2").expect("a file");
    let secret = format!("id=token,src={}", file.display());
    let (run, events) = engine.build(&checkout, &["--secret", &secret]);
    let run = run.exits(0);
    assert_eq!(engine.in_image("api:main", &["cat", "/length"]), "14");
    let image = format!("{}/api:main", engine.namespace);
    let traces = [
        run.stderr,
        run.stdout,
        format!("{events:?}"),
        engine.docker(&["history", "--no-trunc", &image]),
        engine.docker(&["image", "inspect", &image]),
    ];
    assert!(traces.iter().all(|trace| !trace.contains("hunter2")), "{traces:?}");
}

#[test]
fn exact_needs_its_dependencies_to_be_there() {
    let engine = engine!();
    let shop = Checkout::shop();
    let run = engine.run(&shop, &["build", "-e", "service1"]);
    let run = run.exits(2);
    assert!(run.stderr.contains("shared"), "{}", run.stderr);
    engine.build(&shop, &["shared"]).0.exits(0);
    let (run, events) = engine.build(&shop, &["-e", "service1"]);
    run.exits(0);
    assert_eq!(images_of(&events, "build-started"), ["service1"]);
}

#[test]
fn no_cache_builds_again_what_is_named() {
    let engine = engine!();
    let checkout = Checkout::with(&[
        ("a/Dockerfile", "FROM busybox\nRUN cat /proc/sys/kernel/random/uuid > /id\n"),
        ("b/Dockerfile", "FROM busybox\n"),
        ("c/Dockerfile", "FROM acme/a\nCOPY --from=acme/b /bin/sh /sh\n"),
    ]);
    engine.build(&checkout, &[]).0.exits(0);
    let first = engine.in_image("a:main", &["cat", "/id"]);
    let (run, events) = engine.build(&checkout, &["--no-cache", "a"]);
    run.exits(0);
    assert_eq!(images_of(&events, "build-started"), ["a"]);
    let second = engine.in_image("a:main", &["cat", "/id"]);
    assert_ne!(second, first);
    assert_eq!(engine.in_image("c:main", &["cat", "/id"]), first);
    // `-d` names what depends on it, `-u` what it depends on; what else these need may stay.
    let (_, events) = engine.build(&checkout, &["--no-cache", "-d", "a"]);
    assert_eq!(images_of(&events, "build-started"), ["a", "c"]);
    let third = engine.in_image("a:main", &["cat", "/id"]);
    assert_eq!(engine.in_image("c:main", &["cat", "/id"]), third);
    let (_, events) = engine.build(&checkout, &["--no-cache", "c"]);
    assert_eq!(images_of(&events, "build-started"), ["c"]);
    let (_, events) = engine.build(&checkout, &["--no-cache", "-u", "c"]);
    assert_eq!(images_of(&events, "build-started"), ["a", "b", "c"]);
    let (_, events) = engine.build(&checkout, &["--no-cache"]);
    assert_eq!(images_of(&events, "build-started"), ["a", "b", "c"]);
}

#[test]
fn onbuild_triggers_of_a_base_built_here_are_inputs_of_the_dependent() {
    let engine = engine!();
    let checkout = Checkout::with(&[
        ("base/Dockerfile", "FROM busybox\nONBUILD COPY conf /conf\n"),
        ("api/Dockerfile", "FROM acme/base\n"),
        ("api/conf", "1\n"),
    ]);
    engine.build(&checkout, &[]).0.exits(0);
    assert_eq!(engine.in_image("api:main", &["cat", "/conf"]), "1");
    checkout.write("api/conf", "2\n");
    let (run, events) = engine.build(&checkout, &[]);
    run.exits(0);
    assert_eq!(images_of(&events, "build-started"), ["api"]);
    assert_eq!(engine.in_image("api:main", &["cat", "/conf"]), "2");
}

#[test]
fn ignored_files_stay_out_exceptions_go_in_and_modes_are_git_s() {
    use std::os::unix::fs::PermissionsExt;
    let engine = engine!();
    let checkout = Checkout::with(&[
        ("api/Dockerfile", "FROM busybox\nCOPY . /src\n"),
        ("api/.dockerignore", "*.md\n!keep.md\nnode_modules\n"),
        ("api/a.md", "out"),
        ("api/keep.md", "in"),
        ("api/node_modules/x/index.js", "out"),
        ("api/run.sh", "#!/bin/sh\n"),
    ]);
    let script = checkout.root.join("api/run.sh");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).expect("a mode");
    engine.build(&checkout, &[]).0.exits(0);
    let listing = engine
        .in_image("api:main", &["sh", "-c", "cd /src && find . -type f | sort && stat -c %a run.sh keep.md"]);
    assert_eq!(listing, "./.dockerignore\n./Dockerfile\n./keep.md\n./run.sh\n755\n644");
}

#[test]
fn labels_tell_the_key_the_revision_and_the_source_without_credentials() {
    let engine = engine!();
    let checkout = Checkout::with(&[("api/Dockerfile", "FROM busybox\nCOPY a /\n"), ("api/a", "1")]);
    checkout.git(&["remote", "add", "origin", "https://me:hunter2@git.example.com/acme/shop.git"]);
    engine.build(&checkout, &[]).0.exits(0);
    let key = engine.label("api:main", "io.shipwright.key");
    assert_eq!(key.len(), 64);
    assert_eq!(
        engine.label("api:main", "org.opencontainers.image.revision"),
        checkout.git(&["rev-parse", "HEAD"])
    );
    let source = engine.label("api:main", "org.opencontainers.image.source");
    assert!(source.contains("git.example.com/acme/shop") && !source.contains("hunter2"), "{source}");
    checkout.write("api/a", "2");
    engine.build(&checkout, &[]).0.exits(0);
    assert_eq!(engine.label("api:main", "org.opencontainers.image.revision"), "", "a dirty image has none");
}

/// An edit that is taken back, or done once more, costs nothing.
#[test]
fn a_dirty_image_that_its_branch_left_is_there_when_the_edit_comes_back() {
    let engine = engine!();
    let checkout = Checkout::with(&[("api/Dockerfile", "FROM busybox\nCOPY a /\n"), ("api/a", "1")]);
    let built = |content: &str| {
        checkout.write("api/a", content);
        let (run, events) = engine.build(&checkout, &[]);
        run.exits(0);
        let superseded = events.iter().filter(|event| event["event"] == "superseded").count();
        assert_eq!(superseded, 0, "a few bytes are not worth a line");
        (engine.id("api:main"), events.iter().filter(|event| event["event"] == "build-started").count())
    };
    let (first, _) = built("2");
    let (second, builds) = built("3");
    assert_eq!(builds, 1);
    assert_ne!(first, second);
    assert_eq!(built("2"), (first, 0));
    assert_eq!(built("3"), (second, 0));
}

/// Starts a run whose only RUN sleeps, and gives the process once it sleeps.
fn sleeping(engine: &Engine, checkout: &Checkout) -> std::process::Child {
    engine
        .command(checkout, &["build", "--progress", "plain"])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the command runs")
}

#[test]
fn an_interruption_stops_the_build_and_moves_nothing() {
    let engine = engine!();
    let checkout = Checkout::with(&[("api/Dockerfile", "FROM busybox\nCOPY a /\n"), ("api/a", "1")]);
    engine.build(&checkout, &[]).0.exits(0);
    let before = engine.id("api:main");
    checkout.write("api/Dockerfile", "FROM busybox\nRUN echo sleeping; sleep 60\n");
    let mut child = sleeping(&engine, &checkout);
    let mut stderr = std::io::BufReader::new(child.stderr.take().expect("a pipe"));
    let mut line = String::new();
    while !line.ends_with("sleeping\n") || line.contains("RUN") {
        line.clear();
        let read = std::io::BufRead::read_line(&mut stderr, &mut line).expect("lines");
        assert_ne!(read, 0, "it ended before it slept");
    }
    let asked = Instant::now();
    let signalled = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(signalled.expect("kill runs").success());
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130));
    // The promise is a second; a loaded machine is given more, and far less than the 60 of the build.
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    assert_eq!(engine.id("api:main"), before);
}

/// `kill -9` at any moment is repaired by the next run.
#[test]
fn a_killed_run_is_repaired_by_the_next() {
    let engine = engine!();
    let shop = Checkout::shop();
    for (round, delay) in [40, 150, 400, 900, 1500].into_iter().enumerate() {
        shop.write("base/etc/shop.conf", format!("round={round}\n"));
        let mut child = engine
            .command(&shop, &["build"])
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the command runs");
        std::thread::sleep(Duration::from_millis(delay));
        // It may have ended already; then there is nothing to repair.
        let _ = child.kill();
        let _ = child.wait();
        engine.build(&shop, &[]).0.exits(0);
        let plan = engine.run(&shop, &["plan", "--format", "json"]).exits(0);
        let plan = serde_json::from_str(&plan.stdout).expect("JSON");
        for name in SHOP {
            let planned = text(&image(&plan, name)["key"]);
            assert_eq!(engine.label(&format!("{name}:main"), "io.shipwright.key"), planned, "{name}");
            assert_eq!(image(&plan, name)["action"], "none", "{name}");
        }
        let release = format!("round={round}");
        assert_eq!(engine.in_image("service1:main", &["cat", "/etc/shop/shop.conf"]), release);
    }
}

#[test]
fn detached_and_unborn_heads_build_without_a_branch_s_tag() {
    let engine = engine!();
    let checkout = Checkout::with(&[("api/Dockerfile", "FROM busybox\n")]);
    checkout.git(&["checkout", "--quiet", "--detach"]);
    engine.build(&checkout, &[]).0.exits(0);
    assert!(engine.has(&format!("api:{}", checkout.head())) && engine.has("api:latest"));
    assert!(!engine.has("api:main"));

    let unborn = Checkout::empty();
    unborn.write("web/Dockerfile", "FROM busybox\nRUN true\n");
    engine.build(&unborn, &[]).0.exits(0);
    assert!(engine.has("web:main") && engine.has("web:latest"));
}

#[test]
fn a_commit_s_tag_that_names_other_content_stays() {
    let engine = engine!();
    let checkout = Checkout::with(&[
        ("api/Dockerfile", "FROM busybox\nCOPY build.jar /\n"),
        (".gitignore", "*.jar\n"),
        ("api/build.jar", "1"),
    ]);
    engine.build(&checkout, &[]).0.exits(0);
    let commit = format!("api:{}", checkout.head());
    let first = engine.id(&commit);
    checkout.write("api/build.jar", "2");
    let (run, _) = engine.build(&checkout, &[]);
    run.exits(0).says("already names an image with different content");
    assert_eq!(engine.id(&commit), first);
    assert_ne!(engine.id("api:main"), first);
}

#[test]
fn names_and_logs_of_hostile_checkouts_do_not_reach_the_terminal_raw() {
    let engine = engine!();
    let checkout = Checkout::with(&[
        ("api/Dockerfile", "FROM busybox\nCOPY . /src\nRUN printf '\\033[31mred\\007\\n'; exit 3\n"),
        ("api/a\u{1b}[2Jb", "x"),
    ]);
    let Run { code, stdout, stderr } = engine.run(&checkout, &["build"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("red"), "{stderr}");
    assert!(
        !stderr.contains('\u{1b}') && !stderr.contains('\u{7}') && !stdout.contains('\u{1b}'),
        "{stderr:?}"
    );
}

#[test]
fn every_tag_of_the_run_belongs_to_the_planned_images() {
    let engine = engine!();
    let shop = Checkout::shop();
    shop.git(&["tag", "v1.2.3"]);
    engine.build(&shop, &["-t", "edge"]).0.exits(0);
    let ids: BTreeSet<String> =
        ["main", "edge", "v1.2.3"].iter().map(|tag| engine.id(&format!("base:{tag}"))).collect();
    assert_eq!(ids.len(), 1);
    assert!(!engine.has("base:latest"), "-t stands instead of latest");
}
