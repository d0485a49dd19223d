//! What a build takes, beyond the cases: variables that a base image may set, triggers, build arguments,
//! targets, problems and their hints.

use std::collections::{BTreeMap, BTreeSet};

use shipwright::internals::Platform;
use shipwright::internals::{
    Evaluation, Frontend, LocalSource, Problem, ProblemKind, Scope, SourcePattern, Trigger, UseKind,
    evaluate, parse,
};

/// A build to be set up.
#[derive(Default)]
struct Build<'a> {
    args: &'a [(&'a str, &'a str)],
    target: Option<&'a str>,
    inherited: &'a [(usize, &'a [&'a str])],
}

impl Build<'_> {
    fn of(&self, source: &str) -> Evaluation {
        let platform: Platform = "linux/arm64".parse().expect("a platform");
        let amd64: Platform = "linux/amd64".parse().expect("a platform");
        let build_args: BTreeMap<String, String> =
            self.args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let triggers = |texts: &[&str]| {
            texts.iter().map(|text| Trigger { text: (*text).to_owned(), line: 2 }).collect::<Vec<_>>()
        };
        let carried: Vec<_> = self.inherited.iter().map(|(stage, texts)| (*stage, triggers(texts))).collect();
        let inherited = carried.iter().map(|(stage, carried)| (*stage, carried.as_slice())).collect();
        evaluate(
            &parse(source.as_bytes()),
            &Scope {
                build_args: &build_args,
                target: self.target,
                target_platform: &platform,
                build_platform: &amd64,
                inherited: &inherited,
                unseen_triggers: false,
                contexts: &BTreeMap::new(),
            },
        )
    }
}

fn build(source: &str) -> Evaluation {
    Build::default().of(source)
}

fn path(path: &str) -> SourcePattern {
    SourcePattern::Path(path.to_owned())
}

fn below(folder: &str) -> SourcePattern {
    SourcePattern::Below(folder.to_owned())
}

fn patterns(evaluation: &Evaluation) -> Vec<SourcePattern> {
    evaluation.sources.iter().map(|source| source.pattern.clone()).collect()
}

fn images(evaluation: &Evaluation) -> Vec<(&str, bool)> {
    evaluation.references.iter().map(|image| (image.expanded.as_str(), image.onbuild)).collect()
}

fn only_problem(evaluation: &Evaluation) -> &Problem {
    match evaluation.problems.as_slice() {
        [problem] => problem,
        problems => panic!("one problem was expected: {problems:?}"),
    }
}

#[test]
fn a_variable_that_the_base_image_may_set_is_a_guess() {
    for (source, expected) in [
        ("FROM x\nCOPY a/$V/b /\n", vec![below("a")]),
        ("FROM x\nCOPY $V /\n", vec![below("")]),
        ("FROM x\nARG V\nCOPY a/pre$V/b /\n", vec![below("a")]),
        ("FROM x\nARG V=1\nCOPY a/$V/b /\n", vec![path("a/1/b")]),
        // All of a line sees the variables of before that line.
        ("FROM x\nENV V=1 W=$V\nCOPY $W /\n", vec![below("")]),
        ("FROM x\nARG V=1 W=$V\nCOPY $W /\n", vec![path("1"), below("")]),
        ("FROM x\nENV V=1\nENV W=$V\nCOPY $W /\n", vec![path("1")]),
        ("FROM x\nENV V=a/$HOME/b\nCOPY $V/c /\n", vec![below("a")]),
        ("FROM x\nCOPY ${V:-d} /\n", vec![below("")]),
        ("FROM x\nCOPY a/$V/../b /\n", vec![below("")]),
        ("FROM x\nCOPY a*/$V /\n", vec![below("")]),
        ("FROM scratch\nCOPY a/$V/b /\n", vec![path("a/b")]),
        ("FROM scratch\nCOPY ${V:-d} /\n", vec![path("d")]),
        ("FROM x AS b\nENV V=1\nFROM b\nCOPY $V /\n", vec![path("1")]),
        // An argument comes along, but the base image's own V would win over it.
        ("FROM x AS b\nARG V=1\nFROM b\nCOPY $V /\n", vec![below("")]),
        ("FROM scratch AS b\nARG V=1\nFROM b\nCOPY $V /\n", vec![path("1"), path("")]),
        ("FROM x\nRUN --mount=source=a/$V,target=/t x\n", vec![below("a")]),
        ("FROM x\nENV $N=1\nARG V=2\nCOPY $V$W /\n", vec![below("")]),
        ("ARG V=1\nFROM x\nARG V\nCOPY $V /\n", vec![path("1")]),
        ("FROM x\nARG TARGETARCH\nCOPY bin-$TARGETARCH /\n", vec![path("bin-arm64")]),
        ("FROM --platform=$BUILDPLATFORM x\nARG BUILDARCH\nCOPY $BUILDARCH /\n", vec![path("amd64")]),
    ] {
        let evaluation = build(source);
        assert_eq!((patterns(&evaluation), evaluation.problems.len()), (expected, 0), "{source}");
    }
}

#[test]
fn sources_say_how_plain_they_are_and_where_they_stand() {
    let source = "FROM x\nARG V=1\nCOPY a \"b\" c* $V [\"x\n/d/\n";
    let source = source.replace("\n/d/", "/d/");
    let found: Vec<(String, bool, usize)> = build(&source)
        .sources
        .iter()
        .map(|local: &LocalSource| (source[local.span.clone()].to_owned(), local.plain, local.line))
        .collect();
    let words = ["a", "\"b\"", "c*", "$V"];
    assert_eq!(found.iter().map(|(word, ..)| word.as_str()).collect::<Vec<_>>(), words);
    assert_eq!(found.iter().map(|(_, plain, _)| *plain).collect::<Vec<_>>(), [true, true, false, false]);
    assert!(found.iter().all(|(.., line)| *line == 3));
}

#[test]
fn what_is_no_file_of_the_context_is_no_source() {
    let evaluation = build(concat!(
        "FROM x\n",
        "ADD https://e.x/a git@github.com:o/r.git ssh://h/r local.tar /\n",
        "COPY <<EOF /f\nx\nEOF\n",
        "COPY --from=img /a /b\n",
        "RUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/t --mount=type=secret,id=s --mount=type=ssh x\n",
        "RUN --mount=type=cache,from=seed,target=/c --mount=from=tool,source=/q,target=/q x\n",
        "ONBUILD COPY later /\n",
    ));
    assert_eq!(patterns(&evaluation), [path("local.tar")]);
    assert!(!evaluation.whole_context);
    assert_eq!(images(&evaluation), [("x", false), ("img", false), ("seed", false), ("tool", false)]);
}

#[test]
fn when_in_doubt_it_is_the_whole_context() {
    for (source, whole) in [
        ("FROM x\nRUN --mount=target=/s x\n", true),
        ("FROM x\nRUN --mount=source=.,target=/s x\n", false),
        ("FROM x\nCOPY --fancy a b\n", true),
        ("FROM x\nRUN --fancy a\n", true),
        ("FROM x\nCOPIER a b\n", true),
        ("FROM x\nRUN --mount=type=$T,target=/s x\n", true),
        ("FROM x\nRUN --mount=fancy=1,target=/s x\n", true),
        ("# syntax=example.com/other\nFROM x\n", true),
        ("# syntax=docker/dockerfile:1.7-labs\nFROM x\n", false),
        ("FROM x AS unused\nCOPY --fancy a b\nFROM y\n", false),
        ("FROM x\nCOPY a b\n", false),
    ] {
        assert_eq!(build(source).whole_context, whole, "{source}");
    }
    let evaluation = Build { args: &[("BUILDKIT_SYNTAX", "e.x/f")], ..Build::default() }.of("FROM x\n");
    assert_eq!(evaluation.frontend, Frontend::Other("e.x/f".into()));
    assert!(evaluation.whole_context && evaluation.declared_args.contains("BUILDKIT_SYNTAX"));
}

#[test]
fn only_stages_that_the_target_needs_count() {
    let source = concat!(
        "FROM a AS one\nCOPY x /\nFROM b AS Two\nCOPY --from=ONE y /\nFROM c AS three\nCOPY z /\n",
        "FROM two\nRUN --mount=from=0,target=/q --mount=from=three,target=/r x\nFROM three AS dev\n",
    );
    let needed = |evaluation: &Evaluation| -> Vec<usize> {
        (0..evaluation.stages.len()).filter(|index| evaluation.stages[*index].needed).collect()
    };
    let default = build(source);
    assert_eq!((needed(&default), default.target, default.unused_stages), (vec![2, 4], Some(4), vec![3]));
    let two = Build { target: Some("TWO"), ..Build::default() }.of(source);
    assert_eq!(
        (needed(&two), patterns(&two), images(&two)),
        (vec![0, 1], vec![path("x")], vec![("a", false), ("b", false)])
    );
    assert_eq!(two.unused_stages, [3, 4]);
    let wrong = Build { target: Some("tow"), ..Build::default() }.of(source);
    assert_eq!((wrong.target, needed(&wrong)), (None, vec![]));
    let problem = only_problem(&wrong);
    assert_eq!(
        (&problem.kind, problem.hint.as_deref()),
        (&ProblemKind::UnknownTarget, Some("did you mean two?"))
    );
    // A number is a stage for COPY alone.
    let numbers = build("FROM a\nFROM b\nCOPY --from=0 x /\nRUN --mount=from=0,target=/x y\n");
    assert_eq!(images(&numbers), [("a", false), ("b", false), ("0", false)]);
}

#[test]
fn build_arguments_reach_what_declares_them() {
    let source = "ARG BASE=x\nFROM $BASE\nARG V=1\nCOPY $V $W /\n";
    let args = [("BASE", "acme/y"), ("V", "2"), ("W", "3"), ("HTTP_PROXY", "p")];
    let evaluation = Build { args: &args, ..Build::default() }.of(source);
    assert_eq!(images(&evaluation), [("acme/y", false)]);
    assert_eq!(patterns(&evaluation), [path("2"), below("")]);
    let declared: BTreeSet<String> = ["BASE", "V"].map(str::to_owned).into();
    assert_eq!(evaluation.declared_args, declared);
    let image = &evaluation.references[0];
    assert_eq!((image.kind, image.written.as_str(), image.line), (UseKind::From, "$BASE", 2));
    let predefined =
        Build { args: &[("TARGETARCH", "riscv64")], ..Build::default() }.of("FROM x:$TARGETARCH\n");
    assert_eq!(images(&predefined), [("x:riscv64", false)]);
    assert!(predefined.declared_args.contains("TARGETARCH"));
}

#[test]
fn a_missing_build_argument_is_named() {
    for (source, arguments) in [
        ("ARG BASE\nFROM ${BASE}\n", vec!["BASE"]),
        ("ARG BASE=\nFROM $BASE\n", vec!["BASE"]),
        ("ARG REG\nARG TAG\nFROM $REG/x:$TAG\n", vec!["REG", "TAG"]),
        ("ARG V\nFROM x:${V:?needed}\n", vec!["V"]),
        ("ARG V\nFROM x:${V} AS unused\nFROM y\n", vec!["V"]),
    ] {
        let evaluation = build(source);
        let problem = only_problem(&evaluation);
        let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        let hint = problem.hint.clone().unwrap_or_default();
        assert!(arguments.iter().all(|name| hint.contains(&format!("--build-arg {name}="))), "{hint}");
        assert_eq!(problem.kind, ProblemKind::BlankReference { arguments }, "{source}");
        assert!(source[problem.span.clone()].contains('$'), "{source}");
    }
    let given = Build { args: &[("BASE", "acme/x")], ..Build::default() }.of("ARG BASE\nFROM ${BASE}\n");
    assert!(given.problems.is_empty());
    let undeclared = build("FROM x:$T\n");
    let problem = only_problem(&undeclared);
    assert_eq!(problem.kind, ProblemKind::BadReference);
    assert!(problem.hint.as_deref().is_some_and(|hint| hint.contains("`T` is not set")));
}

#[test]
fn problems_point_at_the_word() {
    for (source, kind, word) in [
        ("FROM UPPER\n", ProblemKind::BadReference, "UPPER"),
        ("FROM x AS b\nFROM B\n", ProblemKind::BadReference, "B"),
        ("FROM x\nCOPY --from=A:B:c x y\n", ProblemKind::BadReference, "A:B:c"),
        ("FROM x\nCOPY --from=$X x y\n", ProblemKind::VariableInFrom, "$X"),
        ("FROM x\nCOPY --from=7 x y\n", ProblemKind::StageIndex, "7"),
        ("FROM x\nCOPY https://e.x/y z\n", ProblemKind::RemoteCopy, "https://e.x/y"),
        ("FROM x\nADD --checksum=md5:1 https://e.x/y z\n", ProblemKind::Checksum, "md5:1"),
        ("FROM x\nCOPY ${A z /\n", ProblemKind::Expansion, "${A"),
        ("FROM --platform=a/b/c/d x\n", ProblemKind::Platform, "a/b/c/d"),
        ("FROM x\nRUN --mount=type=bnd,target=/ x\n", ProblemKind::Mount, "--mount=type=bnd,target=/"),
        ("ARG A=${\nFROM x\n", ProblemKind::Expansion, "A=${"),
    ] {
        let evaluation = build(source);
        let problem = only_problem(&evaluation);
        assert_eq!((&problem.kind, &source[problem.span.clone()]), (&kind, word), "{source}");
    }
    let kinds = |source: &str| -> Vec<ProblemKind> {
        build(source).problems.into_iter().map(|problem| problem.kind).collect()
    };
    assert_eq!(
        kinds("FROM x AS a\nCOPY --from=a x y\n"),
        [ProblemKind::CircularStages, ProblemKind::StageOrder]
    );
    let circle = "FROM x AS a\nCOPY --from=b x y\nFROM x AS b\nCOPY --from=a x y\nFROM y\n";
    assert_eq!(kinds(circle), [ProblemKind::CircularStages]);
    assert_eq!(kinds("ARG A\n"), [ProblemKind::NoStages]);
}

#[test]
fn the_target_stage_alone_leaves_triggers() {
    let source = concat!(
        "FROM x AS base\nONBUILD COPY a /\nFROM y\n",
        "onbuild  RUN --mount=from=acme/tool,target=/t \\\n make\nONBUILD COPY --from=acme/lib <<E x /\nbody\nE\n",
        "ONBUILD COPY --from=base z /\n",
    );
    let evaluation = build(source);
    let triggers: Vec<(&str, usize)> =
        evaluation.triggers.iter().map(|trigger| (trigger.text.as_str(), trigger.line)).collect();
    assert_eq!(
        triggers,
        [
            ("RUN --mount=from=acme/tool,target=/t  make", 4),
            ("COPY --from=acme/lib <<E x /\nbody\nE", 6),
            ("COPY --from=base z /", 9),
        ]
    );
    assert_eq!(images(&evaluation), [("y", false), ("acme/tool", true), ("acme/lib", true)]);
    assert_eq!(patterns(&evaluation), []);
}

#[test]
fn a_stage_carries_out_the_triggers_of_its_base_stage() {
    let source = "FROM x AS base\nENV D=1\nONBUILD COPY $D/a /\nONBUILD COPY --from=lib b /\nFROM z AS lib\nCOPY l /\nFROM base\nENV D=2\n";
    let evaluation = build(source);
    assert_eq!(patterns(&evaluation), [path("l"), path("1/a")]);
    assert!(evaluation.stages.iter().all(|stage| stage.needed));
    assert!(evaluation.triggers.is_empty());
    assert!(evaluation.sources.iter().all(|source| !source.inherited));
    assert_eq!(only_problem(&build("FROM x AS b\nONBUILD COPY a\nFROM b\n")).kind, ProblemKind::Trigger);
}

#[test]
fn triggers_of_a_base_image_stand_after_its_from() {
    let triggers: &[&str] = &[
        "ARG DIR=src",
        "ENV E=$DIR",
        "COPY $DIR/main.c /",
        "COPY --from=tools /t /",
        "COPY --from=acme/pinned:src-1 /t /",
        "RUN --mount=source=$E,target=/t x",
    ];
    let setup = Build { args: &[("DIR", "lib")], inherited: &[(1, triggers)], ..Build::default() };
    let source = "FROM t AS tools\nFROM acme/base\nCOPY $E/own /\n";
    let evaluation = setup.of(source);
    assert_eq!(patterns(&evaluation), [path("lib/main.c"), path("lib"), path("lib/own")]);
    let inherited: Vec<(bool, &str, usize)> = evaluation
        .sources
        .iter()
        .map(|local| (local.inherited, &source[local.span.clone()], local.line))
        .collect();
    assert_eq!(inherited, [(true, "acme/base", 2), (true, "acme/base", 2), (false, "$E/own", 3)]);
    assert_eq!(images(&evaluation), [("t", false), ("acme/base", false)]);
    assert!(evaluation.declared_args.contains("DIR"));
    let broken = Build { inherited: &[(0, &["FORM x"])], ..Build::default() }.of("FROM acme/base\n");
    assert_eq!(only_problem(&broken).kind, ProblemKind::Trigger);
}

#[test]
fn several_errors_and_the_rest_of_the_model() {
    let source =
        "FOM x\nFROM acme/a AS 9\nCOPY a\nRUN --mout=x y\nFROM acme/b AS ok\nCOPY --from=acme/c x y\nENV\n";
    let file = parse(source.as_bytes());
    let errors: Vec<(&str, usize, Option<&str>)> = file
        .errors
        .iter()
        .map(|error| (&source[error.span.clone()], error.line, error.hint.as_deref()))
        .collect();
    assert_eq!(
        errors,
        [
            ("FOM", 1, Some("did you mean FROM?")),
            ("9", 2, Some("a letter comes first, then letters, digits, `-`, `_` and `.`")),
            ("a", 3, Some("it is written COPY [--from=STAGE] [--OPTION…] SOURCE… DESTINATION")),
            ("--mout=x", 4, Some("did you mean --mount?")),
            ("ENV", 7, Some("it is written ENV NAME=VALUE…")),
        ]
    );
    assert_eq!(images(&build(source)), [("acme/b", false), ("acme/c", false)]);
    let diagnostic = file.errors[1].diagnostic(&"Dockerfile".into());
    assert_eq!(diagnostic.location.and_then(|place| place.span), Some(21..22));
}

/// What the newest `BuildKit` reads, and what only others do.
fn readings(source: &str) -> (Vec<SourcePattern>, Vec<SourcePattern>) {
    let (elsewhere, newest): (Vec<_>, Vec<_>) =
        build(source).sources.into_iter().partition(|source| source.elsewhere);
    let patterns = |sources: Vec<LocalSource>| sources.into_iter().map(|source| source.pattern).collect();
    (patterns(newest), patterns(elsewhere))
}

/// Each was compared with what docker copies: `tests/engine_arguments.rs` has more of them.
#[test]
fn what_builders_read_differently_is_read_in_every_way() {
    for (source, newest, elsewhere) in [
        ("FROM scratch\nARG A=a B=$A\nCOPY $B /\n", "a", &[""][..]),
        ("FROM scratch\nARG A=a B=$A\nCOPY ${B:-b} /\n", "a", &["b"]),
        ("FROM scratch\nARG A=x\nARG A=a B=$A\nCOPY $B /\n", "a", &["x"]),
        ("FROM scratch\nARG A=a\nARG B=$A\nCOPY $B /\n", "a", &[]),
        ("ARG A=a B=$A\nFROM scratch\nARG B\nCOPY $B /\n", "a", &[""]),
        ("ARG TARGETOS\nFROM scratch\nARG TARGETOS\nCOPY $TARGETOS /\n", "linux", &[""]),
        ("FROM scratch\nARG TARGETOS\nCOPY $TARGETOS /\n", "linux", &[]),
        ("FROM scratch\nARG TARGETSTAGE\nCOPY $TARGETSTAGE /\n", "default", &[""]),
        ("ARG X=a\nARG X\nFROM scratch\nARG X\nCOPY $X /\n", "a", &[""]),
        ("ARG X=a\nFROM scratch\nARG X\nARG X\nCOPY $X /\n", "a", &[]),
        ("FROM scratch\nARG X=a\nARG X\nCOPY $X /\n", "a", &[""]),
        ("FROM scratch\nENV X=a\nARG X=b\nCOPY $X /\n", "b", &["a"]),
        ("FROM scratch\nARG X=b\nENV X=a\nCOPY $X /\n", "a", &[]),
        ("FROM scratch AS s\nARG X=a\nFROM s\nCOPY $X /\n", "a", &[""]),
        ("FROM scratch\nARG A=a B=$A\nRUN --mount=type=bind,source=d/$B,target=/t x\n", "d/a", &["d"]),
        ("FROM scratch\nCOPY [\"a\", \"/\"] x\n", "[a,", &["a"]),
    ] {
        let (found, others) = readings(source);
        assert_eq!(found[0], path(newest), "{source}");
        assert_eq!(others, elsewhere.iter().map(|it| path(it)).collect::<Vec<_>>(), "{source}");
    }
}

#[test]
fn a_base_that_builders_read_differently_wants_a_value() {
    let source = "ARG I=busybox\nARG I\nFROM ${I:-scratch}\n";
    let evaluation = build(source);
    let problem = only_problem(&evaluation);
    assert_eq!(problem.kind, ProblemKind::BlankReference { arguments: vec!["I".into()] });
    assert!(problem.message.contains("builders disagree about"), "{}", problem.message);
    let given = Build { args: &[("I", "a")], ..Build::default() };
    assert_eq!(given.of(source).problems, []);
    // To builders that find nothing it is an error, which they report.
    assert_eq!(build("ARG I=busybox\nARG I\nFROM $I\n").problems, []);
}

/// Where no line ends it, all but the newest builders leave it to the shell.
#[test]
fn a_shift_is_no_heredoc_to_most() {
    for line in [
        "RUN echo $((1 << 2))",
        "RUN echo $((1 <<2))",
        "RUN echo $((1 << 2)) $((2 << 3))",
        "RUN x=3; echo $(( x << 4 )) > /y",
        "RUN cat << EOF",
        "COPY << EOF /x/",
        "ONBUILD RUN echo $((1 << 2))",
    ] {
        let file = parse(format!("FROM scratch\n{line}\nCOPY a /\n").as_bytes());
        assert!(!file.is_valid() && !file.is_hopeless(), "{line}: {:?}", file.errors);
        assert_eq!(file.instructions.len(), 3, "{line}");
    }
    let mixed = parse(b"FROM scratch\nRUN echo $((1 << 2)) <<A\nnonsense\nA\nCOPY a /\n");
    assert!(!mixed.is_hopeless() && mixed.instructions.len() == 3, "{:?}", mixed.errors);
    for line in ["RUN cat <<EOF", "RUN cat <<-EOF", "RUN <<'a b'"] {
        assert!(parse(format!("FROM scratch\n{line}\n").as_bytes()).is_hopeless(), "{line}");
    }
    for line in ["RUN echo $((1<<2))", "RUN cat <<- EOF", "RUN cat <<< EOF", "RUN echo '1 << 2'"] {
        assert!(parse(format!("FROM scratch\n{line}\n").as_bytes()).is_valid(), "{line}");
    }
}

#[test]
fn lines_that_may_be_a_heredoc_or_instructions_may_read_anything() {
    let evaluation = build("FROM scratch\nRUN cat << EOF\nCOPY a /\nEOF\n");
    assert!(!evaluation.whole_context, "the last line stops every builder that takes them for instructions");
    assert!(build("FROM scratch\nRUN true << 'RUN x'\nCOPY a /\nRUN x\n").whole_context);
    assert!(!build("FROM scratch\nRUN true <<'RUN x'\nCOPY a /\nRUN x\n").whole_context);
}
