use std::collections::BTreeMap;

use serde::Serialize;

use super::contexts::{self, ContextFinder, Located, path_patterns};
use super::definition::Definition;
use super::draft::draft;
use super::error::LoadError;
use super::evidence::Evidence;
use super::findings::findings;
use super::options::Options;
use crate::context::{SourceSpec, nodes_below};
use crate::diagnostic::Diagnostic;
use crate::dockerfile::{
    CopyInstruction, Dockerfile, Evaluation, Instruction, InstructionKind, LocalSource, Mount,
    RunInstruction, SourcePattern,
};
use crate::git::{Pathspecs, Snapshot};
use crate::path::TreePath;

/// What is read in one Dockerfile, in the form of `inspect --format json`.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    schema: u32,
    pub valid: bool,
    pub stages: Vec<InspectedStage>,
    pub copies: Vec<InspectedCopy>,
    pub mounts: Vec<InspectedMount>,
    /// External images that the needed stages use, as they are written after expansion.
    pub images: Vec<String>,
    /// What the needed stages read of the build context.
    pub context_sources: Vec<String>,
    pub whole_context: bool,
    pub context: String,
    pub ignore_file: Option<String>,
    /// Folders that are build contexts with names and that the needed stages read.
    pub contexts: Vec<InspectedContext>,
    /// The files that enter the content key.
    pub inputs: Vec<String>,
    /// What `git log -1 -- …` has to be asked for the image's own revision.
    pub revision_pathspecs: Vec<String>,
    /// What counts because a file of the checkout says so that is no Dockerfile.
    #[serde(skip)]
    pub evidence: Vec<Evidence>,
    /// Findings; shown as such in text, and as objects in JSON.
    #[serde(skip)]
    pub diagnostics: Vec<Diagnostic>,
    /// Paths that would change the image if they were there; those that once were belong to the pathspecs.
    #[serde(skip)]
    circumstances: Vec<SourceSpec>,
}

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
    pub needed: bool,
    pub line: usize,
}

/// A folder that is a build context with a name.
#[derive(Clone, Debug, Serialize)]
pub struct InspectedContext {
    pub name: String,
    pub folder: String,
    pub ignore_file: Option<String>,
    /// What is read of it.
    pub sources: Vec<String>,
    pub whole_context: bool,
    /// Its files that enter the content key.
    pub inputs: Vec<String>,
}

/// A COPY or ADD of an inspected Dockerfile.
#[derive(Clone, Debug, Serialize)]
pub struct InspectedCopy {
    pub stage: usize,
    /// `COPY` or `ADD`.
    pub instruction: &'static str,
    /// `--from`, empty if there is none.
    pub from: String,
    /// As written.
    pub sources: Vec<String>,
    pub onbuild: bool,
    pub line: usize,
}

#[derive(Clone, Debug, Serialize)]
pub struct InspectedMount {
    pub stage: usize,
    /// bind, cache, tmpfs, secret, ssh.
    pub r#type: String,
    /// `from`, empty if there is none.
    pub from: String,
    /// `source`, empty if there is none.
    pub source: String,
    pub onbuild: bool,
    pub line: usize,
}

/// The checkout that an inspected Dockerfile is part of.
#[derive(Clone, Copy)]
pub(crate) struct InspectedCheckout<'a> {
    pub tree: &'a dyn Snapshot,
    /// Its name, which decides names of images.
    pub checkout_name: &'a str,
    pub origin_url: Option<&'a str>,
}

/// Reads one Dockerfile as the image that it makes in its checkout, with the settings and what its bases hand down. One
/// that makes no image there, because nothing would find it, is read by itself.
pub(crate) fn inspect(
    around: InspectedCheckout<'_>,
    options: &Options,
    path: &TreePath,
    source: &[u8],
) -> Result<Inspection, LoadError> {
    let draft = draft(around.tree, around.checkout_name, around.origin_url, options);
    let known = ContextFinder::new(around.tree, &draft.images);
    let found = draft.images.into_iter().find(|image| image.dockerfile() == path);
    let (definition, evaluation) = match found {
        Some(image) => (image.definition, image.evaluation),
        None => alone(options, path, source),
    };
    let located = contexts::locate(around.tree, &definition, &evaluation, &known)?;
    let mut inspection = of_model(&definition.file, &evaluation, path);
    inspection.add_contexts(located, &evaluation);
    inspection.evidence = definition.evidence;
    Ok(inspection)
}

/// Reads a Dockerfile that is in no checkout.
pub(crate) fn inspect_alone(options: &Options, path: &TreePath, source: &[u8]) -> Inspection {
    let (definition, evaluation) = alone(options, path, source);
    of_model(&definition.file, &evaluation, path)
}

fn alone(options: &Options, path: &TreePath, source: &[u8]) -> (Definition, Evaluation) {
    let mut definition = Definition::of(path.clone(), source);
    definition.options.target = options.target.as_ref().map(|(_, stage)| stage.clone());
    let evaluation = definition.evaluate(options, &BTreeMap::new());
    (definition, evaluation)
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

    fn add_contexts(&mut self, mut located: Located, evaluation: &Evaluation) {
        for (name, named) in std::mem::take(&mut located.named) {
            self.add_named(name, named, evaluation);
        }
        self.context = located.root.to_string();
        self.ignore_file = located.ignore_file.as_ref().map(TreePath::to_text);
        self.whole_context = located.whole_context;
        self.inputs = inputs(&located);
        self.revision_pathspecs.extend(located.specs.sources.iter().flat_map(SourceSpec::to_git));
        self.circumstances.extend(located.specs.circumstances);
        self.diagnostics.extend(located.diagnostics);
        self.diagnostics.extend(located.obstacle);
    }

    fn add_named(&mut self, name: String, located: Located, evaluation: &Evaluation) {
        let sources = evaluation.named.get(&name).map(|read| paths(&read.sources)).unwrap_or_default();
        self.contexts.push(InspectedContext {
            name,
            folder: located.root.to_string(),
            ignore_file: located.ignore_file.as_ref().map(TreePath::to_text),
            sources,
            whole_context: located.whole_context,
            inputs: inputs(&located),
        });
        self.revision_pathspecs.extend(located.specs.sources.iter().flat_map(SourceSpec::to_git));
        self.circumstances.extend(located.specs.circumstances);
        self.diagnostics.extend(located.diagnostics);
        self.diagnostics.extend(located.obstacle);
    }
}

fn inputs(located: &Located) -> Vec<String> {
    let files = located.nodes.iter().map(|node| node.path.to_text());
    // What git ignores may be in it.
    let is_empty = |folder: &&TreePath| nodes_below(&located.nodes, folder).next().is_none();
    let emptied = located.emptied.iter().filter(is_empty);
    let mut inputs: Vec<String> = files.chain(emptied.map(|folder| folder.to_text() + "/")).collect();
    inputs.sort();
    inputs
}

/// The paths that sources name, each once.
fn paths(sources: &[LocalSource]) -> Vec<String> {
    let own = sources.iter().filter(|source| !source.elsewhere);
    let mut paths: Vec<String> = own
        .map(|source| match &source.pattern {
            SourcePattern::Path(path) | SourcePattern::Below(path) => path.clone(),
        })
        .collect();
    dedup(&mut paths);
    paths
}

fn of_model(file: &Dockerfile, evaluation: &Evaluation, path: &TreePath) -> Inspection {
    let mut images: Vec<String> = evaluation.references.iter().map(|used| used.expanded.clone()).collect();
    dedup(&mut images);
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
        context_sources: paths(&evaluation.sources),
        whole_context: evaluation.whole_context,
        context: path.parent().unwrap_or_default().to_string(),
        ignore_file: None,
        contexts: Vec::new(),
        inputs: Vec::new(),
        revision_pathspecs: Vec::new(),
        evidence: Vec::new(),
        diagnostics: findings(path, file, evaluation),
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
