use std::collections::{BTreeMap, BTreeSet, HashMap};

use rayon::prelude::*;

use super::archives;
use super::definition::{Definition, definitions};
use super::drafted::Drafted;
use super::findings::findings;
use super::images::{BoundReference, LockedReference};
use super::meant;
use super::options::Options;
use super::redirect::{Claimed, Redirected, redirected, replaced};
use super::settings::{GivenContext, ImageSettings};
use super::triggers;
use crate::diagnostic::{Diagnostic, Location, closest, did_you_mean};
use crate::discovery::{self, Discovery, Rules};
use crate::dockerfile::{Evaluation, Frontend, ImageUse, UseKind};
use crate::evidence;
use crate::git::Snapshot;
use crate::graph::{DependencyKind, Graph, GraphImage, ImageId, Link};
use crate::image::{ImageReference, Tag};
use crate::limits;
use crate::lockfile::Lockfile;
use crate::naming::{self, Binding, Candidate, ImageName, NameClaim, Naming, NamingRules, Reference};
use crate::path::TreePath;
use crate::printable::few;

/// So many broken Dockerfiles that stand aside are named one by one.
const NAMED_ASIDE: usize = 3;

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
    /// The files that were read for what they say about images, sorted.
    pub(super) evidence: Vec<TreePath>,
}

/// A reference into the namespace that no Dockerfile here builds.
pub(super) struct Unresolved {
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
    let mut found = discovery::discover(
        tree,
        &Rules { include: options.settings.include.clone(), exclude: options.settings.exclude.clone() },
    );
    let mut diagnostics = std::mem::take(&mut found.diagnostics);
    let (accounts, evidence) = evidence::gather(
        tree,
        &dockerfiles(&found),
        &found.evidence,
        &aside(&found),
        &options.settings.evidence,
    );
    diagnostics.extend(accounts.diagnostics);
    take_named(tree, options, accounts.of.keys(), &mut found);
    let evidence = evidence.into_iter().filter(|path| !has(&found, path)).collect();
    let mut definitions =
        definitions(found.dockerfiles, found.broken, accounts.of, options, &mut diagnostics);
    let mut readings: Vec<Evaluation> =
        definitions.par_iter().map(|definition| definition.evaluate(options, &BTreeMap::new())).collect();
    let naming = name(&definitions, &readings, checkout_name, origin_url, options);
    diagnostics.extend(naming.diagnostics.iter().cloned());
    take_back_own(&mut definitions, &naming);
    for at in adjust(&mut definitions, &naming, options, &mut diagnostics) {
        readings[at] = definitions[at].evaluate(options, &BTreeMap::new());
    }
    for at in meant::settle(&mut definitions, &readings, &naming) {
        readings[at] = definitions[at].evaluate(options, &BTreeMap::new());
    }

    let mut images: Vec<Drafted> = definitions
        .into_iter()
        .zip(readings)
        .zip(&naming.names)
        .map(|((definition, reading), name)| Drafted::new(definition, name.clone(), reading))
        .collect();
    let unknown = tree.unreadable_folders();
    triggers::inherit(&mut images, &naming, options);
    let unresolved = bind(&mut images, &naming, options, unknown, &mut diagnostics);
    declare(&mut images, &mut diagnostics);
    put_archives_aside(&mut images, options);
    let graph = graph(&images);
    for at in graph.images_in_cycles() {
        images[at].fault = Some("is part of a loop");
    }
    diagnostics.extend(graph.cycles().iter().map(|cycle| cycle.diagnostic(&graph)));
    let unneeded = unneeded(&images, &graph);
    let is_left =
        |at: usize, image: &Drafted| unneeded.contains(&ImageId(at)) && image.definition.file.is_hopeless();
    for (at, image) in images.iter().enumerate().filter(|(_, image)| !image.definition.is_broken) {
        let Definition { path, file, .. } = &image.definition;
        if !is_left(at, image) {
            diagnostics.extend(findings(path, file, &image.evaluation));
        }
    }
    let left = images.iter().enumerate().filter(|(at, image)| is_left(*at, image));
    diagnostics.extend(broken_aside(left.map(|(_, image)| image.dockerfile())));
    Draft {
        naming,
        images,
        graph,
        left_out: found.left_out,
        unreadable: found.unreadable,
        diagnostics,
        unresolved,
        evidence,
    }
}

/// Adds the Dockerfiles that settings or other files name and whose own names do not say what they are.
fn take_named<'p>(
    tree: &dyn Snapshot,
    options: &'p Options,
    claimed: impl Iterator<Item = &'p TreePath>,
    found: &mut Discovery,
) {
    let by_settings = options.settings.images.values().filter_map(|image| image.dockerfile.as_ref());
    let paths: BTreeSet<TreePath> = claimed.chain(by_settings).cloned().collect();
    let is_known =
        |path: &TreePath| has(found, path) || found.broken.iter().any(|broken| broken.path == *path);
    let unknown: Vec<TreePath> = paths.into_iter().filter(|path| !is_known(path)).collect();
    if unknown.is_empty() {
        return;
    }
    let rules =
        Rules { include: options.settings.include.clone(), exclude: options.settings.exclude.clone() };
    found.dockerfiles.extend(discovery::named(tree, &rules, unknown.into_iter()));
    found.dockerfiles.sort_by(|a, b| a.path.cmp(&b.path));
}

fn has(found: &Discovery, path: &TreePath) -> bool {
    found.dockerfiles.binary_search_by(|dockerfile| dockerfile.path.cmp(path)).is_ok()
}

/// The images that are built only when somebody asks for them.
fn unneeded(images: &[Drafted], graph: &Graph) -> BTreeSet<ImageId> {
    let (aside, others): (Vec<ImageId>, Vec<ImageId>) =
        ImageId::all(images).partition(|at| images[at.0].definition.aside);
    let needed: BTreeSet<ImageId> = graph.with_dependencies(others).into_iter().collect();
    aside.into_iter().filter(|at| !needed.contains(at)).collect()
}

/// Dockerfiles that stand aside may be templates, or examples of mistakes. Whoever asks for one hears more.
fn broken_aside<'d>(paths: impl Iterator<Item = &'d TreePath>) -> Option<Diagnostic> {
    let paths: Vec<&TreePath> = paths.collect();
    let what = match paths.len() {
        0 => return None,
        1 => "a Dockerfile that is built only when named does".to_owned(),
        count => format!("{count} Dockerfiles that are built only when named do"),
    };
    Some(Diagnostic::note(format!("{what} not parse: {}", few(paths, NAMED_ASIDE))))
}

fn aside(found: &Discovery) -> BTreeSet<TreePath> {
    let aside = found.dockerfiles.iter().filter(|dockerfile| dockerfile.aside);
    aside.map(|dockerfile| dockerfile.path.clone()).collect()
}

fn dockerfiles(found: &Discovery) -> Vec<TreePath> {
    let found = found.dockerfiles.iter().map(|dockerfile| dockerfile.path.clone());
    found.collect()
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
            claim: definition.account.name.as_ref().map(|said| NameClaim {
                name: &said.value,
                place: &said.place,
                tags: &definition.account.tags,
                scope: definition.account.scope.as_ref(),
            }),
            references: reading
                .references
                .iter()
                .filter_map(|used| {
                    let reference = used.reference.clone()?;
                    let location = location(&definition.path, used);
                    Some(Reference { reference, location, is_bare: is_bare(used) })
                })
                .collect(),
        })
        .collect();
    naming::assign(
        &candidates,
        &NamingRules {
            namespace: options.namespace.clone(),
            names: &options.settings.names,
            locations: &options.settings.name_locations,
            checkout_name,
            origin_url,
        },
    )
}

/// What the checkout's own files build under the namespace of the others does not stand aside.
fn take_back_own(definitions: &mut [Definition], naming: &Naming) {
    let prefix = format!("{}/", naming.namespace.value);
    let is_own = |name: &ImageName| {
        name.claimed.as_ref().is_some_and(|claimed| claimed.familiar().starts_with(&prefix))
    };
    let mut others = definitions.iter().zip(&naming.names).filter(|(definition, _)| !definition.aside);
    if others.any(|(_, name)| is_own(name)) {
        for (definition, name) in definitions.iter_mut().zip(&naming.names) {
            definition.aside &= !is_own(name);
        }
    }
}

/// What lies in archives stands aside, but for what the settings take back.
fn put_archives_aside(images: &mut [Drafted], options: &Options) {
    let kept = images.iter().map(|image| archives::Kept {
        dockerfile: image.dockerfile(),
        aside: image.definition.aside,
        is_said: image.definition.name.is_some() || !image.definition.account.places.is_empty(),
        dependencies: image.dependencies(),
    });
    let archived = archives::archived(&kept.collect::<Vec<_>>());
    let rules = Rules { include: options.settings.include.clone(), exclude: Vec::new() };
    let paths = archived.iter().map(|at| images[at.0].dockerfile());
    let left: BTreeSet<TreePath> = rules.without_included(paths).cloned().collect();
    for image in images.iter_mut().filter(|image| left.contains(image.dockerfile())) {
        image.definition.aside = true;
    }
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
    let known = ImagesByName::new(definitions, naming);
    for (name, image) in options.settings.images.iter().filter(|(_, image)| image.dockerfile.is_none()) {
        match known.find(name) {
            Some(at) => {
                definitions[at].set(image);
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
struct ImagesByName {
    by_name: HashMap<String, usize>,
    by_path: HashMap<TreePath, usize>,
}

impl ImagesByName {
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

fn unknown_image(name: &str, image: &ImageSettings, known: &[ImageName]) -> Diagnostic {
    let diagnostic = Diagnostic::error(format!("[image.{name}] is not an image of this checkout"));
    image.at_its_place(diagnostic).hint(match closest(name, known.iter().map(ImageName::title)).first() {
        Some(closest) => format!("did you mean {closest}? `shipwright images` lists them all"),
        None => "`shipwright images` lists them all; `dockerfile = \"PATH\"` defines a new one".to_owned(),
    })
}

/// Decides for every reference whether it means an image of this checkout. Gives the warnings about
/// those that would follow such an image, if only there were one.
fn bind(
    images: &mut [Drafted],
    naming: &Naming,
    options: &Options,
    unknown: &[(TreePath, String)],
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Unresolved> {
    let mut unresolved = Vec::new();
    let claimed = Claimed::of(images);
    for (at, image) in images.iter_mut().enumerate() {
        let mut problems = Vec::new();
        let contexts = &image.definition.options.contexts;
        let written =
            |(name, given): (&String, &GivenContext)| Some((name.clone(), claimed.setting(&given.what)?));
        image.contexts = contexts.iter().filter_map(written).collect();
        for used in &image.evaluation.references {
            let place = location(image.dockerfile(), used);
            let Some(reference) = &used.reference else { continue };
            match redirected(contexts, used, &claimed) {
                Some(Redirected::Local(base)) if base.0 != at => {
                    image.bound.push(bound(used, base, true));
                    continue;
                }
                Some(Redirected::Image(base)) => {
                    if let Binding::Local(base) = naming.bind(&base, at, &options.settings.follow) {
                        image.bound.push(bound(used, ImageId(base), true));
                        continue;
                    }
                    image.bases.push(base.to_string());
                    image.locked.push(replaced(used, base));
                    continue;
                }
                Some(Redirected::Unavailable(problem)) => {
                    problems.push(problem);
                    continue;
                }
                Some(Redirected::Local(_)) | None => {}
            }
            if let Some(meant) = image.definition.meant.get(&used.span.start) {
                image.bound.push(bound(used, ImageId(meant.image), true));
                continue;
            }
            let binding = naming.bind(reference, at, &options.settings.follow);
            let bare = || naming.bind_bare(reference, at).filter(|_| follows_bare(image, used));
            let (binding, is_inferred) = match binding {
                Binding::External => {
                    bare().map_or((Binding::External, false), |at| (Binding::Local(at), true))
                }
                binding => (binding, false),
            };
            if used.onbuild && !matches!(binding, Binding::Local(_) | Binding::Ambiguous(_)) {
                // What builds FROM this image take is no base of it, and a plain name is likely a stage of theirs.
                if !could_be_stage(&used.written) {
                    image.later.push(reference.clone());
                    let locked = locked(used, reference, &options.settings.lock);
                    image.bases.extend(locked.as_ref().map(|locked| locked.expanded.clone()));
                    image.locked.extend(locked);
                }
                continue;
            }
            match binding {
                Binding::Local(dependency) => {
                    let is_inferred =
                        is_inferred || naming.is_by_claim(reference, dependency, &options.settings.follow);
                    image.bound.push(bound(used, ImageId(dependency), is_inferred));
                }
                Binding::Pinned(_) | Binding::External => {
                    image.bases.push(used.expanded.clone());
                    image.locked.extend(locked(used, reference, &options.settings.lock));
                }
                Binding::Ambiguous(candidates) => {
                    diagnostics.push(naming.ambiguous(reference, &candidates, place));
                    image.fault = Some("has an ambiguous reference");
                }
                // Perhaps something builds it that nobody can see.
                Binding::Unbuilt { .. } if !unknown.is_empty() => {
                    diagnostics.push(unknown_origin(&used.expanded, &unknown[0].0, place));
                    image.fault = Some("may be built from what cannot be read");
                }
                Binding::Unbuilt { closest } => {
                    image.bases.push(used.expanded.clone());
                    image.locked.extend(locked(used, reference, &options.settings.lock));
                    let warning = naming.unbuilt(reference, &closest, place);
                    let is_followed =
                        |tag: &Tag| options.settings.follow.iter().any(|followed| followed == tag.as_str());
                    if reference.is_latest() || reference.tag.as_ref().is_some_and(is_followed) {
                        unresolved
                            .push(Unresolved { warning: warning.clone(), is_close: !closest.is_empty() });
                    }
                    diagnostics.push(warning);
                }
            }
        }
        image.evaluation.problems.extend(problems);
        image.bases.sort();
        image.bases.dedup();
    }
    unresolved
}

fn bound(used: &ImageUse, image: ImageId, is_inferred: bool) -> BoundReference {
    BoundReference {
        image,
        kind: dependency_kind(used.kind),
        expanded: used.expanded.clone(),
        span: used.span.clone(),
        line: used.line,
        is_inferred,
    }
}

fn unknown_origin(reference: &str, folder: &TreePath, place: Location) -> Diagnostic {
    let message = format!("{reference} may be built from a Dockerfile in {folder}, which cannot be listed");
    let hint = "make the folder readable, or let `.gitignore` name it if nothing is built from it";
    Diagnostic::error(message).at(place).hint(hint)
}

/// Whether a reference without a namespace may mean an image of this checkout. In a trigger it is likely a stage of who
/// carries it out, and what other frontends make of a name is not known.
fn follows_bare(image: &Drafted, used: &ImageUse) -> bool {
    is_bare(used)
        && !used.onbuild
        && !image.definition.options.ignores_bare
        && image.evaluation.frontend == Frontend::Dockerfile
}

/// Whether a reference is written without a namespace. `docker.io/library/base` never means an image of this checkout.
fn is_bare(used: &ImageUse) -> bool {
    !used.expanded.contains(['/', '@'])
}

/// Whether a stage may have this name.
fn could_be_stage(written: &str) -> bool {
    !written.contains(['/', ':', '@'])
}

fn locked(used: &ImageUse, reference: &ImageReference, lock: &Lockfile) -> Option<LockedReference> {
    let pinned = lock.pinned(reference)?;
    Some(LockedReference { expanded: used.expanded.clone(), pinned, span: used.span.clone() })
}

/// Adds what `depends_on` of the settings says.
fn declare(images: &mut [Drafted], diagnostics: &mut Vec<Diagnostic>) {
    if images.iter().all(|image| image.definition.options.depends_on.is_empty()) {
        return;
    }
    let mut by_name: HashMap<String, usize> = HashMap::new();
    for (at, image) in images.iter().enumerate() {
        for name in [image.name.title(), image.name.full()] {
            by_name.entry(name).or_insert(at);
        }
    }
    for at in 0..images.len() {
        for name in images[at].definition.options.depends_on.clone() {
            match by_name.get(&name) {
                Some(dependency) => images[at].declared.push(ImageId(*dependency)),
                None => {
                    // Nobody reads the hints of thousands.
                    let known = if diagnostics.len() < limits::FINDINGS { &images[..] } else { &[] };
                    diagnostics.push(unknown_dependency(&images[at], known, &name));
                    images[at].fault = Some("has an unknown depends_on");
                }
            }
        }
    }
}

fn unknown_dependency(image: &Drafted, known: &[Drafted], name: &str) -> Diagnostic {
    let diagnostic = Diagnostic::error(format!(
        "[image.{}] depends_on `{name}`, which is not an image of this checkout",
        image.name.title()
    ));
    image.definition.options.at_its_place(diagnostic).hint(did_you_mean(
        name,
        known.iter().map(|image| image.name.title()),
        "`shipwright images` lists them",
    ))
}

fn graph(images: &[Drafted]) -> Graph {
    let bound = ImageId::all(images).zip(images).flat_map(|(dependent, image)| {
        image.bound.iter().map(move |bound| Link {
            dependent,
            dependency: bound.image,
            kind: bound.kind,
            location: Some(Location::span(image.dockerfile().clone(), bound.line, bound.span.clone())),
        })
    });
    let declared = ImageId::all(images).zip(images).flat_map(|(dependent, image)| {
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
