//! What has to hold for any bytes. The fuzz targets call these with bytes of libFuzzer's invention, and
//! `tests/fuzz_corpus.rs` with those that are kept.

use std::collections::BTreeMap;
use std::ops::Range;

use shipwright::internals::IgnoreRules;
use shipwright::internals::TreePath;
use shipwright::internals::{
    Dockerfile, Evaluation, Scope, Trigger, evaluate, evaluate_stage, parse, rewrite,
};
use shipwright::internals::{ImageReference, Platform};
use shipwright::internals::{parse_json, parse_toml};

/// Parsing and evaluation end, and every place they name is in the file.
pub fn dockerfile(source: &[u8]) {
    let file = parse(source);
    assert_eq!(file.source, source);
    let lines = source.split(|byte| *byte == b'\n').count();
    let is_inside = |span: &Range<usize>, line: usize| {
        assert!(span.start <= span.end && span.end <= source.len(), "{span:?} of {}", source.len());
        assert!((1..=lines).contains(&line), "line {line} of {lines}");
    };
    file.errors.iter().for_each(|error| is_inside(&error.span, error.line));
    file.instructions.iter().for_each(|instruction| is_inside(&instruction.span, instruction.line));
    for evaluation in evaluations(&file) {
        evaluation.references.iter().for_each(|used| is_inside(&used.span, used.line));
        evaluation.sources.iter().for_each(|source| is_inside(&source.span, source.line));
        evaluation.problems.iter().for_each(|problem| is_inside(&problem.span, problem.line));
        evaluation.logical_lines.iter().for_each(|line| is_inside(&(0..0), line.line));
    }
}

/// A reference that is replaced by its span is the new one when the file is read again; nothing else changes.
pub fn rewriting(source: &[u8]) {
    const PIN: &str = "docker.io/acme/pinned:src-0123456789abcdef";
    let file = parse(source);
    if !file.is_valid() {
        return;
    }
    let before = in_scope(|scope| evaluate(&file, scope));
    let replacements: Vec<_> =
        before.references.iter().map(|used| (used.span.clone(), PIN.to_owned())).collect();
    let rewritten = rewrite(source, &replacements);
    let file = parse(&rewritten);
    assert!(file.is_valid(), "{:?}", String::from_utf8_lossy(&rewritten));
    let after = in_scope(|scope| evaluate(&file, scope));
    assert_eq!(before.references.len(), after.references.len());
    for used in &after.references {
        assert_eq!(used.expanded, PIN, "{:?}", String::from_utf8_lossy(&rewritten));
    }
    assert_eq!(before.sources.len(), after.sources.len());
    assert_eq!(before.logical_lines.len(), after.logical_lines.len());
}

/// The first line (up to a NUL) is an ignore file, the others are paths.
pub fn dockerignore(data: &[u8]) {
    let mut parts = data.split(|byte| *byte == 0);
    let Ok(rules) = IgnoreRules::parse(parts.next().unwrap_or_default()) else { return };
    for path in parts {
        let path = TreePath::clamped(path);
        let is_ignored = rules.is_ignored(&path);
        let mut folder = path.parent();
        while let Some(here) = folder {
            assert!(is_ignored || !rules.may_prune(&here), "{here:?} holds {path:?}");
            folder = here.parent();
        }
    }
}

/// A reference survives each of the ways to write it.
pub fn references(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(reference) = text.parse::<ImageReference>() {
        assert_eq!(reference.to_string().parse().as_ref(), Ok(&reference), "{reference}");
        let canonical: ImageReference = reference.canonical().parse().expect("what we wrote");
        assert_eq!(canonical.repository, reference.repository);
        assert_eq!(canonical.canonical(), reference.canonical());
        let complete: ImageReference = reference.complete().parse().expect("what we wrote");
        assert_eq!(complete.canonical(), reference.canonical());
    }
    if let Ok(platform) = text.parse::<Platform>() {
        assert_eq!(platform.to_string().parse().as_ref(), Ok(&platform));
    }
}

/// Settings are read or refused, in both forms, and every complaint has its place in the file.
pub fn settings(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let file = TreePath::from("shipwright.toml");
    for read in [parse_toml(text, &file), parse_json(text, &file)] {
        for diagnostic in read.map_or_else(|errors| errors, |settings| settings.diagnostics) {
            if let Some(place) = diagnostic.location {
                let span = place.span.unwrap_or_default();
                assert!(span.start <= span.end && span.end <= text.len(), "{span:?} of {}", text.len());
            }
        }
    }
}

fn evaluations(file: &Dockerfile) -> Vec<Evaluation> {
    in_scope(|scope| {
        let stages = (0..file.stages.len().min(8)).map(|index| evaluate_stage(file, index, scope));
        std::iter::once(evaluate(file, scope)).chain(stages).collect()
    })
}

fn in_scope<R>(use_scope: impl FnOnce(&Scope<'_>) -> R) -> R {
    let platform = Platform { os: "linux".into(), architecture: "arm64".into(), variant: None };
    let build_args = BTreeMap::from([("GIVEN".to_owned(), "acme/given".to_owned())]);
    let trigger = |text: &str| Trigger { text: text.to_owned(), line: 1 };
    let triggers = [trigger("COPY $A b /c"), trigger("ARG A=x")];
    let inherited = BTreeMap::from([(0, triggers.as_slice())]);
    use_scope(&Scope {
        build_args: &build_args,
        target: None,
        target_platform: &platform,
        build_platform: &platform,
        inherited: &inherited,
        unseen_triggers: false,
        contexts: &BTreeMap::new(),
    })
}
