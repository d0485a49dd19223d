//! Carries out the needed stages as far as variables, images and sources go.

use std::collections::BTreeSet;
use std::ops::Range;

use super::environment::{Environment, Globals};
use super::evaluate::Findings;
use super::evaluation::{ImageUse, LocalSource, ProblemKind, Scope, SourceInstruction, UseKind};
use super::instruction::{ArgDeclaration, Assignment, CopyInstruction, Instruction, InstructionKind, Verb};
use super::link::{Base, LinkedStage, Origin, StageNames, Step, Taken, base_span};
use super::mount::{Mount, MountType};
use super::parser::Dockerfile;
use super::shell::{Expanded, Shell};
use super::source;
use super::text::Word;
use super::value::Value;

/// What carrying out the needed stages showed.
#[derive(Default)]
pub(super) struct Walked {
    pub(super) references: Vec<ImageUse>,
    pub(super) sources: Vec<LocalSource>,
    pub(super) declared_args: BTreeSet<String>,
    pub(super) whole_context: bool,
}

pub(super) struct Walker<'a, 'f> {
    file: &'a Dockerfile,
    scope: &'f Scope<'f>,
    shell: &'f Shell,
    globals: &'f Globals,
    stages: &'f [LinkedStage<'a>],
    names: StageNames<'a>,
    /// The stages that something is built FROM: other stages, and the target for whoever uses the image.
    bases: BTreeSet<usize>,
    findings: &'f mut Findings<'a>,
    walked: Walked,
}

/// The instruction at hand.
struct Place<'s> {
    stage: usize,
    origin: Origin,
    /// The FROM of the stage, for what stands in no line of this file.
    base: Range<usize>,
    environment: &'s mut Environment,
}

impl Place<'_> {
    /// Where `span` is in this file.
    fn span(&self, span: &Range<usize>) -> Range<usize> {
        if self.origin == Origin::Inherited { self.base.clone() } else { span.clone() }
    }
}

impl<'a, 'f> Walker<'a, 'f> {
    pub(super) fn new(
        file: &'a Dockerfile,
        scope: &'f Scope<'f>,
        shell: &'f Shell,
        globals: &'f Globals,
        stages: &'f [LinkedStage<'a>],
        target: Option<usize>,
        findings: &'f mut Findings<'a>,
    ) -> Self {
        let (names, walked) = (StageNames::new(file), Walked::default());
        let needed = stages.iter().filter(|linked| linked.needed);
        let bases = needed.filter_map(LinkedStage::base_stage).chain(target).collect();
        Self { file, scope, shell, globals, stages, names, bases, findings, walked }
    }

    pub(super) fn walk(mut self) -> Walked {
        let mut environments: Vec<Option<Environment>> = vec![None; self.stages.len()];
        for (index, linked) in self.stages.iter().enumerate().filter(|(_, linked)| linked.needed) {
            let mut environment = match &linked.base {
                Base::Scratch => Environment::scratch(),
                Base::Stage(base) => self.inherited(environments[*base].as_ref(), linked),

                Base::Image(_) | Base::Bad => Environment::image(),
            };
            self.base(index, linked);
            for step in &linked.steps {
                let base = base_span(linked.stage);
                let place = Place { stage: index, origin: step.origin, base, environment: &mut environment };
                self.step(step, place);
            }
            environments[index] = Some(environment);
        }
        self.walked
    }

    fn inherited(&mut self, base: Option<&Environment>, linked: &LinkedStage<'_>) -> Environment {
        let Some(base) = base else { return Environment::image() };
        if self.shell.afford(base.len()) {
            return base.inherited();
        }
        let message = "the stages of this file set too many variables";
        self.findings.report(ProblemKind::Size, message, base_span(linked.stage), None);
        Environment::image()
    }

    fn base(&mut self, index: usize, linked: &LinkedStage<'_>) {
        if let (Base::Image(_) | Base::Bad, Some(written), Ok(expanded)) =
            (&linked.base, &linked.stage.base, &linked.base_expanded)
        {
            self.image(UseKind::From, index, written, expanded, false);
        }
    }

    fn image(&mut self, kind: UseKind, stage: usize, written: &Word, expanded: &str, onbuild: bool) {
        self.walked.references.push(ImageUse {
            kind,
            stage,
            written: written.text.clone(),
            expanded: expanded.to_owned(),
            reference: expanded.parse().ok(),
            span: written.span.clone(),
            line: self.file.line_of(written.span.start),
            onbuild,
        });
    }

    fn step(&mut self, step: &Step<'_>, mut place: Place<'_>) {
        match &step.instruction.kind {
            InstructionKind::Arg(arguments) => {
                for argument in arguments {
                    self.argument(argument, &mut place);
                }
            }
            InstructionKind::Env(pairs) => self.assign(pairs, &mut place),
            InstructionKind::Copy(copy) => self.copy(copy, SourceInstruction::Copy, &place),
            InstructionKind::Add(copy) => self.copy(copy, SourceInstruction::Add, &place),
            InstructionKind::Run(run) => run.mounts.iter().for_each(|mount| self.mount(mount, &place)),
            InstructionKind::Onbuild(Some(trigger)) => self.onbuild(trigger, &place),
            InstructionKind::Invalid(None | Some(Verb::Add | Verb::Copy | Verb::Run)) => {
                self.walked.whole_context = true;
            }
            InstructionKind::From(_)
            | InstructionKind::Onbuild(None)
            | InstructionKind::Other(_)
            | InstructionKind::Invalid(_) => {}
        }
    }

    /// ENV: all pairs of one instruction see the variables of before it.
    fn assign(&mut self, pairs: &[Assignment], place: &mut Place<'_>) {
        let mut values = Vec::with_capacity(pairs.len());
        for pair in pairs {
            let name = self.expand(&pair.name, &pair.span, place);
            let value = self.expand(&pair.value, &pair.span, place);
            values.extend(name.zip(value));
        }
        for (name, value) in values {
            place.environment.set(name.value, value.value);
        }
    }

    /// A word with variables replaced, or a problem.
    fn expand(&mut self, word: &str, span: &Range<usize>, place: &Place<'_>) -> Option<Expanded> {
        match self.shell.expand(word, place.environment) {
            Ok(expanded) => Some(expanded),
            Err(error) => {
                let message = format!("failed to process {word:?}: {}", error.message);
                self.findings.report(ProblemKind::Expansion, message, place.span(span), None);
                None
            }
        }
    }

    /// ARG: the build argument, else the default, else the value from in front of the first FROM, else
    /// whatever the name stands for already.
    fn argument(&mut self, argument: &ArgDeclaration, place: &mut Place<'_>) {
        self.walked.declared_args.insert(argument.name.clone());
        let value = if let Some(given) = self.scope.build_args.get(&argument.name) {
            Some(Value::known(given))
        } else if let Some(default) = &argument.default {
            self.expand(default, &argument.span, place).map(|expanded| expanded.value)
        } else {
            self.globals.value(&argument.name).cloned()
        };
        if let Some(value) = value {
            place.environment.set_argument(&argument.name, value);
        }
    }

    fn copy(&mut self, copy: &CopyInstruction, instruction: SourceInstruction, place: &Place<'_>) {
        if let Some(from) = &copy.from {
            let taken = self.names.copy_from(&from.text, self.stages.len());
            self.take(UseKind::Copy, taken, from, place, || {
                format!("cannot copy from stage {:?}, it needs to be defined before", from.text)
            });
            return;
        }
        for word in &copy.sources {
            if let Some(expanded) = self.expand(&word.text, &word.span, place) {
                self.copied(copy, word, &expanded, instruction, place);
            }
        }
    }

    fn copied(
        &mut self,
        copy: &CopyInstruction,
        word: &Word,
        expanded: &Expanded,
        instruction: SourceInstruction,
        place: &Place<'_>,
    ) {
        let is_remote = source::is_remote(&expanded.value);
        if is_remote && instruction == SourceInstruction::Add {
            self.check_checksum(copy, &expanded.value, place);
            return;
        }
        if is_remote {
            let message = "source can't be a URL or a git ref for COPY";
            let hint = Some("ADD fetches what is elsewhere".to_owned());
            self.findings.report(ProblemKind::RemoteCopy, message, place.span(&word.span), hint);
            return;
        }
        self.source(LocalSource {
            instruction,
            pattern: source::pattern(&expanded.value),
            written: word.text.clone(),
            plain: expanded.variables.is_empty() && !self.is_pattern(&expanded.value.text),
            span: place.span(&word.span),
            line: 0,
            inherited: place.origin == Origin::Inherited,
        });
    }

    /// Builders take a source without wildcards as it stands; for Windows a `\` in it separates folders.
    fn is_pattern(&self, source: &str) -> bool {
        source::has_wildcard(source) || (self.scope.target_platform.os == "windows" && source.contains('\\'))
    }

    fn source(&mut self, mut source: LocalSource) {
        source.line = self.file.line_of(source.span.start);
        self.walked.sources.push(source);
    }

    /// The digest of a URL (that of a git repository is a commit).
    fn check_checksum(&mut self, copy: &CopyInstruction, source: &Value, place: &Place<'_>) {
        let Some(checksum) = &copy.checksum else { return };
        let Some(expanded) = self.expand(&checksum.text, &checksum.span, place) else { return };
        let digest = &expanded.value;
        let is_http = source.text.starts_with("http") && !source.text.contains(".git");
        if is_http && digest.unknown.is_none() && !digest.text.is_empty() && !is_digest(&digest.text) {
            let message = format!("invalid checksum {:?}", digest.text);
            let hint = Some("write sha256: and 64 hex digits".to_owned());
            self.findings.report(ProblemKind::Checksum, message, place.span(&checksum.span), hint);
        }
    }

    fn mount(&mut self, mount: &Mount, place: &Place<'_>) {
        self.walked.whole_context |= mount.has_unknown_key();
        let resolved = mount.resolve(&mut |value| {
            let expanded = self.shell.expand(value, place.environment).map_err(|error| error.message)?;
            Ok(expanded.value)
        });
        let resolved = match resolved {
            Ok(resolved) => resolved,
            Err(message) => {
                self.findings.report(ProblemKind::Mount, message, place.span(&mount.span), None);
                return;
            }
        };
        if let Some(from) = mount.reference() {
            let taken = self.names.mount_from(&from.text);
            self.take(UseKind::Mount, taken, from, place, || {
                format!(
                    "cannot mount from stage {:?} to {:?}, stage needs to be defined before current command",
                    from.text, resolved.target.text
                )
            });
            return;
        }
        match resolved.kind {
            None => self.walked.whole_context = true,
            Some(MountType::Bind) => {
                let pattern = source::literal(&resolved.source);
                self.walked.whole_context |= resolved.source == Value::default();
                let written = mount.source_text().unwrap_or_default();
                self.source(LocalSource {
                    instruction: SourceInstruction::Mount,
                    plain: !written.contains('$') && !source::has_glob(&resolved.source.text),
                    pattern,
                    written: written.to_owned(),
                    span: place.span(&mount.source_span()),
                    line: 0,
                    inherited: place.origin == Origin::Inherited,
                });
            }
            Some(_) => {}
        }
    }

    /// An image that is used, or a stage that has to stand further up.
    fn take(
        &mut self,
        kind: UseKind,
        taken: Taken,
        from: &Word,
        place: &Place<'_>,
        too_late: impl Fn() -> String,
    ) {
        match taken {
            Taken::Stage(index) if index >= place.stage => {
                self.findings.report(ProblemKind::StageOrder, too_late(), place.span(&from.span), None);
            }
            // Another file's triggers have their own references; what they name there is pinned there.
            Taken::Image if place.origin == Origin::Written => {
                self.image(kind, place.stage, from, &from.text, false);
            }
            _ => {}
        }
    }

    /// The images of an ONBUILD count if somebody can carry it out: whoever builds FROM the target, or a
    /// needed stage of this file.
    fn onbuild(&mut self, trigger: &Instruction, place: &Place<'_>) {
        if place.origin != Origin::Written || !self.bases.contains(&place.stage) {
            return;
        }
        match &trigger.kind {
            InstructionKind::Copy(CopyInstruction { from: Some(from), .. })
                if self.names.copy_from(&from.text, self.stages.len()) == Taken::Image =>
            {
                self.image(UseKind::Copy, place.stage, from, &from.text, true);
            }
            InstructionKind::Run(run) => {
                for from in run.mounts.iter().filter_map(Mount::reference) {
                    if self.names.mount_from(&from.text) == Taken::Image {
                        self.image(UseKind::Mount, place.stage, from, &from.text, true);
                    }
                }
            }
            _ => {}
        }
    }
}

fn is_digest(text: &str) -> bool {
    let digits = match text.split_once(':') {
        Some(("sha256", digits)) if digits.len() == 64 => digits,
        Some(("sha384", digits)) if digits.len() == 96 => digits,
        Some(("sha512", digits)) if digits.len() == 128 => digits,
        _ => return false,
    };
    digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}
