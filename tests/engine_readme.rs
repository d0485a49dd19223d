//! The output at the top of README.md is what the program shows on a terminal.

mod examples;
mod support;

use examples::{examples, log_in, normalised, small_shop};
use support::{Engine, Run};

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
