//! What was planned is checked while it happens, on a real engine: nothing that was not foreseen gets a key.

mod support;

use support::{Checkout, Engine, Run};

macro_rules! engine {
    () => {
        match Engine::start() {
            Some(engine) => engine,
            None => return,
        }
    };
}

const BUILDERS: [&str; 2] = ["1", "0"];

/// Makes an external image with these instructions, as somebody else would have.
fn base(engine: &Engine, name: &str, instructions: &str) -> String {
    let name = format!("{}/external-{name}", engine.namespace);
    let recipe = Checkout::with(&[("Dockerfile", &format!("FROM busybox\n{instructions}\n"))]);
    engine.docker(&["build", "--quiet", "--tag", &name, &recipe.root.to_string_lossy()]);
    name
}

fn build_with(engine: &Engine, checkout: &Checkout, builder: &str, arguments: &[&str]) -> Run {
    let mut command = engine.command(checkout, &[&["build"], arguments].concat());
    Run::of(&command.env("DOCKER_BUILDKIT", builder).output().expect("the command runs"))
}

/// Nothing has the key, and no tag moved.
#[track_caller]
fn got_nothing(engine: &Engine, run: Run) {
    run.exits(1).says("whole_context = true");
    let images = engine.docker(&["images", "--format", "{{.Repository}}:{{.Tag}}"]);
    let ours = format!("{}/api:", engine.namespace);
    assert!(!images.lines().any(|image| image.starts_with(&ours)), "{images}");
}

#[test]
fn triggers_of_an_external_base_need_the_whole_context() {
    let engine = engine!();
    let base = base(&engine, "onbuild", "ONBUILD COPY conf /conf");
    let dockerfile = format!("FROM {base}\nCOPY app /app\n");
    let checkout = Checkout::with(&[("api/Dockerfile", &dockerfile), ("api/app", "1"), ("api/conf", "1")]);
    for builder in BUILDERS {
        let run = build_with(&engine, &checkout, builder, &[]);
        got_nothing(&engine, run.says("a trigger that was not planned: ONBUILD COPY conf /conf"));
    }
    checkout.write("shipwright.toml", "[image.api]\nwhole_context = true\n");
    for (builder, conf) in BUILDERS.into_iter().zip(["2", "3"]) {
        checkout.write("api/conf", conf);
        build_with(&engine, &checkout, builder, &[]).exits(0);
        assert_eq!(engine.in_image("api:main", &["cat", "/conf"]), conf);
    }
}

#[test]
fn an_argument_that_the_base_sets_too_is_what_the_builder_makes_of_it() {
    let engine = engine!();
    let base = base(&engine, "env", "ENV DIR=two");
    let dockerfile = format!("FROM {base}\nARG DIR=one\nCOPY $DIR /dir\n");
    let checkout =
        Checkout::with(&[("api/Dockerfile", &dockerfile), ("api/one/f", "one"), ("api/two/f", "two")]);
    let run = build_with(&engine, &checkout, "0", &[]);
    got_nothing(&engine, run.says("its base sets DIR"));
    // To BuildKit the argument is the later word.
    build_with(&engine, &checkout, "1", &[]).exits(0);
    assert_eq!(engine.in_image("api:main", &["cat", "/dir/f"]), "one");
}

#[test]
fn a_variable_that_only_the_base_sets_makes_everything_an_input() {
    let engine = engine!();
    let base = base(&engine, "open", "ENV DIR=two");
    let dockerfile = format!("FROM {base}\nCOPY $DIR /dir\n");
    let checkout =
        Checkout::with(&[("api/Dockerfile", &dockerfile), ("api/one/f", "one"), ("api/two/f", "two")]);
    for (builder, text) in BUILDERS.into_iter().zip(["a", "b"]) {
        checkout.write("api/two/f", text);
        build_with(&engine, &checkout, builder, &[]).exits(0);
        assert_eq!(engine.in_image("api:main", &["cat", "/dir/f"]), text);
    }
}

#[test]
fn a_dockerfile_may_be_built_by_either_builder() {
    let engine = engine!();
    let checkout = Checkout::with(&[
        ("base/Dockerfile", "FROM busybox\nCOPY a /a\n"),
        ("base/a", "1"),
        (
            "api/Dockerfile",
            "FROM acme/base AS one\nRUN cp /a /b\nFROM acme/base AS unused\nRUN false\nFROM one\nCOPY --from=acme/base /a /c\n",
        ),
    ]);
    for (builder, text) in BUILDERS.into_iter().zip(["x", "y"]) {
        checkout.write("base/a", text);
        build_with(&engine, &checkout, builder, &[]).exits(0);
        for path in ["/a", "/b", "/c"] {
            assert_eq!(engine.in_image("api:main", &["cat", path]), text, "{path}");
        }
    }
}

/// As docker does: a folder that the ignore file leaves in is there, whatever it says of what is in it.
#[test]
fn folders_without_their_files_are_copied() {
    let engine = engine!();
    let checkout = Checkout::with(&[
        ("api/Dockerfile", "FROM busybox\nCOPY src /src\nCOPY . /all\n"),
        ("api/src/deep/er/file", "1"),
        ("api/part/skipped", "1"),
        ("api/part/inner/skipped", "1"),
        ("api/gone/file", "1"),
        ("api/.dockerignore", "src/**\n**/skipped\ngone\n.dockerignore\n"),
    ]);
    for builder in BUILDERS {
        build_with(&engine, &checkout, builder, &["--no-cache"]).exits(0);
        let found = engine.in_image("api:main", &["find", "/src", "/all", "-type", "d"]);
        let mut folders: Vec<&str> = found.lines().collect();
        folders.sort_unstable();
        assert_eq!(folders, ["/all", "/all/part", "/all/part/inner", "/all/src", "/src"]);
    }
    // Other files that nobody sees change nothing.
    checkout.write("api/src/deep/er/file", "2");
    checkout.write("api/part/inner/skipped", "2");
    checkout.remove("api/part/skipped");
    checkout.commit("Other files");
    build_with(&engine, &checkout, "1", &[]).exits(0).says("1 tagged");
}
