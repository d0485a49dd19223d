//! What the documents show is true: outputs are those of the program, and every command line is one that it
//! takes. What needs an engine is in `engine_readme.rs`.

mod examples;
mod support;

use std::collections::BTreeSet;
use std::process::Command;

use clap::{CommandFactory, Parser, error::ErrorKind};
use examples::{blocks, document, examples, log_in, normalised, small_shop};
use shipwright::internals::Cli;
use support::Run;

const DOCUMENTS: [&str; 18] = [
    "README.md",
    "docs/cli.md",
    "docs/architecture.md",
    "docs/builders.md",
    "docs/ci.md",
    "docs/content-keys.md",
    "docs/dependencies.md",
    "docs/deploy.md",
    "docs/dockerfile-support.md",
    "docs/inference.md",
    "docs/migrating.md",
    "docs/performance.md",
    "docs/prune.md",
    "docs/scaling.md",
    "docs/security.md",
    "docs/testing.md",
    "docs/troubleshooting.md",
    "docs/workflows.md",
];

#[test]
fn outputs_that_need_no_engine_are_those_of_the_program() {
    let shop = small_shop();
    log_in(&shop);
    let mut compared = 0;
    for example in examples().iter().filter(|example| !example.arguments.is_empty()) {
        let arguments: Vec<&str> = example.arguments.iter().map(String::as_str).collect();
        let run = shop.run(&[&arguments[..], &["--offline"]].concat()).exits(0);
        assert_eq!(normalised(&run.stdout, "acme"), normalised(&example.output, "acme"), "{arguments:?}");
        compared += 1;
    }
    assert!(compared >= 2, "README.md shows {compared} outputs");
}

#[test]
fn all_documents_are_read() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for entry in std::fs::read_dir(folder).expect("docs") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_text = path.extension().is_some_and(|extension| extension == "md");
        assert!(!is_text || DOCUMENTS.contains(&format!("docs/{name}").as_str()), "{name}");
    }
}

/// Every `shipwright …` of a document: at the beginning of a line of a block, after `$(` or `<(`, and in the
/// text between backticks.
fn command_lines(document: &str) -> Vec<String> {
    let shells = ["console", "sh", "text"].into_iter().flat_map(|kind| blocks(document, kind));
    let mut lines = Vec::new();
    for line in shells.flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>()) {
        let line = line.strip_prefix("$ ").unwrap_or(&line).to_owned();
        for opening in ["$(", "<("] {
            let inner = line.split(opening).skip(1).filter_map(|rest| rest.split(')').next());
            lines.extend(inner.map(str::to_owned));
        }
        lines.push(line);
    }
    let prose = document.split("```").step_by(2);
    let code = prose.flat_map(|text| text.split('`').skip(1).step_by(2)).map(|code| code.replace('\n', " "));
    lines.extend(code.flat_map(|code| code.split(" && ").map(str::to_owned).collect::<Vec<_>>()));
    lines.retain(|line| line == "shipwright" || line.starts_with("shipwright "));
    lines
}

/// The words of a command line or of a synopsis, whose columns stand two blanks apart.
fn words(line: &str) -> Vec<String> {
    let end = line.find(['#', '|', '>', '\'']).unwrap_or(line.len());
    let line = line[..end].split("  ").next().unwrap_or_default();
    let words = line.split(' ').filter(|word| !word.is_empty() && !word.starts_with(['[', '…']));
    let meant = |word: &str| match word {
        "SHELL" => "bash".to_owned(),
        "COMMAND" => "plan".to_owned(),
        word => word.to_owned(),
    };
    words.map(meant).collect()
}

/// A word that is no command would be taken for an image.
#[test]
fn every_command_of_a_synopsis_exists() {
    let command = Cli::command();
    let blocks = DOCUMENTS.iter().flat_map(|path| blocks(&document(path), "text"));
    let lines: Vec<String> =
        blocks.flat_map(|block| command_lines(&format!("```text\n{block}```"))).collect();
    for words in lines.iter().map(|line| words(line)).filter(|words| words.len() > 1) {
        assert!(command.find_subcommand(&words[1]).is_some(), "{words:?}");
    }
    assert!(lines.len() >= 5, "{lines:?}");
}

#[test]
fn every_command_line_of_the_documents_is_one_that_the_program_takes() {
    let mut taken = 0;
    for path in DOCUMENTS {
        for line in command_lines(&document(path)) {
            let parsed = Cli::try_parse_from(words(&line));
            if let Err(error) = parsed {
                let is_fine = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
                assert!(is_fine, "{path}: {line}\n{error}");
            }
            taken += 1;
        }
    }
    assert!(taken >= 25, "only {taken} command lines were found");
}

/// A word in backticks that begins with a dash is an option of ours.
#[test]
fn every_option_of_the_command_line_s_document_exists() {
    let mut command = Cli::command();
    command.build();
    let mut options = BTreeSet::new();
    let below = || command.get_subcommands();
    let deeper = below().flat_map(clap::Command::get_subcommands);
    for command in std::iter::once(&command).chain(below()).chain(deeper) {
        for argument in command.get_arguments() {
            options.extend(
                argument.get_long_and_visible_aliases().into_iter().flatten().map(|it| format!("--{it}")),
            );
            options.extend(argument.get_all_aliases().into_iter().flatten().map(|it| format!("--{it}")));
            options.extend(argument.get_short().map(|it| format!("-{it}")));
        }
    }
    for path in ["README.md", "docs/cli.md", "docs/migrating.md"] {
        let text = document(path);
        for code in text.split("```").step_by(2).flat_map(|text| text.split('`').skip(1).step_by(2)) {
            // What stands before words that are no options is none itself.
            for word in code.split([' ', '/', '|']).filter(|word| code.starts_with('-') && *word != "--") {
                let option = word.split(['=', '[', '\n']).next().unwrap_or_default();
                assert!(!option.starts_with('-') || options.contains(option), "{path}: {option}");
            }
        }
    }
}

/// `FILE`, `FILE::TEST` and `MODULE::tests::TEST` of docs/security.md are tests that there are.
#[test]
fn every_promise_about_security_has_its_test() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = document("docs/security.md");
    let mut found = 0;
    for code in text.split('`').skip(1).step_by(2) {
        let is_test = |code: &str| {
            let (first, rest) = code.split_once("::").unwrap_or((code, "x"));
            let is_word =
                |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            is_word(first) && rest.split("::").all(is_word) && (first.contains('_') || code.contains("::"))
        };
        if !is_test(code) || code.starts_with("core.") {
            continue;
        }
        let parts: Vec<&str> = code.split("::").collect();
        let file = match parts[..] {
            [file] | [file, _] => format!("tests/{file}.rs"),
            [module, "tests", "place"] => format!("src/{module}/tests/place.rs"),
            [module, "tests", _] => format!("src/{module}.rs"),
            [module, "tests", file, _] => format!("src/{module}/tests/{file}.rs"),
            [module, file, "tests", _] => format!("src/{module}/{file}.rs"),
            _ => panic!("{code}: how is that to be found?"),
        };
        let source =
            std::fs::read_to_string(root.join(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        if let [_, test] | [_, "tests", test] | [_, "tests", _, test] | [_, _, "tests", test] = parts[..]
            && test != "place"
        {
            assert!(source.contains(&format!("fn {test}(")), "{file} has no test {test}");
        }
        found += 1;
    }
    assert!(found >= 30, "only {found} tests are named");
}

/// A release has the program, what shells and `man` want of it, and a digest.
#[cfg(unix)]
#[test]
fn an_archive_has_the_program_and_its_pages() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/archive");
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder.path()).env("PROGRAM", env!("CARGO_BIN_EXE_shipwright"));
        Run::of(&command.output().expect("it runs")).exits(0).stdout
    };
    let archive = run(script, &[]).trim().to_owned();
    run("tar", &["xzf", &archive]);
    let name = archive.strip_suffix(".tar.gz").expect("an archive");
    assert!(name.starts_with("shipwright-"), "{name}");
    let version = run(&format!("{name}/shipwright"), &["--version"]);
    assert_eq!(version, format!("shipwright {}\n", env!("CARGO_PKG_VERSION")));
    for file in
        ["LICENSE-MIT", "LICENSE-APACHE", "README.md", "shipwright.bash", "_shipwright", "shipwright.1"]
    {
        let file = folder.path().join(name).join(file);
        assert!(std::fs::metadata(&file).is_ok_and(|found| found.len() > 100), "{}", file.display());
    }
    run("sha256sum", &["--check", &format!("{archive}.sha256")]);
}
