//! What `BuildKit`'s own parser makes of 161 Dockerfiles (`fixtures/dockerfiles.json`): all of it holds.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use shipwright::internals::Platform;
use shipwright::internals::{
    CopyInstruction, Dockerfile, Evaluation, Instruction, InstructionKind, ProblemKind, RunInstruction,
    Scope, SourcePattern, SyntaxErrorKind, evaluate, evaluate_stage, parse,
};

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    dockerfile: String,
    valid: bool,
    error: Option<String>,
    escape: String,
    expected_from: Vec<String>,
    expected_from_expanded: Vec<Option<String>>,
    expected_stage_names: Vec<String>,
    expected_platforms: Vec<String>,
    expected_copy: Vec<Copy>,
    expected_mounts: Vec<Mount>,
    expected_instructions: Vec<String>,
    expected_build_default_target: Option<Build>,
    expected_build_all_stages: Option<Build>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Copy {
    cmd: String,
    stage: usize,
    from: String,
    sources: Vec<String>,
    heredocs: Vec<String>,
    onbuild: bool,
    line: usize,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Mount {
    stage: usize,
    #[serde(rename = "type")]
    kind: String,
    from: String,
    source: String,
    target: String,
    raw: String,
    onbuild: bool,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Build {
    ok: bool,
    images: BTreeSet<String>,
    context_paths: BTreeSet<String>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../fixtures/dockerfiles.json")).expect("the cases are JSON")
}

/// `BuildKit` knows nothing of a file that it cannot divide into instructions; we go on.
fn understood(file: &Dockerfile) -> bool {
    file.errors.iter().all(|error| error.kind != SyntaxErrorKind::Text)
}

static NO_CONTEXTS: BTreeMap<String, shipwright::internals::NamedKind> = BTreeMap::new();

fn scope<'a>(
    build_args: &'a BTreeMap<String, String>,
    platform: &'a Platform,
    inherited: &'a BTreeMap<usize, &'a [shipwright::internals::Trigger]>,
) -> Scope<'a> {
    Scope {
        build_args,
        target: None,
        target_platform: platform,
        build_platform: platform,
        inherited,
        unseen_triggers: false,
        contexts: &NO_CONTEXTS,
    }
}

fn amd64() -> Platform {
    "linux/amd64".parse().expect("a platform")
}

/// The instructions of all stages with the stage's number, those of ONBUILD in the place of it.
fn stage_instructions(file: &Dockerfile) -> impl Iterator<Item = (usize, &Instruction, bool)> {
    file.stages.iter().enumerate().flat_map(|(index, stage)| {
        file.instructions_of(stage).iter().map(move |instruction| match &instruction.kind {
            InstructionKind::Onbuild(Some(nested)) => (index, &**nested, true),
            _ => (index, instruction, false),
        })
    })
}

fn copies(file: &Dockerfile) -> Vec<Copy> {
    let copies = stage_instructions(file).filter_map(|(stage, instruction, onbuild)| {
        let (cmd, copy): (_, &CopyInstruction) = match &instruction.kind {
            InstructionKind::Copy(copy) => ("COPY", copy),
            InstructionKind::Add(copy) => ("ADD", copy),
            _ => return None,
        };
        Some(Copy {
            cmd: cmd.to_owned(),
            stage,
            from: copy.from.as_ref().map(|from| from.text.clone()).unwrap_or_default(),
            sources: copy.sources.iter().map(|source| source.text.clone()).collect(),
            heredocs: copy.heredocs.clone(),
            onbuild,
            line: instruction.line,
        })
    });
    copies.collect()
}

fn mounts(file: &Dockerfile) -> Vec<Mount> {
    let mounts = stage_instructions(file).flat_map(|(stage, instruction, onbuild)| {
        let mounts = match &instruction.kind {
            InstructionKind::Run(RunInstruction { mounts }) => mounts.as_slice(),
            _ => &[],
        };
        mounts.iter().map(move |mount| {
            let raw = mount.raw.clone();
            match mount.as_written() {
                Ok(fields) => Mount {
                    stage,
                    kind: fields.kind.as_str().to_owned(),
                    from: fields.from,
                    source: fields.source,
                    target: fields.target,
                    raw,
                    onbuild,
                },
                Err(message) => Mount {
                    stage,
                    kind: format!("?{message}"),
                    from: String::new(),
                    source: String::new(),
                    target: String::new(),
                    raw,
                    onbuild,
                },
            }
        })
    });
    mounts.collect()
}

/// Problems at which `BuildKit` gives up before it looks for any image.
fn is_early(kind: &ProblemKind) -> bool {
    matches!(
        kind,
        ProblemKind::BlankReference { .. }
            | ProblemKind::Expansion
            | ProblemKind::Platform
            | ProblemKind::NoStages
            | ProblemKind::VariableInFrom
            | ProblemKind::StageIndex
            | ProblemKind::CircularStages
    )
}

fn build(evaluation: &Evaluation) -> Build {
    let ok = evaluation.problems.is_empty();
    let early = evaluation.problems.iter().any(|problem| is_early(&problem.kind));
    let images = evaluation.references.iter().filter(|image| !early && !image.onbuild);
    let sources = evaluation.sources.iter().filter(|source| ok && !source.elsewhere).map(|source| {
        match &source.pattern {
            SourcePattern::Path(path) => format!("/{path}"),
            SourcePattern::Below(folder) => format!("below {folder}"),
        }
    });
    Build {
        ok,
        images: images.filter_map(|image| Some(image.reference.as_ref()?.canonical())).collect(),
        context_paths: sources.collect(),
    }
}

fn build_all(file: &Dockerfile, scope: &Scope<'_>) -> Build {
    let default = build(&evaluate(file, scope));
    (0..file.stages.len()).map(|index| build(&evaluate_stage(file, index, scope))).fold(
        default,
        |all, one| Build {
            ok: all.ok && one.ok,
            images: &all.images | &one.images,
            context_paths: &all.context_paths | &one.context_paths,
        },
    )
}

/// Everything that differs, because one look should show all of it.
fn differences(case: &Case) -> Vec<String> {
    let file = parse(case.dockerfile.as_bytes());
    let (build_args, platform, inherited) = (BTreeMap::new(), amd64(), BTreeMap::new());
    let scope = scope(&build_args, &platform, &inherited);
    let evaluation = evaluate(&file, &scope);
    let understood = understood(&file);
    let mut found = Vec::new();
    macro_rules! same {
        ($what:literal, $ours:expr, $theirs:expr) => {
            let (ours, theirs) = ($ours, $theirs);
            if ours != *theirs {
                found.push(format!("{}: {}: {ours:?}, expected {theirs:?}", case.name, $what));
            }
        };
    }
    same!("valid", file.is_valid(), &case.valid);
    let escape = if understood { char::from(file.directives.escape).to_string() } else { String::new() };
    same!("escape", escape, &case.escape);
    let stages = if understood { evaluation.stages.as_slice() } else { &[] };
    let from = file.stages.iter().map(|stage| stage.base.as_ref().map_or("?ERR", |base| &base.text));
    same!("from", from.take(stages.len()).map(str::to_owned).collect::<Vec<_>>(), &case.expected_from);
    let expanded: Vec<_> = stages.iter().map(|stage| stage.base_expanded.clone().ok()).collect();
    same!("expanded", expanded, &case.expected_from_expanded);
    let names: Vec<_> = stages.iter().map(|stage| stage.name.clone().unwrap_or_default()).collect();
    same!("names", names, &case.expected_stage_names);
    let platforms = stages.iter().map(|stage| stage.platform.as_ref().map_or("", |p| &p.written).to_owned());
    same!("platforms", platforms.collect::<Vec<_>>(), &case.expected_platforms);
    same!("copy", if understood { copies(&file) } else { vec![] }, &case.expected_copy);
    same!("mounts", if understood { mounts(&file) } else { vec![] }, &case.expected_mounts);
    let instructions = file.instructions.iter().filter(|_| understood);
    let keywords: Vec<_> = instructions.map(|instruction| instruction.keyword.text.to_uppercase()).collect();
    same!("instructions", keywords, &case.expected_instructions);
    if let Some(expected) = &case.expected_build_default_target {
        same!("default target", build(&evaluation), expected);
    }
    if let Some(expected) = &case.expected_build_all_stages {
        same!("all stages", build_all(&file, &scope), expected);
    }
    if let Some(expected) = &case.error {
        let told = file.errors.iter().map(|error| match &error.hint {
            Some(hint) => format!("{} ({hint})", error.message),
            None => error.message.clone(),
        });
        let told: Vec<String> = told.collect();
        let bare: Vec<&String> = file.errors.iter().map(|error| &error.message).collect();
        let is_told = told.iter().any(|message| expected.ends_with(message))
            || bare.iter().any(|message| expected.ends_with(message.as_str()));
        same!("error message", is_told, &true);
    }
    found
}

#[test]
fn all_cases_hold() {
    let cases = cases();
    assert_eq!((cases.len(), cases.iter().filter(|case| !case.valid).count()), (161, 26));
    let found: Vec<String> = cases.iter().flat_map(differences).collect();
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_span_is_in_the_file() {
    for case in cases() {
        let file = parse(case.dockerfile.as_bytes());
        for error in &file.errors {
            assert!(case.dockerfile.get(error.span.clone()).is_some(), "{}: {error:?}", case.name);
            assert!(error.line > 0, "{}: {error:?}", case.name);
        }
        for instruction in &file.instructions {
            let keyword = &case.dockerfile[instruction.keyword.span.clone()];
            if !keyword.contains('\n') {
                assert_eq!(keyword, instruction.keyword.text, "{}", case.name);
            }
        }
    }
}

#[test]
fn every_error_says_where_it_is_and_what_to_do() {
    let more = [
        "# escape=x\nFROM a\n",
        "FROM a # base\n",
        "FROM a\nfoo bar\n",
        "FROM a\nCOPY x\n",
        "FROM a\nENV x\n",
        "FROM a\nCOPY [1, 2]\n",
        "FROM A\n",
        "FROM a\nCOPY \"x y\" /z\n",
        "FROM --platform=$X a\n",
        "FROM a\nCOPY --from=B /a /b\n",
        "FROM a AS b\nCOPY --from=c /a /b\nFROM b AS c\nCOPY --from=b /a /b\n",
        "FROM a\nRUN --mount=type=foo true\n",
        "FROM a\nRUN --mount=type=bind,from=$X true\n",
    ];
    let cases = cases();
    let (arguments, platform, inherited) = (BTreeMap::new(), amd64(), BTreeMap::new());
    for source in cases.iter().map(|case| case.dockerfile.as_str()).chain(more) {
        let file = parse(source.as_bytes());
        let evaluation = evaluate(&file, &scope(&arguments, &platform, &inherited));
        for error in &file.errors {
            assert!(error.hint.is_some(), "{:?} in {source:?}", error.message);
        }
        for problem in &evaluation.problems {
            assert!(problem.hint.is_some(), "{:?} in {source:?}", problem.message);
        }
        if more.contains(&source) {
            let found = file.errors.iter().map(|error| &error.span);
            let mut found = found.chain(evaluation.problems.iter().map(|problem| &problem.span));
            assert!(found.next().is_some_and(|span| !span.is_empty()), "{source:?}");
        }
    }
}
