//! What holds for any bytes whatever: no panic, spans inside the file, linear time; and that rewriting
//! references changes those references and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use shipwright::internals::Platform;
use shipwright::internals::{
    Dockerfile, Evaluation, Scope, Trigger, evaluate, evaluate_stage, parse, rewrite,
};

fn evaluate_in<R>(use_scope: impl FnOnce(&Scope<'_>) -> R) -> R {
    let platform: Platform = "linux/arm64".parse().expect("a platform");
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

/// All evaluations there are, one a stage.
fn evaluations(file: &Dockerfile) -> Vec<Evaluation> {
    evaluate_in(|scope| {
        let stages = (0..file.stages.len()).map(|index| evaluate_stage(file, index, scope));
        std::iter::once(evaluate(file, scope)).chain(stages).collect()
    })
}

fn assert_inside(source: &[u8], span: &Range<usize>) {
    assert!(span.start <= span.end && span.end <= source.len(), "{span:?} of {}", source.len());
}

/// Parses, evaluates and rewrites; every span has to be in the file.
fn exercise(source: &[u8]) {
    let file = parse(source);
    let lines = source.split(|byte| *byte == b'\n').count();
    for error in &file.errors {
        assert_inside(source, &error.span);
        assert!((1..=lines).contains(&error.line), "{error:?}");
    }
    for instruction in &file.instructions {
        assert_inside(source, &instruction.span);
    }
    for evaluation in evaluations(&file) {
        for image in &evaluation.references {
            assert_inside(source, &image.span);
        }
        for local in &evaluation.sources {
            assert_inside(source, &local.span);
        }
        for problem in &evaluation.problems {
            assert_inside(source, &problem.span);
        }
    }
}

const TOKENS: &[&str] = &[
    "FROM",
    "from",
    "ARG",
    "ENV",
    "COPY",
    "ADD",
    "RUN",
    "ONBUILD",
    "LABEL",
    "SHELL",
    "HEALTHCHECK",
    "CMD",
    "AS",
    "scratch",
    "alpine",
    "a",
    "b",
    "acme/base",
    "acme/base:1",
    "$A",
    "${A}",
    "${A:-b}",
    "${A:+",
    "}",
    "${A#x*}",
    "${A%%*}",
    "${A//x/y}",
    "${U:?need}",
    "$GIVEN",
    "\"",
    "'",
    "\\",
    "\\\n",
    "`",
    "`\n",
    "\n",
    "\r\n",
    " ",
    "\t",
    "#",
    "# c\n",
    "# escape=`\n",
    "# syntax=x/y\n",
    "A=1",
    "A=acme/base",
    "A",
    "--from=",
    "--from=a",
    "--from=\"acme/base\"",
    "--from=0",
    "--mount=type=bind,from=",
    "--mount=from=acme/base,source=x",
    ",",
    "=",
    "--platform=$A",
    "--link",
    "--",
    "<<EOF",
    "<<-EOF",
    "EOF",
    "\nEOF\n",
    "[\"a\", \"b\"]",
    "[",
    "]",
    "\"a\",",
    "/d",
    "..",
    "x/*.txt",
    "é",
    "\u{a0}",
    "\u{feff}",
    "\0",
];

fn soup() -> impl Strategy<Value = String> {
    vec(prop_oneof![3 => select(TOKENS), 1 => Just(" "), 1 => Just("\n")], 0..80)
        .prop_map(|words| words.concat())
}

/// Lines that mostly make sense.
fn sensible() -> impl Strategy<Value = String> {
    const LINES: &[&str] = &[
        "FROM acme/base:1",
        "FROM \"acme/base\" AS a",
        "FROM --platform=linux/arm64 $BASE AS b",
        "FROM ${BASE:-x}:'1' as c",
        "FROM acme/\\\n  # comment\nbase \\\n AS d",
        "FROM a",
        "FROM scratch AS e",
        "COPY --from=acme/tools /x /y",
        "COPY --link --from=\"acme/tools:2\" --chown=1 /x /y",
        "COPY --from='acme'/tools [\"/x\", \"/y\"]",
        "COPY --\"from=acme/t\" /x /y",
        "COPY --from=ac\\\nme/tools /x /y",
        "COPY --from=a x y",
        "COPY --from=0 x y",
        "COPY $X . /",
        "RUN --mount=type=bind,from=acme/m,source=/s,target=/t true",
        "RUN --mount=\"from=acme/m,target=/t\" --mount=type=cache,from='acme/n',target=/u true",
        "RUN --mount=from=acme/\\m,target=/t --mount=source=x,target=/y <<EOF\nFROM no\nEOF",
        "ONBUILD COPY --from=acme/o /x /y",
        "ONBUILD RUN --mount=from=acme/o,target=/t x",
        "ARG X=1",
        "ENV Y=$X",
        "# FROM comment",
        "",
    ];
    let breaks = prop_oneof![Just("\n"), Just("\r\n")];
    (vec(select(LINES), 0..25), breaks).prop_map(|(lines, line_break)| {
        let text = format!("ARG BASE=acme/base\nFROM acme/first\n{}", lines.join("\n"));
        text.replace('\n', line_break)
    })
}

/// Rewrites some references and checks that what is read afterwards is the same but for them.
fn rewriting_changes_nothing_else(source: &[u8], chosen: &[bool]) {
    let file = parse(source);
    for (target, before) in evaluations(&file).into_iter().enumerate() {
        let mut replaced = BTreeMap::new();
        for (index, image) in before.references.iter().enumerate() {
            if chosen.get(index).copied().unwrap_or(true) {
                replaced.insert(index, (image.span.clone(), format!("r.example/x{index}:src-0")));
            }
        }
        let replacements: Vec<_> = replaced.values().cloned().collect();
        let written = rewrite(source, &replacements);
        assert_other_bytes_stay(source, &written, &replacements);
        let again = parse(&written);
        assert_eq!(again.errors.len(), file.errors.len(), "{}", String::from_utf8_lossy(&written));
        let after = evaluations(&again).swap_remove(target);
        assert_eq!(after.references.len(), before.references.len());
        for (index, (old, new)) in before.references.iter().zip(&after.references).enumerate() {
            let expected = replaced.get(&index).map_or(&old.expanded, |(_, text)| text);
            assert_eq!(&new.expanded, expected, "{}", String::from_utf8_lossy(&written));
            assert_eq!((new.kind, new.stage, new.onbuild), (old.kind, old.stage, old.onbuild));
        }
        let patterns = |evaluation: &Evaluation| {
            evaluation.sources.iter().map(|source| source.pattern.clone()).collect::<Vec<_>>()
        };
        assert_eq!(patterns(&after), patterns(&before));
        let needed = |e: &Evaluation| e.stages.iter().map(|s| (s.name.clone(), s.needed)).collect::<Vec<_>>();
        assert_eq!(needed(&after), needed(&before));
    }
}

fn assert_other_bytes_stay(source: &[u8], written: &[u8], replacements: &[(Range<usize>, String)]) {
    let (mut at, mut at_written) = (0, 0);
    let mut ordered = replacements.to_vec();
    ordered.sort_by_key(|(span, _)| span.start);
    for (span, text) in ordered {
        let kept = span.start - at;
        assert_eq!(&source[at..span.start], &written[at_written..at_written + kept]);
        at_written += kept + text.len();
        at = span.end;
    }
    assert_eq!(&source[at..], &written[at_written..]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(source in vec(any::<u8>(), 0..300)) {
        exercise(&source);
    }

    #[test]
    fn any_tokens(source in soup()) {
        exercise(source.as_bytes());
        exercise(format!("ARG A=acme/base\nFROM $A AS a\n{source}").as_bytes());
    }

    #[test]
    fn rewriting_any_tokens(source in soup(), chosen in vec(any::<bool>(), 8)) {
        let source = format!("ARG A=acme/base\nFROM $A AS a\n{source}");
        if parse(source.as_bytes()).is_valid() {
            rewriting_changes_nothing_else(source.as_bytes(), &chosen);
        }
    }

    #[test]
    fn rewriting_sensible_files(source in sensible(), chosen in vec(any::<bool>(), 30)) {
        exercise(source.as_bytes());
        rewriting_changes_nothing_else(source.as_bytes(), &chosen);
    }

    #[test]
    fn cutting_a_file_short_is_no_problem(source in sensible(), end in any::<prop::sample::Index>()) {
        exercise(&source.as_bytes()[..end.index(source.len() + 1)]);
    }
}

#[test]
fn many_of_anything_take_no_time() {
    let many = |prefix: &str, line: &str| format!("{prefix}{}", line.repeat(100_000)).into_bytes();
    let lines = |prefix: &str, line: &str| format!("{prefix}{}", line.repeat(20_000)).into_bytes();
    for source in [
        many("FROM a\nRUN x", " \\\n y"),
        many("FROM a\nRUN x \\\n", "# c\n"),
        many("FROM a\nRUN x \\\n", "\n"),
        many("", "# c\n"),
        many("FROM a\n", "RUN <<EOF\n"),
        many("FROM a\n", "RUN <<EOF\nEOF\n"),
        lines("FROM a\n", "FORM a\n"),
        lines("", "FROM a AS b\n"),
        lines("FROM a AS b\n", "FROM b AS b\nENV A=$A\n"),
        lines("FROM a\n", "COPY --from=b c /d\n"),
        many("FROM a\n", "ONBUILD "),
        many("FROM a\nONBUILD ", "RUN <<A "),
        lines("FROM a\n", "ONBUILD COPY --from=b c /d\n"),
        lines("FROM a\nRUN ", "--mount=from=x,target=/y "),
        many("FROM a\nCOPY ", "$A"),
        many("FROM ", "${A:-"),
        many("FROM a\nCOPY [", "\"a\","),
        many("FROM a\nENV A=\"", "\\\""),
        lines("ARG A=x\n", "ARG A=$A$A\n"),
        many("FROM a\nRUN ", "<<A<<"),
    ] {
        let started = Instant::now();
        let file = parse(&source);
        evaluate_in(|scope| evaluate(&file, scope));
        let elapsed = started.elapsed();
        let start = String::from_utf8_lossy(&source[..30]).into_owned();
        // Generous: an unoptimised build on a busy machine. What is quadratic takes minutes.
        assert!(elapsed < Duration::from_secs(20), "{start:?} took {elapsed:?}");
    }
}

#[test]
fn stages_by_variables_by_triggers_are_bounded() {
    let numbered = |before: &str, after: &str| -> String {
        (0..20_000).flat_map(|n| [before.to_owned(), n.to_string(), after.to_owned()]).collect()
    };
    let variables = numbered("ENV A", "=x\n");
    let triggers = "ONBUILD COPY x y\n".repeat(20_000);
    for head in [variables, triggers] {
        let stages = numbered("FROM b AS c", "\n");
        let all = numbered("COPY --from=c", " a b\n");
        let source = format!("FROM a AS b\n{head}{stages}FROM scratch\n{all}");
        let started = Instant::now();
        let file = parse(source.as_bytes());
        let evaluation = evaluate_in(|scope| evaluate(&file, scope));
        assert!(!evaluation.problems.is_empty());
        assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    }
}

/// The triggers of another image are carried out by each stage that begins with it.
#[test]
fn stages_by_inherited_triggers_are_bounded() {
    let triggers = vec![Trigger { text: "COPY x y".to_owned(), line: 1 }; 20_000];
    let file = parse(format!("{}FROM c\n", "FROM b\n".repeat(20_000)).as_bytes());
    let inherited = (0..20_000).map(|stage| (stage, triggers.as_slice())).collect();
    let started = Instant::now();
    let evaluation = evaluate_in(|scope| evaluate(&file, &Scope { inherited: &inherited, ..*scope }));
    assert!(!evaluation.problems.is_empty());
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

#[test]
fn a_reference_is_rewritten_wherever_it_stands() {
    let source = concat!(
        "ARG IMG=acme/a\r\n",
        "FROM --platform=linux/amd64 \"acme/${X:-a}\" AS one\r\n",
        "FROM $IMG\r\n",
        "COPY --from=\"acme/b\" x y\r\n",
        "COPY --from=ac\\\r\n  # note\r\nme/c x y\r\n",
        "RUN --mount=type=bind,from=acme/d,source=.. --mount='from=acme/e,target=/x' y\r\n",
        "COPY --from=one x y\r\n",
    );
    let file = parse(source.as_bytes());
    let images = evaluate_in(|scope| evaluate(&file, scope)).references;
    let expanded: Vec<&str> = images.iter().map(|image| image.expanded.as_str()).collect();
    assert_eq!(expanded, ["acme/a", "acme/a", "acme/b", "acme/c", "acme/d", "acme/e"]);
    assert_eq!(images.iter().map(|image| image.line).collect::<Vec<_>>(), [2, 3, 4, 5, 8, 8]);
    let replacements: Vec<_> = images.iter().map(|image| (image.span.clone(), "p:1".to_owned())).collect();
    let expected = concat!(
        "ARG IMG=acme/a\r\n",
        "FROM --platform=linux/amd64 p:1 AS one\r\n",
        "FROM p:1\r\n",
        "COPY --from=\"p:1\" x y\r\n",
        "COPY --from=p:1 x y\r\n",
        "RUN --mount=type=bind,from=p:1,source=.. --mount='from=p:1,target=/x' y\r\n",
        "COPY --from=one x y\r\n",
    );
    assert_eq!(String::from_utf8_lossy(&rewrite(source.as_bytes(), &replacements)), expected);
}

fn texts(evaluation: Evaluation) -> Vec<String> {
    evaluation.logical_lines.into_iter().map(|line| line.text).collect()
}

#[test]
fn the_same_lines_enter_the_key_however_they_are_laid_out() {
    let lines = |source: &str| {
        let file = parse(source.as_bytes());
        texts(evaluate_in(|scope| evaluate(&file, scope)))
    };
    let plain = lines("ARG A=1\nFROM a AS b\nCOPY x y /z\nRUN a && b\nCOPY <<E /f\nbody\nE\n");
    let other = "# c\n\nARG  A=1\nfrom a \\\n as b\n\tCOPY x \\\n# c\n  y   /z\r\nRUN a && \\\nb\nCOPY <<E  /f\nbody\nE\n\nFROM dev\n";
    let file = parse(other.as_bytes());
    let other = texts(evaluate_in(|scope| evaluate_stage(&file, 0, scope)));
    assert_eq!(plain.len(), 5);
    assert_eq!(plain, other);
    let different: BTreeSet<Vec<String>> = [
        "FROM a\nRUN x\n",
        "FROM a\nRUN x \n# c\nUSER x\n",
        "FROM a\nRUN  [\"x\"]\n",
        "FROM a\nRUN <<E\nx\nE\n",
        "FROM a\nRUN <<E\nx \nE\n",
        "FROM a\nRUN 'a  b'\n",
        "FROM a\nRUN 'a b'\n",
        "# syntax=docker/dockerfile:1\nFROM a\nRUN x\n",
        "FROM a\nONBUILD RUN x\n",
    ]
    .into_iter()
    .map(lines)
    .collect();
    assert_eq!(different.len(), 9);
}
