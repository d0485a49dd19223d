use std::collections::BTreeMap;

use rayon::prelude::*;

use super::definition::{Definition, definitions};
use super::findings::findings;
use super::images::{BoundReference, LockedReference, dependencies};
use super::options::{ImageOptions, Options};
use crate::checkout::Snapshot;
use crate::diagnostic::{Diagnostic, Location, closest};
use crate::discovery::{self, Rules};
use crate::dockerfile::{Evaluation, ImageUse, Trigger, UseKind};
use crate::graph::{DependencyKind, Graph, GraphImage, Link};
use crate::image::{ImageReference, Tag};
use crate::lockfile::Lockfile;
use crate::naming::{self, Binding, Candidate, ImageName, Naming, NamingRules, Reference};
use crate::path::TreePath;

/// The images of a tree as far as Dockerfiles and settings tell them: without contexts and keys.
pub(super) struct Draft {
    pub(super) naming: Naming,
    pub(super) images: Vec<Drafted>,
    pub(super) graph: Graph,
    pub(super) left_out: Vec<TreePath>,
    pub(super) unreadable: Vec<TreePath>,
    /// What was noticed; `unresolved` is part of it.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// References into the namespace, without a tag of their own, that no Dockerfile here builds.
    pub(super) unresolved: Vec<Unresolved>,
}

/// An image that has a name and knows what it is built from.
pub(super) struct Drafted {
    pub(super) definition: Definition,
    pub(super) name: ImageName,
    /// What the Dockerfile means with the build arguments of this run.
    pub(super) evaluation: Evaluation,
    /// References that are bound to images of this checkout.
    pub(super) bound: Vec<BoundReference>,
    /// Images that the settings say it needs.
    pub(super) declared: Vec<usize>,
    /// External images, as written after expansion.
    pub(super) bases: Vec<String>,
    /// Those of the references to them that the lock file pins.
    pub(super) locked: Vec<LockedReference>,
    /// What is wrong with it, if anything is, as a predicate for its dependents; a diagnostic says more.
    pub(super) fault: Option<&'static str>,
}

/// A reference into the namespace that no Dockerfile here builds.
pub(super) struct Unresolved {
    /// The warning.
    pub(super) warning: Diagnostic,
    /// Whether it reads like something that is built here.
    pub(super) is_close: bool,
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

    let mut images: Vec<Drafted> = definitions
        .into_iter()
        .zip(readings)
        .zip(&naming.names)
        .map(|((definition, reading), name)| Drafted::new(definition, name.clone(), reading))
        .collect();
    let unresolved = bind(&mut images, &naming, options, &mut diagnostics);
    declare(&mut images, &mut diagnostics);
    let graph = graph(&images);
    for at in graph.images_in_cycles() {
        images[at].fault = Some("is part of a loop");
    }
    diagnostics.extend(graph.cycles().iter().map(|cycle| cycle.diagnostic(&graph)));
    inherit_triggers(&mut images, &graph, options);
    for image in &images {
        let Definition { path, file, .. } = &image.definition;
        diagnostics.extend(findings(path, file, &image.evaluation));
    }
    Draft {
        naming,
        images,
        graph,
        left_out: found.left_out,
        unreadable: found.unreadable,
        diagnostics,
        unresolved,
    }
}

impl Drafted {
    pub(super) fn new(definition: Definition, name: ImageName, evaluation: Evaluation) -> Self {
        Self {
            fault: (!definition.file.is_valid()).then_some("does not parse"),
            definition,
            name,
            evaluation,
            bound: Vec::new(),
            declared: Vec::new(),
            bases: Vec::new(),
            locked: Vec::new(),
        }
    }

    pub(super) fn dockerfile(&self) -> &TreePath {
        &self.definition.path
    }

    /// Indices of the images it depends on, each once.
    pub(super) fn dependencies(&self) -> Vec<usize> {
        dependencies(&self.bound, &self.declared)
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
    for (name, image) in options.images.iter().filter(|(_, image)| image.dockerfile.is_none()) {
        match find(definitions, naming, name) {
            Some(at) => {
                definitions[at].options = image.clone();
                changed.push(at);
            }
            None => diagnostics.push(unknown_image(name, image, naming)),
        }
    }
    if let Some((name, stage)) = &options.target {
        // An unknown image is an error of the selection, which names the closest ones.
        if let Some(at) = find(definitions, naming, name) {
            definitions[at].options.target = Some(stage.clone());
            definitions[at].target_from_flag = true;
            changed.push(at);
        }
    }
    changed
}

/// By short name, full name or Dockerfile path.
fn find(definitions: &[Definition], naming: &Naming, text: &str) -> Option<usize> {
    let path = TreePath::clamped(text);
    (0..definitions.len()).find(|at| {
        let name = &naming.names[*at];
        name.title() == text || name.full() == text || definitions[*at].path == path
    })
}

fn unknown_image(name: &str, image: &ImageOptions, naming: &Naming) -> Diagnostic {
    let names = closest(name, naming.names.iter().map(ImageName::title));
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

/// Decides for every reference whether it means an image of this checkout. Gives the warnings about
/// those that would follow such an image, if only there were one.
fn bind(
    images: &mut [Drafted],
    naming: &Naming,
    options: &Options,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Unresolved> {
    let mut unresolved = Vec::new();
    for (at, image) in images.iter_mut().enumerate() {
        for used in &image.evaluation.references {
            let place = location(image.dockerfile(), used);
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
                    image.fault = Some("has an ambiguous reference");
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
fn declare(images: &mut [Drafted], diagnostics: &mut Vec<Diagnostic>) {
    for at in 0..images.len() {
        for name in images[at].definition.options.depends_on.clone() {
            let dependency =
                images.iter().position(|image| image.name.title() == name || image.name.full() == name);
            match dependency {
                Some(dependency) => images[at].declared.push(dependency),
                None => {
                    diagnostics.push(unknown_dependency(images, at, &name));
                    images[at].fault = Some("has an unknown depends_on");
                }
            }
        }
    }
}

fn unknown_dependency(images: &[Drafted], at: usize, name: &str) -> Diagnostic {
    let names = closest(name, images.iter().map(|image| image.name.title()));
    let diagnostic = Diagnostic::error(format!(
        "[image.{}] depends_on `{name}`, which is no image of this checkout",
        images[at].name.title()
    ));
    images[at].definition.options.at_its_place(diagnostic).hint(match names.first() {
        Some(closest) => format!("did you mean {closest}?"),
        None => "`shipwright images` lists them".to_owned(),
    })
}

fn graph(images: &[Drafted]) -> Graph {
    let bound = images.iter().enumerate().flat_map(|(dependent, image)| {
        image.bound.iter().map(move |bound| Link {
            dependent,
            dependency: bound.image,
            kind: bound.kind,
            location: Some(Location::span(image.dockerfile().clone(), bound.line, bound.span.clone())),
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
    let nodes = images
        .iter()
        .map(|image| GraphImage::new(&image.name, image.dockerfile().clone(), image.definition.aside));
    Graph::new(nodes.collect(), bound.chain(declared))
}

/// Reads again the images whose bases, built here, carry ONBUILD triggers: those run in the dependent.
fn inherit_triggers(images: &mut [Drafted], graph: &Graph, options: &Options) {
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
            images[at].evaluation = images[at].definition.evaluate(options, &inherited);
        }
    }
}
