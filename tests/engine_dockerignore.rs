//! Hundreds of generated ignore files: what the docker CLI leaves in a context is what Shipwright takes for inputs.

#[path = "soundness/docker.rs"]
#[allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "the other test uses the rest")]
mod docker;
#[path = "soundness/random.rs"]
#[allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "the other test uses the rest")]
mod random;
mod support;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use docker::Docker;
use random::Random;
use serde_json::{Map, json};
use support::{Checkout, Engine, Share, texts};

/// How many ignore files are compared.
const SETS: usize = 330;
const TO_TAR: [&str; 2] = ["--output", "type=tar,dest=-"];
const DOCKERFILE: &str = "FROM scratch\nCOPY . /\n";

/// The context's files.
const FILES: [&str; 40] = [
    "a",
    "b.md",
    "README.md",
    "c.txt",
    ".env",
    "w e",
    "x[1].txt",
    "*star",
    "back\\slash",
    "\u{e9}t\u{e9}.txt",
    "#hash",
    "!bang",
    "abc",
    "docs/a",
    "docs/b.md",
    "docs/README.md",
    "docs/api/a",
    "docs/api/b.md",
    "docs/api/v1/c.txt",
    "docs/.env",
    "src/a",
    "src/b/a",
    "src/b/b.md",
    "src/b/c.txt",
    "src/docs/a",
    "src/docs/b.md",
    "src/ab/ab",
    "src/.cache/x/y",
    "b/a/b/a",
    "b/a/b/b.md",
    "b/b/a",
    "b/c.txt",
    "ab/a.md",
    "ab/abc/a",
    "a.b/c.d/e.f",
    "we ird/we ird",
    "node_modules/x/index.js",
    "src/node_modules/x/index.js",
    "src/node_modules/x/README.md",
    "..data/a",
];

const PARTS: [&str; 36] = [
    "*",
    "**",
    "?",
    "a",
    "b",
    "docs",
    "src",
    "api",
    "*.md",
    "*.txt",
    "[ab]",
    "[^a]",
    "[a-c]*",
    "a*",
    "*b",
    ".*",
    "..",
    ".",
    "**.md",
    "a**",
    "**b",
    "\\*star",
    "x\\[1\\].txt",
    "x[[]1].txt",
    "we ird",
    "we?ird",
    "README.md",
    "node_modules",
    "b.md",
    "???",
    "..data",
    "*.*",
    "\u{e9}*",
    "back\\\\slash",
    "[!a]",
    "*a*b*",
];

fn pattern(random: &mut Random) -> String {
    let mut pattern = String::new();
    if random.percent(30) {
        pattern.push('!');
    }
    pattern.push_str(random.pick::<&str>(&["", "", "", "", "/", "./", "**/", "//", "../"]));
    let parts: Vec<&str> = (0..[1, 1, 1, 2, 2, 3][random.below(6)]).map(|_| *random.pick(&PARTS)).collect();
    pattern.push_str(&parts.join("/"));
    pattern.push_str(random.pick::<&str>(&["", "", "", "", "", "/", "/**", "/*", " ", "\t"]));
    pattern
}

fn ignore_file(random: &mut Random) -> String {
    let mut text = String::new();
    if random.percent(3) {
        text.push('\u{feff}');
    }
    for _ in 0..random.within(1, 6) {
        match random.below(24) {
            0 => text.push_str("# a comment"),
            1 => text.push_str("  # no comment"),
            2 => text.push_str("   "),
            3 => text.push_str("! docs"),
            _ => text.push_str(&pattern(random)),
        }
        text.push_str(if random.percent(5) { "\r\n" } else { "\n" });
    }
    if random.percent(5) {
        text.pop();
    }
    text
}

/// Builds `COPY . /` with each ignore file, all by one command, and gives the files of each.
fn left_in(docker: &Docker, context: &Path, folder: &Path, ignore_files: &[String]) -> Vec<BTreeSet<String>> {
    let mut targets = Map::new();
    for (at, text) in ignore_files.iter().enumerate() {
        let dockerfile = folder.join(format!("{at}.Dockerfile"));
        fs::write(&dockerfile, DOCKERFILE).expect("a file");
        fs::write(folder.join(format!("{at}.Dockerfile.dockerignore")), text).expect("a file");
        // Engines keep what they have of a context under its folder's name: each has one of its own.
        let own = folder.join(format!("{}-{at}", unique(folder)));
        let copied = Command::new("cp").arg("-a").arg(context).arg(&own).status().expect("cp runs");
        assert!(copied.success());
        let output = format!("type=tar,dest={}", folder.join(format!("{at}.tar")).display());
        let target = json!({"context": own, "dockerfile": dockerfile, "output": [output]});
        targets.insert(format!("t{at}"), target);
    }
    let names: Vec<&String> = targets.keys().collect();
    let bake = json!({"group": {"default": {"targets": names}}, "target": targets});
    let file = folder.join("bake.json");
    fs::write(&file, bake.to_string()).expect("a file");
    docker.run(["buildx", "bake", "--progress", "plain", "--file", &file.to_string_lossy()]);
    (0..ignore_files.len()).map(|at| names_in(&folder.join(format!("{at}.tar")))).collect()
}

/// A word that no other run of the test has.
fn unique(folder: &Path) -> String {
    let around = folder.ancestors().nth(1).and_then(Path::file_name).expect("a temporary folder");
    let chunk = folder.file_name().expect("a name").to_string_lossy();
    format!("{}-{chunk}", around.to_string_lossy().trim_start_matches('.'))
}

/// The files of an archive, and the folders that nothing is in, with a `/` behind them.
fn names_in(archive: &Path) -> BTreeSet<String> {
    let mut archive = tar::Archive::new(fs::File::open(archive).expect("an archive"));
    let entries = archive.entries().expect("entries").map(|entry| entry.expect("an entry"));
    let name = |entry: tar::Entry<'_, fs::File>| String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    let names: BTreeSet<String> = entries.map(name).filter(|name| name != "./").collect();
    let is_full = |name: &String| names.iter().any(|other| other != name && other.starts_with(name));
    names.iter().filter(|name| !name.ends_with('/') || !is_full(name)).cloned().collect()
}

fn checkout() -> Checkout {
    let mut checkout = Checkout::empty();
    // The folder's name is the image's, and that alone.
    checkout.root = checkout.root.join("context");
    for name in FILES {
        // Content that no engine has seen: what it keeps from before plays no part.
        checkout.write(name, format!("{name} {}", checkout.root.display()));
    }
    for (name, target) in [("link", "docs"), ("docs/link.md", "b.md"), ("src/gone", "nowhere")] {
        std::os::unix::fs::symlink(target, checkout.root.join(name)).expect("a link");
    }
    checkout.write("Dockerfile", DOCKERFILE);
    checkout.write(".dockerignore", "");
    checkout
}

#[test]
fn shipwright_and_docker_leave_the_same_files_in() {
    let Some(engine) = Engine::start() else { return };
    let docker = Docker::new(engine.host());
    let seed = std::env::var("SHIPWRIGHT_SOUNDNESS_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    let mut random = Random::new(seed);
    let checkout = checkout();
    let ignore_files: Vec<String> = (0..SETS).map(|_| ignore_file(&mut random)).collect();
    let share = Share::of_this_engine();
    let ignore_files = ignore_files.into_iter().enumerate().filter(|(at, _)| share.has(*at));
    let ignore_files: Vec<String> = ignore_files.map(|(_, text)| text).collect();
    let asked = ignore_files.len();
    let (mut accepted, mut ours) = (Vec::new(), Vec::new());
    let mut failures = String::new();
    for text in ignore_files {
        checkout.write(".dockerignore", &text);
        let inspected = checkout.run(&["inspect", "Dockerfile", "--format", "json"]).exits(0).json();
        let findings = inspected["diagnostics"].as_array().expect("a list");
        if findings.iter().any(|finding| finding["severity"] == "error") {
            // One such target would end the whole bake.
            if docker.build(&checkout.root.join("Dockerfile"), &checkout.root, &TO_TAR).is_ok() {
                writeln!(failures, "{text:?}\n  docker accepts it: {findings:?}").expect("memory");
            }
            continue;
        }
        let inputs = texts(&inspected["inputs"]);
        let inputs = inputs.iter().map(|path| path.strip_prefix("context/").unwrap_or(path).to_owned());
        ours.push(inputs.collect::<BTreeSet<String>>());
        accepted.push(text);
    }
    checkout.write(".dockerignore", "");
    let mut theirs = Vec::new();
    for (number, chunk) in accepted.chunks(40).enumerate() {
        let folder = checkout.beside(&format!("oracle{number}"));
        fs::create_dir(&folder).expect("a folder");
        theirs.extend(left_in(&docker, &checkout.root, &folder, chunk));
    }
    let mut sizes = BTreeSet::new();
    for ((text, ours), theirs) in accepted.iter().zip(&ours).zip(&theirs) {
        sizes.insert(ours.len());
        if ours != theirs {
            let more: Vec<&String> = ours.difference(theirs).collect();
            let less: Vec<&String> = theirs.difference(ours).collect();
            writeln!(failures, "{text:?}\n  only ours: {more:?}\n  only docker's: {less:?}").expect("memory");
        }
    }
    assert!(failures.is_empty(), "seed {seed}:\n{failures}");
    assert!(accepted.len() * 11 >= asked * 10, "{}", accepted.len());
    assert!(sizes.len() > 10, "the patterns tell nothing apart: {sizes:?}");
}

/// What docker refuses is an error here, and the other way round.
#[test]
fn both_refuse_the_same_ignore_files() {
    let Some(engine) = Engine::start() else { return };
    let docker = Docker::new(engine.host());
    let checkout = checkout();
    let context = checkout.root.clone();
    for pattern in [
        "[", "a\nb[", "a[]b", "[a-", "[]", "a\\", "!", "x\n!", "x\n![", "![", "[^]", "**[", "[a]\\", "a]",
        "x\n!b[-]",
    ] {
        checkout.write(".dockerignore", pattern);
        let built = docker.build(&context.join("Dockerfile"), &context, &TO_TAR);
        let run = checkout.run(&["plan", "--offline"]);
        assert_eq!(run.code == 0, built.is_ok(), "{pattern:?}: {run:#?} {:?}", built.err());
    }
}
