//! Two other parsers as witnesses: wherever they accept a file of the tests, their FROM references agree
//! with ours, but for faults of theirs that are known.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use shipwright::internals::parse;

#[derive(Deserialize)]
struct Case {
    name: String,
    dockerfile: String,
}

/// The cases, and every Dockerfile of the fixtures, by name.
fn files() -> BTreeMap<String, String> {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../fixtures/dockerfiles.json")).expect("the cases are JSON");
    let mut files: BTreeMap<_, _> = cases.into_iter().map(|case| (case.name, case.dockerfile)).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for entry in walkdir::WalkDir::new(&root).into_iter().filter_map(Result::ok) {
        let is_dockerfile = entry.file_name().to_string_lossy().to_lowercase().contains("dockerfile");
        if let (true, Ok(text)) = (is_dockerfile, std::fs::read_to_string(entry.path())) {
            let path = entry.path().strip_prefix(&root).unwrap_or(entry.path());
            files.insert(path.to_string_lossy().into_owned(), text);
        }
    }
    files
}

fn ours(source: &str) -> Vec<String> {
    let file = parse(source.as_bytes());
    let bases = file.stages.iter().map(|stage| stage.base.as_ref());
    bases.map(|base| base.map_or("(error)", |base| &base.text).to_owned()).collect()
}

/// Compares what another parser sees with what we see. `faults` are the cases in which it is wrong, and
/// how; one that it gets right by now has to leave the list.
fn agrees(faults: &[(&str, &str)], at_least: usize, theirs: impl Fn(&str) -> Option<Vec<String>>) {
    let mut accepted = 0;
    for (name, source) in files() {
        let Some(theirs) = theirs(&source) else { continue };
        accepted += 1;
        let ours = ours(&source);
        match faults.iter().find(|(fault, _)| *fault == name) {
            None => assert_eq!(ours, theirs, "{name}"),
            Some((_, fault)) => assert_ne!(ours, theirs, "{name} is right now, but listed: {fault}"),
        }
    }
    assert!(accepted >= at_least, "only {accepted} files were compared");
}

#[test]
fn parse_dockerfile_agrees() {
    let faults =
        [("alias-starting-with-digit", "it does not check names of stages; BuildKit refuses this one")];
    agrees(&faults, 134, |source| {
        let file = parse_dockerfile::parse(source).ok()?;
        Some(file.stages().map(|stage| stage.from.image.value.clone().into_owned()).collect())
    });
}

#[test]
fn dockerfile_parser_agrees() {
    let faults = [
        ("alias-starting-with-digit", "it does not check names of stages; BuildKit refuses this one"),
        ("from-quoted", "it loses a FROM whose reference is quoted"),
        ("vertical-tab", "it takes vertical tabs for part of a word and loses the FROM"),
    ];
    agrees(&faults, 117, |source| {
        let file = dockerfile_parser::Dockerfile::parse(source).ok()?;
        let from = file.instructions.iter().filter_map(|instruction| instruction.as_from());
        Some(from.map(|from| from.image.content.clone()).collect())
    });
}
