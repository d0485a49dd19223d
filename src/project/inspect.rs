use std::io;

use serde::Serialize;

use super::contexts::path_patterns;
use super::lock::lock_paths;
use crate::checkout::{FileTree, Pathspecs};
use crate::context::{self, IgnoreRules, Selection, SourceSpec, nodes_below};
use crate::diagnostic::{Diagnostic, Location};
use crate::dockerfile::{
    CopyInstruction, Dockerfile, Evaluation, Instruction, InstructionKind, Mount, RunInstruction, Scope,
    SourcePattern, evaluate, parse,
};
use crate::limits;
use crate::path::TreePath;

/// What is read in one Dockerfile, in the form of `inspect --format json`.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    schema: u32,
    /// Whether it can be parsed.
    pub valid: bool,
    /// Its stages.
    pub stages: Vec<InspectedStage>,
    /// Its COPY and ADD instructions.
    pub copies: Vec<InspectedCopy>,
    /// The mounts of its RUN instructions.
    pub mounts: Vec<InspectedMount>,
    /// External images that the needed stages use, as they are written after expansion.
    pub images: Vec<String>,
    /// What the needed stages read of the build context.
    pub context_sources: Vec<String>,
    /// Whether the whole context counts.
    pub whole_context: bool,
    /// The root of the build context.
    pub context: String,
    /// The ignore file that counts.
    pub ignore_file: Option<String>,
    /// The files that enter the content key.
    pub inputs: Vec<String>,
    /// What `git log -1 -- …` has to be asked for the image's own revision.
    pub revision_pathspecs: Vec<String>,
    /// Findings; shown as such in text, and as objects in JSON.
    #[serde(skip)]
    pub diagnostics: Vec<Diagnostic>,
    /// Paths that would change the image if they were there; those that once were belong to the pathspecs.
    #[serde(skip)]
    circumstances: Vec<SourceSpec>,
}

/// A stage of an inspected Dockerfile.
#[derive(Clone, Debug, Serialize)]
pub struct InspectedStage {
    /// `AS name`, empty if there is none.
    pub name: String,
    /// As written.
    pub base: String,
    /// After expansion; null if that fails.
    pub base_expanded: Option<String>,
    /// `--platform` as written, empty if there is none.
    pub platform: String,
    /// Whether the target takes it.
    pub needed: bool,
    /// Line of its FROM.
    pub line: usize,
}

/// A COPY or ADD of an inspected Dockerfile.
#[derive(Clone, Debug, Serialize)]
pub struct InspectedCopy {
    /// Index of the stage.
    pub stage: usize,
    /// `COPY` or `ADD`.
    pub instruction: &'static str,
    /// `--from`, empty if there is none.
    pub from: String,
    /// As written.
    pub sources: Vec<String>,
    /// Whether it stands in an ONBUILD.
    pub onbuild: bool,
    /// Line of the instruction.
    pub line: usize,
}

/// A mount of an inspected Dockerfile.
#[derive(Clone, Debug, Serialize)]
pub struct InspectedMount {
    /// Index of the stage.
    pub stage: usize,
    /// bind, cache, tmpfs, secret, ssh.
    pub r#type: String,
    /// `from`, empty if there is none.
    pub from: String,
    /// `source`, empty if there is none.
    pub source: String,
    /// Whether it stands in an ONBUILD.
    pub onbuild: bool,
    /// Line of the instruction.
    pub line: usize,
}

/// Reads one Dockerfile. `tree` is the checkout that it is part of, if it is in one.
pub fn inspect(
    source: &[u8],
    path: &TreePath,
    scope: &Scope<'_>,
    tree: Option<&dyn FileTree>,
) -> io::Result<Inspection> {
    let file = parse(source);
    let evaluation = evaluate(&file, scope);
    let mut inspection = of_model(&file, &evaluation, path);
    if let Some(tree) = tree {
        add_context(&mut inspection, &evaluation, path, tree)?;
    }
    Ok(inspection)
}

impl Inspection {
    /// Adds to the pathspecs what is not a source but decides how sources are read: of the ignore files,
    /// attribute files, settings (`more`) and so on those that are there, or that history `ever` had.
    pub fn add_circumstances<E>(
        &mut self,
        more: Vec<TreePath>,
        ever: impl FnOnce(&[Pathspecs]) -> Result<Vec<bool>, E>,
    ) -> Result<(), E> {
        let mut specs = std::mem::take(&mut self.circumstances);
        specs.extend(more.into_iter().map(SourceSpec::Literal));
        let queries: Vec<Pathspecs> =
            specs.iter().map(|spec| Pathspecs { paths: path_patterns(spec) }).collect();
        for (spec, is_known) in specs.iter().zip(ever(&queries)?) {
            let texts = if is_known { spec.to_git() } else { Vec::new() };
            self.revision_pathspecs.extend(texts);
        }
        self.revision_pathspecs.sort();
        self.revision_pathspecs.dedup();
        Ok(())
    }
}

fn of_model(file: &Dockerfile, evaluation: &Evaluation, path: &TreePath) -> Inspection {
    let mut images: Vec<String> = evaluation.references.iter().map(|used| used.expanded.clone()).collect();
    dedup(&mut images);
    let mut sources: Vec<String> = evaluation
        .sources
        .iter()
        .map(|source| match &source.pattern {
            SourcePattern::Path(path) | SourcePattern::Below(path) => path.clone(),
        })
        .collect();
    dedup(&mut sources);
    let mut copies = Vec::new();
    let mut mounts = Vec::new();
    for (at, stage) in file.stages.iter().enumerate() {
        for instruction in file.instructions_of(stage) {
            collect(at, instruction, instruction.line, false, &mut copies, &mut mounts);
        }
    }
    Inspection {
        schema: 1,
        valid: file.is_valid(),
        stages: stages(evaluation),
        copies,
        mounts,
        images,
        context_sources: sources,
        whole_context: evaluation.whole_context,
        context: path.parent().unwrap_or_default().to_string(),
        ignore_file: None,
        inputs: Vec::new(),
        revision_pathspecs: Vec::new(),
        diagnostics: diagnostics(file, evaluation, path),
        circumstances: Vec::new(),
    }
}

/// Drops repetitions; the first of each stays.
fn dedup(texts: &mut Vec<String>) {
    let mut seen = std::collections::HashSet::new();
    texts.retain(|text| seen.insert(text.clone()));
}

fn stages(evaluation: &Evaluation) -> Vec<InspectedStage> {
    evaluation
        .stages
        .iter()
        .map(|stage| InspectedStage {
            name: stage.name.clone().unwrap_or_default(),
            base: stage.base.clone(),
            base_expanded: stage.base_expanded.clone().ok(),
            platform: stage.platform.as_ref().map(|platform| platform.written.clone()).unwrap_or_default(),
            needed: stage.needed,
            line: stage.line,
        })
        .collect()
}

fn collect(
    stage: usize,
    instruction: &Instruction,
    line: usize,
    onbuild: bool,
    copies: &mut Vec<InspectedCopy>,
    mounts: &mut Vec<InspectedMount>,
) {
    let copy = |instruction: &'static str, copy: &CopyInstruction| InspectedCopy {
        stage,
        instruction,
        from: copy.from.as_ref().map(|from| from.text.clone()).unwrap_or_default(),
        sources: copy.sources.iter().map(|source| source.text.clone()).collect(),
        onbuild,
        line,
    };
    match &instruction.kind {
        InstructionKind::Copy(what) => copies.push(copy("COPY", what)),
        InstructionKind::Add(what) => copies.push(copy("ADD", what)),
        InstructionKind::Run(RunInstruction { mounts: found }) => {
            mounts.extend(found.iter().filter_map(|found| mount(stage, found, onbuild, line)));
        }
        InstructionKind::Onbuild(Some(inner)) => collect(stage, inner, line, true, copies, mounts),
        _ => {}
    }
}

fn mount(stage: usize, mount: &Mount, onbuild: bool, line: usize) -> Option<InspectedMount> {
    let fields = mount.as_written().ok()?;
    Some(InspectedMount {
        stage,
        r#type: fields.kind.as_str().to_owned(),
        from: fields.from,
        source: fields.source,
        onbuild,
        line,
    })
}

fn diagnostics(file: &Dockerfile, evaluation: &Evaluation, path: &TreePath) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for error in &file.errors {
        let place = Location::span(path.clone(), error.line, error.span.clone());
        let mut diagnostic = Diagnostic::error(error.message.clone()).at(place);
        diagnostic.hint.clone_from(&error.hint);
        diagnostics.push(diagnostic);
    }
    for problem in evaluation.problems.iter().filter(|_| file.is_valid()) {
        let place = Location::span(path.clone(), problem.line, problem.span.clone());
        let mut diagnostic = Diagnostic::warning(problem.message.clone()).at(place);
        diagnostic.hint.clone_from(&problem.hint);
        diagnostics.push(diagnostic);
    }
    for at in &evaluation.unused_stages {
        let stage = &evaluation.stages[*at];
        let name = stage.name.as_deref().unwrap_or_default();
        let number = format!("stage {}/{} {name}", at + 1, evaluation.stages.len());
        let place = Location { path: path.clone(), span: None, line: Some(stage.line) };
        diagnostics.push(
            Diagnostic::note(format!("nothing uses {}", number.trim_end()))
                .at(place)
                .hint("it is built only with --target"),
        );
    }
    diagnostics
}

fn add_context(
    inspection: &mut Inspection,
    evaluation: &Evaluation,
    path: &TreePath,
    tree: &dyn FileTree,
) -> io::Result<()> {
    let root = context::infer_root(tree, path, &evaluation.sources);
    inspection.context = root.root.to_string();
    inspection.diagnostics.extend(root.diagnostics);
    let ignore_file = context::ignore_file(tree, path, &root.root);
    inspection.ignore_file = ignore_file.as_ref().map(TreePath::to_text);
    let rules = match &ignore_file {
        None => None,
        Some(file) => match IgnoreRules::parse(&tree.read(file, limits::DOCKER_IGNORE)?) {
            Ok(rules) => Some(rules),
            Err(error) => {
                inspection.diagnostics.push(error.into_diagnostic(file.clone()));
                return Ok(());
            }
        },
    };
    let selection: Selection =
        context::select(tree, &root.root, rules.as_ref(), &evaluation.sources, evaluation.whole_context)?;
    inspection.whole_context = selection.whole_context;
    let files = selection.nodes.iter().map(|node| node.path.to_text());
    // What git ignores may be in it.
    let is_empty = |folder: &&TreePath| nodes_below(&selection.nodes, folder).next().is_none();
    let emptied = selection.emptied.iter().filter(is_empty);
    inspection.inputs = files.chain(emptied.map(|folder| folder.to_text() + "/")).collect();
    inspection.inputs.sort();
    let specs = context::revision_pathspecs(tree, (&root.root, true), path, &evaluation.sources, &selection);
    inspection.revision_pathspecs = specs.sources.iter().flat_map(SourceSpec::to_git).collect();
    inspection.circumstances = specs.circumstances;
    inspection.circumstances.extend(lock_paths(tree, evaluation).into_iter().map(SourceSpec::Literal));
    inspection.diagnostics.extend(selection.diagnostics);
    Ok(())
}
