use std::collections::BTreeMap;

use super::contexts::{self, BuildContext};
use super::definition::Definition;
use super::files::{self, ImageFiles};
use super::images::{ContextFile, Image, ImageState, ReadyImage};
use super::load::LoadError;
use super::options::Options;
use super::remarks;
use crate::checkout::{InputKind, Snapshot, Tracking};
use crate::diagnostic::Diagnostic;
use crate::graph::Graph;
use crate::image::{ContentKey, ImageReference};
use crate::inputs::{Base, InputFile, InputFiles, Material};
use crate::path::TreePath;

/// Gives every image its context, its inputs and its key, dependencies first.
pub(super) fn assign(
    tree: &dyn Snapshot,
    images: &mut [Image],
    graph: &Graph,
    definitions: &[Definition],
    options: &Options,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<(), LoadError> {
    let mut contexts = contexts::read_all(tree, images, definitions)?;
    let mut files = files::read_all(tree, &mut contexts)?;
    diagnostics.extend(remarks::git_folders(&contexts));
    diagnostics.extend(remarks::lfs_pointers(tree, &files));
    for at in graph.order().to_vec() {
        let Some(context) = contexts[at].take() else { continue };
        let nowhere = adopt(&mut images[at], context, diagnostics);
        block(images, at, &nowhere);
        if matches!(&images[at].state, ImageState::Blocked(reasons) if reasons.is_empty()) {
            let ready = ready(images, at, &definitions[at], options, std::mem::take(&mut files[at]));
            images[at].state = ImageState::Ready(Box::new(ready));
        }
    }
    Ok(())
}

/// Tells an image its context. Gives the sources that are not there.
fn adopt(image: &mut Image, context: BuildContext, diagnostics: &mut Vec<Diagnostic>) -> Vec<String> {
    image.context = context.root;
    image.ignore_file = context.ignore_file;
    image.whole_context = context.whole_context;
    image.pathspecs = context.pathspecs;
    image.obstacle = context.obstacle;
    if let Some(reason) = context.invalid {
        image.state = ImageState::Invalid(reason);
    }
    diagnostics.extend(context.diagnostics);
    let absent = context.is_absent.then(|| format!("its build context {} is not there", image.context));
    absent.into_iter().chain(context.nowhere.iter().map(|nowhere| nowhere.reason(image))).collect()
}

/// An image is blocked by its own problems and by dependencies that cannot be built.
fn block(images: &mut [Image], at: usize, nowhere: &[String]) {
    let mut reasons = match &images[at].state {
        ImageState::Invalid(_) | ImageState::Ready(_) => return,
        ImageState::Blocked(reasons) => [reasons.as_slice(), nowhere].concat(),
    };
    for problem in &images[at].evaluation.problems {
        let mut reason = problem.message.clone();
        reason.extend(problem.hint.iter().flat_map(|hint| [": ", hint.as_str()]));
        reasons.push(reason);
    }
    for dependency in images[at].dependencies() {
        match &images[dependency].state {
            ImageState::Invalid(why) => reasons.push(format!("{} {why}", images[dependency].name.full())),
            ImageState::Blocked(_) => reasons.push(format!("{} is blocked", images[dependency].name.full())),
            ImageState::Ready(_) => {}
        }
    }
    reasons.sort();
    reasons.dedup();
    images[at].state = ImageState::Blocked(reasons);
}

fn ready(
    images: &[Image],
    at: usize,
    definition: &Definition,
    options: &Options,
    ImageFiles { inputs, files, emptied }: ImageFiles,
) -> ReadyImage {
    let image = &images[at];
    let material = Material {
        instructions: image.evaluation.logical_lines.iter().map(|line| line.text.clone()).collect(),
        target: image.target.clone(),
        platform: definition.platform(options).clone(),
        build_args: hashed_args(image, definition, options),
        dependencies: dependencies(images, at, |ready| ready.key),
        bases: bases(image),
        files: inputs,
        metadata: options.metadata.clone(),
        refresh: options.refresh,
    };
    let key = material.key();
    let versioned_key = versioned_key(images, at, &material, (&files, &emptied), key);
    ReadyImage { material, key, versioned_key, files }
}

/// External images, each once however its name is written.
fn bases(image: &Image) -> Vec<Base> {
    let mut bases: Vec<Base> = Vec::new();
    for written in &image.bases {
        let base = Base { reference: explicit(written), digest: image.locked_digest(written).cloned() };
        if !bases.contains(&base) {
            bases.push(base);
        }
    }
    bases
}

/// A reference with the tag that it means.
fn explicit(written: &str) -> String {
    written.parse().map_or_else(|_| written.to_owned(), |reference: ImageReference| reference.explicit())
}

/// Values of the arguments that the needed stages declare; the others change nothing.
fn hashed_args(image: &Image, definition: &Definition, options: &Options) -> BTreeMap<String, String> {
    let mut args = definition.options.args.clone();
    args.extend(options.build_args.clone());
    args.retain(|name, _| {
        image.evaluation.declared_args.contains(name)
            && !image.evaluation.unread_args.contains(name)
            && !options.unhashed_build_args.contains_key(name)
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
    let bound = image.bound.iter().filter_map(|bound| Some((explicit(&bound.expanded), key(bound.image)?)));
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
    (files, emptied): (&[ContextFile], &[TreePath]),
    key: ContentKey,
) -> ContentKey {
    let versioned = dependencies(images, at, |ready| ready.versioned_key);
    let has_ignored = files.iter().any(|file| file.tracking == Tracking::Ignored);
    if !has_ignored && versioned == material.dependencies {
        return key;
    }
    let mut without = material.clone();
    without.dependencies = versioned;
    let versioned = |(input, file): &(&InputFile, &ContextFile)| {
        file.tracking != Tracking::Ignored && input.kind != InputKind::Folder
    };
    let inputs = material.files.iter().zip(files).filter(versioned).map(|(input, _)| input.clone());
    let mut inputs: Vec<InputFile> = inputs.chain(emptied.iter().cloned().map(InputFile::folder)).collect();
    inputs.sort_by(|a, b| a.path.cmp(&b.path));
    without.files = InputFiles::new(inputs);
    without.key()
}
