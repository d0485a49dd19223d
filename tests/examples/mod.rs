//! The examples of README.md: what they were typed into, what they printed, and how to compare that with what
//! the program prints today.

#![allow(dead_code, clippy::allow_attributes, reason = "each test file uses a part of it")]

use std::fs;
use std::path::Path;

use super::support::Checkout;

/// A command and its output, as a `console` block shows them.
#[derive(Debug)]
pub(crate) struct Example {
    /// After `shipwright`.
    pub(crate) arguments: Vec<String>,
    /// All lines up to the next prompt.
    pub(crate) output: String,
}

/// A file of the repository.
pub(crate) fn document(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a document")
}

/// The blocks of a document in fences of this kind.
pub(crate) fn blocks(document: &str, kind: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<(bool, String)> = None;
    for line in document.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(word)) => open = Some((word == kind, String::new())),
            (Some(_), Some(_)) => {
                let closed = open.take().filter(|(is_it, _)| *is_it);
                blocks.extend(closed.map(|(_, text)| text));
            }
            (Some((_, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// What a reader of a page does, one after the other.
pub(crate) enum Step {
    /// Writes the file that a block shows: its first line is a comment with the path.
    File { path: String, text: String },
    /// Types a line behind a prompt.
    Command(String),
}

/// The files and commands of a page, in its order.
pub(crate) fn steps(document: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in document.split("\n```").collect::<Vec<_>>().chunks(2) {
        let [_, block] = part else { continue };
        let (kind, text) = block.split_once('\n').unwrap_or((block, ""));
        match kind {
            "console" => {
                let commands = text.lines().filter_map(|line| line.strip_prefix("$ "));
                steps.extend(commands.map(|line| Step::Command(line.to_owned())));
            }
            "dockerfile" | "toml" => {
                let (path, text) = text.split_once('\n').unwrap_or_default();
                let path = path.strip_prefix("# ").expect("a comment with the path").to_owned();
                steps.push(Step::File { path, text: format!("{text}\n") });
            }
            _ => {}
        }
    }
    steps
}

/// The commands of README.md that are shown with their output.
pub(crate) fn examples() -> Vec<Example> {
    let mut examples = Vec::new();
    for block in blocks(&document("README.md"), "console").into_iter().filter(|block| block.starts_with("$ "))
    {
        let mut in_shipwright = false;
        for line in block.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                in_shipwright = command.split(' ').next() == Some("shipwright");
                if in_shipwright {
                    let arguments = command.split_whitespace().skip(1).map(str::to_owned).collect();
                    examples.push(Example { arguments, output: String::new() });
                }
            } else if let Some(example) = examples.last_mut().filter(|_| in_shipwright) {
                example.output.push_str(line);
                example.output.push('\n');
            }
        }
    }
    examples
}

/// The shop of README.md on the branch `main`: four images of `fixtures/shop`.
pub(crate) fn small_shop() -> Checkout {
    let checkout = Checkout::empty();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/shop");
    for path in [
        "base/Dockerfile",
        "base/etc/shop.conf",
        "shared/Dockerfile",
        "shared/auth.sh",
        "service1/Dockerfile",
        "service1/app.sh",
        "tools/Dockerfile",
        "tools/wrap.sh",
    ] {
        checkout.write(path, fs::read(fixture.join(path)).expect("a file of the fixture"));
    }
    checkout.commit("The shop");
    checkout
}

/// Goes on as the reader of README.md did: on a branch, with a commit that changes one file.
pub(crate) fn log_in(checkout: &Checkout) {
    checkout.git(&["switch", "--quiet", "--create", "feature/login"]);
    checkout.write("shared/auth.sh", "#!/bin/sh\nallowed() { [ \"$1\" != \"eve\" ]; }\n");
    checkout.commit("Keep eve out");
}

/// Output in which commits, keys, durations and the width of columns are the same in every run; indentation
/// stays. Lines of
/// images that were built side by side stand in the order of their names.
pub(crate) fn normalised(text: &str, namespace: &str) -> String {
    let text = text.replace(&format!("{namespace}/"), "acme/");
    // Which chain took longest is said of long runs alone, and a busy machine makes any run long.
    let lines = text.trim().lines().filter(|line| !line.starts_with("slowest"));
    let mut lines: Vec<String> = lines.map(normalised_line).collect();
    let is_built = |line: &String| line.starts_with("  built ");
    for run in lines.chunk_by_mut(|a, b| is_built(a) && is_built(b)) {
        run.sort();
    }
    lines.join("\n")
}

fn normalised_line(line: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in line.split_whitespace() {
        let is_seconds = word.trim_end_matches(',') == "s"
            && words.last().is_some_and(|number| number.parse::<f64>().is_ok());
        if is_seconds {
            words.pop();
            words.push(word.replace('s', "TIME"));
        } else {
            words.push(without_hash(word));
        }
    }
    // A terminal's blank line is full of blanks.
    let line = line.trim_end();
    let indentation = line.len() - line.trim_start().len();
    format!("{}{}", " ".repeat(indentation), words.join(" "))
}

fn without_hash(word: &str) -> String {
    let is_hex =
        |text: &str, digits: usize| text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit());
    match word.split_once("src-") {
        Some((front, key)) if is_hex(key, 16) => format!("{front}src-KEY"),
        _ if is_hex(word, 12) => "COMMIT".to_owned(),
        _ => word.to_owned(),
    }
}
