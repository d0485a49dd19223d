use std::collections::{BTreeMap, HashMap};

use super::definition::Definition;
use super::images::{ContextFile, Image, ImageState, ReadyImage};
use super::load::LoadError;
use super::options::Options;
use crate::checkout::{Identity, Node, NodeKind, PathPattern, Snapshot, Tracking};
use crate::context::{self, ContextRoot, IgnoreRules, Selection, SourceSpec};
use crate::diagnostic::{Diagnostic, Location};
use crate::dockerfile::SourcePattern;
use crate::graph::Graph;
use crate::image::ContentKey;
use crate::inputs::{Base, InputFile, Material};
use crate::path::TreePath;

/// Gives every image its context, its inputs and its key, dependencies first. All input files of all
/// images are identified in one go, so a file that many images read is looked at once.
pub(super) fn assign(
    tree: &dyn Snapshot,
    images: &mut [Image],
    graph: &Graph,
    definitions: &[Definition],
    options: &Options,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<(), LoadError> {
    let order = graph.order().to_vec();
    let mut selections: Vec<Option<Selection>> = Vec::new();
    selections.resize_with(images.len(), || None);
    for at in &order {
        block(images, *at);
        if matches!(images[*at].state, ImageState::Invalid(_)) {
            continue;
        }
        selections[*at] = select(tree, &mut images[*at], &definitions[*at], diagnostics)?;
    }
    let identities = identify(tree, &selections)?;
    for at in order {
        let Some(selection) = &selections[at] else { continue };
        if images[at].dependencies().iter().any(|dependency| images[*dependency].key().is_none()) {
            block(images, at);
            continue;
        }
        if matches!(&images[at].state, ImageState::Blocked(reasons) if reasons.is_empty()) {
            let ready = ready(images, at, &definitions[at], options, &selection.nodes, &identities);
            images[at].state = ImageState::Ready(Box::new(ready));
        }
    }
    Ok(())
}

/// An image is blocked by its own problems and by dependencies that cannot be built.
fn block(images: &mut [Image], at: usize) {
    let mut reasons: Vec<String> = match &images[at].state {
        ImageState::Invalid(_) | ImageState::Ready(_) => return,
        ImageState::Blocked(reasons) => reasons.clone(),
    };
    for problem in &images[at].evaluation.problems {
        let mut reason = problem.message.clone();
        reason.extend(problem.hint.iter().flat_map(|hint| [": ", hint.as_str()]));
        reasons.push(reason);
    }
    for dependency in images[at].dependencies() {
        match &images[dependency].state {
            ImageState::Invalid(why) => reasons.push(format!("{} {why}", images[dependency].name.full())),
            ImageState::Blocked(why) if !why.is_empty() => {
                reasons.push(format!("{} is blocked", images[dependency].name.full()));
            }
            ImageState::Blocked(_) | ImageState::Ready(_) => {}
        }
    }
    reasons.sort();
    reasons.dedup();
    images[at].state = ImageState::Blocked(reasons);
}

/// Finds the context's root and the files that the build can see of it.
fn select(
    tree: &dyn Snapshot,
    image: &mut Image,
    definition: &Definition,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Option<Selection>, LoadError> {
    let root = match &definition.options.context {
        Some(root) => ContextRoot { root: root.clone(), missing: Vec::new(), diagnostics: Vec::new() },
        None => context::infer_root(tree, &image.dockerfile, &image.evaluation.sources),
    };
    image.context = root.root;
    diagnostics.extend(root.diagnostics);
    image.ignore_file = context::ignore_file(tree, &image.dockerfile, &image.context);
    let Some(rules) = ignore_rules(tree, image, diagnostics)? else { return Ok(None) };
    let sources = &image.evaluation.sources;
    let whole = image.evaluation.whole_context || definition.options.whole_context;
    let selection = context::select(tree, &image.context, Some(&rules), sources, whole)?;
    image.whole_context = selection.whole_context;
    diagnostics.extend(selection.diagnostics.iter().cloned());
    // A pattern may match nothing. A folder may hold only what is ignored, but an empty one is not sent, as
    // git has none.
    let is_nowhere = |at: &&usize| match &sources[**at].pattern {
        SourcePattern::Path(path) if sources[**at].plain => {
            let path = image.context.join_clamped(path);
            tree.kind(&path) != Some(NodeKind::Folder)
                || tree.list(&path, &mut |_| false).is_ok_and(|files| files.is_empty())
        }
        _ => false,
    };
    let mut nowhere: Vec<String> = selection
        .unmatched
        .iter()
        .filter(is_nowhere)
        .map(|at| {
            let source = &sources[*at];
            format!(
                "{}:{}: `{}` is not in the build context {}",
                image.dockerfile, source.line, source.written, image.context
            )
        })
        .collect();
    if let ImageState::Blocked(reasons) = &mut image.state {
        reasons.append(&mut nowhere);
    }
    image.obstacle = obstacle(tree, image, &selection);
    if image.obstacle.is_some() {
        image.state = ImageState::Invalid("has an input that cannot be read".into());
        return Ok(None);
    }
    let root = (&image.context, definition.options.context.is_none());
    let specs = context::revision_pathspecs(tree, root, &image.dockerfile, sources, &selection);
    image.pathspecs = specs.iter().flat_map(path_patterns).collect();
    Ok(Some(selection))
}

/// The first input that a commit names but whose content is not in git's objects here.
fn obstacle(tree: &dyn Snapshot, image: &Image, selection: &Selection) -> Option<Diagnostic> {
    let mut found = selection.nodes.iter().filter_map(|node| Some((&node.path, tree.obstacle(&node.path)?)));
    let (path, obstacle) = found.next()?;
    let more = match found.count() {
        0 => String::new(),
        more => format!(" (and {more} more like it)"),
    };
    let message = format!("the input {path} cannot be read: {}{more}", obstacle.reason);
    Some(Diagnostic::error(message).at(Location::file(image.dockerfile.clone())).hint(obstacle.hint))
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

/// The rules of the ignore file, empty where there is none; `None` if they are wrong, which makes the image so.
fn ignore_rules(
    tree: &dyn Snapshot,
    image: &mut Image,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Option<IgnoreRules>, LoadError> {
    let Some(path) = &image.ignore_file else { return Ok(Some(IgnoreRules::default())) };
    match IgnoreRules::parse(&tree.read(path)?) {
        Ok(rules) => Ok(Some(rules)),
        Err(error) => {
            diagnostics.push(error.into_diagnostic(path.clone()));
            image.state = ImageState::Invalid(format!("has a faulty {path}"));
            Ok(None)
        }
    }
}

fn identify(
    tree: &dyn Snapshot,
    selections: &[Option<Selection>],
) -> Result<HashMap<TreePath, Identity>, LoadError> {
    let mut paths: Vec<TreePath> = selections
        .iter()
        .flatten()
        .flat_map(|selection| &selection.nodes)
        .map(|node| node.path.clone())
        .collect();
    paths.sort_unstable();
    paths.dedup();
    let identities = tree.identify(&paths)?;
    Ok(paths.into_iter().zip(identities).collect())
}

fn ready(
    images: &[Image],
    at: usize,
    definition: &Definition,
    options: &Options,
    nodes: &[Node],
    identities: &HashMap<TreePath, Identity>,
) -> ReadyImage {
    let image = &images[at];
    let files: Vec<ContextFile> = nodes
        .iter()
        .filter_map(|node| {
            let identity = identities.get(&node.path)?;
            Some(ContextFile {
                path: node.path.clone(),
                input: InputFile {
                    path: node.path.relative_to(&image.context)?,
                    kind: identity.kind,
                    blob: identity.blob,
                },
                size: identity.size,
                modified_ns: identity.modified_ns,
                tracking: node.tracking,
            })
        })
        .collect();
    let material = Material {
        instructions: image.evaluation.logical_lines.clone(),
        target: image.target.clone(),
        platform: definition.platform(options).clone(),
        build_args: hashed_args(image, definition, options),
        dependencies: dependencies(images, at, |ready| ready.key),
        bases: image.bases.iter().map(|base| Base { reference: base.clone(), digest: None }).collect(),
        files: files.iter().map(|file| file.input.clone()).collect(),
        metadata: options.metadata.clone(),
        refresh: options.refresh,
    };
    let key = material.key();
    let versioned_key = versioned_key(images, at, &material, &files, key);
    ReadyImage { material, key, versioned_key, files }
}

/// Values of the arguments that the needed stages declare; the others change nothing.
fn hashed_args(image: &Image, definition: &Definition, options: &Options) -> BTreeMap<String, String> {
    let mut args = definition.options.args.clone();
    args.extend(options.build_args.clone());
    args.retain(|name, _| {
        image.evaluation.declared_args.contains(name) && !options.unhashed_build_args.contains_key(name)
    });
    args
}

fn dependencies(
    images: &[Image],
    at: usize,
    key: impl Fn(&ReadyImage) -> ContentKey,
) -> Vec<(String, ContentKey)> {
    let image = &images[at];
    let key = |dependency: usize| images[dependency].ready().map(&key);
    let bound = image.bound.iter().filter_map(|bound| Some((bound.expanded.clone(), key(bound.image)?)));
    let declared = image.declared.iter().filter_map(|dependency| Some((String::new(), key(*dependency)?)));
    let mut dependencies: Vec<_> = bound.chain(declared).collect();
    dependencies.sort();
    dependencies.dedup();
    dependencies
}

fn versioned_key(
    images: &[Image],
    at: usize,
    material: &Material,
    files: &[ContextFile],
    key: ContentKey,
) -> ContentKey {
    let versioned = dependencies(images, at, |ready| ready.versioned_key);
    let has_ignored = files.iter().any(|file| file.tracking == Tracking::Ignored);
    if !has_ignored && versioned == material.dependencies {
        return key;
    }
    let mut without = material.clone();
    without.dependencies = versioned;
    without.files = files
        .iter()
        .filter(|file| file.tracking != Tracking::Ignored)
        .map(|file| file.input.clone())
        .collect();
    without.key()
}
