use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::definition::Definition;
use super::drafted::Drafted;
use super::error::LoadError;
use super::images::BuildContext;
use super::settings::GivenContext;
use crate::context::{
    self, ContextRoot, IgnoreError, IgnoreRules, RevisionSpecs, RootFinder, SourceSpec, admits,
};
use crate::diagnostic::{Diagnostic, Location};
use crate::dockerfile::{Evaluation, LocalSource, NamedSources, SourcePattern};
use crate::evidence::NamedContext;
use crate::git::{FileTree, Node, NodeKind, PathPattern, Snapshot};
use crate::limits;
use crate::lockfile::{LOCK_FILE, lockable};
use crate::path::TreePath;
use crate::printable::{and_more, printable};

/// A drafted image's build context, found in the tree.
#[derive(Default)]
pub(super) struct Located {
    pub(super) root: TreePath,
    pub(super) ignore_file: Option<TreePath>,
    /// The files and links that its sources match, sorted.
    pub(super) nodes: Vec<Node>,
    /// See `SelectedFiles::emptied` of `context`.
    pub(super) emptied: Vec<TreePath>,
    pub(super) whole_context: bool,
    pub(super) specs: RevisionSpecs,
    /// Sources that are not there, for which the image is blocked.
    pub(super) missing_sources: Vec<MissingSource>,
    /// Whether the settings name a root that is no folder.
    pub(super) is_absent: bool,
    /// Whether its ignore file takes back `.git`, which is never sent.
    pub(super) wants_git_folder: bool,
    /// What is wrong with it, as a predicate for the image's dependents.
    pub(super) fault: Option<String>,
    /// The first input whose content is not in git's objects here.
    pub(super) obstacle: Option<Diagnostic>,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// What is read of build contexts with names, by name.
    pub(super) named: BTreeMap<String, Located>,
}

/// A source for which a build would fail.
pub(super) struct MissingSource {
    pub(super) source: LocalSource,
    /// Where it would be, from the root of the checkout.
    pub(super) path: TreePath,
    /// Why nothing of it is in the context, as a predicate.
    pub(super) why: String,
    pub(super) is_plain: bool,
}

impl MissingSource {
    /// Why the image cannot be built.
    pub(super) fn reason(&self, image: &Drafted) -> String {
        let LocalSource { line, written, .. } = &self.source;
        format!("{}:{line}: `{written}` {}", image.dockerfile(), self.why)
    }
}

impl Located {
    /// What images are told of it, and of the contexts with names.
    pub(super) fn describe(self) -> (BuildContext, BTreeMap<String, BuildContext>) {
        let specs = self.named.values().flat_map(|named| named.specs.iter()).chain(self.specs.iter());
        let pathspecs = specs.flat_map(path_patterns).collect();
        let named = self.named.into_iter().map(|(name, located)| {
            let Self { root, ignore_file, whole_context: whole, .. } = located;
            (name, BuildContext { root, ignore_file, whole, pathspecs: Vec::new() })
        });
        let named = named.collect();
        let Self { root, ignore_file, whole_context: whole, .. } = self;
        (BuildContext { root, ignore_file, whole, pathspecs }, named)
    }

    /// It, and the contexts with names.
    pub(super) fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.named.values())
    }
}

/// Finds the context of each image, all at once, as none depends on another; `None` for images that are wrong.
pub(super) fn locate_all(tree: &dyn Snapshot, images: &[Drafted]) -> Result<Vec<Option<Located>>, LoadError> {
    let known = ContextFinder::new(tree, images);
    let located = |image: &Drafted| match image.fault {
        Some(_) => Ok(None),
        None => locate(tree, &image.definition, &image.evaluation, &known).map(Some),
    };
    images.par_iter().map(located).collect()
}

/// What is found out once for all images.
pub(super) struct ContextFinder<'t> {
    rules: ParsedRules,
    roots: RootFinder<'t>,
}

impl<'t> ContextFinder<'t> {
    pub(super) fn new(tree: &'t dyn Snapshot, images: &[Drafted]) -> Self {
        let written = images.iter().map(|image| (image.dockerfile(), &image.evaluation.sources[..]));
        Self { rules: ParsedRules::default(), roots: RootFinder::new(tree, written) }
    }
}

/// The rules of the ignore files that were read, by content: many images share one, or have copies of it.
#[derive(Default)]
struct ParsedRules(Mutex<HashMap<Vec<u8>, Parsed>>);

type Parsed = Arc<Result<IgnoreRules, IgnoreError>>;

impl ParsedRules {
    /// Those of an ignore file; none where there is no such file.
    fn read(&self, tree: &dyn Snapshot, file: Option<&TreePath>) -> Result<Parsed, LoadError> {
        match file {
            Some(file) => Ok(self.of(tree.read(file, limits::DOCKER_IGNORE)?)),
            None => Ok(Arc::new(Ok(IgnoreRules::default()))),
        }
    }

    fn of(&self, content: Vec<u8>) -> Parsed {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(content).or_insert_with_key(|content| Arc::new(IgnoreRules::parse(content))))
    }
}

/// Finds the context of one image.
pub(super) fn locate(
    tree: &dyn Snapshot,
    definition: &Definition,
    evaluation: &Evaluation,
    known: &ContextFinder<'_>,
) -> Result<Located, LoadError> {
    let dockerfile = &definition.path;
    let ContextRoot { root, mut diagnostics, .. } = match &definition.options.context {
        Some(root) => ContextRoot { root: root.clone(), missing: Vec::new(), diagnostics: Vec::new() },
        None => known.roots.root_of(dockerfile, &evaluation.sources),
    };
    let is_absent = definition.options.context.is_some() && tree.kind(&root) != Some(NodeKind::Folder);
    if is_absent {
        let message = format!("the build context `{root}` is not a folder of this checkout");
        let hint = "`context` is a path from the root of the checkout";
        diagnostics.push(definition.options.at_its_place(Diagnostic::warning(message)).hint(hint));
    }
    let ignore_file = context::ignore_file(tree, dockerfile, &root);
    let parsed = known.rules.read(tree, ignore_file.as_ref())?;
    let rules = match parsed.as_ref() {
        Ok(rules) => rules,
        Err(error) => return Ok(Located { is_absent, ..faulty(root, ignore_file, diagnostics, error) }),
    };
    let sources = &evaluation.sources;
    let whole = evaluation.whole_context || definition.options.whole_context;
    let selection = context::select(tree, &root, Some(rules), sources, whole)?;
    let inferred = definition.options.context.is_none();
    let mut specs = context::revision_pathspecs(tree, (&root, inferred), dockerfile, sources, &selection);
    let around = lock_paths(tree, evaluation).into_iter().chain(definition.account.rests_on.clone());
    specs.circumstances.extend(around.map(SourceSpec::Literal));
    let obstacle = obstacle(tree, dockerfile, &selection.nodes);
    diagnostics.extend(selection.diagnostics);
    let place = format!("the build context {root}");
    Ok(Located {
        missing_sources: missing_sources(sources, (&root, &place), &selection.unmatched, |path| {
            why_absent(tree, &root, path, ignore_file.as_ref().map(|file| (file, rules)))
        }),
        named: locate_named(tree, definition, evaluation, known)?,
        is_absent,
        wants_git_folder: wants_git_folder(tree, &root, rules, evaluation),
        specs,
        root,
        ignore_file,
        // What cannot be read is not asked for.
        nodes: if obstacle.is_some() { Vec::new() } else { selection.nodes },
        emptied: selection.emptied,
        whole_context: selection.whole_context,
        fault: obstacle.is_some().then(|| "has an input that cannot be read".to_owned()),
        obstacle,
        diagnostics,
    })
}

/// A context whose ignore file cannot be read as one.
fn faulty(
    root: TreePath,
    ignore_file: Option<TreePath>,
    mut diagnostics: Vec<Diagnostic>,
    error: &IgnoreError,
) -> Located {
    let path = ignore_file.clone().unwrap_or_default();
    diagnostics.push(error.clone().into_diagnostic(path.clone()));
    let fault = Some(format!("has a faulty {path}"));
    Located { root, ignore_file, fault, diagnostics, ..Located::default() }
}

/// Finds what an image reads of folders that are build contexts with names.
fn locate_named(
    tree: &dyn Snapshot,
    definition: &Definition,
    evaluation: &Evaluation,
    known: &ContextFinder<'_>,
) -> Result<BTreeMap<String, Located>, LoadError> {
    let mut found = BTreeMap::new();
    for (name, read) in &evaluation.named {
        let Some(given) = definition.options.contexts.get(name) else { continue };
        let NamedContext::Folder(root) = &given.what else { continue };
        let located = locate_folder(tree, definition, (name, given, root), read, known)?;
        found.insert(name.clone(), located);
    }
    Ok(found)
}

fn locate_folder(
    tree: &dyn Snapshot,
    definition: &Definition,
    (name, given, root): (&str, &GivenContext, &TreePath),
    read: &NamedSources,
    known: &ContextFinder<'_>,
) -> Result<Located, LoadError> {
    if tree.kind(root) != Some(NodeKind::Folder) {
        let specs =
            RevisionSpecs { sources: vec![SourceSpec::Literal(root.clone())], ..RevisionSpecs::default() };
        return Ok(Located { is_absent: true, root: root.clone(), specs, ..Located::default() });
    }
    let ignore_file = context::own_ignore_file(tree, root);
    let parsed = known.rules.read(tree, ignore_file.as_ref())?;
    let rules = match parsed.as_ref() {
        Ok(rules) => rules,
        Err(error) => return Ok(faulty(root.clone(), ignore_file, Vec::new(), error)),
    };
    let whole = read.whole || definition.options.whole_context;
    let selection = context::select(tree, root, Some(rules), &read.sources, whole)?;
    let specs = context::named_pathspecs(tree, root, &read.sources, &selection);
    let obstacle = obstacle(tree, &given.path, &selection.nodes);
    let place = format!("the build context {} ({root})", printable(name));
    let missing_sources = missing_sources(&read.sources, (root, &place), &selection.unmatched, |path| {
        why_absent(tree, root, path, ignore_file.as_ref().map(|file| (file, rules)))
    });
    Ok(Located {
        missing_sources,
        specs,
        root: root.clone(),
        ignore_file,
        nodes: if obstacle.is_some() { Vec::new() } else { selection.nodes },
        emptied: selection.emptied,
        whole_context: selection.whole_context,
        fault: obstacle.is_some().then(|| "has an input that cannot be read".to_owned()),
        obstacle,
        diagnostics: selection.diagnostics,
        ..Located::default()
    })
}

/// The first input that a commit names but whose content is not in git's objects here.
fn obstacle(tree: &dyn Snapshot, dockerfile: &TreePath, nodes: &[Node]) -> Option<Diagnostic> {
    let mut found = nodes.iter().filter_map(|node| Some((&node.path, tree.obstacle(&node.path)?)));
    let (path, obstacle) = found.next()?;
    let more = and_more(found.count());
    let message = format!("the input {path}{more} cannot be read: {}", obstacle.reason);
    Some(Diagnostic::error(message).at(Location::file(dockerfile.clone())).hint(obstacle.hint))
}

/// Of the sources that match nothing, those for which a build would fail. A pattern may match nothing.
fn missing_sources(
    sources: &[LocalSource],
    (root, place): (&TreePath, &str),
    unmatched: &[usize],
    why_absent: impl Fn(&TreePath) -> Option<String>,
) -> Vec<MissingSource> {
    let missing = |at: &usize| {
        let source = &sources[*at];
        let SourcePattern::Path(path) = &source.pattern else { return None };
        let path = root.join_clamped(path);
        if !source.plain {
            return None;
        }
        let known = why_absent(&path);
        let is_plain = known.is_none();
        let why = known.unwrap_or_else(|| format!("is not in {place}"));
        Some(MissingSource { source: source.clone(), path, why, is_plain })
    };
    unmatched.iter().filter_map(missing).collect()
}

/// What is known of why a source is not there, as a predicate.
fn why_absent(
    tree: &dyn Snapshot,
    root: &TreePath,
    path: &TreePath,
    ignored: Option<(&TreePath, &IgnoreRules)>,
) -> Option<String> {
    let kind = tree.kind(path);
    if let Some(submodule) = tree.absent_submodule(path) {
        let hint = context::fetch_submodule(&submodule);
        return Some(format!("is in the submodule {submodule}, which is not checked out: {hint}"));
    }
    let ignored =
        ignored.filter(|(_, rules)| path.relative_to(root).is_some_and(|path| rules.is_ignored(&path)));
    match ignored {
        Some((file, _)) if kind.is_some() => Some(format!("is left out by {file}")),
        _ if kind == Some(NodeKind::Folder) => {
            Some("is a folder without a file that a clone would have".to_owned())
        }
        _ if path.components().any(|name| name == ".git") => {
            Some("is in `.git`, of which only a main work tree has the files".to_owned())
        }
        _ => None,
    }
}

/// A glob of a Dockerfile may match a folder, and then means what is below it; git's means files alone.
pub(super) fn path_patterns(spec: &SourceSpec) -> Vec<PathPattern> {
    match spec {
        SourceSpec::Literal(path) => vec![PathPattern::Path(path.clone())],
        SourceSpec::Glob(pattern) => {
            // To git `[!a]` is `[^a]`; to Go, whose patterns Dockerfiles use, it is two characters.
            let pattern = pattern.replace("[!", "[\\!");
            let below = format!("{pattern}/**");
            vec![PathPattern::Glob(pattern.into_bytes()), PathPattern::Glob(below.into_bytes())]
        }
    }
}

/// The lock file and the links on its way, there or not, where it could say something about what an image is
/// built from. References that mean images of this checkout count alike: which do is not seen in one Dockerfile.
fn lock_paths(tree: &dyn FileTree, evaluation: &Evaluation) -> Vec<TreePath> {
    let mut references = evaluation.references.iter().filter_map(|used| used.reference.as_ref());
    if references.any(|reference| lockable(reference).is_some()) {
        context::path_with_links(tree, &TreePath::root(), &TreePath::from(LOCK_FILE))
    } else {
        Vec::new()
    }
}

/// Whether an ignore file takes back `.git`, which is part of no folder around it here, for an image that copies such a
/// folder. Where a source names it, it is sent, and a note of its own says what that means.
fn wants_git_folder(
    tree: &dyn Snapshot,
    root: &TreePath,
    rules: &IgnoreRules,
    evaluation: &Evaluation,
) -> bool {
    let is_repository = root.is_root() || tree.submodules().contains(root);
    let taken_back =
        [".git", ".git/HEAD", ".git/index", ".git/refs/heads"].iter().any(|path| rules.takes_back(path));
    let (naming, around): (Vec<_>, Vec<_>) = evaluation.sources.iter().cloned().partition(|source| {
        let (SourcePattern::Path(path) | SourcePattern::Below(path)) = &source.pattern;
        path.split('/').any(|name| name == ".git")
    });
    is_repository && taken_back && naming.is_empty() && admits(&around, false, ".git")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_an_ignore_file_are_read_once() {
        let known = ParsedRules::default();
        let (one, copy, other) =
            (known.of(b"*.md".to_vec()), known.of(b"*.md".to_vec()), known.of(b"[a".to_vec()));
        assert!(Arc::ptr_eq(&one, &copy));
        assert!(one.as_ref().as_ref().is_ok_and(|rules| rules.is_ignored(&"a.md".into())));
        assert!(other.is_err() && Arc::ptr_eq(&other, &known.of(b"[a".to_vec())));
    }
}
