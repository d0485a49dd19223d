use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::io;

use rayon::prelude::*;

use super::definition::{Definition, definitions};
use super::images::{BoundReference, Image, ImageState, LockedReference};
use super::keys;
use super::options::{ImageOptions, Options};
use crate::checkout::{CheckoutError, CommitId, Snapshot};
use crate::diagnostic::{Diagnostic, Location, closest};
use crate::discovery::{self, Rules};
use crate::dockerfile::{Evaluation, ImageUse, Problem, Trigger, UseKind};
use crate::graph::{DependencyKind, Graph, GraphImage, Link};
use crate::image::{ImageReference, Tag};
use crate::limits;
use crate::lockfile::Lockfile;
use crate::naming::{self, Binding, Candidate, ImageName, Namespace, Naming, NamingRules, Reference};
use crate::path::TreePath;

/// The images of a tree.
#[derive(Debug)]
pub struct Project {
    /// In front of every name.
    pub namespace: Namespace,
    /// All images; the graph's nodes are their indices.
    pub images: Vec<Image>,
    /// Which is built from which.
    pub graph: Graph,
    /// Images that cannot be published under their names, each with the settings line that settles it.
    pub provisional: Vec<(usize, String)>,
    /// Dockerfiles that were left out, which a note counts.
    pub left_out: Vec<TreePath>,
    /// Dockerfiles that could not be read, so that their images are missing.
    pub unreadable: Vec<TreePath>,
    /// What was noticed.
    pub diagnostics: Vec<Diagnostic>,
}

impl Project {
    /// Notes the revision of each image.
    pub fn assign_revisions(&mut self, revisions: Vec<Option<CommitId>>) {
        for (image, revision) in self.images.iter_mut().zip(revisions) {
            image.revision = revision;
        }
    }
}

/// A file of the tree could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the files of the checkout: {0}")]
pub struct LoadError(#[from] io::Error);

impl LoadError {
    /// What git has to say about it, if it is about git.
    pub fn cause(&self) -> Option<&CheckoutError> {
        self.0.get_ref()?.downcast_ref()
    }
}

/// The images of a tree as far as Dockerfiles and settings tell them: without contexts and keys.
pub(super) struct Draft {
    pub(super) naming: Naming,
    pub(super) definitions: Vec<Definition>,
    pub(super) images: Vec<Image>,
    pub(super) graph: Graph,
    pub(super) left_out: Vec<TreePath>,
    pub(super) unreadable: Vec<TreePath>,
    /// What was noticed; `unresolved` is part of it.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// References into the namespace, without a tag of their own, that no Dockerfile here builds.
    pub(super) unresolved: Vec<Unresolved>,
}

/// A reference into the namespace that no Dockerfile here builds.
pub(super) struct Unresolved {
    /// The warning.
    pub(super) warning: Diagnostic,
    /// Whether it reads like something that is built here.
    pub(super) is_close: bool,
}

/// Reads all images of `tree`. `checkout_name` and `origin_url` are facts for naming.
pub fn load(
    tree: &dyn Snapshot,
    checkout_name: &str,
    origin_url: Option<&str>,
    options: &Options,
) -> Result<Project, LoadError> {
    let Draft { naming, definitions, mut images, graph, left_out, unreadable, mut diagnostics, .. } =
        draft(tree, checkout_name, origin_url, options);
    keys::assign(tree, &mut images, &graph, &definitions, options, &mut diagnostics)?;
    diagnostics.sort_by_key(|diagnostic| Reverse(diagnostic.severity));
    let provisional = naming.provisional();
    Ok(Project { namespace: naming.namespace, provisional, images, graph, left_out, unreadable, diagnostics })
}

/// Finds, names and binds all images of `tree`. Reads nothing but Dockerfiles.
pub(super) fn draft(
    tree: &dyn Snapshot,
    checkout_name: &str,
    origin_url: Option<&str>,
    options: &Options,
) -> Draft {
    let found = discovery::discover(
        tree,
        &Rules { include: options.include.clone(), exclude: options.exclude.clone() },
    );
    let mut diagnostics = found.diagnostics;
    let mut definitions = definitions(found.dockerfiles, options, &mut diagnostics);
    let mut readings: Vec<Evaluation> =
        definitions.par_iter().map(|definition| definition.evaluate(options, &BTreeMap::new())).collect();
    let naming = name(&definitions, &readings, checkout_name, origin_url, options);
    diagnostics.extend(naming.diagnostics.iter().cloned());
    for at in adjust(&mut definitions, &naming, options, &mut diagnostics) {
        readings[at] = definitions[at].evaluate(options, &BTreeMap::new());
    }

    let mut images: Vec<Image> = definitions
        .iter()
        .zip(readings)
        .enumerate()
        .map(|(at, (definition, reading))| image(definition, reading, naming.names[at].clone()))
        .collect();
    let unresolved = bind(&mut images, &naming, options, &mut diagnostics);
    declare(&mut images, &definitions, &mut diagnostics);
    let graph = graph(&images);
    for at in graph.images_in_cycles() {
        images[at].state = ImageState::Invalid("is part of a loop".into());
    }
    diagnostics.extend(graph.cycles().iter().map(|cycle| cycle.diagnostic(&graph)));
    inherit_triggers(&mut images, &graph, &definitions, options);
    for image in &images {
        diagnostics.extend(findings(image));
    }
    Draft {
        naming,
        definitions,
        images,
        graph,
        left_out: found.left_out,
        unreadable: found.unreadable,
        diagnostics,
        unresolved,
    }
}

fn name(
    definitions: &[Definition],
    readings: &[Evaluation],
    checkout_name: &str,
    origin_url: Option<&str>,
    options: &Options,
) -> Naming {
    let candidates: Vec<Candidate<'_>> = definitions
        .iter()
        .zip(readings)
        .map(|(definition, reading)| Candidate {
            path: &definition.path,
            tracked: definition.tracked,
            aside: definition.aside,
            explicit_name: definition.name.clone(),
            references: reading
                .references
                .iter()
                .filter_map(|used| {
                    let reference = used.reference.clone()?;
                    Some(Reference { reference, location: location(&definition.path, used) })
                })
                .collect(),
        })
        .collect();
    naming::assign(
        &candidates,
        &NamingRules {
            namespace: options.namespace.clone(),
            names: &options.names,
            locations: &options.name_locations,
            checkout_name,
            origin_url,
        },
    )
}

fn dependency_kind(kind: UseKind) -> DependencyKind {
    match kind {
        UseKind::From => DependencyKind::From,
        UseKind::Copy => DependencyKind::Copy,
        UseKind::Mount => DependencyKind::Mount,
    }
}

fn location(dockerfile: &TreePath, used: &ImageUse) -> Location {
    Location::span(dockerfile.clone(), used.line, used.span.clone())
}

/// Applies what the settings and `--target` say about an image by its name, which is known only now.
/// Gives the definitions that have to be read again.
fn adjust(
    definitions: &mut [Definition],
    naming: &Naming,
    options: &Options,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<usize> {
    let mut changed = Vec::new();
    let known = Known::new(definitions, naming);
    for (name, image) in options.images.iter().filter(|(_, image)| image.dockerfile.is_none()) {
        match known.find(name) {
            Some(at) => {
                definitions[at].options = image.clone();
                changed.push(at);
            }
            // Nobody reads the hints of thousands.
            None if diagnostics.len() >= limits::FINDINGS => {
                diagnostics.push(unknown_image(name, image, &[]));
            }
            None => diagnostics.push(unknown_image(name, image, &naming.names)),
        }
    }
    if let Some((name, stage)) = &options.target {
        // An unknown image is an error of the selection, which names the closest ones.
        if let Some(at) = known.find(name) {
            definitions[at].options.target = Some(stage.clone());
            definitions[at].target_from_flag = true;
            changed.push(at);
        }
    }
    changed
}

/// Images by short name, full name or Dockerfile path; the first of several counts.
struct Known {
    by_name: HashMap<String, usize>,
    by_path: HashMap<TreePath, usize>,
}

impl Known {
    fn new(definitions: &[Definition], naming: &Naming) -> Self {
        let mut known = Self { by_name: HashMap::new(), by_path: HashMap::new() };
        for (at, definition) in definitions.iter().enumerate() {
            let name = &naming.names[at];
            for name in [name.title(), name.full()] {
                known.by_name.entry(name).or_insert(at);
            }
            known.by_path.entry(definition.path.clone()).or_insert(at);
        }
        known
    }

    fn find(&self, text: &str) -> Option<usize> {
        let by_path = self.by_path.get(&TreePath::clamped(text));
        self.by_name.get(text).into_iter().chain(by_path).min().copied()
    }
}

fn unknown_image(name: &str, image: &ImageOptions, known: &[ImageName]) -> Diagnostic {
    let names = closest(name, known.iter().map(ImageName::title));
    let diagnostic = Diagnostic::error(format!("[image.{name}] is no image of this checkout"));
    let diagnostic = image.at_its_place(diagnostic);
    match names.first() {
        Some(closest) => {
            diagnostic.hint(format!("did you mean {closest}? `shipwright images` lists them all"))
        }
        None => {
            diagnostic.hint("`shipwright images` lists them all; `dockerfile = \"PATH\"` defines a new one")
        }
    }
}

fn image(definition: &Definition, evaluation: Evaluation, name: ImageName) -> Image {
    let state = if definition.file.is_valid() {
        ImageState::Blocked(Vec::new())
    } else {
        ImageState::Invalid("does not parse".into())
    };
    Image {
        dockerfile: definition.path.clone(),
        name,
        aside: definition.aside,
        tracked: definition.tracked,
        target: definition.options.target.clone(),
        target_from_flag: definition.target_from_flag,
        file: definition.file.clone(),
        evaluation,
        bound: Vec::new(),
        declared: Vec::new(),
        bases: Vec::new(),
        locked: Vec::new(),
        context: TreePath::root(),
        ignore_file: None,
        whole_context: false,
        pathspecs: Vec::new(),
        revision: None,
        obstacle: None,
        state,
    }
}

/// Decides for every reference whether it means an image of this checkout. Gives the warnings about
/// those that would follow such an image, if only there were one.
fn bind(
    images: &mut [Image],
    naming: &Naming,
    options: &Options,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Unresolved> {
    let mut unresolved = Vec::new();
    for (at, image) in images.iter_mut().enumerate() {
        for used in &image.evaluation.references {
            let place = location(&image.dockerfile, used);
            let Some(reference) = &used.reference else { continue };
            match naming.bind(reference, at, &options.follow) {
                Binding::Local(dependency) => image.bound.push(BoundReference {
                    image: dependency,
                    kind: dependency_kind(used.kind),
                    expanded: used.expanded.clone(),
                    span: used.span.clone(),
                    line: used.line,
                }),
                Binding::Pinned(_) | Binding::External => {
                    image.bases.push(used.expanded.clone());
                    image.locked.extend(locked(used, reference, &options.lock));
                }
                Binding::Ambiguous(candidates) => {
                    diagnostics.push(naming.ambiguous(reference, &candidates, place));
                    image.state = ImageState::Invalid("has an ambiguous reference".into());
                }
                Binding::Unbuilt { closest } => {
                    image.bases.push(used.expanded.clone());
                    image.locked.extend(locked(used, reference, &options.lock));
                    let warning = naming.unbuilt(reference, &closest, place);
                    let is_followed =
                        |tag: &Tag| options.follow.iter().any(|followed| followed == tag.as_str());
                    if reference.is_latest() || reference.tag.as_ref().is_some_and(is_followed) {
                        unresolved
                            .push(Unresolved { warning: warning.clone(), is_close: !closest.is_empty() });
                    }
                    diagnostics.push(warning);
                }
            }
        }
        image.bases.sort();
        image.bases.dedup();
    }
    unresolved
}

fn locked(used: &ImageUse, reference: &ImageReference, lock: &Lockfile) -> Option<LockedReference> {
    let pinned = lock.pinned(reference)?;
    Some(LockedReference { expanded: used.expanded.clone(), pinned, span: used.span.clone() })
}

/// Adds what `depends_on` of the settings says.
fn declare(images: &mut [Image], definitions: &[Definition], diagnostics: &mut Vec<Diagnostic>) {
    if definitions.iter().all(|definition| definition.options.depends_on.is_empty()) {
        return;
    }
    let mut by_name: HashMap<String, usize> = HashMap::new();
    for (at, image) in images.iter().enumerate() {
        for name in [image.name.title(), image.name.full()] {
            by_name.entry(name).or_insert(at);
        }
    }
    for at in 0..images.len() {
        for name in &definitions[at].options.depends_on {
            match by_name.get(name) {
                Some(dependency) => images[at].declared.push(*dependency),
                None => {
                    // Nobody reads the hints of thousands.
                    let known = if diagnostics.len() < limits::FINDINGS { &images[..] } else { &[] };
                    let names = closest(name, known.iter().map(|image| image.name.title()));
                    let diagnostic = Diagnostic::error(format!(
                        "[image.{}] depends_on `{name}`, which is no image of this checkout",
                        images[at].name.title()
                    ));
                    let diagnostic =
                        definitions[at].options.at_its_place(diagnostic).hint(match names.first() {
                            Some(closest) => format!("did you mean {closest}?"),
                            None => "`shipwright images` lists them".to_owned(),
                        });
                    diagnostics.push(diagnostic);
                    images[at].state = ImageState::Invalid("has an unknown depends_on".into());
                }
            }
        }
    }
}

fn graph(images: &[Image]) -> Graph {
    let bound = images.iter().enumerate().flat_map(|(dependent, image)| {
        image.bound.iter().map(move |bound| Link {
            dependent,
            dependency: bound.image,
            kind: bound.kind,
            location: Some(Location::span(image.dockerfile.clone(), bound.line, bound.span.clone())),
        })
    });
    let declared = images.iter().enumerate().flat_map(|(dependent, image)| {
        image.declared.iter().map(move |dependency| Link {
            dependent,
            dependency: *dependency,
            kind: DependencyKind::Declared,
            location: None,
        })
    });
    let nodes =
        images.iter().map(|image| GraphImage::new(&image.name, image.dockerfile.clone(), image.aside));
    Graph::new(nodes.collect(), bound.chain(declared))
}

/// Reads again the images whose bases, built here, carry ONBUILD triggers: those run in the dependent.
fn inherit_triggers(images: &mut [Image], graph: &Graph, definitions: &[Definition], options: &Options) {
    for at in graph.order().to_vec() {
        let inherited: BTreeMap<usize, Vec<Trigger>> = images[at]
            .evaluation
            .references
            .iter()
            .filter(|used| used.kind == UseKind::From)
            .filter_map(|used| {
                let bound = images[at].bound.iter().find(|bound| bound.span == used.span)?;
                let triggers = &images[bound.image].evaluation.triggers;
                (!triggers.is_empty()).then(|| (used.stage, triggers.clone()))
            })
            .collect();
        if !inherited.is_empty() {
            images[at].evaluation = definitions[at].evaluate(options, &inherited);
        }
    }
}

/// What the Dockerfile itself has to say: errors of its syntax, and problems that block the image.
fn findings(image: &Image) -> Vec<Diagnostic> {
    let syntax = image.file.errors.iter().map(|error| {
        let place = Location::span(image.dockerfile.clone(), error.line, error.span.clone());
        with_hint(Diagnostic::error(error.message.clone()).at(place), error.hint.as_deref())
    });
    let problems = image.evaluation.problems.iter().map(|problem: &Problem| {
        let place = Location::span(image.dockerfile.clone(), problem.line, problem.span.clone());
        with_hint(Diagnostic::warning(problem.message.clone()).at(place), problem.hint.as_deref())
    });
    let unused = image.evaluation.unused_stages.iter().map(|at| unused_stage(image, *at));
    if image.file.is_valid() { problems.chain(unused).collect() } else { syntax.collect() }
}

fn unused_stage(image: &Image, at: usize) -> Diagnostic {
    let stage = &image.evaluation.stages[at];
    let number = format!("stage {}/{}", at + 1, image.evaluation.stages.len());
    let name = stage.name.as_deref().unwrap_or_default();
    Diagnostic::note(format!("nothing uses {}", format!("{number} {name}").trim_end()))
        .at(Location { path: image.dockerfile.clone(), span: None, line: Some(stage.line) })
        .hint("it is built only with --target")
}

fn with_hint(diagnostic: Diagnostic, hint: Option<&str>) -> Diagnostic {
    match hint {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    }
}
