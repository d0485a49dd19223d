//! The output at the top of README.md is what the program shows on a terminal, and so is the picture there.

mod examples;
mod recording;
mod support;

use std::path::Path;

use examples::{document, examples, log_in, normalised, small_shop};
use recording::{Recording, frames};
use support::{Checkout, Engine, Run};

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
