use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::definition::Definition;
use super::images::{Image, ImageState};
use super::load::LoadError;
use super::lock::lock_paths;
use crate::checkout::{Node, NodeKind, PathPattern, Snapshot};
use crate::context::{self, ContextRoot, IgnoreError, IgnoreRules, SourceSpec};
use crate::diagnostic::{Diagnostic, Location};
use crate::dockerfile::SourcePattern;
use crate::path::TreePath;

/// What one image reads of the checkout.
#[derive(Default)]
pub(super) struct BuildContext {
    pub(super) root: TreePath,
    pub(super) ignore_file: Option<TreePath>,
    /// The files and links that its sources match, sorted.
    pub(super) nodes: Vec<Node>,
    /// See [`Selection::emptied`](context::Selection::emptied).
    pub(super) emptied: Vec<TreePath>,
    pub(super) whole_context: bool,
    pub(super) pathspecs: Vec<PathPattern>,
    /// Sources that are not there, for which the image is blocked.
    pub(super) nowhere: Vec<Nowhere>,
    /// Whether the settings name a root that is no folder.
    pub(super) is_absent: bool,
    /// Why the image is wrong, if it is.
    pub(super) invalid: Option<String>,
    /// The first input whose content is not in git's objects here.
    pub(super) obstacle: Option<Diagnostic>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// A source for which a build would fail.
pub(super) struct Nowhere {
    /// Its index among the image's sources.
    pub(super) source: usize,
    /// Where it would be, from the root of the checkout.
    pub(super) path: TreePath,
    /// Why nothing of it is in the context, as a predicate.
    pub(super) why: String,
}

impl Nowhere {
    /// Why the image cannot be built.
    pub(super) fn reason(&self, image: &Image) -> String {
        let source = &image.evaluation.sources[self.source];
        let (dockerfile, line, written) = (&image.dockerfile, source.line, &source.written);
        format!("{dockerfile}:{line}: `{written}` {}", self.why)
    }
}

/// Finds the context of each image, all at once, as none depends on another; `None` for images that are wrong.
pub(super) fn read_all(
    tree: &dyn Snapshot,
    images: &[Image],
    definitions: &[Definition],
) -> Result<Vec<Option<BuildContext>>, LoadError> {
    let known = KnownRules::default();
    let read_one = |(image, definition): (&Image, &Definition)| match image.state {
        ImageState::Invalid(_) => Ok(None),
        ImageState::Blocked(_) | ImageState::Ready(_) => read(tree, image, definition, &known).map(Some),
    };
    images.par_iter().zip(definitions).map(read_one).collect()
}

/// The rules of the ignore files that were read, by content: many images share one, or have copies of it.
#[derive(Default)]
struct KnownRules(Mutex<HashMap<Vec<u8>, Parsed>>);

type Parsed = Arc<Result<IgnoreRules, IgnoreError>>;

impl KnownRules {
    fn of(&self, content: Vec<u8>) -> Parsed {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(content).or_insert_with_key(|content| Arc::new(IgnoreRules::parse(content))))
    }
}

fn read(
    tree: &dyn Snapshot,
    image: &Image,
    definition: &Definition,
    known: &KnownRules,
) -> Result<BuildContext, LoadError> {
    let ContextRoot { root, mut diagnostics, .. } = match &definition.options.context {
        Some(root) => ContextRoot { root: root.clone(), missing: Vec::new(), diagnostics: Vec::new() },
        None => context::infer_root(tree, &image.dockerfile, &image.evaluation.sources),
    };
    let is_absent = definition.options.context.is_some() && tree.kind(&root) != Some(NodeKind::Folder);
    if is_absent {
        let message = format!("the build context `{root}` is no folder of this checkout");
        let hint = "`context` is a path from the root of the checkout";
        diagnostics.push(definition.options.at_its_place(Diagnostic::warning(message)).hint(hint));
    }
    let ignore_file = context::ignore_file(tree, &image.dockerfile, &root);
    let read = |path| Ok::<_, LoadError>((known.of(tree.read(path)?), path));
    let nothing = IgnoreRules::default();
    let parsed = ignore_file.as_ref().map(read).transpose()?;
    let rules = match parsed.as_ref().map(|(rules, path)| (rules.as_ref(), *path)) {
        None => &nothing,
        Some((Ok(rules), _)) => rules,
        Some((Err(error), path)) => {
            diagnostics.push(error.clone().into_diagnostic(path.clone()));
            return Ok(BuildContext {
                invalid: Some(format!("has a faulty {path}")),
                root,
                ignore_file,
                is_absent,
                diagnostics,
                ..BuildContext::default()
            });
        }
    };
    let sources = &image.evaluation.sources;
    let whole = image.evaluation.whole_context || definition.options.whole_context;
    let selection = context::select(tree, &root, Some(rules), sources, whole)?;
    let inferred = definition.options.context.is_none();
    let specs = context::revision_pathspecs(tree, (&root, inferred), &image.dockerfile, sources, &selection);
    let lock = lock_paths(tree, &image.evaluation).into_iter().map(PathPattern::Path);
    let obstacle = obstacle(tree, image, &selection.nodes);
    diagnostics.extend(selection.diagnostics);
    Ok(BuildContext {
        nowhere: nowhere(image, &root, &selection.unmatched, |path| {
            why_absent(tree, &root, path, ignore_file.as_ref().map(|file| (file, rules)))
        }),
        is_absent,
        pathspecs: specs.iter().flat_map(path_patterns).chain(lock).collect(),
        root,
        ignore_file,
        // What cannot be read is not asked for.
        nodes: if obstacle.is_some() { Vec::new() } else { selection.nodes },
        emptied: selection.emptied,
        whole_context: selection.whole_context,
        invalid: obstacle.is_some().then(|| "has an input that cannot be read".to_owned()),
        obstacle,
        diagnostics,
    })
}

/// The first input that a commit names but whose content is not in git's objects here.
fn obstacle(tree: &dyn Snapshot, image: &Image, nodes: &[Node]) -> Option<Diagnostic> {
    let mut found = nodes.iter().filter_map(|node| Some((&node.path, tree.obstacle(&node.path)?)));
    let (path, obstacle) = found.next()?;
    let more = match found.count() {
        0 => String::new(),
        more => format!(" (and {more} more like it)"),
    };
    let message = format!("the input {path} cannot be read: {}{more}", obstacle.reason);
    Some(Diagnostic::error(message).at(Location::file(image.dockerfile.clone())).hint(obstacle.hint))
}

/// Of the sources that match nothing, those for which a build would fail. A pattern may match nothing.
fn nowhere(
    image: &Image,
    root: &TreePath,
    unmatched: &[usize],
    why_absent: impl Fn(&TreePath) -> String,
) -> Vec<Nowhere> {
    let missing = |at: &usize| {
        let source = &image.evaluation.sources[*at];
        let SourcePattern::Path(path) = &source.pattern else { return None };
        let path = root.join_clamped(path);
        source.plain.then(|| Nowhere { source: *at, why: why_absent(&path), path })
    };
    unmatched.iter().filter_map(missing).collect()
}

/// Why nothing of a path is in the context.
fn why_absent(
    tree: &dyn Snapshot,
    root: &TreePath,
    path: &TreePath,
    ignored: Option<(&TreePath, &IgnoreRules)>,
) -> String {
    let kind = tree.kind(path);
    let ignored =
        ignored.filter(|(_, rules)| path.relative_to(root).is_some_and(|path| rules.is_ignored(&path)));
    match ignored {
        Some((file, _)) if kind.is_some() => format!("is left out by {file}"),
        _ if kind == Some(NodeKind::Folder) => {
            "is a folder without a file that a clone would have".to_owned()
        }
        _ => format!("is not in the build context {root}"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_an_ignore_file_are_read_once() {
        let known = KnownRules::default();
        let (one, copy, other) =
            (known.of(b"*.md".to_vec()), known.of(b"*.md".to_vec()), known.of(b"[a".to_vec()));
        assert!(Arc::ptr_eq(&one, &copy));
        assert!(one.as_ref().as_ref().is_ok_and(|rules| rules.is_ignored(&"a.md".into())));
        assert!(other.is_err() && Arc::ptr_eq(&other, &known.of(b"[a".to_vec())));
    }
}
