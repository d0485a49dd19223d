//! Carries out the needed stages as far as variables, images and sources go.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;

use super::environment::{Environment, Globals};
use super::evaluation::{
    ImageUse, LocalSource, NamedSources, ProblemKind, Scope, SourceInstruction, SourcePattern, UseKind,
};
use super::findings::Findings;
use super::heredoc::Heredoc;
use super::instruction::{ArgDeclaration, Assignment, CopyInstruction, Instruction, InstructionKind};
use super::link::{CopySource, InstructionOrigin, LinkedStage, StageBase, StageNames, Step, base_span};
use super::mount::{Mount, MountType, ResolvedMount};
use super::parser::Dockerfile;
use super::shell::{Expanded, Shell};
use super::source;
use super::text::Word;
use super::value::Value;
use super::verb::Verb;

/// What carrying out the needed stages showed.
#[derive(Default)]
pub(super) struct Walked {
    pub(super) references: Vec<ImageUse>,
    pub(super) sources: Vec<LocalSource>,
    pub(super) named: BTreeMap<String, NamedSources>,
    pub(super) declared_args: BTreeSet<String>,
    pub(super) whole_context: bool,
    /// Whether something is carried out that cannot be read here, so that it may take from anywhere.
    pub(super) anything: bool,
}

pub(super) struct Walker<'a, 'f> {
    file: &'a Dockerfile,
    scope: &'f Scope<'f>,
    shell: &'f Shell,
    /// By each dialect that counts, the reference first.
    globals: &'f [Globals],
    stages: &'f [LinkedStage<'a>],
    names: StageNames<'a>,
    /// The stages that something is built FROM: other stages, and the target for whoever uses the image.
    bases: BTreeSet<usize>,
    findings: &'f mut Findings<'a>,
    walked: Walked,
}

struct InstructionPlace<'s> {
    stage: usize,
    origin: InstructionOrigin,
    /// The FROM of the stage, for what stands in no line of this file.
    base: Range<usize>,
    /// The variables by each dialect, the reference first.
    environments: &'s mut [Environment],
}

/// What one instruction reads already.
struct Elsewhere {
    known: HashSet<SourcePattern>,
    instruction: SourceInstruction,
}

impl InstructionPlace<'_> {
    /// Where `span` is in this file.
    fn span(&self, span: &Range<usize>) -> Range<usize> {
        if self.origin == InstructionOrigin::Inherited { self.base.clone() } else { span.clone() }
    }
}

impl<'a, 'f> Walker<'a, 'f> {
    pub(super) fn new(
        file: &'a Dockerfile,
        scope: &'f Scope<'f>,
        shell: &'f Shell,
        globals: &'f [Globals],
        stages: &'f [LinkedStage<'a>],
        target: Option<usize>,
        findings: &'f mut Findings<'a>,
    ) -> Self {
        let (names, walked) = (StageNames::new(file), Walked::default());
        let needed = stages.iter().filter(|linked| linked.needed);
        let bases = needed.filter_map(LinkedStage::base_stage).chain(target).collect();
        // Only what is read can tell dialects apart.
        let has_contexts = !scope.contexts.is_empty();
        let is_read = |linked: &LinkedStage<'_>| reads_variables(linked, has_contexts);
        let globals = if stages.iter().any(is_read) { globals } else { &globals[..1] };
        Self { file, scope, shell, globals, stages, names, bases, findings, walked }
    }

    pub(super) fn walk(mut self) -> Walked {
        let mut variables: Vec<Vec<Environment>> = vec![Vec::new(); self.stages.len()];
        for (index, linked) in self.stages.iter().enumerate().filter(|(_, linked)| linked.needed) {
            let mut environments = match &linked.base {
                StageBase::Scratch | StageBase::Context(_) => {
                    vec![Environment::scratch(); self.globals.len()]
                }
                StageBase::Stage(base) => self.inherited(&variables[*base], linked),
                StageBase::Image(_) | StageBase::Bad => self.unknown(),
            };
            self.base(index, linked);
            self.base_context(index, linked);
            for step in &linked.steps {
                let base = base_span(linked.stage);
                let place = InstructionPlace {
                    stage: index,
                    origin: step.origin,
                    base,
                    environments: &mut environments,
                };
                self.step(step, place);
            }
            variables[index] = environments;
        }
        self.walked
    }

    fn unknown(&self) -> Vec<Environment> {
        vec![Environment::image(); self.globals.len()]
    }

    fn inherited(&mut self, base: &[Environment], linked: &LinkedStage<'_>) -> Vec<Environment> {
        if base.is_empty() {
            return self.unknown();
        }
        if self.shell.afford(base.iter().map(Environment::len).sum()) {
            let dialects = self.globals.iter().map(Globals::dialect);
            return base.iter().zip(dialects).map(|(base, dialect)| base.inherited(dialect)).collect();
        }
        let message = "the stages of this file set too many variables";
        self.findings.report(ProblemKind::Size, message, base_span(linked.stage), None);
        self.unknown()
    }

    fn base(&mut self, index: usize, linked: &LinkedStage<'_>) {
        if let (StageBase::Image(_) | StageBase::Bad, Some(written), Ok(expanded)) =
            (&linked.base, &linked.stage.base, &linked.base_expanded)
        {
            self.image(UseKind::From, index, written, expanded, false);
        }
    }

    /// What a stage begins with may be read as a whole; of one that is a folder itself, what others take of it counts.
    fn base_context(&mut self, index: usize, linked: &LinkedStage<'_>) {
        if let Some(name) = linked.base_context() {
            let named = self.walked.named.entry(name.to_owned()).or_default();
            named.whole |= !linked.replaced || self.bases.contains(&index);
        }
    }

    /// The folder that `--from` or `from` means, by the name of its build context.
    fn folder(&self, source: CopySource, from: &str) -> Option<String> {
        match source {
            CopySource::Stage(index) => {
                let linked = self.stages.get(index).filter(|linked| linked.replaced)?;
                linked.base_context().map(str::to_owned)
            }
            CopySource::Image => self.scope.folder(from),
            CopySource::Scratch | CopySource::Bad => None,
        }
    }

    /// Lets what is read count as read of the folder with this name.
    fn of_folder(&mut self, name: String, read: impl FnOnce(&mut Self)) {
        let own = NamedSources {
            sources: std::mem::take(&mut self.walked.sources),
            whole: std::mem::take(&mut self.walked.whole_context),
            mounted: false,
        };
        let known = self.walked.named.remove(&name).unwrap_or_default();
        self.walked.sources = known.sources;
        read(self);
        let sources = std::mem::replace(&mut self.walked.sources, own.sources);
        let whole = known.whole | std::mem::replace(&mut self.walked.whole_context, own.whole);
        self.walked.named.insert(name, NamedSources { sources, whole, mounted: known.mounted });
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

    fn step(&mut self, step: &Step<'_>, mut place: InstructionPlace<'_>) {
        // Where it is no here-document, its lines are instructions.
        self.walked.anything |= step.instruction.heredocs.iter().any(Heredoc::may_be_instructions);
        match &step.instruction.kind {
            InstructionKind::Arg(arguments) => {
                for argument in arguments {
                    self.walked.declared_args.insert(argument.name.clone());
                }
                for at in 0..place.environments.len() {
                    self.arguments(arguments, at, &mut place);
                }
            }
            InstructionKind::Env(pairs) => self.assign(pairs, &mut place),
            InstructionKind::Copy(copy) => self.copy(copy, SourceInstruction::Copy, &place),
            InstructionKind::Add(copy) => self.copy(copy, SourceInstruction::Add, &place),
            InstructionKind::Run(run) => run.mounts.iter().for_each(|mount| self.mount(mount, &place)),
            InstructionKind::Onbuild(Some(trigger)) => self.onbuild(trigger, &place),
            InstructionKind::Invalid(None | Some(Verb::Add | Verb::Copy | Verb::Run)) => {
                self.walked.anything = true;
            }
            InstructionKind::From(_)
            | InstructionKind::Onbuild(None)
            | InstructionKind::Other(_)
            | InstructionKind::Invalid(_) => {}
        }
    }

    /// ENV: all pairs of one instruction see the variables of before it.
    fn assign(&mut self, pairs: &[Assignment], place: &mut InstructionPlace<'_>) {
        for at in 0..place.environments.len() {
            let mut values = Vec::with_capacity(pairs.len());
            for pair in pairs {
                let name = self.expand(&pair.name, &pair.span, at, place);
                let value = self.expand(&pair.value, &pair.span, at, place);
                values.extend(name.zip(value));
            }
            for (name, value) in values {
                place.environments[at].set(name.value, value.value);
            }
        }
    }

    /// A word with variables replaced, or a problem if the reference finds one.
    fn expand(
        &mut self,
        word: &str,
        span: &Range<usize>,
        at: usize,
        place: &InstructionPlace<'_>,
    ) -> Option<Expanded> {
        match self.shell.expand(word, &place.environments[at]) {
            Ok(expanded) => Some(expanded),
            Err(error) => {
                if at == 0 {
                    let message = format!("failed to process {word:?}: {}", error.message);
                    self.findings.report(ProblemKind::Expansion, message, place.span(span), None);
                }
                None
            }
        }
    }

    /// ARG: the build argument, else the default, else the value from in front of the first FROM, else
    /// whatever the name stands for already.
    fn arguments(&mut self, arguments: &[ArgDeclaration], at: usize, place: &mut InstructionPlace<'_>) {
        let dialect = self.globals[at].dialect();
        let mut later = Vec::new();
        for argument in arguments {
            let name = &argument.name;
            let value = if let Some(given) = self.scope.build_args.get(name) {
                Some(Value::known(given))
            } else if let Some(default) = &argument.default {
                match self.expand(default, &argument.span, at, place) {
                    Some(expanded) => Some(expanded.value),
                    None => continue,
                }
            } else {
                self.globals[at].value(name).cloned()
            };
            if dialect.reads_lines_at_once() {
                later.push((name, value));
            } else {
                place.environments[at].set_argument(name, value, dialect);
            }
        }
        for (name, value) in later {
            place.environments[at].set_argument(name, value, dialect);
        }
    }

    fn copy(&mut self, copy: &CopyInstruction, instruction: SourceInstruction, place: &InstructionPlace<'_>) {
        if let Some(from) = &copy.from {
            let taken = self.names.copy_from(&from.text, self.stages.len());
            if let Some(folder) = self.folder(taken, &from.text) {
                self.of_folder(folder, |walker| walker.sources(copy, instruction, place));
                return;
            }
            self.take(UseKind::Copy, taken, from, place, || {
                format!("cannot copy from stage {:?}, it needs to be defined before", from.text)
            });
            return;
        }
        self.sources(copy, instruction, place);
    }

    fn sources(
        &mut self,
        copy: &CopyInstruction,
        instruction: SourceInstruction,
        place: &InstructionPlace<'_>,
    ) {
        let first = self.walked.sources.len();
        for word in &copy.sources {
            if let Some(expanded) = self.expand(&word.text, &word.span, 0, place) {
                self.copied(copy, word, &expanded, instruction, place);
            }
        }
        if place.environments.len() == 1 && copy.elsewhere.is_empty() {
            return;
        }
        let known: HashSet<SourcePattern> =
            self.walked.sources[first..].iter().map(|source| source.pattern.clone()).collect();
        let at = |word, dialects: Range<usize>| dialects.map(move |at| (word, at));
        let dialects = place.environments.len();
        let sources = copy.sources.iter().flat_map(|word| at(word, 1..dialects));
        let words = sources.chain(copy.elsewhere.iter().flat_map(|word| at(word, 0..dialects)));
        let mut elsewhere = Elsewhere { known, instruction };
        for (word, at) in words {
            let Ok(expanded) = self.shell.expand(&word.text, &place.environments[at]) else { continue };
            if !source::is_remote(&expanded.value) {
                let pattern = source::pattern(&expanded.value);
                self.elsewhere(&mut elsewhere, pattern, &word.text, &word.span, place);
            }
        }
    }

    /// What other dialects than the reference read by the same words, where it is anything else.
    fn elsewhere(
        &mut self,
        elsewhere: &mut Elsewhere,
        pattern: SourcePattern,
        written: &str,
        span: &Range<usize>,
        place: &InstructionPlace<'_>,
    ) {
        if !elsewhere.known.insert(pattern.clone()) {
            return;
        }
        self.source(LocalSource {
            instruction: elsewhere.instruction,
            pattern,
            written: written.to_owned(),
            plain: false,
            span: place.span(span),
            line: 0,
            inherited: place.origin == InstructionOrigin::Inherited,
            elsewhere: true,
        });
    }

    fn copied(
        &mut self,
        copy: &CopyInstruction,
        word: &Word,
        expanded: &Expanded,
        instruction: SourceInstruction,
        place: &InstructionPlace<'_>,
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
            // What may be no source at all may be nowhere.
            plain: expanded.variables.is_empty()
                && copy.elsewhere.is_empty()
                && !self.is_pattern(&expanded.value.text),
            span: place.span(&word.span),
            line: 0,
            inherited: place.origin == InstructionOrigin::Inherited,
            elsewhere: false,
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
    fn check_checksum(&mut self, copy: &CopyInstruction, source: &Value, place: &InstructionPlace<'_>) {
        let Some(checksum) = &copy.checksum else { return };
        let Some(expanded) = self.expand(&checksum.text, &checksum.span, 0, place) else { return };
        let digest = &expanded.value;
        let is_http = source.text.starts_with("http") && !source.text.contains(".git");
        if is_http && digest.unknown.is_none() && !digest.text.is_empty() && !is_digest(&digest.text) {
            let message = format!("invalid checksum {:?}", digest.text);
            let hint = Some("write sha256: and 64 hex digits".to_owned());
            self.findings.report(ProblemKind::Checksum, message, place.span(&checksum.span), hint);
        }
    }

    fn mount(&mut self, mount: &Mount, place: &InstructionPlace<'_>) {
        self.walked.anything |= mount.has_unknown_key();
        let resolve = |environment: &Environment| {
            mount.resolve(&mut |value| {
                let expanded = self.shell.expand(value, environment).map_err(|error| error.message)?;
                Ok(expanded.value)
            })
        };
        let others: Vec<_> = place.environments[1..].iter().filter_map(|it| resolve(it).ok()).collect();
        let resolved = match resolve(&place.environments[0]) {
            Ok(resolved) => resolved,
            Err(message) => {
                self.findings.report(ProblemKind::Mount, message, place.span(&mount.span), None);
                return;
            }
        };
        if let Some(from) = mount.reference() {
            let taken = self.names.mount_from(&from.text);
            if let Some(folder) = self.folder(taken, &from.text) {
                self.of_folder(folder.clone(), |walker| walker.mounted(mount, &resolved, &others, place));
                self.walked.named.entry(folder).or_default().mounted = true;
                return;
            }
            self.take(UseKind::Mount, taken, from, place, || {
                format!(
                    "cannot mount from stage {:?} to {:?}, stage needs to be defined before current command",
                    from.text, resolved.target.text
                )
            });
            return;
        }
        // What a cache begins with is `from` something.
        if resolved.kind != Some(MountType::Cache) {
            self.mounted(mount, &resolved, &others, place);
        }
    }

    /// What a mount reads of a build context.
    fn mounted(
        &mut self,
        mount: &Mount,
        resolved: &ResolvedMount,
        others: &[ResolvedMount],
        place: &InstructionPlace<'_>,
    ) {
        match resolved.kind {
            None => self.walked.whole_context = true,
            Some(MountType::Bind | MountType::Cache) => {
                let pattern = source::literal(&resolved.source);
                self.walked.whole_context |= resolved.source == Value::default();
                let written = mount.source_text().unwrap_or_default();
                let span = mount.source_span();
                let known = HashSet::from([pattern.clone()]);
                let mut elsewhere = Elsewhere { known, instruction: SourceInstruction::Mount };
                self.source(LocalSource {
                    instruction: SourceInstruction::Mount,
                    plain: !written.contains('$') && !source::has_glob(&resolved.source.text),
                    pattern,
                    written: written.to_owned(),
                    span: place.span(&span),
                    line: 0,
                    inherited: place.origin == InstructionOrigin::Inherited,
                    elsewhere: false,
                });
                for other in others {
                    let pattern = source::literal(&other.source);
                    self.elsewhere(&mut elsewhere, pattern, written, &span, place);
                }
            }
            Some(_) => {}
        }
    }

    /// An image that is used, or a stage that has to stand further up.
    fn take(
        &mut self,
        kind: UseKind,
        source: CopySource,
        from: &Word,
        place: &InstructionPlace<'_>,
        too_late: impl Fn() -> String,
    ) {
        match source {
            CopySource::Stage(index) if index >= place.stage => {
                self.findings.report(ProblemKind::StageOrder, too_late(), place.span(&from.span), None);
            }
            // Another file's triggers have their own references; what they name there is pinned there.
            CopySource::Image if place.origin == InstructionOrigin::Written => {
                self.image(kind, place.stage, from, &from.text, false);
            }
            _ => {}
        }
    }

    /// The images of an ONBUILD count if somebody can carry it out: whoever builds FROM the target, or a
    /// needed stage of this file.
    fn onbuild(&mut self, trigger: &Instruction, place: &InstructionPlace<'_>) {
        if place.origin != InstructionOrigin::Written || !self.bases.contains(&place.stage) {
            return;
        }
        match &trigger.kind {
            InstructionKind::Copy(CopyInstruction { from: Some(from), .. })
                if self.names.copy_from(&from.text, self.stages.len()) == CopySource::Image =>
            {
                self.image(UseKind::Copy, place.stage, from, &from.text, true);
            }
            InstructionKind::Run(run) => {
                for from in run.mounts.iter().filter_map(Mount::reference) {
                    if self.names.mount_from(&from.text) == CopySource::Image {
                        self.image(UseKind::Mount, place.stage, from, &from.text, true);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Whether variables decide what is read of a build context, or of one with a name where there is one.
fn reads_variables(linked: &LinkedStage<'_>, has_contexts: bool) -> bool {
    linked.steps.iter().any(|step| match &step.instruction.kind {
        InstructionKind::Copy(copy) | InstructionKind::Add(copy) => {
            let mut sources = copy.sources.iter().chain(&copy.elsewhere);
            (has_contexts || copy.from.is_none()) && sources.any(|source| source.text.contains('$'))
        }
        InstructionKind::Run(run) => {
            run.mounts.iter().any(|mount| mount.source_text().is_some_and(|source| source.contains('$')))
        }
        _ => false,
    })
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
