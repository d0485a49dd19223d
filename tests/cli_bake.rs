//! `shipwright bake` without an engine: what it says, and that our own reader of bake files reads the same.

mod support;

use serde_json::{Value, json};
use support::{Checkout, image, names, text, texts};

fn forms() -> Checkout {
    Checkout::with(&[
        ("base/Dockerfile", "FROM busybox\nARG V\nRUN echo $V\n"),
        ("tool/Dockerfile", "FROM busybox AS one\nFROM busybox AS two\n"),
        (
            "app/Dockerfile",
            "ARG REG=docker.io/acme\nFROM ${REG}/base\nCOPY --from=acme/tool:latest / /tool\nCOPY a /\n",
        ),
        ("app/a", "1"),
        (
            "web/Dockerfile",
            "FROM acme/base AS build\nFROM acme/base\nRUN --mount=from=index.docker.io/acme/tool,target=/m true\n",
        ),
        ("docker/lint.Dockerfile", "FROM acme/tool\nCOPY docker/rules /\n"),
        ("docker/rules", ""),
        (
            "shipwright.toml",
            "[image.base]\nargs = { V = \"${x} %{y}\" }\n[image.tool]\ntarget = \"one\"\n[image.lint]\ncontext = \".\"\n",
        ),
    ])
}

fn file(checkout: &Checkout, arguments: &[&str]) -> Value {
    checkout.run(&[&["bake", "--all"], arguments].concat()).exits(0).json()
}

#[test]
fn a_target_says_what_a_build_would_be_told() {
    let checkout = forms();
    let plan = checkout.plan(&[]);
    let file = file(&checkout, &[]);
    assert_eq!(texts(&file["group"]["default"]["targets"]), names(&plan));
    let (app, reference) = (&file["target"]["app"], text(&image(&plan, "app")["reference"]));
    assert_eq!(app["contexts"], json!({"acme/base": "target:base", "acme/tool": "target:tool"}));
    assert_eq!(app["tags"], json!(["acme/app:latest", "acme/app:main", reference]));
    assert_eq!(app["labels"]["io.shipwright.key"], image(&plan, "app")["key"]);
    assert_eq!((text(&app["context"]), text(&app["dockerfile"])), ("./app".into(), "./Dockerfile".into()));
    // A text of JSON is a template for bake.
    assert_eq!(file["target"]["base"]["args"]["V"], "$${x} %%{y}");
    assert_eq!(file["target"]["tool"]["target"], "one");
    let lint = &file["target"]["lint"];
    assert_eq!(
        (text(&lint["context"]), text(&lint["dockerfile"])),
        (".".into(), "./docker/lint.Dockerfile".into())
    );
    // Alone, without what it is built from: that has to be there.
    let alone = checkout.run(&["bake", "--all", "-e", "lint"]).exits(0).json();
    let tool = text(&image(&plan, "tool")["reference"]);
    assert_eq!(alone["target"]["lint"]["contexts"], json!({"acme/tool": format!("docker-image://{tool}")}));
    assert_eq!(alone["target"].as_object().map(serde_json::Map::len), Some(1));
}

#[test]
fn caches_are_those_of_a_build() {
    let checkout = forms();
    let caches = |file: &Value| ["cache-from", "cache-to"].map(|field| file["target"]["app"][field].clone());
    assert_eq!(caches(&file(&checkout, &[])), [Value::Null, Value::Null]);
    let to = "type=registry,ref=ghcr.io/acme/cache:{image}-{branch}-{platform},mode=max";
    let written = file(
        &checkout,
        &[
            "--platform",
            "linux/amd64",
            "--cache-from",
            "ghcr.io/acme/cache:{image}-{branch}",
            "--cache-to",
            to,
        ],
    );
    let expected = [
        json!(["type=registry,ref=ghcr.io/acme/cache:app-main"]),
        json!(["type=registry,mode=max,ref=ghcr.io/acme/cache:app-main-linux-amd64"]),
    ];
    assert_eq!(caches(&written), expected);
    // A job's address and token are its own, and stand in no file.
    let gha = checkout
        .run_with(&[("ACTIONS_RUNTIME_TOKEN", "hunter2")], &["bake", "--all", "--cache-to", "type=gha"]);
    assert!(!gha.stdout.contains("hunter2"), "{gha:?}");
    assert!(
        text(&gha.exits(0).json()["target"]["app"]["cache-to"][0]).starts_with("type=gha,scope=app-main-")
    );
    let settings = "registry = \"ghcr.io\"\ncache = \"registry\"\n[image.base]\ncache = false\n";
    checkout.write("shipwright.toml", settings);
    checkout.git(&["switch", "--quiet", "--create", "x/y"]);
    let file = file(&checkout, &["--platform", "linux/arm64"]);
    let place = |branch: &str| format!("type=registry,ref=ghcr.io/acme/app:buildcache-{branch}-linux-arm64");
    assert_eq!(caches(&file), [json!([place("x-y"), place("main")]), Value::Null]);
    assert!(file["target"]["base"]["cache-from"].is_null());
    for (to, said) in [
        ("type=registry,ref=ghcr.io/acme/cache:one", "overwrite each other's cache"),
        ("type=local,dest=x", "type=registry can be read anywhere"),
    ] {
        checkout.run(&["bake", "--all", "--cache-to", to]).exits(2).says(said);
    }
    checkout.git(&["add", "--all"]);
    checkout.git(&["commit", "--quiet", "--message", "settings"]);
    checkout.git(&["switch", "--quiet", "--detach"]);
    checkout.run(&["bake", "--all", "--cache-to", "mode=max"]).exits(2).says("no branch is checked out");
}

#[test]
fn paths_are_from_the_folder_that_it_is_written_in() {
    let checkout = forms();
    let run = checkout.run_in(&checkout.root.join("app"), &["bake", "--all"]).exits(0).json();
    let context = |name: &str| text(&run["target"][name]["context"]);
    assert_eq!(["app", "web", "lint"].map(context), [".", "../web", ".."]);
    assert_eq!(run["target"]["lint"]["dockerfile"], "./docker/lint.Dockerfile");
}

#[test]
fn our_own_reader_reads_the_same() {
    let checkout = forms();
    let before = checkout.plan(&[]);
    let written = checkout.run(&["bake", "--all"]).exits(0).stdout;
    checkout.write("docker-bake.json", &written);
    // Without the settings, what the file says has to be enough.
    checkout.remove("shipwright.toml");
    checkout.commit("bake");
    let after = checkout.plan(&[]);
    let told = |plan: &Value| -> Vec<Value> {
        let images = plan["images"].as_array().expect("images");
        let part = |image: &Value| {
            json!([
                image["name"],
                image["context"],
                image["target"],
                image["dependencies"].as_array().map(|all| {
                    all.iter().map(|one| json!([one["image"], one["kind"], one["line"]])).collect::<Vec<_>>()
                })
            ])
        };
        images.iter().map(part).collect()
    };
    assert_eq!(told(&after), told(&before));
    assert_eq!(support::keys(&after), support::keys(&before));
    let edges = image(&after, "app")["evidence"].as_array().expect("evidence");
    assert!(edges.iter().any(|said| said["field"] == "contexts.acme/base"), "{edges:#?}");
}

#[test]
fn a_stage_that_is_called_as_its_image_is_kept() {
    let checkout = Checkout::with(&[
        ("base/Dockerfile", "FROM busybox\n"),
        ("app/Dockerfile", "FROM base AS base\nRUN echo more\nFROM base\n"),
    ]);
    let target = file(&checkout, &[])["target"]["app"].clone();
    let base = text(&image(&checkout.plan(&[]), "base")["reference"]);
    assert_eq!(target["dockerfile-inline"], format!("FROM {base} AS base\nRUN echo more\nFROM base\n"));
    assert_eq!(target["contexts"], json!({base: "target:base"}));
    assert!(target["dockerfile"].is_null());
    // Its own ignore file would not count any more.
    checkout.write("app/Dockerfile.dockerignore", "x\n");
    checkout.run(&["bake", "--all"]).exits(2).says("app cannot be written for bake").says("another name");
}

#[test]
fn triggers_of_a_base_find_their_images_too() {
    let checkout = Checkout::with(&[
        ("tool/Dockerfile", "FROM busybox\n"),
        ("base/Dockerfile", "FROM busybox\nONBUILD COPY --from=acme/tool / /tool\n"),
        ("middle/Dockerfile", "FROM acme/base\n"),
        ("app/Dockerfile", "FROM acme/middle\n"),
    ]);
    let targets = file(&checkout, &[])["target"].clone();
    assert_eq!(
        targets["middle"]["contexts"],
        json!({"acme/base": "target:base", "acme/tool": "target:tool"})
    );
}

#[test]
fn names_are_what_bake_allows_and_differ() {
    let checkout = Checkout::with(&[
        ("default/Dockerfile", "FROM busybox\n"),
        ("a.b/Dockerfile", "FROM busybox\n"),
        ("a_b/Dockerfile", "FROM busybox\n"),
    ]);
    let file = file(&checkout, &[]);
    assert_eq!(texts(&file["group"]["default"]["targets"]), ["a_b", "a_b-2", "default-2"]);
}

#[test]
fn what_bake_cannot_be_told_is_an_error() {
    let checkout = forms();
    checkout.run(&["bake", "--rev", "HEAD"]).exits(2).says("work tree").says("git worktree add");
    let run = checkout.run(&["bake", "--unhashed-build-arg", "TOKEN=hunter2"]).exits(2);
    assert!(!run.stderr.contains("hunter2") && run.stdout.is_empty(), "{run:?}");
    run.says("--set");
    checkout.run(&["--jobs", "2", "bake"]).exits(2).says("does not take --jobs");
    checkout.write("web/Dockerfile", "ARG BASE\nFROM $BASE\n");
    let blocked = checkout.run(&["bake", "--all"]).exits(0).says("web has no target").says("needs BASE");
    assert!(blocked.json()["target"]["web"].is_null() && blocked.json()["target"]["app"].is_object());
    checkout.run(&["bake", "--all", "web"]).exits(2).says("needs BASE");
    checkout.write("app/Dockerfile", "FROM acme/base\nCOPPY x /\n");
    let wrong = checkout.run(&["bake", "--all"]).exits(2);
    assert_eq!(wrong.stdout, "", "{wrong:?}");
}
