//! Everything that needs no engine, through the real binary.

mod support;

use std::fs;

use support::{Checkout, Run, command_in, git_in, image, keys, text};

const SHOP: [&str; 12] = [
    "base",
    "motd",
    "node-base",
    "reports",
    "shared",
    "service1",
    "service1-dev",
    "service2",
    "tools",
    "admin",
    "lint",
    "web",
];

#[test]
fn the_plan_s_json_has_the_documented_fields() {
    let shop = Checkout::shop();
    let plan = shop.plan(&[]);
    assert_eq!(plan["schema"], 1);
    assert_eq!(plan["checkout"]["root"], ".");
    assert_eq!(plan["checkout"]["name"], "shop");
    assert_eq!(plan["checkout"]["head"], shop.git(&["rev-parse", "HEAD"]));
    assert_eq!(plan["checkout"]["branch"], "main");
    assert_eq!(plan["checkout"]["dirty"], false);
    assert_eq!(plan["namespace"]["value"], "acme");
    assert_eq!(plan["namespace"]["source"], "from-lines");
    let names: Vec<String> = keys(&plan).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, SHOP);
    let service = image(&plan, "service1");
    assert_eq!(service["name"], "acme/service1");
    assert_eq!(service["dockerfile"], "service1/Dockerfile");
    assert_eq!(service["context"], "service1");
    assert_eq!(service["target"], serde_json::Value::Null);
    let key = text(&service["key"]);
    assert_eq!(key.len(), 64);
    assert_eq!(service["reference"], format!("acme/service1:src-{}", &key[..16]));
    assert_eq!(service["revision"], shop.git(&["rev-parse", "HEAD"]));
    assert_eq!(service["dirty"], false);
    assert_eq!(service["aside"], false);
    assert_eq!(service["action"], "build");
    assert_eq!(service["reasons"][0]["kind"], "never-built");
    assert_eq!(service["dependencies"][0]["image"], "acme/shared");
    assert_eq!(service["dependencies"][0]["kind"], "from");
    assert_eq!(service["dependencies"][0]["line"], 1);
    assert_eq!(service["inputs"]["files"], 1);
    assert_eq!(
        service["tags"],
        serde_json::json!([format!("src-{}", &key[..16]), shop.head(), "main", "latest"])
    );
    assert_eq!(image(&plan, "reports")["context"], ".");
    assert_eq!(image(&plan, "motd")["bases"], serde_json::json!([]));
    assert_eq!(image(&plan, "base")["bases"], serde_json::json!(["busybox"]));
    let kinds: Vec<String> = image(&plan, "admin")["dependencies"]
        .as_array()
        .expect("dependencies")
        .iter()
        .map(|dependency| format!("{} {}", text(&dependency["kind"]), text(&dependency["image"])))
        .collect();
    assert_eq!(kinds, ["from acme/base", "from acme/base", "copy acme/tools"]);
    assert_eq!(image(&plan, "web")["dependencies"][1]["kind"], "mount");
    let note = serde_json::json!({
        "severity": "note", "path": "admin/Dockerfile", "line": 5, "message": "nothing uses stage 2/3 preview",
        "hint": "it is built only with --target",
    });
    assert_eq!(plan["diagnostics"], serde_json::json!([note]));
}

#[test]
fn images_and_graph_are_parts_of_the_plan() {
    let shop = Checkout::shop();
    let images = shop.run(&["images", "--offline"]).exits(0).stdout;
    assert_eq!(images.lines().count(), 12);
    assert!(images.lines().all(|line| line.starts_with("acme/") && line.contains(":src-")), "{images}");
    let verbose = shop.run(&["images", "--offline", "-v", "lint"]).exits(0).stdout;
    assert!(verbose.contains("docker/lint.Dockerfile") && verbose.contains("acme/lint:latest"), "{verbose}");
    let graph = shop.run(&["graph", "--offline"]).exits(0).stdout;
    assert!(graph.contains("acme/service1-dev"), "{graph}");
    let dot = shop.run(&["graph", "--offline", "--format", "dot"]).exits(0).stdout;
    assert!(dot.starts_with("digraph") && dot.contains("->"), "{dot}");
    let mermaid = shop.run(&["graph", "--offline", "--format", "mermaid"]).exits(0).stdout;
    assert!(mermaid.starts_with("graph") || mermaid.starts_with("flowchart"), "{mermaid}");
    let json = shop.run(&["graph", "--offline", "--format", "json"]).exits(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(image(&json, "shared")["dependencies"][0]["image"], "acme/base");
}

#[test]
fn inspect_reads_any_dockerfile_in_a_checkout_or_not() {
    let shop = Checkout::shop();
    let json = shop.run(&["inspect", "admin/Dockerfile", "--format", "json"]).exits(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["valid"], true);
    assert_eq!(json["stages"][1]["name"], "preview");
    assert_eq!(json["stages"][1]["needed"], false);
    assert_eq!(json["images"], serde_json::json!(["acme/base", "acme/tools"]));
    assert_eq!(json["context"], "admin");
    assert_eq!(json["ignore_file"], "admin/.dockerignore");
    let inputs = json["inputs"].as_array().expect("inputs").iter().map(text).collect::<Vec<_>>();
    assert!(inputs.contains(&"admin/notes/LICENCE.md".to_owned()), "{inputs:?}");
    assert!(!inputs.contains(&"admin/notes/todo.md".to_owned()), "{inputs:?}");
    shop.run(&["inspect", "admin/Dockerfile"]).exits(0);

    let alone = tempfile::tempdir().expect("a folder");
    fs::write(alone.path().join("Dockerfile"), "FROM alpine\nFOO bar\n").expect("a file");
    let run = command_in(alone.path(), alone.path(), &["inspect", "Dockerfile", "--format", "json"]).output();
    let run = Run::of(&run.expect("the command runs")).exits(0);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(json["valid"], false);
    assert_eq!(json["diagnostics"][0]["line"], 2);
    shop.run(&["inspect", "nowhere/Dockerfile"]).exits(2).says("nowhere/Dockerfile");
}

#[test]
fn completions_man_page_help_and_version_are_there() {
    let checkout = Checkout::empty();
    for shell in ["bash", "zsh", "fish"] {
        assert!(checkout.run(&["completions", shell]).exits(0).stdout.contains("shipwright"));
    }
    assert!(checkout.run(&["man"]).exits(0).stdout.starts_with(".ie"));
    assert!(checkout.run(&["--version"]).exits(0).stdout.starts_with("shipwright 0."));
    assert!(checkout.run(&["--help"]).exits(0).stdout.contains("Exit codes"));
}

#[test]
fn the_same_content_has_the_same_key_everywhere() {
    let shop = Checkout::shop();
    let committed = shop.keys();
    assert!(committed.iter().all(|(_, key)| key.len() == 64));

    shop.write("shared/auth.sh", "other\n");
    let dirty = shop.keys();
    assert_ne!(dirty, committed);
    shop.commit("other");
    assert_eq!(shop.keys(), dirty, "committing changes no key");
    shop.git(&["revert", "--no-edit", "HEAD"]);
    assert_eq!(shop.keys(), committed, "a revert gives the old keys");

    let origin = shop.root.to_string_lossy().into_owned();
    for (name, arguments) in [
        ("clone", vec!["clone", "--quiet", &origin]),
        ("shallow", vec!["clone", "--quiet", "--depth=1"]),
        ("worktree", vec!["worktree", "add", "--quiet", "--detach"]),
    ] {
        let target = shop.beside(name);
        let target = target.to_string_lossy().into_owned();
        let url = format!("file://{origin}");
        let mut arguments = arguments;
        if name == "shallow" {
            arguments.push(&url);
        }
        arguments.push(&target);
        git_in(&shop.root, &arguments);
        let run =
            command_in(target.as_ref(), &shop.beside("home"), &["plan", "--offline", "--format", "json"])
                .output()
                .expect("the command runs");
        let run = Run::of(&run).exits(0);
        assert_eq!(keys(&serde_json::from_str(&run.stdout).expect("JSON")), committed, "{name}");
    }
}

#[test]
fn dirty_is_what_differs_from_head_and_its_dependents() {
    let shop = Checkout::shop();
    let dirty = |shop: &Checkout| -> Vec<String> {
        let plan = shop.plan(&[]);
        let images = plan["images"].as_array().expect("images").clone();
        images.iter().filter(|image| image["dirty"] == true).map(|image| text(&image["short_name"])).collect()
    };
    assert!(dirty(&shop).is_empty());
    shop.write("README.md", "unrelated\n");
    assert!(dirty(&shop).is_empty(), "no image reads it");
    shop.write("shared/auth.sh", "edited\n");
    assert_eq!(dirty(&shop), ["reports", "shared", "service1", "service1-dev", "service2"]);
    shop.git(&["add", "--all"]);
    assert_eq!(dirty(&shop).len(), 5, "staging changes nothing");
    shop.git(&["reset", "--quiet", "--hard"]);
    shop.write("admin/static/new.html", "untracked\n");
    assert_eq!(dirty(&shop), ["admin"]);
    let plan = shop.plan(&["admin"]);
    assert_eq!(plan["checkout"]["dirty"], true);
    assert!(!image(&plan, "admin")["tags"].as_array().expect("tags").contains(&shop.head().into()));
}

#[test]
fn ignored_inputs_count_but_make_nothing_dirty() {
    let shop = Checkout::shop();
    let before = shop.keys();
    shop.write("admin/static/debug.log", "ignored by git\n");
    let plan = shop.plan(&[]);
    assert_ne!(keys(&plan), before);
    assert_eq!(image(&plan, "admin")["dirty"], false);
    assert_eq!(image(&plan, "admin")["unversioned"], serde_json::json!(["admin/static/debug.log"]));
}

#[test]
fn selection_follows_the_original() {
    let shop = Checkout::shop();
    let of = |arguments: &[&str]| {
        keys(&shop.plan(arguments)).into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(of(&["service1"]), ["base", "shared", "service1"]);
    assert_eq!(of(&["-u", "acme/service1"]), ["base", "shared", "service1"]);
    assert_eq!(of(&["service1/Dockerfile.dev"]).len(), 4);
    assert_eq!(of(&["-e", "service1"]), ["service1"]);
    assert_eq!(of(&["-d", "tools"]), ["base", "node-base", "tools", "admin", "lint", "web"]);
    assert_eq!(of(&["-x", "shared"]).len(), 8);
    assert_eq!(of(&["motd,lint"]), ["motd", "tools", "lint"]);
    let run = shop.run(&["plan", "--offline", "servcie1"]).exits(2);
    run.says("there is no image `servcie1`").says("service1");
}

#[test]
fn an_unparsable_dockerfile_is_shown_with_a_caret_and_the_others_are_planned() {
    let shop = Checkout::shop();
    shop.write("motd/Dockerfile", "FROM scratch\nCOPPY motd.txt /\n");
    let run = shop.run(&["plan", "--offline"]).exits(2);
    assert!(run.stderr.contains("motd/Dockerfile:2:1"), "{}", run.stderr);
    assert!(run.stderr.contains("^^^^^"), "{}", run.stderr);
    assert!(run.stderr.contains("COPY"), "the closest instruction: {}", run.stderr);
    let base = run.stdout.lines().find(|line| line.contains("acme/base ")).expect("a line of the plan");
    assert!(base.trim_start().starts_with("build "), "{base}");
}

#[test]
fn a_cycle_is_shown_whole() {
    let checkout = Checkout::with(&[
        ("a/Dockerfile", "FROM acme/b\n"),
        ("b/Dockerfile", "FROM acme/c\n"),
        ("c/Dockerfile", "FROM scratch\nCOPY --from=acme/a / /\n"),
        ("d/Dockerfile", "FROM busybox\n"),
    ]);
    let run = checkout.run(&["plan", "--offline"]).exits(2);
    for place in ["a/Dockerfile:1", "b/Dockerfile:1", "c/Dockerfile:2"] {
        assert!(run.stderr.contains(place), "{place}: {}", run.stderr);
    }
    assert!(run.stdout.contains("acme/d"), "{}", run.stdout);
}

#[test]
fn a_reference_into_the_namespace_that_nothing_builds_is_a_warning() {
    let shop = Checkout::shop();
    shop.write("motd/Dockerfile", "FROM acme/sharde\n");
    shop.run(&["plan", "--offline"]).exits(0).says("acme/sharde").says("acme/shared").says("[names]");
}

#[test]
fn a_blocked_image_is_a_line_and_fails_only_where_it_was_named() {
    let shop = Checkout::shop();
    shop.write("motd/Dockerfile", "ARG BASE\nFROM ${BASE}\n");
    let run = shop.run(&["plan", "--offline"]).exits(0);
    assert!(run.stdout.contains("blocked  acme/motd"), "{}", run.stdout);
    assert!(run.stdout.contains("--build-arg"), "{}", run.stdout);
    shop.run(&["plan", "--offline", "motd"]).exits(2);
    shop.run(&["plan", "--offline", "--strict"]).exits(2);
    let mut in_ci = shop.command(&["plan", "--offline"]);
    Run::of(&in_ci.env("CI", "true").output().expect("the command runs")).exits(2);
    let plan = shop.plan(&["--build-arg", "BASE=busybox", "motd"]);
    assert_eq!(image(&plan, "motd")["action"], "build");
}

#[test]
fn a_source_that_is_nowhere_blocks_its_image() {
    let shop = Checkout::shop();
    shop.write("motd/Dockerfile", "FROM scratch\nCOPY nowhere.txt /\n");
    let run = shop.run(&["plan", "--offline"]).exits(0);
    assert!(run.stdout.contains("nowhere.txt"), "{}", run.stdout);
    assert_eq!(image(&shop.plan(&[]), "motd")["action"], "blocked");
}

#[test]
fn wrong_places_and_engines_have_their_exit_codes() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |arguments: &[&str]| {
        Run::of(&command_in(folder.path(), folder.path(), arguments).output().expect("the command runs"))
    };
    let not_git = run(&["plan", "--offline"]).exits(2);
    assert!(not_git.stderr.contains("hint:"), "{}", not_git.stderr);
    git_in(folder.path(), &["init", "--quiet", "--bare"]);
    run(&["plan", "--offline"]).exits(2).says("bare");

    let shop = Checkout::shop();
    let none = shop.run(&["-H", "unix:///nowhere/docker.sock"]).exits(3);
    assert!(none.stderr.contains("hint:"), "{}", none.stderr);
    shop.run(&["--no-such-option"]).exits(2);
}

#[test]
fn settings_are_checked_with_their_place() {
    let shop = Checkout::shop();
    shop.write("shipwright.toml", "namespcae = \"acme\"\n");
    shop.run(&["plan", "--offline"]).exits(2).says("shipwright.toml:1").says("namespace");
    shop.write("shipwright.toml", "namespace = \"corp\"\n[names]\n\"motd\" = \"message\"\n");
    let plan = shop.plan(&[]);
    assert_eq!(image(&plan, "message")["name"], "corp/message");
    assert_eq!(plan["namespace"]["source"], "settings");
    assert_eq!(
        image(&plan, "service1")["dependencies"][0]["image"],
        "corp/shared",
        "FROM acme/shared still binds"
    );
    shop.write("shipwright.toml", "[image.service1]\nargs = { X = \"1\" }\ndepends_on = [\"motd\"]\n");
    let plan = shop.plan(&["service1"]);
    assert_eq!(plan["images"].as_array().expect("images").len(), 4);
}

#[test]
fn the_original_s_settings_environment_and_options_work() {
    let shop = Checkout::shop();
    shop.write(
        ".shipwright.json",
        r#"{"version": 1.0, "namespace": "demo", "names": {"/motd": "demo/message"}}"#,
    );
    let plan = shop.plan(&["--dirty"]);
    assert_eq!(plan["namespace"]["value"], "demo");
    assert!(keys(&plan).iter().any(|(name, _)| name.ends_with("message")), "{plan}");
    let mut command = shop.command(&["images", "--offline"]);
    let run = Run::of(&command.env("SW_NAMESPACE", "env").output().expect("the command runs")).exits(0);
    assert!(run.stdout.contains("env/base:src-"), "{}", run.stdout);
    let run = shop.run(&["images", "--offline", "--account", "flag"]).exits(0);
    assert!(run.stdout.contains("flag/base:src-"), "{}", run.stdout);
    let plan = shop.plan(&["-t", "edge"]);
    let tags = image(&plan, "base")["tags"].to_string();
    assert!(tags.contains("edge") && !tags.contains("latest"), "{tags}");
}

#[test]
fn what_git_and_files_are_called_reaches_no_terminal_raw() {
    let checkout = Checkout::with(&[("a\u{1b}[2Jb/Dockerfile", "FROM scratch\nCOPY x\u{7}y /\n")]);
    let run = checkout.run(&["plan", "--offline", "-v"]);
    let both = run.stdout + &run.stderr;
    assert!(!both.contains('\u{1b}') && !both.contains('\u{7}'), "{both:?}");
}

#[test]
fn left_out_and_aside_dockerfiles_are_counted_in_a_line() {
    let checkout = Checkout::with(&[
        ("api/Dockerfile", "FROM busybox\n"),
        ("node_modules/x/Dockerfile", "FROM busybox\n"),
        ("tests/db/Dockerfile", "FROM busybox\n"),
    ]);
    let plan = checkout.plan(&[]);
    assert_eq!(plan["images"].as_array().expect("images").len(), 1);
    let notes = plan["diagnostics"].to_string();
    assert!(notes.contains("note") && notes.contains('1'), "{notes}");
    assert_eq!(keys(&checkout.plan(&["db"])).len(), 1, "aside ones are built when named");
}

#[test]
fn subfolders_and_directory_option_mean_the_whole_checkout() {
    let shop = Checkout::shop();
    let inside = command_in(&shop.root.join("service1"), &shop.root, &["images", "--offline"]).output();
    assert_eq!(Run::of(&inside.expect("the command runs")).exits(0).stdout.lines().count(), 12);
    let outside = tempfile::tempdir().expect("a folder");
    let root = shop.root.to_string_lossy().into_owned();
    let run = command_in(outside.path(), outside.path(), &["-C", &root, "images", "--offline"]).output();
    assert_eq!(Run::of(&run.expect("the command runs")).exits(0).stdout.lines().count(), 12);
}
