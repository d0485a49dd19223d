use std::collections::{BTreeMap, BTreeSet};

use super::canonical::{self, Canonical};
use super::directive::{Directives, Frontend};
use super::environment::is_read_undeclared;
use super::evaluation::{EvaluatedStage, Evaluation, LogicalLine, NamedKind, ProblemKind, Scope};
use super::findings::Findings;
use super::instruction::{Instruction, InstructionKind, Trigger};
use super::link::{LinkedStage, Linker, StageBase, mark_needed};
use super::normal;
use super::parser::Dockerfile;
use super::shell::Shell;
use super::walk::Walker;

/// What a build of `file` takes.
pub fn evaluate(file: &Dockerfile, scope: &Scope<'_>) -> Evaluation {
    evaluate_meant(file, scope, &BTreeMap::new())
}

/// What a build of `file` takes, where the words after FROM that begin at these bytes mean these references, whatever
/// their variables are.
pub(crate) fn evaluate_meant(
    file: &Dockerfile,
    scope: &Scope<'_>,
    meant: &BTreeMap<usize, String>,
) -> Evaluation {
    let mut findings = Findings::new(file);
    let target = match scope.target {
        None => file.stages.len().checked_sub(1),
        Some(name) => {
            let lower = name.to_lowercase();
            let found = file.stages.iter().rposition(|stage| stage.name.as_deref() == Some(&lower));
            if found.is_none() {
                findings.unknown_target(name);
            }
            found
        }
    };
    complete(file, scope, target, meant, findings)
}

/// What a build of one stage takes, by its index; `scope.target` does not count. A stage without a name
/// cannot be a target otherwise.
pub fn evaluate_stage(file: &Dockerfile, index: usize, scope: &Scope<'_>) -> Evaluation {
    let target = Some(index).filter(|index| *index < file.stages.len());
    complete(file, scope, target, &BTreeMap::new(), Findings::new(file))
}

fn complete<'a>(
    file: &'a Dockerfile,
    scope: &Scope<'_>,
    target: Option<usize>,
    meant: &BTreeMap<usize, String>,
    mut findings: Findings<'a>,
) -> Evaluation {
    if file.stages.is_empty() {
        findings.report(ProblemKind::NoStages, "dockerfile contains no stages to build", 0..0, None);
    }
    let shell = Shell::new(file.directives.escape, file.source.len());
    let target_name = target.and_then(|target| file.stages[target].name.as_deref());
    let mut linker = Linker::new(file, scope, &shell, target_name, &mut findings);
    let mut stages = linker.link(meant);
    mark_needed(&mut stages, target);
    let is_external = |linked: &LinkedStage<'_>| linked.needed && matches!(linked.base, StageBase::Image(_));
    let unseen_triggers = scope.unseen_triggers && stages.iter().any(is_external);
    if unseen_triggers {
        (0..stages.len()).for_each(|index| mark_needed(&mut stages, Some(index)));
    }
    let globals = linker.globals;
    let walker = Walker::new(file, scope, &shell, &globals, &stages, target, &mut findings);
    let mut found = walker.walk();
    let frontend = match scope.build_args.get("BUILDKIT_SYNTAX") {
        Some(syntax) => Frontend::of(syntax),
        None => file.directives.frontend(),
    };
    found.anything |= frontend != Frontend::Dockerfile;
    found.whole_context |= found.anything;
    if found.anything || unseen_triggers {
        let folders = scope.contexts.iter().filter(|(_, kind)| **kind == NamedKind::Folder);
        for (name, _) in folders {
            found.named.entry(name.clone()).or_default().whole = true;
        }
    }
    // Another frontend may mean anything by anything, and Windows has other paths and shells.
    let is_known = frontend == Frontend::Dockerfile && scope.target_platform.os != "windows";
    let canonical = if is_known {
        canonical::lines(file, &stages, unseen_triggers)
    } else {
        Canonical { lines: written_lines(file, &stages), ..Canonical::default() }
    };
    let mut problems = findings.problems;
    problems.sort_by_key(|problem| problem.span.start);
    Evaluation {
        unseen_triggers,
        target,
        references: found.references,
        sources: found.sources,
        named: found.named,
        triggers: target.map_or_else(Vec::new, |target| triggers(file, target)),
        declared_args: declared_args(file, scope, found.declared_args),
        logical_lines: directive_lines(&file.directives).chain(canonical.lines).collect(),
        unread_args: canonical.unread,
        whole_context: found.whole_context,
        frontend,
        triggers_count_stages: stages.iter().any(|stage| stage.needed && stage.triggers_count_stages()),
        problems,
        unused_stages: unused(&stages),
        stages: stages.into_iter().map(describe).collect(),
    }
}

fn describe(linked: LinkedStage<'_>) -> EvaluatedStage {
    EvaluatedStage {
        name: linked.stage.name.clone(),
        base: linked.stage.base.as_ref().map(|base| base.text.clone()).unwrap_or_default(),
        base_stage: linked.base_stage(),
        base_context: linked.base_context().map(str::to_owned),
        replaced: linked.replaced,
        base_expanded: linked.base_expanded,
        platform: linked.platform,
        needed: linked.needed,
        line: linked.stage.line,
    }
}

fn triggers(file: &Dockerfile, target: usize) -> Vec<Trigger> {
    let instructions = file.instructions_of(&file.stages[target]);
    instructions.iter().filter_map(|instruction| instruction.trigger(&file.source)).collect()
}

fn declared_args(file: &Dockerfile, scope: &Scope<'_>, mut declared: BTreeSet<String>) -> BTreeSet<String> {
    for instruction in file.global_instructions() {
        if let InstructionKind::Arg(arguments) = &instruction.kind {
            declared.extend(arguments.iter().map(|argument| argument.name.clone()));
        }
    }
    declared.extend(scope.build_args.keys().filter(|name| is_read_undeclared(name)).cloned());
    declared
}

/// The needed instructions as they are written.
fn written_lines(file: &Dockerfile, stages: &[LinkedStage<'_>]) -> Vec<LogicalLine> {
    let needed = stages.iter().filter(|stage| stage.needed);
    let count = |linked: &LinkedStage<'_>| if linked.replaced { 1 } else { usize::MAX };
    let instructions =
        needed.flat_map(|linked| file.instructions_of(linked.stage).iter().take(count(linked)));
    let instructions = file.global_instructions().iter().chain(instructions);
    let line = |instruction: &Instruction| LogicalLine {
        line: instruction.line,
        text: normal::complete(instruction.normal.clone(), instruction, &file.source),
    };
    instructions.map(line).collect()
}

fn directive_lines(directives: &Directives) -> impl Iterator<Item = LogicalLine> {
    let line = |name: &str, value: &str| format!("# {name}={value}");
    let syntax = directives.syntax.as_ref().map(|syntax| line("syntax", &syntax.value));
    let check = directives.check.as_ref().map(|check| line("check", &check.value));
    let escape = (directives.escape != b'\\').then(|| line("escape", "`"));
    [syntax, check, escape].into_iter().flatten().map(|text| LogicalLine { line: 1, text })
}

fn unused(stages: &[LinkedStage<'_>]) -> Vec<usize> {
    let used: BTreeSet<usize> = stages.iter().flat_map(LinkedStage::uses).collect();
    let is_unused = |index: &usize| !stages[*index].needed && !used.contains(index);
    (0..stages.len()).filter(is_unused).collect()
}
