//! Containers of a compose project: `docker compose up` takes what was deployed for its own.

use crate::deploy::{Dock, SERVE, of_others};
use crate::support::{Checkout, text};

fn has_compose(dock: &Dock) -> bool {
    let is_there = dock.engine.try_docker(&["compose", "version"]).status.success();
    if !is_there {
        #[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
        {
            eprintln!("not run: docker has no compose plugin");
        }
    }
    is_there
}

#[test]
fn compose_makes_nothing_anew_after_a_deployment() {
    let Some(dock) = Dock::new() else { return };
    if !has_compose(&dock) {
        return;
    }
    let latest = dock.image("api:latest", &format!("ENV V=1\nVOLUME /data\n{SERVE}"));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("compose.yaml");
    let project = dock.engine.namespace.clone();
    let services = format!(
        "services:\n  api:\n    image: {latest}\n    environment: {{MINE: \"1\"}}\n    ports: [\"127.0.0.1:18222:80\"]\n    \
         volumes: [\"named:/named\"]\n    networks: {{default: {{aliases: [al]}}}}\n  other:\n    image: {latest}\n    \
         depends_on: [api]\nvolumes: {{named: {{}}}}\n"
    );
    std::fs::write(&file, services).expect("a file");
    let file = file.display().to_string();
    let compose = |words: &[&str]| {
        dock.engine.docker(&[&["compose", "--project-name", &project, "--file", &file], words].concat())
    };
    compose(&["up", "--detach"]);
    dock.only(&["api-1", "other-1"]);
    dock.image("api:latest", &format!("ENV V=2\nVOLUME /data\n{SERVE}"));
    for name in ["api-1", "other-1"] {
        dock.run(&["deploy", &dock.name(name), "--grace", "0"]).exits(0);
    }
    let ids = || ["api-1", "other-1"].map(|name| text(&dock.inspect(name)["Id"]));
    let before = ids();
    compose(&["up", "--detach"]);
    assert_eq!(ids(), before);
    assert_eq!(text(&dock.inspect("api-1")["Image"]), dock.id(&latest));
    compose(&["down", "--volumes", "--timeout", "1"]);
}

/// Runs a container with the labels that compose puts on one.
fn service(dock: &Dock, name: &str, depends_on: &str, image: &str) {
    let (service, number) = name.split_once('-').expect("a number");
    let label = |name: &str, value: &str| format!("com.docker.compose.{name}={value}");
    let labels = [
        label("project", &dock.engine.namespace),
        label("service", service),
        label("container-number", number),
        label("depends_on", depends_on),
        label("oneoff", "False"),
    ];
    let flags: Vec<&str> = labels.iter().flat_map(|label| ["--label", label.as_str()]).collect();
    dock.runs(name, &[&flags[..], &["-v", "/anon", "-e", "MINE=1"]].concat(), image);
}

#[test]
fn a_project_is_moved_as_a_whole_or_not_at_all() {
    let Some(dock) = Dock::new() else { return };
    let engine = &dock.engine;
    let with = |version: &str, end: &str| format!("FROM busybox\nENV V={version}\n{end}\n");
    let checkout = Checkout::with(&[
        ("api/Dockerfile", &with("1", SERVE)),
        ("web/Dockerfile", &with("1", SERVE)),
        ("unused/Dockerfile", &with("1", SERVE)),
    ]);
    engine.run(&checkout, &["build", "api", "web"]).exits(0);
    let other = dock.image("db:1", SERVE);
    service(&dock, "db-1", "", &other);
    // By way of a service that is not moved: what web needs comes first, although it is not the first by name.
    service(&dock, "zapi-1", "", &dock.reference("api:main"));
    service(&dock, "zapi-2", "", &dock.reference("api:main"));
    service(&dock, "db-2", "zapi:service_started:false", &other);
    service(&dock, "web-1", "db:service_started:true", &dock.reference("web:main"));
    let names = ["db-1", "db-2", "web-1", "zapi-1", "zapi-2"];
    let ids = || names.map(|name| text(&dock.inspect(name)["Id"]));
    let versions = || {
        let version = |name: &str| engine.docker(&["exec", &dock.name(name), "sh", "-c", "echo $V$MINE"]);
        ["web-1", "zapi-1", "zapi-2"].map(version)
    };
    engine.docker(&["exec", &dock.name("zapi-2"), "sh", "-c", "echo kept >/anon/f"]);
    let (before, others) = (ids(), of_others(engine));
    checkout.write("api/Dockerfile", with("2", SERVE));
    checkout.write("web/Dockerfile", with("2", SERVE));
    let project = engine.namespace.clone();
    let deploy = |more: &[&str]| {
        engine.run(&checkout, &[&["deploy", "--compose", &project, "--grace", "0"], more].concat())
    };
    let shown = deploy(&["--dry-run"]).exits(0).stdout;
    assert_eq!(shown.matches("which is not on the engine yet").count(), 3, "{shown}");
    assert_eq!(ids(), before);
    let run = deploy(&[]).exits(0);
    assert_eq!(versions(), ["21", "21", "21"]);
    let at = |name: &str| run.stderr.find(&format!("starting {}", dock.name(name))).expect("it was started");
    assert!(at("zapi-1") < at("zapi-2") && at("zapi-2") < at("web-1"), "{run:?}");
    let after = ids();
    assert_eq!(after[..2], before[..2], "what is not built here is not touched");
    dock.only(&names);
    deploy(&[]).exits(0).says("already");
    assert_eq!(ids(), after);
    // The last one does not come up: the others are put back.
    checkout.write("api/Dockerfile", with("3", SERVE));
    checkout.write("web/Dockerfile", with("3", r#"ENTRYPOINT ["/no/such/program"]"#));
    let run =
        deploy(&[]).exits(1).says("/no/such/program").says("is not moved").says("back with what they ran");
    assert_eq!(versions(), ["21", "21", "21"], "{run:?}");
    assert_eq!(engine.docker(&["exec", &dock.name("zapi-2"), "cat", "/anon/f"]), "kept");
    dock.only(&names);
    assert_eq!(ids()[..3], after[..3]);
    let run = engine.run(&checkout, &["deploy", "--compose", "nowhere"]).exits(2);
    assert!(run.stderr.contains(&project), "{run:?}");
    dock.has_left_alone(&others, "of a project");
}

#[test]
fn compose_makes_nothing_anew_after_its_project_was_moved() {
    let Some(dock) = Dock::new() else { return };
    if !has_compose(&dock) {
        return;
    }
    let engine = &dock.engine;
    let with = |version: &str| format!("FROM busybox\nENV V={version}\n{SERVE}\n");
    let checkout = Checkout::with(&[
        ("api/Dockerfile", &with("1")),
        ("web/Dockerfile", &format!("FROM api\n{SERVE}\n")),
    ]);
    engine.run(&checkout, &["build"]).exits(0);
    for name in ["api", "web"] {
        let (built, current) = (format!("{name}:main"), format!("{name}:current"));
        engine.docker(&["tag", &dock.reference(&built), &dock.reference(&current)]);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("compose.yaml");
    let project = engine.namespace.clone();
    let service = |name: &str, more: &str| {
        let current = format!("{name}:current");
        format!("  {name}:\n    image: {}\n    {more}\n", dock.reference(&current))
    };
    let services = service("web", "depends_on: [api]") + &service("api", "deploy: {replicas: 2}");
    std::fs::write(&file, format!("services:\n{services}")).expect("a file");
    let file = file.display().to_string();
    let compose = |words: &[&str]| {
        engine.docker(&[&["compose", "--project-name", &project, "--file", &file], words].concat())
    };
    compose(&["up", "--detach"]);
    let names = ["api-1", "api-2", "web-1"];
    dock.only(&names);
    checkout.write("api/Dockerfile", with("2"));
    engine.run(&checkout, &["deploy", "--compose", &project, "--grace", "0"]).exits(0);
    dock.only(&names);
    let ids = || names.map(|name| text(&dock.inspect(name)["Id"]));
    let version = |name: &str| engine.docker(&["exec", &dock.name(name), "sh", "-c", "echo $V"]);
    assert_eq!(names.map(version), ["2", "2", "2"]);
    let before = ids();
    compose(&["up", "--detach"]);
    assert_eq!(ids(), before);
    compose(&["down", "--volumes", "--timeout", "1"]);
}
