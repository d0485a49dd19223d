//! The lines that enter the content key. What provably changes no file and no configuration of the image is the same
//! text here: how an image's name is written, what stages are called, an ARG that nothing can read.

use std::collections::{BTreeMap, BTreeSet};

use super::environment::{is_proxy, is_read_undeclared};
use super::evaluation::LogicalLine;
use super::instruction::{CopyInstruction, Instruction, InstructionKind};
use super::link::{CopySource, InstructionOrigin, LinkedStage, StageBase, StageNames, Step};
use super::mount::Mount;
use super::normal;
use super::parser::Dockerfile;
use crate::image::ImageReference;

/// The lines, and the arguments whose values do not count.
#[derive(Default)]
pub(super) struct Canonical {
    pub(super) lines: Vec<LogicalLine>,
    pub(super) unread: BTreeSet<String>,
}

/// Of what the needed stages say, in `BuildKit`'s own language. Triggers that nobody has seen may name any stage.
pub(super) fn lines(file: &Dockerfile, stages: &[LinkedStage<'_>], unseen_triggers: bool) -> Canonical {
    let unread = unread(file, stages);
    let mut writer =
        Writer { file, stages, unread: &unread, names: StageNames::new(file), position: BTreeMap::new() };
    let needed = stages.iter().enumerate().filter(|(_, linked)| linked.needed);
    writer.position = needed.enumerate().map(|(position, (index, _))| (index, position)).collect();
    let lines = if unseen_triggers || names_matter(stages) { None } else { writer.lines(false) };
    // Where a name cannot be followed to its stage, all names stay.
    let lines = lines.or_else(|| writer.lines(true)).unwrap_or_default();
    Canonical { lines, unread: unread_names(file, stages, &unread) }
}

/// Whether a trigger counts stages or names one: it is text of an image, which no other text takes the place of.
fn names_matter(stages: &[LinkedStage<'_>]) -> bool {
    let takes = |instruction: &Instruction| match &instruction.kind {
        InstructionKind::Copy(copy) => copy.from.is_some(),
        InstructionKind::Run(run) => run.mounts.iter().any(|mount| mount.reference().is_some()),
        _ => false,
    };
    let matters = |step: &Step<'_>| match &step.instruction.kind {
        InstructionKind::Onbuild(Some(trigger)) => takes(trigger),
        InstructionKind::Onbuild(None) | InstructionKind::Invalid(_) => true,
        _ => step.origin != InstructionOrigin::Written && takes(&step.instruction),
    };
    stages.iter().filter(|linked| linked.needed).any(|linked| linked.steps.iter().any(matters))
}

struct Writer<'a, 's> {
    file: &'a Dockerfile,
    stages: &'s [LinkedStage<'a>],
    /// Where the ARGs begin that are left out.
    unread: &'s BTreeSet<usize>,
    names: StageNames<'a>,
    /// The position of each needed stage among them.
    position: BTreeMap<usize, usize>,
}

impl Writer<'_, '_> {
    /// `None` if a stage is named in a way that cannot be replaced.
    fn lines(&self, keep_names: bool) -> Option<Vec<LogicalLine>> {
        let mut lines = Vec::new();
        let is_read = |instruction: &&Instruction| !self.unread.contains(&instruction.span.start);
        for instruction in self.file.global_instructions().iter().filter(is_read) {
            lines.push(self.line(instruction, instruction.canonical.clone()));
        }
        for linked in self.stages.iter().filter(|linked| linked.needed) {
            // Of a stage that a build context replaces only its FROM counts.
            let count = if linked.replaced { 1 } else { usize::MAX };
            for instruction in self.file.instructions_of(linked.stage).iter().take(count).filter(is_read) {
                let head = match &instruction.kind {
                    InstructionKind::From(_) => self.from(linked, instruction, keep_names),
                    InstructionKind::Copy(copy) => self.copy(copy, instruction, keep_names)?,
                    InstructionKind::Run(run) => self.mounts(&run.mounts, instruction, keep_names)?,
                    _ => instruction.canonical.clone(),
                };
                lines.push(self.line(instruction, head));
            }
        }
        Some(lines)
    }

    fn line(&self, instruction: &Instruction, head: String) -> LogicalLine {
        LogicalLine { line: instruction.line, text: normal::complete(head, instruction, &self.file.source) }
    }

    fn from(&self, linked: &LinkedStage<'_>, instruction: &Instruction, keep_names: bool) -> String {
        let Some(written) = &linked.stage.base else { return instruction.canonical.clone() };
        let mut line = "FROM".to_owned();
        if let Some(platform) = &linked.stage.platform {
            line.push_str(&format!(" --platform={}", normal::quoted(platform.text.clone())));
        }
        line.push(' ');
        line.push_str(&match &linked.base {
            StageBase::Stage(index) if !keep_names => self.stage(*index),
            StageBase::Image(reference) => explicit(&written.text, reference),
            _ => written.text.clone(),
        });
        if let (true, Some(name)) = (keep_names, &linked.stage.name) {
            line.push_str(&format!(" AS {name}"));
        }
        line
    }

    /// A hash is in no name of an image or a stage.
    fn stage(&self, index: usize) -> String {
        match self.position.get(&index) {
            Some(position) => format!("#{position}"),
            None => format!("#unneeded {index}"),
        }
    }

    /// What stands in place of the name of a stage or image; `None` where it stays.
    fn copy_source(&self, source: CopySource, written: &str, keep_names: bool) -> Option<String> {
        match source {
            CopySource::Stage(_) if keep_names => None,
            CopySource::Stage(index) => Some(self.stage(index)),
            CopySource::Image => written.parse().ok().map(|reference| explicit(written, &reference)),
            CopySource::Scratch | CopySource::Bad => None,
        }
        .filter(|name| name != written)
    }

    fn copy(&self, copy: &CopyInstruction, instruction: &Instruction, keep_names: bool) -> Option<String> {
        let line = instruction.canonical.clone();
        let Some(from) = &copy.from else { return Some(line) };
        let taken = self.names.copy_from(&from.text, self.file.stages.len());
        let Some(name) = self.copy_source(taken, &from.text, keep_names) else { return Some(line) };
        let flag = format!(" --from={} ", from.text);
        match line.split_once(&flag) {
            Some((before, after)) => Some(format!("{before} --from={name} {after}")),
            None => keep_names.then_some(line),
        }
    }

    /// Flags come first, so the first places are those of the mounts.
    fn mounts(&self, mounts: &[Mount], instruction: &Instruction, keep_names: bool) -> Option<String> {
        let (mut done, mut rest) = (String::new(), instruction.canonical.as_str());
        // Once: there may be thousands of them.
        let mut flags = flags_length(rest);
        for from in mounts.iter().filter_map(Mount::reference) {
            let taken = self.names.mount_from(&from.text);
            let is_stage = matches!(taken, CopySource::Stage(_));
            let Some(name) = self.copy_source(taken, &from.text, keep_names) else { continue };
            let found = find_key(&rest[..flags], rest, &from.text).filter(|_| is_stage || !keep_names);
            let Some(at) = found else {
                if is_stage && !keep_names {
                    return None;
                }
                continue;
            };
            done.push_str(&rest[..at]);
            done.push_str(&name);
            rest = &rest[at + from.text.len()..];
            flags -= at + from.text.len();
        }
        Some(done + rest)
    }
}

/// How far the flags of a RUN reach, or what is left of them; those with quotes or blanks do not count.
fn flags_length(text: &str) -> usize {
    let mut words = text.split_inclusive(' ');
    let first = words.next().unwrap_or_default();
    let is_flag = |word: &&str| word.starts_with("--") && !word.contains(['"', '\\']);
    first.len() + words.take_while(is_flag).map(str::len).sum::<usize>()
}

/// Where the value of `from=VALUE` begins in the flags of a RUN, which `text` begins with.
fn find_key(flags: &str, text: &str, value: &str) -> Option<usize> {
    let key = format!("from={value}");
    let ends = |at: usize| text[at + key.len()..].starts_with([',', ' ']);
    let begins = |at: usize| text[..at].ends_with([',', '=']);
    let found = flags.match_indices(&key).map(|(at, _)| at).find(|at| ends(*at) && begins(*at))?;
    Some(found + key.len() - value.len())
}

/// The name in full where it is written out; what variables make of it enters the key beside the lines.
fn explicit(written: &str, reference: &ImageReference) -> String {
    match written.parse::<ImageReference>() {
        Ok(parsed) if parsed == *reference => reference.explicit(),
        _ => written.to_owned(),
    }
}

/// Whether an instruction may use the value of an argument. RUN sees all of them as variables of its environment.
fn reads(instruction: &Instruction) -> bool {
    matches!(instruction.kind, InstructionKind::Run(_) | InstructionKind::Invalid(_))
        || instruction.text.contains('$')
        || !instruction.heredocs.is_empty()
}

/// Where the ARGs begin that no instruction behind them can read: neither in their stage nor in one that is FROM it.
/// Triggers of bases stand in front of them. An ARG in front of FROM also counts for triggers of bases that nobody has
/// seen, so it goes only where there are no such bases.
fn unread(file: &Dockerfile, stages: &[LinkedStage<'_>]) -> BTreeSet<usize> {
    let mut unread = BTreeSet::new();
    // Whether the stage, or one FROM it, reads; stages only begin with earlier ones.
    let mut read_below = vec![false; stages.len()];
    for (index, linked) in stages.iter().enumerate().rev().filter(|(_, linked)| linked.needed) {
        let written = linked.steps.iter().filter(|step| step.origin == InstructionOrigin::Written);
        let readers = written.clone().filter(|step| reads(&step.instruction));
        let last = readers.map(|step| step.instruction.span.start).max().unwrap_or_default();
        if !read_below[index] {
            let after = written.filter(|step| step.instruction.span.start > last);
            unread.extend(
                after.filter(|step| is_plain_arg(&step.instruction)).map(|it| it.instruction.span.start),
            );
        }
        let reads_itself = linked.steps.iter().any(|step| reads(&step.instruction));
        if let Some(base) = linked.base_stage() {
            read_below[base] |= read_below[index] || reads_itself;
        }
    }
    let is_known = |linked: &&LinkedStage<'_>| {
        matches!(linked.base, StageBase::Scratch | StageBase::Context(_) | StageBase::Stage(_))
    };
    let has_variable = |linked: &LinkedStage<'_>| {
        let from = file.instructions_of(linked.stage).first();
        from.is_none_or(|from| from.text.contains('$'))
    };
    if stages.iter().filter(|linked| linked.needed).all(|linked| is_known(&linked))
        && !stages.iter().any(has_variable)
    {
        let declared = declared(stages, &unread);
        for instruction in file.global_instructions().iter().rev() {
            if reads(instruction) || !is_plain_arg(instruction) {
                break;
            }
            if names(instruction).all(|name| !declared.contains(name)) {
                unread.insert(instruction.span.start);
            }
        }
    }
    unread
}

/// Whether it is an ARG of names that only RUN and variables give a meaning to.
fn is_plain_arg(instruction: &Instruction) -> bool {
    let has_meaning = |name: &str| is_read_undeclared(name) || is_proxy(name);
    matches!(instruction.kind, InstructionKind::Arg(_)) && !names(instruction).any(has_meaning)
}

fn names(instruction: &Instruction) -> impl Iterator<Item = &str> {
    let arguments = match &instruction.kind {
        InstructionKind::Arg(arguments) => arguments.as_slice(),
        _ => &[],
    };
    arguments.iter().map(|argument| argument.name.as_str())
}

/// The names that needed stages declare, in ARGs that stay.
fn declared(stages: &[LinkedStage<'_>], unread: &BTreeSet<usize>) -> BTreeSet<String> {
    let steps = stages.iter().filter(|linked| linked.needed).flat_map(|linked| &linked.steps);
    let stays = |step: &&Step<'_>| {
        step.origin != InstructionOrigin::Written || !unread.contains(&step.instruction.span.start)
    };
    steps.filter(stays).flat_map(|step| names(&step.instruction)).map(str::to_owned).collect()
}

/// Names of ARGs that are left out and of no other.
fn unread_names(file: &Dockerfile, stages: &[LinkedStage<'_>], unread: &BTreeSet<usize>) -> BTreeSet<String> {
    let is_unread = |instruction: &&Instruction| unread.contains(&instruction.span.start);
    let mut kept = declared(stages, unread);
    let globals = file.global_instructions().iter();
    kept.extend(globals.filter(|it| !is_unread(it)).flat_map(names).map(str::to_owned));
    let left_out = file.instructions.iter().filter(is_unread);
    left_out.flat_map(names).filter(|name| !kept.contains(*name)).map(str::to_owned).collect()
}
