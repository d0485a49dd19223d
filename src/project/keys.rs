use std::collections::{BTreeMap, BTreeSet};

use super::contexts::{self, Located, MissingSource};
use super::drafted::Drafted;
use super::error::LoadError;
use super::files::{self, ImageFiles};
use super::images::{ContextFile, Image, ImageState, ReadyImage, locked_digest};
use super::options::Options;
use super::remarks;
use super::settings::Metadata;
use crate::context::fetch_submodule;
use crate::diagnostic::Diagnostic;
use crate::dockerfile::Problem;
use crate::git::{InputKind, Snapshot, Tracking};
use crate::graph::{Graph, ImageId};
use crate::image::{ContentKey, ImageReference};
use crate::inputs::{ExternalBase, InputFile, InputFiles, Material};
use crate::path::TreePath;
use crate::printable::{few, printable};

/// So many absent sources are named one by one.
const NAMED_SOURCES: usize = 2;

/// Finds the context and the inputs of every drafted image, and gives it its key, dependencies first.
pub(super) fn assign(
    tree: &dyn Snapshot,
    drafted: Vec<Drafted>,
    graph: &Graph,
    options: &Options,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Vec<Image>, LoadError> {
    let mut located = contexts::locate_all(tree, &drafted)?;
    let mut files = files::read_all(tree, &mut located)?;
    diagnostics.extend(remarks::git_folders(&located));
    diagnostics.extend(remarks::lfs_pointers(tree, &files));
    let mut drafted: Vec<Option<Drafted>> = drafted.into_iter().map(Some).collect();
    let mut images: Vec<Option<Image>> = drafted.iter().map(|_| None).collect();
    for at in graph.order() {
        let Some(draft) = drafted[*at].take() else { continue };
        let mut located = located[*at].take();
        if let Some(located) = &mut located {
            diagnostics.append(&mut located.diagnostics);
            for named in located.named.values_mut() {
                diagnostics.append(&mut named.diagnostics);
            }
        }
        let finished = Finished { images: &images };
        let state = finished.state(tree, &draft, located.as_ref(), options, std::mem::take(&mut files[*at]));
        images[*at] = Some(image(draft, located, state));
    }
    // The order of the graph holds every image once.
    Ok(images.into_iter().flatten().collect())
}

fn image(draft: Drafted, located: Option<Located>, state: ImageState) -> Image {
    let Drafted { definition, name, evaluation, contexts, bound, declared, bases, later, locked, .. } = draft;
    let obstacle = located.as_ref().and_then(|located| located.all().find_map(|it| it.obstacle.clone()));
    let (context, named) = located.map(Located::describe).unwrap_or_default();
    Image {
        evidence: definition.evidence_with(&name),
        dockerfile: definition.path,
        name,
        aside: definition.aside,
        tracked: definition.tracked,
        target: definition.options.target,
        cache: definition.options.cache,
        target_from_flag: definition.target_from_flag,
        file: definition.file,
        evaluation,
        bound,
        declared,
        bases,
        later,
        locked,
        obstacle,
        context,
        named,
        contexts,
        revision: None,
        state,
    }
}

/// The images that have their keys already.
struct Finished<'a> {
    images: &'a [Option<Image>],
}

impl Finished<'_> {
    /// Whether an image can be built. It is blocked by its own problems and by dependencies that cannot be built.
    fn state(
        &self,
        tree: &dyn Snapshot,
        draft: &Drafted,
        located: Option<&Located>,
        options: &Options,
        files: ImageFiles,
    ) -> ImageState {
        let located = match (draft.fault, located) {
            (Some(fault), _) => return ImageState::Invalid(fault.to_owned()),
            (None, None) => return ImageState::Invalid("has no context".to_owned()),
            (None, Some(located)) => located,
        };
        if let Some(fault) = located.all().find_map(|located| located.fault.as_ref()) {
            return ImageState::Invalid(fault.clone());
        }
        let reasons = self.reasons(tree, draft, located);
        if reasons.is_empty() {
            ImageState::Ready(Box::new(self.ready(draft, options, files)))
        } else {
            ImageState::Blocked(reasons)
        }
    }

    /// Why an image is blocked; nothing if it is not.
    fn reasons(&self, tree: &dyn Snapshot, draft: &Drafted, located: &Located) -> Vec<String> {
        let absent = located.is_absent.then(|| format!("its build context {} is not there", located.root));
        let absent_named = located.named.iter().filter(|(_, named)| named.is_absent);
        let absent_named = absent_named.map(|(name, named)| absent_folder(draft, tree, name, &named.root));
        let missing: Vec<&MissingSource> =
            located.all().flat_map(|located| &located.missing_sources).collect();
        let missing = missing_reasons(draft, &missing);
        let problems = draft.evaluation.problems.iter().map(Problem::phrase);
        let dependencies = draft.dependencies().into_iter().filter_map(|at| {
            let dependency = self.images[at].as_ref()?;
            match &dependency.state {
                ImageState::Invalid(why) => Some(format!("{} {why}", dependency.name.full())),
                ImageState::Blocked(_) => Some(format!("{} is blocked", dependency.name.full())),
                ImageState::Ready(_) => None,
            }
        });
        let mut reasons: Vec<String> = absent
            .into_iter()
            .chain(absent_named)
            .chain(missing)
            .chain(problems)
            .chain(dependencies)
            .collect();
        reasons.sort();
        reasons.dedup();
        reasons
    }

    fn ready(&self, draft: &Drafted, options: &Options, files: ImageFiles) -> ReadyImage {
        let lines = draft.evaluation.logical_lines.iter();
        let material = Material {
            instructions: lines.map(|line| line.text.clone()).collect(),
            target: draft.definition.options.target.clone(),
            platform: draft.definition.platform(options).clone(),
            build_args: hashed_args(draft, options),
            dependencies: self.keys(draft, |ready| ready.key),
            bases: bases(draft),
            files: files.inputs.clone(),
            contexts: files.named.iter().map(|(name, files)| (name.clone(), files.inputs.clone())).collect(),
            metadata: options.settings.metadata.as_ref().map(Metadata::to_text),
            refresh: options.refresh,
        };
        let key = material.key();
        let versioned = self.keys(draft, |ready| ready.versioned_key);
        let versioned_key = versioned_key(versioned, &material, &files, key);
        let named = files.named.into_iter().map(|(name, named)| (name, named.files)).collect();
        ReadyImage { material, key, versioned_key, files: files.files, named }
    }

    fn keys(&self, draft: &Drafted, key: impl Fn(&ReadyImage) -> ContentKey) -> Vec<(String, ContentKey)> {
        let key = |id: ImageId| self.images[id].as_ref()?.ready().map(&key);
        let bound =
            draft.bound.iter().filter_map(|bound| Some((explicit(&bound.expanded), key(bound.image)?)));
        let declared = draft.declared.iter().filter_map(|at| Some((String::new(), key(*at)?)));
        let mut keys: Vec<_> = bound.chain(declared).collect();
        keys.sort();
        keys.dedup();
        keys
    }
}

/// What is said of the folder of a build context with a name that is not there.
fn absent_folder(draft: &Drafted, tree: &dyn Snapshot, name: &str, root: &TreePath) -> String {
    let given = draft.definition.options.contexts.get(name);
    let place = given.map(|given| format!(" ({}:{})", given.path, given.line)).unwrap_or_default();
    let hint = tree.absent_submodule(root).map(|submodule| format!(": {}", fetch_submodule(&submodule)));
    let name = printable(name);
    format!("needs the folder {root} for the build context {name}{place}{}", hint.unwrap_or_default())
}

/// What is said of sources that are not there: those of which nothing better is known in one phrase.
fn missing_reasons(draft: &Drafted, missing: &[&MissingSource]) -> Vec<String> {
    let (plain, known): (Vec<&MissingSource>, Vec<_>) = missing.iter().partition(|missing| missing.is_plain);
    let mut reasons: Vec<String> = known.iter().map(|missing| missing.reason(draft)).collect();
    match &plain[..] {
        [] => {}
        [only] => reasons.push(only.reason(draft)),
        [_, ..] => {
            let written: BTreeSet<&String> = plain.iter().map(|missing| &missing.source.written).collect();
            reasons.push(format!(
                "needs {}, which the build context does not have",
                few(written, NAMED_SOURCES)
            ));
        }
    }
    reasons
}

/// External images, each once however its name is written.
fn bases(draft: &Drafted) -> Vec<ExternalBase> {
    let mut bases: Vec<ExternalBase> = Vec::new();
    for written in &draft.bases {
        let digest = locked_digest(&draft.locked, written).cloned();
        let base = ExternalBase { reference: explicit(written), digest };
        if !bases.contains(&base) {
            bases.push(base);
        }
    }
    bases
}

/// A reference with the tag that it means.
pub(super) fn explicit(written: &str) -> String {
    written.parse().map_or_else(|_| written.to_owned(), |reference: ImageReference| reference.explicit())
}

/// Values of the arguments that the needed stages declare; the others change nothing.
fn hashed_args(draft: &Drafted, options: &Options) -> BTreeMap<String, String> {
    let mut args = draft.definition.options.args.clone();
    args.extend(options.build_args.clone());
    args.retain(|name, _| {
        draft.evaluation.declared_args.contains(name)
            && !draft.evaluation.unread_args.contains(name)
            && !options.unhashed_build_args.contains_key(name)
    });
    args
}

/// The key without what git ignores: `dependencies` are those of what it is built from.
fn versioned_key(
    dependencies: Vec<(String, ContentKey)>,
    material: &Material,
    files: &ImageFiles,
    key: ContentKey,
) -> ContentKey {
    let is_ignored = |file: &ContextFile| file.tracking == Tracking::Ignored;
    let has_ignored = files.all().any(|files| files.files.iter().any(is_ignored));
    if !has_ignored && dependencies == material.dependencies {
        return key;
    }
    let mut without = material.clone();
    without.dependencies = dependencies;
    without.files = versioned(files);
    without.contexts = files.named.iter().map(|(name, files)| (name.clone(), versioned(files))).collect();
    without.key()
}

/// The inputs that git could have.
fn versioned(files: &ImageFiles) -> InputFiles {
    let is_versioned = |(input, file): &(&InputFile, &ContextFile)| {
        file.tracking != Tracking::Ignored && input.kind != InputKind::Folder
    };
    let found =
        files.inputs.iter().zip(files.files.iter()).filter(is_versioned).map(|(input, _)| input.clone());
    let mut inputs: Vec<InputFile> =
        found.chain(files.emptied.iter().cloned().map(InputFile::folder)).collect();
    inputs.sort_by(|a, b| a.path.cmp(&b.path));
    InputFiles::new(inputs)
}
