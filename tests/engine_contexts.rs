//! Folders that are build contexts with names, on a real engine, beside what `docker buildx build` makes of them.

#![cfg(unix)]

mod gate;
mod support;

use std::os::unix::fs::symlink;
use std::process::Command;

use gate::run_while_held;
use support::{Checkout, Engine, Run, image, text};

const DOCKERFILE: &str = "\
FROM busybox AS tools
RUN false
FROM assets AS whole
FROM busybox
COPY own /own
COPY --from=assets schema.sql link /some/
COPY --from=assets .dockerignore /
COPY --from=tools o /o
COPY --from=whole / /whole/
COPY --from=context c /c
COPY --from=dockerfile d /d
COPY --from=acme/data:v1 v /v
RUN --mount=type=bind,from=assets,source=sub,target=/m cp -a /m /mounted
RUN --mount=from=tools,target=/m cp -a /m /tools
";

const COMPOSE: &str = "\
services:
  app:
    image: acme/app
    build:
      context: app
      additional_contexts: {assets: ./db, tools: other, context: one, dockerfile: two, 'acme/data:v1': three}
";

fn shop(engine: &Engine) -> Checkout {
    let shop = Checkout::with(&[
        ("app/Dockerfile", DOCKERFILE),
        ("app/own", "own\n"),
        ("compose.yaml", COMPOSE),
        ("db/schema.sql", &format!("create {}\n", engine.namespace)),
        ("db/sub/x", "x\n"),
        ("db/sub/deep/y", "y\n"),
        ("db/left-out", "never sent\n"),
        ("db/.dockerignore", "left-out\n"),
        ("other/o", "o\n"),
        ("one/c", "c\n"),
        ("two/d", "d\n"),
        ("three/v", "v\n"),
    ]);
    shop.make_executable("db/sub/x");
    symlink("sub/x", shop.root.join("db/link")).expect("a link");
    shop.commit("all");
    shop
}

/// Whether named contexts work: the `BuildKit` of Docker 20.10 does not know them.
fn knows_contexts() -> bool {
    std::env::var("SHIPWRIGHT_TEST_ENGINE").as_deref() != Ok("20.10")
}

/// All files of an image with their modes and contents.
fn files(engine: &Engine, name: &str) -> String {
    let list = "find / -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /etc -o -path /bin \\) -prune -o -print \
                | sort | while read f; do stat -c '%n %A' $f; [ -f $f ] && cat $f; [ -L $f ] && readlink $f; done; true";
    engine.in_image(name, &["sh", "-c", list])
}

#[test]
fn images_are_those_that_buildx_makes_with_the_same_folders() {
    let Some(engine) = Engine::start().filter(|_| knows_contexts()) else { return };
    let shop = shop(&engine);
    engine.run(&shop, &["build"]).exits(0).says("1 built");
    engine.run(&shop, &["build"]).exits(0).says("1 unchanged");
    let oracle = format!("{}/oracle", engine.namespace);
    let mut command = Command::new("docker");
    command.current_dir(&shop.root).args(["-H", engine.host(), "buildx", "build", "-t", &oracle]);
    for folder in ["assets=db", "tools=other", "context=one", "dockerfile=two", "acme/data:v1=three"] {
        command.args(["--build-context", folder]);
    }
    Run::of(&command.arg("app").output().expect("docker runs")).exits(0);
    let ours = files(&engine, "app:main");
    assert_eq!(ours, files(&engine, "oracle"));
    for file in [
        "/whole/.dockerignore",
        "/whole/sub/deep/y",
        "/some/link",
        "/mounted/x",
        "/tools/o",
        "/c",
        "/d",
        "/v",
    ] {
        assert!(ours.contains(&format!("{file} ")), "{file}: {ours}");
    }
    assert!(!ours.contains("left-out -"), "{ours}");

    // Same size, same time, other bytes.
    shop.write("db/sub/deep/y", "z\n");
    shop.set_time("db/sub/deep/y", 1_700_000_000);
    engine.run(&shop, &["build"]).exits(0).says("1 built").says("db/sub/deep/y changed");
    shop.write("db/sub/deep/y", "w\n");
    shop.set_time("db/sub/deep/y", 1_700_000_000);
    engine.run(&shop, &["build"]).exits(0).says("1 built");
    assert_eq!(engine.in_image("app:main", &["cat", "/whole/sub/deep/y", "/mounted/deep/y"]), "w\nw");
    // A commit is built without its files.
    shop.commit("edited");
    shop.write("db/sub/deep/y", "later\n");
    engine.run(&shop, &["build", "--rev", "HEAD", "--no-cache"]).exits(0).says("1 built");
    assert_eq!(engine.in_image("app:main", &["cat", "/whole/sub/deep/y"]), "w");
}

/// What is read of a folder in all kinds of ways.
const READINGS: &[(&str, &str, &str)] = &[
    ("wildcards", "COPY --from=assets *.t?t sub/* /out/", ""),
    ("links", "COPY --from=assets l into/x /out/", ""),
    ("a-link-in-a-folder", "COPY --from=assets sub /out/", ""),
    ("clamped", "COPY --from=assets ../../sub/deep /out/", ""),
    ("by-argument", "ARG WHERE=sub\nCOPY --from=assets $WHERE/deep /out/", ""),
    (
        "several-stages",
        "COPY --from=assets a.txt /out/\nCOPY --from=assets sub/deep /out/deep/",
        "a.txt.not\n",
    ),
    ("taken-back", "COPY --from=assets . /out/", "*\n!sub/deep\n!l\n"),
    ("emptied", "COPY --from=assets . /out/", "sub/deep/*\n"),
    ("ignored-by-itself", "COPY --from=assets . /out/", ".dockerignore\n**/y\n"),
    ("mounted", "RUN --mount=from=assets,source=sub,target=/m cp -a /m /out", "sub/deep/y\n"),
    ("mounted-link", "RUN --mount=from=assets,source=into,target=/m cp -a /m /out", ""),
    ("mounted-file", "RUN --mount=from=assets,source=/a.txt,target=/m/f cp -a /m /out", ""),
    ("mounted-whole", "RUN --mount=type=bind,from=assets,target=/m cp -a /m /out", "a.txt\n"),
    ("from", "COPY --from=whole / /out/", "b.txt\n"),
    ("cached", "RUN --mount=type=cache,id=ID,from=assets,source=sub,target=/m cp -a /m /out", ""),
];

#[test]
fn whatever_is_read_is_what_buildx_reads() {
    let Some(engine) = Engine::start().filter(|_| knows_contexts()) else { return };
    let shop = Checkout::with(&[("README", "")]);
    let mut settings = String::new();
    for (name, reading, ignore) in READINGS {
        let dockerfile =
            |id: &str| format!("FROM assets AS whole\nFROM busybox\n{}\n", reading.replace("ID", id));
        shop.write(&format!("{name}/Dockerfile"), dockerfile(&format!("{}-ours", engine.namespace)));
        shop.write(&format!("oracle/{name}.Dockerfile"), dockerfile(&format!("{}-theirs", engine.namespace)));
        for (file, text) in
            [("a.txt", "a"), ("b.txt", "b"), ("sub/x", "x"), ("sub/deep/y", "y"), ("sub/deep/z", "z")]
        {
            shop.write(&format!("{name}/db/{file}"), format!("{text} {}\n", engine.namespace));
        }
        let db = shop.root.join(name).join("db");
        symlink("sub/deep/y", db.join("l")).expect("a link");
        symlink("sub", db.join("into")).expect("a link");
        symlink("x", db.join("sub/next")).expect("a link");
        if !ignore.is_empty() {
            shop.write(&format!("{name}/db/.dockerignore"), ignore);
        }
        settings.push_str(&format!("[image.{name}]\ncontexts = {{ assets = \"{name}/db\" }}\n"));
    }
    shop.write("shipwright.toml", format!("exclude = [\"oracle/**\"]\n{settings}"));
    shop.commit("all");
    engine.run(&shop, &["build"]).exits(0).says(&format!("{} built", READINGS.len()));
    for (name, reading, _) in READINGS {
        let oracle = format!("{}/oracle-{name}", engine.namespace);
        let mut command = Command::new("docker");
        command.current_dir(&shop.root).args(["-H", engine.host(), "buildx", "build", "-t", &oracle]);
        command.args([
            "-f",
            &format!("oracle/{name}.Dockerfile"),
            "--build-context",
            &format!("assets={name}/db"),
            ".",
        ]);
        Run::of(&command.output().expect("docker runs")).exits(0);
        let ours = files(&engine, &format!("{name}:main"));
        assert_eq!(ours, files(&engine, &format!("oracle-{name}")), "{reading}");
        assert!(ours.contains("/out/"), "{reading}: {ours}");
    }
}

#[test]
fn a_file_that_changes_while_it_is_sent_fails_its_image() {
    let Some(engine) = Engine::start().filter(|_| knows_contexts()) else { return };
    let shop = Checkout::with(&[
        ("base/Dockerfile", &format!("FROM busybox\nRUN echo {} > /b\n", engine.namespace)),
        ("app/Dockerfile", "FROM acme/base\nCOPY --from=assets f /f\n"),
        (
            "compose.yaml",
            "services:\n  app: {image: acme/app, build: {context: app, additional_contexts: {assets: db}}}\n",
        ),
        ("db/f", "planned\n"),
    ]);
    let is_build = |first: &str| first.starts_with("POST") && first.contains("/session");
    let arguments = ["build", "--progress", "plain"];
    let run = run_while_held(&engine, &shop, &arguments, &[], is_build, || shop.write("db/f", "changed\n"));
    run.exits(1).says("f changed while the image was built");
    assert!(!engine.has("app:main"));
    engine.run(&shop, &["build"]).exits(0);
    assert_eq!(engine.in_image("app:main", &["cat", "/f"]), "changed");
}

#[test]
fn an_image_takes_the_place_of_a_stage() {
    let Some(engine) = Engine::start() else { return };
    let shop = Checkout::with(&[
        ("tool/Dockerfile", &format!("FROM busybox\nRUN echo {} > /t\n", engine.namespace)),
        (
            "app/Dockerfile",
            "FROM busybox AS base\nRUN false\nFROM base AS next\nRUN cp /t /u\nFROM busybox\nCOPY --from=next /u /u\nCOPY --from=0 /t /t\n",
        ),
        ("shipwright.toml", "[image.app]\ncontexts = { base = \"image:tool\" }\n"),
    ]);
    engine.run(&shop, &["build"]).exits(0).says("2 built");
    assert_eq!(engine.in_image("app:main", &["cat", "/t", "/u"]), format!("{0}\n{0}", engine.namespace));
    let plan = engine.run(&shop, &["plan", "--format", "json"]).exits(0).json();
    assert_eq!(text(&image(&plan, "app")["action"]), "none");
}

#[test]
fn builders_that_do_not_know_them_say_what_to_do() {
    let Some(engine) = Engine::start() else { return };
    let shop = shop(&engine);
    let mut classic = engine.command(&shop, &["build"]);
    let run = Run::of(&classic.env("DOCKER_BUILDKIT", "0").output().expect("the command runs"));
    run.exits(1)
        .says("the folder that is the build context `acme/data:v1`")
        .says("build on an engine with BuildKit: Docker 23 or later");
    assert!(!engine.has("app:main"));
    if !knows_contexts() {
        let run = engine.run(&shop, &["build"]).exits(1);
        run.says("the folder that is the build context `acme/data:v1`").says("# syntax=docker/dockerfile:1");
        assert!(!engine.has("app:main"));
    }
}

#[test]
fn bake_makes_the_same_of_them() {
    let Some(engine) = Engine::start().filter(|_| knows_contexts()) else { return };
    let shop = shop(&engine);
    let file = engine.run(&shop, &["bake"]).exits(0);
    shop.write("baked.json", &file.stdout);
    let mut command = Command::new("docker");
    command.current_dir(&shop.root).args(["-H", engine.host(), "buildx", "bake", "--file", "baked.json"]);
    Run::of(&command.output().expect("docker runs")).exits(0);
    let baked = files(&engine, "app:main");
    engine.run(&shop, &["build", "--no-cache"]).exits(0).says("1 built");
    assert_eq!(files(&engine, "app:main"), baked);
}
