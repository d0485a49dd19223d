//! What was planned is checked while it happens, on a real engine: nothing that was not foreseen gets a key.

mod support;

use std::fmt::Write;
use std::process::Command;

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

/// Builds as docker does: the oracle.
#[track_caller]
fn docker_build(engine: &Engine, checkout: &Checkout, builder: &str, tag: &str, folder: &str) {
    let mut docker = Command::new("docker");
    let docker = docker.args(["-H", engine.host(), "build", "--quiet", "--tag", tag]);
    let docker = docker.arg(checkout.root.join(folder)).env("DOCKER_BUILDKIT", builder);
    let output = docker.output().expect("docker runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Files below `/o` of each image, sorted. One build asks for all: a container an image takes long.
fn files_in(engine: &Engine, images: &[String]) -> Vec<Vec<String>> {
    let mut dockerfile = String::from("FROM scratch\n");
    for (at, image) in images.iter().enumerate() {
        writeln!(dockerfile, "COPY --from={}/{image} /o /{at}", engine.namespace).expect("memory");
    }
    let all = Checkout::with(&[("Dockerfile", &dockerfile)]);
    let mut docker = Command::new("docker");
    let docker =
        docker.args(["-H", engine.host(), "buildx", "build", "--quiet", "--output", "type=tar,dest=-"]);
    let archive = docker.arg(&all.root).output().expect("docker runs");
    assert!(archive.status.success(), "{}", String::from_utf8_lossy(&archive.stderr));
    let mut found = vec![Vec::new(); images.len()];
    for entry in tar::Archive::new(archive.stdout.as_slice()).entries().expect("an archive") {
        let entry = entry.expect("an entry");
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if let (true, Some((at, path))) = (entry.header().entry_type().is_file(), path.split_once('/')) {
            found[at.parse::<usize>().expect("a number")].push(path.to_owned());
        }
    }
    for files in &mut found {
        files.sort_unstable();
    }
    found
}

/// Uses of ARG, and whether only BuildKit takes them.
const ARGUMENTS: [(&str, bool); 10] = [
    ("FROM busybox\nARG A=a B=$A\nCOPY $B /o/\n", false),
    ("FROM busybox\nARG A=a B=$A\nCOPY ${B:-b} /o/\n", false),
    ("ARG TARGETOS\nFROM busybox\nARG TARGETOS\nCOPY ${TARGETOS:-a} /o/\n", true),
    ("ARG TARGETOS\nFROM busybox\nARG TARGETOS\nCOPY /${TARGETOS} /o/\n", true),
    ("ARG X=a\nARG X\nFROM busybox\nARG X\nCOPY /$X /o/\n", false),
    ("FROM busybox\nARG X=a\nARG X\nCOPY /$X /o/\n", false),
    ("FROM busybox\nENV X=a\nARG X=b\nCOPY $X /o/\n", false),
    ("FROM busybox AS one\nARG X=a\nFROM one\nCOPY /$X /o/\n", false),
    ("ARG A=a B=$A\nFROM busybox\nARG B\nCOPY /$B /o/\n", false),
    ("FROM busybox\nARG TARGETSTAGE\nCOPY /$TARGETSTAGE /o/\n", false),
];

/// What an ARG means depends on the builder's version; what is copied is what this builder copies.
fn arguments_are_read_as_by(builder: &str) {
    let engine = engine!();
    let cases: Vec<(usize, &str)> = (0..ARGUMENTS.len())
        .map(|at| (at, ARGUMENTS[at]))
        .filter(|(_, (_, needs_buildkit))| !needs_buildkit || builder == "1")
        .map(|(at, (dockerfile, _))| (at, dockerfile))
        .collect();
    let checkout = Checkout::empty();
    for (at, dockerfile) in &cases {
        checkout.write(&format!("i{at}/Dockerfile"), dockerfile);
        for folder in ["a", "b", "linux", "default", "else"] {
            checkout.write(&format!("i{at}/{folder}/{folder}"), format!("{at} {builder}"));
        }
    }
    checkout.commit("all of them");
    build_with(&engine, &checkout, builder, &[]).exits(0);
    let mut copied: Vec<(usize, Vec<String>)> = Vec::new();
    let expected = |at: usize| format!("expected-{at}-{builder}");
    for (at, _) in &cases {
        let tag = format!("{}/{}", engine.namespace, expected(*at));
        docker_build(&engine, &checkout, builder, &tag, &format!("i{at}"));
    }
    let expected: Vec<String> = cases.iter().map(|(at, _)| expected(*at)).collect();
    let ours: Vec<String> = cases.iter().map(|(at, _)| format!("i{at}:main")).collect();
    let (expected, ours) = (files_in(&engine, &expected), files_in(&engine, &ours));
    for (((at, dockerfile), expected), ours) in cases.iter().zip(expected).zip(ours) {
        assert_eq!(ours, expected, "{dockerfile} {builder}");
        let names = expected.iter().filter_map(|path| path.rsplit('/').next());
        copied.push((*at, names.filter(|name| *name != "Dockerfile").map(str::to_owned).collect()));
    }
    // Whatever was copied is an input: in each round every image has another of its files edited.
    while copied.iter().any(|(_, names)| !names.is_empty()) {
        let mut edited = 0;
        for (at, names) in &mut copied {
            let Some(name) = names.pop() else { continue };
            checkout.write(&format!("i{at}/{name}/{name}"), "edited");
            edited += 1;
        }
        build_with(&engine, &checkout, builder, &[]).exits(0).says(&format!("{edited} built"));
    }
}

#[test]
fn arguments_that_builders_read_differently() {
    arguments_are_read_as_by("1");
}

#[test]
fn arguments_that_the_classic_builder_reads_differently() {
    arguments_are_read_as_by("0");
}

/// The classic builder does not see stages that nothing needs; a trigger that counts them counts all.
#[test]
fn triggers_that_count_stages_find_them() {
    let engine = engine!();
    let external = base(&engine, "counts", "ONBUILD COPY --from=1 /x /y");
    for (name, from) in [("here", "acme/base"), ("external", external.as_str())] {
        let front = "FROM busybox\nCOPY unused /unused\nFROM busybox\nRUN echo hi > /x\n";
        let api = format!("{front}FROM {from}\n");
        let checkout = Checkout::with(&[
            ("base/Dockerfile", "FROM busybox\nONBUILD COPY --from=1 /x /y\n"),
            ("api/Dockerfile", &api),
            ("api/unused", name),
            ("shipwright.toml", if name == "here" { "" } else { "[image.api]\nwhole_context = true\n" }),
        ]);
        build_with(&engine, &checkout, "0", &[]).exits(0);
        assert_eq!(engine.in_image("api:main", &["cat", "/y"]), "hi", "{name}");
    }
}

/// A key tells no stages by their names, and has those alone that the Dockerfile needs. A base whose trigger takes from
/// them stops the build, until all of them are in the key.
#[test]
fn triggers_of_an_external_base_take_only_from_stages_that_are_in_the_key() {
    let engine = engine!();
    // What only the base knows makes the whole context an input.
    let base = base(&engine, "takes", "ENV DIR=.\nONBUILD COPY --from=a /x /y");
    let dockerfile = |stage: &str, text: &str| {
        let own =
            format!("FROM busybox AS own\nRUN echo own >/x\nFROM busybox AS {stage}\nRUN echo {text} >/x\n");
        format!("{own}FROM {base}\nCOPY --from=own /x /z\nCOPY $DIR /d\n")
    };
    let checkout = Checkout::with(&[
        ("api/Dockerfile", dockerfile("a", "1").as_str()),
        ("api/f", "1"),
        // Else its text is an input as a file.
        ("api/.dockerignore", "Dockerfile\n.dockerignore\n"),
    ]);
    for builder in BUILDERS {
        let run = build_with(&engine, &checkout, builder, &[]);
        got_nothing(&engine, run.says("a trigger that was not planned: ONBUILD COPY --from=a /x /y"));
    }
    checkout.write("shipwright.toml", "[image.api]\nwhole_context = true\n");
    for text in ["1", "2"] {
        checkout.write("api/Dockerfile", dockerfile("a", text).as_str());
        build_with(&engine, &checkout, "0", &[]).exits(0).says("1 built");
        assert_eq!(engine.in_image("api:main", &["cat", "/y"]), text);
    }
    // Without a stage of that name it is an image, and no engine has that.
    checkout.write("api/Dockerfile", dockerfile("b", "2"));
    build_with(&engine, &checkout, "0", &[]).exits(1);
}

/// `builder` is a stage of the dependent: the base needs no image of that name.
#[test]
fn stages_that_a_trigger_names_are_the_dependents_own() {
    let engine = engine!();
    let checkout = Checkout::with(&[
        ("base/Dockerfile", "FROM busybox\nONBUILD COPY --from=builder /x /y\n"),
        ("api/Dockerfile", "FROM busybox AS builder\nCOPY x /x\nFROM acme/base\nCOPY --from=builder /x /z\n"),
        ("api/x", "1"),
    ]);
    for (builder, text) in BUILDERS.into_iter().zip(["2", "3"]) {
        checkout.write("api/x", text);
        build_with(&engine, &checkout, builder, &[]).exits(0);
        assert_eq!(engine.in_image("api:main", &["cat", "/y", "/z"]), text.repeat(2));
    }
}

/// Nothing else needs `builder`, which begins with an image that is built here.
#[test]
fn a_stage_that_only_a_trigger_takes_is_built_from_what_was_planned() {
    let engine = engine!();
    let checkout = Checkout::with(&[
        ("base/Dockerfile", "FROM busybox\nONBUILD COPY --from=builder /x /y\n"),
        ("x/Dockerfile", "FROM busybox\nCOPY x /x\n"),
        ("api/Dockerfile", "FROM busybox AS unused\nFROM acme/x AS builder\nFROM acme/base\n"),
    ]);
    for (builder, text) in BUILDERS.into_iter().zip(["1", "2"]) {
        checkout.write("x/x", text);
        let run = build_with(&engine, &checkout, builder, &[]);
        // Some versions of BuildKit look for the stages that are needed before they know of triggers.
        if builder == "1" && run.code != 0 {
            run.exits(1).says("cannot copy from stage \"builder\"");
            continue;
        }
        run.exits(0);
        assert_eq!(engine.in_image("api:main", &["cat", "/y"]), text, "{builder}");
    }
}

#[test]
fn what_only_some_builders_take_is_built_where_they_do() {
    let engine = engine!();
    for (at, (lines, shown)) in [
        ("RUN echo $((1 << 2)) >/x", "4"),
        ("RUN echo $((1 << 2)) $((3 << 1)) >/x", "4 6"),
        ("COPY << EOF /d/\nRUN cat '/d/<<' /d/EOF >/x", "12"),
        ("COPY [\"x\", \"/\"] y", "3"),
        ("RUN true\nADD c/** /\nRUN cp /f /x", "4"),
    ]
    .into_iter()
    .enumerate()
    {
        for builder in BUILDERS {
            let dockerfile = format!("FROM busybox\n{lines}\n");
            let checkout = Checkout::with(&[
                ("api/Dockerfile", dockerfile.as_str()),
                ("api/<<", "1"),
                ("api/EOF", "2"),
                ("api/x", "3"),
                ("api/c/f", "4"),
            ]);
            std::fs::create_dir(checkout.root.join("api/empty")).expect("a folder");
            std::os::unix::fs::symlink("../empty", checkout.root.join("api/c/link")).expect("a link");
            docker_build(&engine, &checkout, builder, &format!("{}/is-{at}", engine.namespace), "api");
            build_with(&engine, &checkout, builder, &[]).exits(0);
            for name in [&format!("is-{at}"), "api:main"] {
                assert_eq!(engine.in_image(name, &["cat", "/x"]), shown, "{lines} {builder} {name}");
            }
        }
    }
}
