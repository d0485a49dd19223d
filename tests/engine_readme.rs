//! The output at the top of README.md is what the program shows on a terminal, and so is the picture there.

mod examples;
mod recording;
mod registry;
mod support;

use std::path::Path;
use std::process::Command;

use examples::{document, examples, log_in, normalised, small_shop, steps};
use recording::{Recording, frames};
use registry::server::Server;
use support::{Checkout, Engine, Run};

use examples::Step;

#[test]
fn the_first_example_is_what_a_terminal_shows() {
    let Some(engine) = Engine::start() else { return };
    let shop = small_shop();
    engine.build(&shop, &[]).0.exits(0);
    log_in(&shop);
    let run =
        Run::of(&engine.command(&shop, &["--progress", "live"]).output().expect("the command runs")).exits(0);
    let mut terminal = avt::Terminal::with_scrollback(100, 40, None).expect("an extent");
    terminal.feed(run.stderr.replace('\n', "\r\n").as_str());
    let shown: Vec<String> = terminal.screen().all_lines().map(avt::Line::text).collect();
    let example = examples().into_iter().find(|example| example.arguments.is_empty()).expect("an example");
    assert_eq!(normalised(&shown.join("\n"), &engine.namespace), normalised(&example.output, "acme"));
}

/// The file that README.md shows. `SNAPSHOTS=overwrite` records it anew.
const PICTURE: &str = "docs/demo.svg";

/// The story of the picture: everything is new, one file changes on a branch, back on main.
fn recorded(engine: &Engine) -> Recording {
    let shop = small_shop();
    let mut recording = Recording::new();
    let run = |recording: &mut Recording, shop: &Checkout, typed: &str| {
        let arguments: Vec<&str> =
            typed.rsplit("shipwright").next().unwrap_or_default().split_whitespace().collect();
        let shown: &[&str] = if arguments.is_empty() { &["--progress", "live"] } else { &[] };
        let mut command = engine.command(shop, &[&arguments, shown, &["--color", "always"]].concat());
        recording.run(typed, command.env("COLUMNS", "100"), &engine.namespace);
    };
    run(&mut recording, &shop, "shipwright");
    log_in(&shop);
    run(&mut recording, &shop, "git switch -q feature/login; shipwright plan");
    run(&mut recording, &shop, "shipwright");
    shop.git(&["switch", "--quiet", "main"]);
    run(&mut recording, &shop, "git switch -q main; shipwright");
    run(&mut recording, &shop, "shipwright graph");
    recording
}

#[test]
fn the_picture_is_what_a_terminal_shows() {
    let Some(engine) = Engine::start() else { return };
    let recording = recorded(&engine);
    if std::env::var("SNAPSHOTS").is_ok_and(|value| value == "overwrite") {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(PICTURE);
        std::fs::write(file, recording.svg()).expect("a picture");
    }
    let text = |frame: &String| normalised(frame, "acme");
    let pictured: Vec<String> = frames(&document(PICTURE)).iter().map(text).collect();
    for screen in &recording.screens {
        assert!(pictured.contains(&text(screen)), "{PICTURE} has no such frame:\n{screen}");
    }
}

/// From the first to the last command of docs/workflows.md, with the files that stand there, under names of this test's.
#[test]
fn every_command_of_the_workflows_runs() {
    let Some(engine) = Engine::start() else { return };
    let (Some(registry), Some(mirror)) = (Server::start(&[]), Server::start(&[])) else { return };
    let page = document("docs/workflows.md")
        .replace("acme/", &format!("{}/", engine.namespace))
        .replace("shop-api", &format!("{}-api", engine.namespace))
        .replace("registry.example.org", &registry.address)
        .replace("mirror.example.org", &mirror.address);
    let checkout = Checkout::empty();
    let home = checkout.beside("home").display().to_string();
    let program = Path::new(env!("CARGO_BIN_EXE_shipwright")).parent().expect("a folder");
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    let mut printed = Vec::new();
    for step in steps(&page) {
        match step {
            Step::File { path, text } => checkout.write(&path, text),
            Step::Command(line) => {
                let mut command = Command::new("sh");
                command.args(["-c", &line]).current_dir(&checkout.root).env_clear();
                command.envs([("PATH", &*path), ("DOCKER_HOST", engine.host()), ("HOME", &*home)]);
                let person =
                    ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"];
                command.envs(person.map(|variable| (variable, "ada@example.com")));
                let run = Run::of(&command.output().expect("sh runs"));
                assert_eq!(run.code, 0, "{line}: {run:#?}");
                printed.push((line, run));
            }
        }
    }
    let of = |begin: &str, which: usize| {
        let mut runs = printed.iter().filter(|(line, _)| line.starts_with(begin)).map(|(_, run)| run);
        runs.nth(which).unwrap_or_else(|| panic!("{begin}"))
    };
    assert!(of("shipwright push", 1).stderr.contains("nothing to push"));
    assert!(of("shipwright build --pull-cache", 0).stderr.contains("2 pulled"));
    assert!(of("shipwright plan web", 0).stdout.contains("web/index.html changed"));
    assert_eq!(
        of(&format!("docker run --rm {}/api:feature-login", engine.namespace), 0).stdout,
        "welcome back\n"
    );
    assert_eq!(of(&format!("docker run --rm {}/api:main", engine.namespace), 0).stdout, "welcome\n");
    assert!(of("shipwright release 1.1.0 base", 1).stdout.contains("base:1.0.0\n+FROM"));
    assert!(of("git diff", 0).stdout.contains("worker/Dockerfile"));
    assert_eq!(printed.len(), page.matches("\n$ ").count(), "all were run");
}
