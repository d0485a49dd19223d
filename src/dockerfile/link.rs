//! What each stage begins with and takes from, and so which stages a target needs.
//!
//! `BuildKit` looks at all stages here, needed or not: a reference that is none fails the build of any
//! target.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::{Deref, Range};

use crate::image::ImageReference;

use super::dialect::Dialect;
use super::environment::Globals;
use super::evaluation::{EvaluatedPlatform, NamedKind, ProblemKind, Scope};
use super::findings::Findings;
use super::instruction::{ArgDeclaration, Instruction, InstructionKind};
use super::parser::{Dockerfile, parse_trigger};
use super::shell::{Expanded, Shell};
use super::stage::Stage;
use super::text::Word;
use super::value::NoVariables;

pub(super) struct LinkedStage<'a> {
    pub(super) stage: &'a Stage,
    pub(super) base: StageBase,
    pub(super) base_expanded: Result<String, String>,
    pub(super) platform: Option<EvaluatedPlatform>,
    /// What is carried out: triggers of its base first.
    pub(super) steps: Vec<Step<'a>>,
    takes_from: Vec<usize>,
    /// Whether a build context has its name: that is the stage then.
    pub(super) replaced: bool,
    pub(super) needed: bool,
}

impl LinkedStage<'_> {
    /// The stage it begins with, if it is one.
    pub(super) fn base_stage(&self) -> Option<usize> {
        match self.base {
            StageBase::Stage(index) => Some(index),
            _ => None,
        }
    }

    /// The folder, by the name of its build context, that it begins with or is replaced by.
    pub(super) fn base_context(&self) -> Option<&str> {
        match &self.base {
            StageBase::Context(name) => Some(name),
            _ => None,
        }
    }

    /// Whether a trigger takes from a stage by its number: by that of the file it is carried out in.
    pub(super) fn triggers_count_stages(&self) -> bool {
        let triggers = self.steps.iter().filter(|step| step.origin != InstructionOrigin::Written);
        triggers.into_iter().any(|step| match &step.instruction.kind {
            InstructionKind::Copy(copy) => {
                copy.from.as_ref().is_some_and(|from| from.text.parse::<usize>().is_ok())
            }
            _ => false,
        })
    }

    pub(super) fn uses(&self) -> impl Iterator<Item = usize> {
        self.base_stage().into_iter().chain(self.takes_from.iter().copied())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StageBase {
    Stage(usize),
    Scratch,
    Image(ImageReference),
    /// A folder, by the name of its build context.
    Context(String),
    /// Nothing that could be found out.
    Bad,
}

/// An instruction that a stage carries out.
pub(super) struct Step<'a> {
    pub(super) instruction: StepInstruction<'a>,
    pub(super) origin: InstructionOrigin,
}

/// An instruction of the file, or one that was read from a trigger's text.
pub(super) enum StepInstruction<'a> {
    Written(&'a Instruction),
    Read(Box<Instruction>),
}

impl Deref for StepInstruction<'_> {
    type Target = Instruction;

    fn deref(&self) -> &Instruction {
        match self {
            Self::Written(instruction) => instruction,
            Self::Read(instruction) => instruction,
        }
    }
}

/// Why a stage carries out an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InstructionOrigin {
    Written,
    /// An ONBUILD of the stage it begins with.
    Trigger,
    /// An ONBUILD of the image it begins with, which is another file's.
    Inherited,
}

/// Where files are taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CopySource {
    Stage(usize),
    Scratch,
    Image,
    /// Something that is reported as a problem.
    Bad,
}

/// The stages by name; of several with one name the last counts.
pub(super) struct StageNames<'a>(HashMap<&'a str, usize>);

impl<'a> StageNames<'a> {
    pub(super) fn new(file: &'a Dockerfile) -> Self {
        let names = file.stages.iter().enumerate();
        Self(names.filter_map(|(index, stage)| Some((stage.name.as_deref()?, index))).collect())
    }

    pub(super) fn mount_from(&self, from: &str) -> CopySource {
        match self.0.get(from.to_lowercase().as_str()) {
            Some(index) => CopySource::Stage(*index),
            None if from == "scratch" => CopySource::Scratch,
            None => CopySource::Image,
        }
    }

    /// What `COPY --from` names: numbers count stages.
    pub(super) fn copy_from(&self, from: &str, stages: usize) -> CopySource {
        match from.parse::<i64>() {
            Ok(index) => match usize::try_from(index).ok().filter(|index| *index < stages) {
                Some(index) => CopySource::Stage(index),
                None => CopySource::Bad,
            },
            Err(_) => self.mount_from(from),
        }
    }
}

pub(super) struct Linker<'a, 'f> {
    file: &'a Dockerfile,
    scope: &'f Scope<'f>,
    shell: &'f Shell,
    names: StageNames<'a>,
    /// By each dialect, the reference first.
    pub(super) globals: Vec<Globals>,
    declared: BTreeSet<&'a str>,
    findings: &'f mut Findings<'a>,
}

impl<'a, 'f> Linker<'a, 'f> {
    pub(super) fn new(
        file: &'a Dockerfile,
        scope: &'f Scope<'f>,
        shell: &'f Shell,
        target: Option<&str>,
        findings: &'f mut Findings<'a>,
    ) -> Self {
        let names = StageNames::new(file);
        let globals = dialects(file).iter().map(|dialect| Globals::new(scope, target, *dialect)).collect();
        let mut linker = Self { file, scope, shell, names, globals, declared: BTreeSet::new(), findings };
        linker.declare();
        linker
    }

    /// Carries out the ARGs in front of the first FROM.
    fn declare(&mut self) {
        for at in 0..self.globals.len() {
            for instruction in self.file.global_instructions() {
                if let InstructionKind::Arg(arguments) = &instruction.kind {
                    self.declare_line(arguments, at);
                }
            }
        }
    }

    fn declare_line(&mut self, arguments: &'a [ArgDeclaration], at: usize) {
        let at_once = self.globals[at].dialect().reads_global_lines_at_once() && arguments.len() > 1;
        let before = at_once.then(|| self.globals[at].clone());
        for argument in arguments {
            self.declared.insert(&argument.name);
            let value = if let Some(given) = self.scope.build_args.get(&argument.name) {
                Some(super::value::Value::known(given))
            } else if let Some(default) = &argument.default {
                match self.shell.expand(default, before.as_ref().unwrap_or(&self.globals[at])) {
                    Ok(expanded) => Some(expanded.value),
                    Err(error) => {
                        if at == 0 {
                            let message = format!("failed to process {default:?}: {}", error.message);
                            let span = argument.span.clone();
                            self.findings.report(ProblemKind::Expansion, message, span, None);
                        }
                        continue;
                    }
                }
            } else {
                None
            };
            self.globals[at].declare(&argument.name, value);
        }
    }

    /// `meant` are references by the place of the words that stand for them.
    pub(super) fn link(&mut self, meant: &BTreeMap<usize, String>) -> Vec<LinkedStage<'a>> {
        let mut stages: Vec<LinkedStage<'a>> = Vec::with_capacity(self.file.stages.len());
        let mut earlier: HashMap<&str, usize> = HashMap::new();
        for (index, stage) in self.file.stages.iter().enumerate() {
            let known = stage.base.as_ref().and_then(|written| meant.get(&written.span.start));
            let known =
                known.and_then(|known| Some((StageBase::Image(known.parse().ok()?), Ok(known.clone()))));
            let written = known.unwrap_or_else(|| self.base(stage, &earlier));
            let replacement = self.replacement(stage);
            let replaced = replacement.is_some();
            let (base, base_expanded) = replacement.unwrap_or(written);
            let platform = stage.platform.as_ref().map(|platform| self.platform(platform));
            let steps = if replaced {
                self.inherited(index, stage)
            } else {
                self.steps(index, stage, &base, &stages)
            };
            let takes_from = self.takes_from(stage, &steps);
            stages.push(LinkedStage {
                stage,
                base,
                base_expanded,
                platform,
                steps,
                takes_from,
                replaced,
                needed: false,
            });
            earlier.extend(stage.name.as_deref().map(|name| (name, index)));
        }
        self.report_circles(&stages);
        stages
    }

    /// What takes the place of a stage because a build context has its name.
    fn replacement(&self, stage: &Stage) -> Option<(StageBase, Result<String, String>)> {
        let name = stage.name.as_ref()?;
        let base = match self.scope.contexts.get(name)? {
            NamedKind::Folder => StageBase::Context(name.clone()),
            NamedKind::Image => name.parse().map_or(StageBase::Bad, StageBase::Image),
        };
        Some((base, Ok(name.clone())))
    }

    fn base(&mut self, stage: &Stage, earlier: &HashMap<&str, usize>) -> (StageBase, Result<String, String>) {
        let Some(written) = &stage.base else { return (StageBase::Bad, Err("FROM has an error".to_owned())) };
        let expanded = match self.shell.expand(&written.text, &self.globals[0]) {
            Ok(expanded) => expanded,
            Err(error) => {
                let message = format!("failed to process {:?}: {}", written.text, error.message);
                let missing = error.required.filter(|name| self.declared.contains(name.as_str()));
                let kind = match &missing {
                    Some(name) => ProblemKind::BlankReference { arguments: vec![name.clone()] },
                    None => ProblemKind::Expansion,
                };
                let hint = missing.map(|name| give_a_value(&[name]));
                self.findings.report(kind, message, written.span.clone(), hint);
                return (StageBase::Bad, Err(error.message));
            }
        };
        let name = expanded.value.text.clone();
        let base = match earlier.get(name.as_str()) {
            Some(index) => StageBase::Stage(*index),
            None if name == "scratch" => StageBase::Scratch,
            None => {
                if let Some(context) = self.scope.folder(&name) {
                    StageBase::Context(context)
                } else if let Ok(reference) = name.parse() {
                    StageBase::Image(reference)
                } else {
                    self.bad_base(written, &expanded, earlier);
                    StageBase::Bad
                }
            }
        };
        self.check_agreement(written, &expanded);
        (base, Ok(name))
    }

    /// Reports a base that builders of different versions read differently. One that finds nothing at all
    /// stops by itself.
    fn check_agreement(&mut self, written: &Word, expanded: &Expanded) {
        let name = &expanded.value.text;
        let readings = self.globals.iter().skip(1);
        let mut readings = readings.filter_map(|globals| self.shell.expand(&written.text, globals).ok());
        let other = readings.find(|other| !other.value.text.is_empty() && other.value.text != *name);
        let Some(other) = other.filter(|_| !name.is_empty()) else { return };
        let variables: BTreeSet<&str> = expanded.variables.iter().map(|(name, _)| name.as_str()).collect();
        let arguments: Vec<String> =
            variables.intersection(&self.declared).map(|name| (*name).to_owned()).collect();
        let message = format!(
            "builders disagree about {:?}: to some it is {name:?}, to others {:?}",
            written.text, other.value.text
        );
        let hint = give_a_value(&arguments);
        let kind = ProblemKind::BlankReference { arguments };
        self.findings.report(kind, message, written.span.clone(), Some(hint));
    }

    /// Reports a base that is no reference, by what probably is the cause.
    fn bad_base(&mut self, written: &Word, expanded: &Expanded, earlier: &HashMap<&str, usize>) {
        let name = &expanded.value.text;
        let variables = expanded.variables.iter();
        let blank: BTreeSet<&str> =
            variables.filter(|(_, is_blank)| *is_blank).map(|(name, _)| name.as_str()).collect();
        let message = if name.is_empty() {
            format!("base name ({}) should not be blank", written.text)
        } else {
            format!("FROM {name:?} is not an image reference")
        };
        let declared: Vec<String> =
            blank.intersection(&self.declared).map(|name| (*name).to_owned()).collect();
        let (kind, hint) = if !declared.is_empty() {
            let hint = give_a_value(&declared);
            (ProblemKind::BlankReference { arguments: declared }, Some(hint))
        } else if let Some(variable) = blank.first() {
            let hint =
                format!("`{variable}` is not set: only an ARG in front of the first FROM reaches a FROM");
            (ProblemKind::BadReference, Some(hint))
        } else if earlier.contains_key(name.to_lowercase().as_str()) {
            let hint = format!("stages are named in lower case: {}", name.to_lowercase());
            (ProblemKind::BadReference, Some(hint))
        } else {
            (ProblemKind::BadReference, None)
        };
        self.findings.report(kind, message, written.span.clone(), hint);
    }

    fn platform(&mut self, platform: &Word) -> EvaluatedPlatform {
        let written = platform.text.clone();
        let expanded = match self.shell.expand(&written, &self.globals[0]) {
            Ok(expanded) => Ok(expanded.value.text),
            Err(error) => Err(error.message),
        };
        let message = match &expanded {
            Err(error) => Some(format!("failed to process arguments for platform {written}: {error}")),
            Ok(text) if text.is_empty() => Some(format!("empty platform value from expression {written}")),
            Ok(text) if !is_platform(text) => Some(format!("failed to parse platform {text}")),
            Ok(_) => None,
        };
        if let Some(message) = message {
            self.findings.report(ProblemKind::Platform, message, platform.span.clone(), None);
        }
        EvaluatedPlatform { written, expanded }
    }

    /// What a stage carries out.
    fn steps(
        &mut self,
        index: usize,
        stage: &'a Stage,
        base: &StageBase,
        stages: &[LinkedStage<'a>],
    ) -> Vec<Step<'a>> {
        let mut steps = match base {
            StageBase::Stage(base) => self.triggers_of(stages[*base].stage, stage),
            _ => self.inherited(index, stage),
        };
        let written = self.file.instructions_of(stage).iter().skip(1);
        steps.extend(written.map(|instruction| Step {
            instruction: StepInstruction::Written(instruction),
            origin: InstructionOrigin::Written,
        }));
        steps
    }

    fn triggers_of(&mut self, base: &'a Stage, stage: &Stage) -> Vec<Step<'a>> {
        let mut steps = Vec::new();
        for instruction in self.file.instructions_of(base) {
            match &instruction.kind {
                InstructionKind::Onbuild(Some(trigger)) => {
                    if !self.can_afford_trigger(stage) {
                        break;
                    }
                    let instruction = StepInstruction::Written(trigger);
                    steps.push(Step { instruction, origin: InstructionOrigin::Trigger });
                }
                InstructionKind::Onbuild(None) => {
                    let message = format!("the ONBUILD of line {} has an error", instruction.line);
                    self.findings.report(ProblemKind::Trigger, message, base_span(stage), None);
                }
                _ => {}
            }
        }
        steps
    }

    /// Whether one more trigger is carried out; a problem says so if not.
    fn can_afford_trigger(&mut self, stage: &Stage) -> bool {
        let can = self.shell.afford(1);
        if !can {
            let message = "the stages of this file carry out too many triggers";
            self.findings.report(ProblemKind::Size, message, base_span(stage), None);
        }
        can
    }

    fn inherited(&mut self, index: usize, stage: &Stage) -> Vec<Step<'a>> {
        let mut steps = Vec::new();
        for trigger in self.scope.inherited.get(&index).copied().into_iter().flatten() {
            if !self.can_afford_trigger(stage) {
                break;
            }
            match parse_trigger(&trigger.text) {
                Ok(instruction) => {
                    let instruction = StepInstruction::Read(Box::new(instruction));
                    steps.push(Step { instruction, origin: InstructionOrigin::Inherited });
                }
                Err(error) => {
                    let message =
                        format!("the base image's ONBUILD `{}` has an error: {error}", trigger.text);
                    self.findings.report(ProblemKind::Trigger, message, base_span(stage), None);
                }
            }
        }
        steps
    }

    /// The stages that steps take from. What is wrong with an image or a number fails every build.
    fn takes_from(&mut self, stage: &Stage, steps: &[Step<'a>]) -> Vec<usize> {
        let mut taken = Vec::new();
        for step in steps {
            let span = |word: &Word| match step.origin {
                InstructionOrigin::Inherited => base_span(stage),
                _ => word.span.clone(),
            };
            match &step.instruction.kind {
                InstructionKind::Copy(copy) => {
                    if let Some(from) = &copy.from {
                        taken.extend(self.copy_from(&from.text, span(from)));
                    }
                }
                InstructionKind::Run(run) => {
                    for from in run.mounts.iter().filter_map(|mount| mount.reference()) {
                        taken.extend(self.mount_from(&from.text, span(from)));
                    }
                }
                _ => {}
            }
        }
        taken
    }

    fn copy_from(&mut self, from: &str, span: Range<usize>) -> Option<usize> {
        let is_literal = self.shell.expand(from, &NoVariables).is_ok_and(|word| word.value.text == from);
        if !is_literal {
            let message = "variable expansion is not supported for --from";
            let hint = "define a new stage with FROM that uses an ARG from in front of the first FROM";
            self.findings.report(ProblemKind::VariableInFrom, message, span, Some(hint.to_owned()));
            return None;
        }
        match self.names.copy_from(from, self.file.stages.len()) {
            CopySource::Stage(index) => return Some(index),
            CopySource::Bad => {
                let message = format!("invalid stage index {from}");
                let hint = "stages are counted from 0";
                self.findings.report(ProblemKind::StageIndex, message, span, Some(hint.to_owned()));
            }
            CopySource::Image => self.check_image(from, span),
            CopySource::Scratch => {}
        }
        None
    }

    fn mount_from(&mut self, from: &str, span: Range<usize>) -> Option<usize> {
        match self.names.mount_from(from) {
            CopySource::Stage(index) => return Some(index),
            CopySource::Image => self.check_image(from, span),
            CopySource::Scratch | CopySource::Bad => {}
        }
        None
    }

    fn check_image(&mut self, reference: &str, span: Range<usize>) {
        if reference.parse::<ImageReference>().is_err() {
            let message = format!("failed to parse stage name {reference:?}: invalid reference format");
            self.findings.report(ProblemKind::BadReference, message, span, None);
        }
    }

    /// Reports stages that take files from each other, or from themselves.
    fn report_circles(&mut self, stages: &[LinkedStage<'a>]) {
        let mut waiting: Vec<usize> = vec![0; stages.len()];
        for taken in stages.iter().flat_map(|stage| &stage.takes_from) {
            waiting[*taken] += 1;
        }
        let mut free: Vec<usize> = (0..stages.len()).filter(|index| waiting[*index] == 0).collect();
        while let Some(index) = free.pop() {
            for taken in &stages[index].takes_from {
                waiting[*taken] -= 1;
                if waiting[*taken] == 0 {
                    free.push(*taken);
                }
            }
        }
        if let Some(index) = waiting.iter().position(|takers| *takers > 0) {
            let name = stages[index].stage.name.clone().unwrap_or_else(|| format!("stage-{index}"));
            let message = format!("circular dependency detected on stage: {name}");
            let span = base_span(stages[index].stage);
            self.findings.report(ProblemKind::CircularStages, message, span, None);
        }
    }
}

/// The dialects that may make a difference to a file.
fn dialects(file: &Dockerfile) -> &'static [Dialect] {
    if file.source.contains(&b'$') { &Dialect::ALL } else { &Dialect::ALL[..1] }
}

pub(super) fn mark_needed(stages: &mut [LinkedStage<'_>], target: Option<usize>) {
    let mut open: Vec<usize> = target.into_iter().collect();
    while let Some(index) = open.pop() {
        if !std::mem::replace(&mut stages[index].needed, true) {
            open.extend(stages[index].uses());
        }
    }
}

/// Where a stage says what it begins with.
pub(super) fn base_span(stage: &Stage) -> Range<usize> {
    stage.base.as_ref().map_or(0..0, |base| base.span.clone())
}

fn give_a_value(arguments: &[String]) -> String {
    let options: Vec<String> = arguments.iter().map(|name| format!("--build-arg {name}=…")).collect();
    format!("give it a value: {}", options.join(" "))
}

/// Whether containerd takes it for a platform: `os`, `architecture`, `os/architecture[/variant]`, where the
/// operating system may have a version in parentheses.
fn is_platform(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    let is_word = |part: &&str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-()+".contains(&b))
    };
    parts.len() <= 3 && parts.iter().all(is_word)
}
