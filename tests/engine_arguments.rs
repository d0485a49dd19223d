//! Hundreds of generated uses of ARG and ENV: what a builder copies is among what Shipwright takes for inputs, and in
//! the images that Shipwright has it build. Builders differ here: each is asked itself.

#[path = "soundness/docker.rs"]
#[allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "the other test uses the rest")]
mod docker;
#[path = "soundness/random.rs"]
#[allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "the other test uses the rest")]
mod random;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

use docker::Docker;
use random::Random;
use shipwright::internals::Platform;
use shipwright::internals::{Scope, SourcePattern, evaluate_stage, parse};
use support::{Checkout, Engine, Run, Share};

/// Cases that share a file, and its global ARGs.
const CASES: usize = 20;
/// Files: of these, every fourth one keeps to what the classic builder knows, which takes ten times as long.
const FILES: usize = 16;
const FOLDERS: [&str; 5] = ["a", "b", "c", "linux", "default"];
const TO_TAR: [&str; 2] = ["--output", "type=tar,dest=-"];

/// One Dockerfile: each case is a stage `c0`, `c1` …, and the last stage holds what each copies.
struct File {
    text: String,
    /// The index of each case's stage.
    stages: Vec<usize>,
    build_args: BTreeMap<String, String>,
    is_classic: bool,
}

fn name(random: &mut Random, is_classic: bool) -> &'static str {
    if !is_classic && random.percent(15) {
        return random.pick::<&str>(&["TARGETOS", "TARGETSTAGE", "BUILDOS"]);
    }
    random.pick::<&str>(&["A", "B", "C"])
}

fn value(random: &mut Random, is_classic: bool) -> String {
    let name = name(random, is_classic);
    match random.below(6) {
        0 => String::new(),
        1 | 2 => (*random.pick(&["a", "b", "c"])).to_owned(),
        3 => format!("${name}"),
        4 => format!("${{{name}:-{}}}", random.pick(&["a", "b", "$A"])),
        _ => format!("${{{name}:+{}}}", random.pick(&["c", "$B"])),
    }
}

fn arg(random: &mut Random, is_classic: bool) -> String {
    let mut line = String::from("ARG");
    for _ in 0..[1, 1, 2, 3][random.below(4)] {
        line.push(' ');
        line.push_str(name(random, is_classic));
        if random.percent(65) {
            line.push('=');
            line.push_str(&value(random, is_classic));
        }
    }
    line + "\n"
}

fn variables(random: &mut Random, is_classic: bool, text: &mut String) {
    for _ in 0..random.below(4) {
        if random.percent(25) {
            let name = random.pick(&["A", "B", "C"]);
            writeln!(text, "ENV {name}={}", value(random, is_classic)).expect("memory");
        } else {
            text.push_str(&arg(random, is_classic));
        }
    }
}

/// Every stage has `label`: the classic builder leaves those of stages behind, without a name.
fn file(random: &mut Random, is_classic: bool, label: &str) -> File {
    let mut text = String::new();
    for _ in 0..random.below(4) {
        text.push_str(&arg(random, is_classic));
    }
    let (mut stages, mut stage) = (Vec::new(), 0);
    for case in 0..CASES {
        if random.percent(30) {
            writeln!(text, "FROM scratch AS b{case}\nLABEL {label}").expect("memory");
            variables(random, is_classic, &mut text);
            writeln!(text, "FROM b{case} AS c{case}").expect("memory");
            stage += 1;
        } else {
            writeln!(text, "FROM scratch AS c{case}\nLABEL {label}").expect("memory");
        }
        stages.push(stage);
        stage += 1;
        variables(random, is_classic, &mut text);
        for _ in 0..random.within(1, 2) {
            let name = name(random, is_classic);
            let source = match random.below(3) {
                0 => format!("/${name}"),
                1 => format!("${{{name}:-b}}"),
                _ => format!("./${{{name}}}"),
            };
            writeln!(text, "COPY {source} /o/").expect("memory");
        }
    }
    text.push_str("FROM scratch\n");
    for case in 0..CASES {
        writeln!(text, "COPY --from=c{case} /o/ /{case}/").expect("memory");
    }
    let given = ["A", "B"].into_iter().filter(|_| random.percent(15));
    let build_args = given.map(|name| (name.to_owned(), "c".to_owned())).collect();
    File { text, stages, build_args, is_classic }
}

/// For each case of a file the inputs, of which each has a name of its own, that are in its image.
type Copied = BTreeMap<(usize, usize), BTreeSet<String>>;

/// What the images hold, one a file. One build asks for all.
fn copied(docker: &Docker, images: &[String]) -> Copied {
    let folder = Checkout::empty();
    let mut text = String::from("FROM scratch\n");
    for (at, image) in images.iter().enumerate() {
        writeln!(text, "COPY --from={image} / /{at}/").expect("memory");
    }
    folder.write("Dockerfile", text);
    let archive = docker.build(&folder.root.join("Dockerfile"), &folder.root, &TO_TAR).expect("images");
    let mut found = Copied::new();
    let mut archive = tar::Archive::new(archive.as_slice());
    for entry in archive.entries().expect("an archive") {
        let path = String::from_utf8_lossy(&entry.expect("an entry").path_bytes()).into_owned();
        let Some((at, rest)) = path.trim_start_matches("./").split_once('/') else { continue };
        let Some((case, rest)) = rest.split_once('/') else { continue };
        let name = rest.rsplit('/').next().unwrap_or_default();
        let (Ok(at), Ok(case), Some(folder)) = (at.parse(), case.parse(), name.strip_suffix(".txt")) else {
            continue;
        };
        let place = if rest == name { "" } else { "whole " };
        found.entry((at, case)).or_default().insert(format!("{place}{folder}/{name}"));
    }
    found
}

/// Whether an input is among what the stage of a case reads, as Shipwright sees it.
fn is_input(file: &File, case: usize, input: &str) -> bool {
    let parsed = parse(file.text.as_bytes());
    let (platform, inherited) = (Platform::host_linux(), BTreeMap::new());
    let scope = Scope {
        build_args: &file.build_args,
        target: None,
        target_platform: &platform,
        build_platform: &platform,
        inherited: &inherited,
        unseen_triggers: false,
        contexts: &BTreeMap::new(),
    };
    let evaluation = evaluate_stage(&parsed, file.stages[case], &scope);
    let covers = |folder: &str| folder.is_empty() || input.starts_with(&format!("{folder}/"));
    evaluation.whole_context
        || evaluation.sources.iter().any(|source| match &source.pattern {
            SourcePattern::Path(path) | SourcePattern::Below(path) => covers(path),
        })
}

fn checkout(files: &[File]) -> Checkout {
    let checkout = Checkout::empty();
    let mut settings = String::new();
    for folder in FOLDERS {
        // Content that no engine has seen: what it keeps from before plays no part.
        let text = format!("{folder} {}", checkout.root.display());
        checkout.write(&format!("context/{folder}/{folder}.txt"), text);
    }
    for (at, file) in files.iter().enumerate() {
        checkout.write(&format!("f{at}/Dockerfile"), &file.text);
        writeln!(settings, "[image.f{at}]\ncontext = \"context\"\n[image.f{at}.args]").expect("memory");
        for (name, value) in &file.build_args {
            writeln!(settings, "{name} = \"{value}\"").expect("memory");
        }
    }
    checkout.write("shipwright.toml", settings);
    checkout
}

/// The classic builder looks through all images of the engine for each step that may be cached, of which there are a
/// thousand here.
fn uncached(builder: &str) -> Option<&'static str> {
    (builder == "0").then_some("--no-cache")
}

/// Builds a file as docker does.
fn build(docker: &Docker, checkout: &Checkout, (at, file): (usize, &File), builder: &str, image: &str) {
    let mut command = docker.command(["build", "--quiet", "--tag", image]);
    command.args(uncached(builder)).arg("--file");
    command.arg(checkout.root.join(format!("f{at}/Dockerfile"))).arg(checkout.root.join("context"));
    for (name, value) in &file.build_args {
        command.args(["--build-arg", &format!("{name}={value}")]);
    }
    let output = command.env("DOCKER_BUILDKIT", builder).output().expect("docker runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker cannot build\n{}\n{error}", file.text);
}

/// One builder after the other: the classic one of old engines fails ("unable to find image") when it looks for what
/// it has built while images of another test are removed.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn compare(builder: &str) {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(engine) = Engine::start() else { return };
    let docker = Docker::new(engine.host());
    let seed = std::env::var("SHIPWRIGHT_SOUNDNESS_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    let mut random = Random::new(seed);
    let label = format!("{}=test", engine.namespace);
    let share = Share::of_this_engine();
    let files: Vec<File> = (0..FILES).map(|at| file(&mut random, at % 4 == 0, &label)).collect();
    // Of each kind of file a half.
    let files = files.into_iter().enumerate().filter(|(at, _)| share.has(at / 4)).map(|(_, file)| file);
    let files: Vec<File> = files.filter(|file| builder == "1" || file.is_classic).collect();
    let checkout = checkout(&files);
    let mut command = engine.command(&checkout, &["build"]);
    command.args(uncached(builder));
    Run::of(&command.env("DOCKER_BUILDKIT", builder).output().expect("the command runs")).exits(0);
    let named = |prefix: &str| -> Vec<String> {
        (0..files.len()).map(|at| format!("{}/{prefix}{at}:main", engine.namespace)).collect()
    };
    let oracles = named("oracle");
    for (file, image) in files.iter().enumerate().zip(&oracles) {
        build(&docker, &checkout, file, builder, image);
    }
    let (ours, theirs) = (copied(&docker, &named("f")), copied(&docker, &oracles));
    docker.run(["image", "rm", "--force"].into_iter().map(str::to_owned).chain(named("f")).chain(oracles));
    docker.run(["image", "prune", "--force", "--filter", &format!("label={label}")]);
    let mut failures = String::new();
    for ((at, case), inputs) in &theirs {
        let file = &files[*at];
        let inputs = inputs.iter().map(|input| input.trim_start_matches("whole "));
        let missed: Vec<&str> = inputs.filter(|input| !is_input(file, *case, input)).collect();
        if !missed.is_empty() {
            writeln!(failures, "case {case}: {missed:?} are no inputs\n{}", file.text).expect("memory");
        }
    }
    for (at, file) in files.iter().enumerate() {
        let of =
            |all: &Copied| all.range((at, 0)..(at + 1, 0)).map(|(k, v)| (*k, v.clone())).collect::<Copied>();
        let (ours, theirs) = (of(&ours), of(&theirs));
        if ours != theirs {
            writeln!(failures, "ours {ours:?}\ndocker's {theirs:?}\n{}", file.text).expect("memory");
        }
    }
    assert!(failures.is_empty(), "seed {seed}:\n{failures}");
    // Nearly every case copies something.
    assert!(theirs.len() * 16 >= files.len() * CASES * 15, "{}", theirs.len());
}

#[test]
fn buildkit_copies_what_was_foreseen() {
    compare("1");
}

#[test]
fn the_classic_builder_copies_what_was_foreseen() {
    compare("0");
}
