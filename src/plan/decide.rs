use std::collections::{BTreeMap, BTreeSet};

use super::model::{
    Action, CheckoutSummary, Dependency, InputSummary, Plan, PlannedTag, Reason, ReasonKind, Step,
};
use super::reasons::{Previous, build_reasons};
use super::tags::TagPolicy;
use crate::diagnostic::Diagnostic;
use crate::git::CommitId;
use crate::image::{ContentKey, Digest, ImageReference, Tag};
use crate::project::{CleanState, Image, ImageState, Project};

/// What is known of one selected image besides the checkout.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Tags, in its repository, of the engine's image that has exactly this key and platform; `None` where
    /// the engine has no such image.
    pub existing: Option<BTreeSet<Tag>>,
    /// Its name in a registry, if one has it and it is to be pulled rather than built.
    pub remote: Option<ImageReference>,
    /// Tags that never move and name an image of another key already.
    pub taken: BTreeSet<Tag>,
    /// The image that the branch had before, for the reasons.
    pub previous: Option<Previous>,
}

/// What a plan is made of.
pub(crate) struct Facts<'a> {
    /// The images.
    pub project: &'a Project,
    /// How each stands to HEAD; one an image.
    pub clean: &'a [CleanState],
    /// What is known of each; one an image.
    pub known: &'a [Known],
    /// Indices of the selected images, dependencies first.
    pub selected: &'a [usize],
    /// Selected by an exact list, whose dependencies are taken as they are.
    pub exact: bool,
    /// Tags to give.
    pub tags: &'a TagPolicy,
    /// Indices of images that are built although they exist (`--no-cache`).
    pub rebuilt: &'a [usize],
    /// For the headline.
    pub checkout: CheckoutSummary,
}

/// Decides what happens to each selected image. Dependencies that `--exact` leaves out must exist already, on
/// the engine or in a registry; the caller adds them to `known`.
pub(crate) fn decide(facts: &Facts<'_>) -> Plan {
    let mut builds: BTreeSet<usize> = BTreeSet::new();
    let mut diagnostics = facts.project.diagnostics.clone();
    let mut steps: Vec<Step> = Vec::with_capacity(facts.selected.len());
    for at in facts.selected {
        let step = decide_one(facts, *at, &builds, &mut diagnostics);
        if step.action == Action::Build {
            builds.insert(*at);
        }
        steps.push(step);
    }
    let checkout = CheckoutSummary { dirty: steps.iter().any(|step| step.dirty), ..facts.checkout.clone() };
    Plan { checkout, namespace: facts.project.namespace.clone(), steps, diagnostics }
}

fn decide_one(
    facts: &Facts<'_>,
    at: usize,
    builds: &BTreeSet<usize>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Step {
    let image = &facts.project.images[at];
    let known = &facts.known[at];
    let Some(key) = image.key() else {
        diagnostics.extend(image.obstacle.clone());
        return blocked(facts.project, image);
    };
    if let Some(missing) = missing_dependency(facts, at) {
        let mut step = blocked(facts.project, image);
        step.reasons = vec![missing];
        return step;
    }
    let clean = &facts.clean[at];
    let tags = planned_tags(facts, image, key, clean.dirty, known, diagnostics);
    let (action, reasons) = match &known.existing {
        Some(_) if !facts.rebuilt.contains(&at) => {
            let action = if tags.iter().all(|tag| tag.in_place) { Action::None } else { Action::Tag };
            (action, vec![unchanged(image, clean)])
        }
        None if known.remote.is_some() && !facts.rebuilt.contains(&at) => {
            (Action::Pull, vec![in_registry(known)])
        }
        _ => (Action::Build, build_reasons(facts, at, builds)),
    };
    Step {
        key: Some(key),
        reference: image.reference(),
        pulled_from: known.remote.clone().filter(|_| action == Action::Pull),
        action,
        reasons,
        tags,
        ..describe(facts, image, clean)
    }
}

fn describe(facts: &Facts<'_>, image: &Image, clean: &CleanState) -> Step {
    Step {
        repository: image.name.repository.clone(),
        short_name: image.name.short.clone(),
        dockerfile: image.dockerfile.clone(),
        context: Some(image.context.root.clone()),
        target: image.target.clone(),
        key: None,
        reference: None,
        pulled_from: None,
        revision: image.revision,
        dirty: clean.dirty,
        tag_prefix: image.name.tag_prefix.clone(),
        aside: image.aside,
        unversioned: clean.unversioned.clone(),
        dependencies: dependencies(facts.project, image),
        bases: bases(image),
        locked: locked(image),
        inputs: InputSummary {
            files: image.ready().map_or(0, |ready| ready.files.len()),
            whole_context: image.context.whole,
        },
        action: Action::Blocked,
        reasons: Vec::new(),
        tags: Vec::new(),
    }
}

/// External images in the form that Docker shows, each once.
fn bases(image: &Image) -> Vec<String> {
    image.bases.iter().map(|base| shown_base(base)).collect::<BTreeSet<_>>().into_iter().collect()
}

fn locked(image: &Image) -> BTreeMap<String, Digest> {
    let locked = image.locked.iter();
    locked.filter_map(|locked| Some((shown_base(&locked.expanded), locked.pinned.digest.clone()?))).collect()
}

/// A base in the form that Docker shows.
pub(super) fn shown_base(base: &str) -> String {
    base.parse().map_or_else(|_| base.to_owned(), |base: ImageReference| base.complete())
}

fn dependencies(project: &Project, image: &Image) -> Vec<Dependency> {
    let name = |at: usize| project.images[at].name.full();
    let bound = image.bound.iter().map(|bound| Dependency {
        image: name(bound.image),
        kind: bound.kind,
        line: Some(bound.line),
    });
    let declared = image.declared.iter().map(|at| Dependency {
        image: name(*at),
        kind: crate::graph::DependencyKind::Declared,
        line: None,
    });
    bound.chain(declared).collect()
}

fn blocked(project: &Project, image: &Image) -> Step {
    let texts: Vec<String> = match &image.state {
        ImageState::Blocked(reasons) => reasons.clone(),
        ImageState::Invalid(why) => vec![why.clone()],
        ImageState::Ready(_) => Vec::new(),
    };
    Step {
        repository: image.name.repository.clone(),
        short_name: image.name.short.clone(),
        dockerfile: image.dockerfile.clone(),
        context: None,
        target: image.target.clone(),
        key: None,
        reference: None,
        pulled_from: None,
        revision: image.revision,
        dirty: false,
        tag_prefix: image.name.tag_prefix.clone(),
        aside: image.aside,
        unversioned: Vec::new(),
        dependencies: dependencies(project, image),
        bases: bases(image),
        locked: locked(image),
        inputs: InputSummary::default(),
        action: Action::Blocked,
        reasons: texts
            .into_iter()
            .map(|text| Reason { kind: ReasonKind::Blocked, path: None, text })
            .collect(),
        tags: Vec::new(),
    }
}

/// With `--exact` a dependency is not built, so it has to be there.
fn missing_dependency(facts: &Facts<'_>, at: usize) -> Option<Reason> {
    let known = &facts.known[at];
    let is_built = (known.existing.is_none() && known.remote.is_none()) || facts.rebuilt.contains(&at);
    if !facts.exact || !is_built {
        return None;
    }
    let project = facts.project;
    let is_nowhere = |known: &Known| known.existing.is_none() && known.remote.is_none();
    let missing = project.images[at]
        .dependencies()
        .into_iter()
        .find(|dependency| !facts.selected.contains(dependency) && is_nowhere(&facts.known[*dependency]))?;
    let image = &project.images[missing];
    let reference = image.reference().map_or_else(|| image.name.full(), |reference| reference.to_string());
    Some(Reason {
        kind: ReasonKind::Blocked,
        path: None,
        text: format!("{reference} is not built; build it first, or select with --upto"),
    })
}

fn planned_tags(
    facts: &Facts<'_>,
    image: &Image,
    key: ContentKey,
    dirty: bool,
    known: &Known,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<PlannedTag> {
    let revision: Option<CommitId> = image.revision;
    let wanted = facts.tags.tags(key, &image.name, revision, dirty);
    let mut tags = Vec::with_capacity(wanted.len());
    for tag in wanted {
        if !tag.moves && known.taken.contains(&tag.tag) {
            diagnostics.push(conflict(&image.name.repository.with_tag(tag.tag)));
            continue;
        }
        let in_place = known.existing.as_ref().is_some_and(|existing| existing.contains(&tag.tag));
        tags.push(PlannedTag { tag: tag.tag, moves: tag.moves, in_place });
    }
    tags
}

fn conflict(reference: &ImageReference) -> Diagnostic {
    Diagnostic::warning(format!("{reference} already names an image with different content and is not moved"))
        .hint(
            "tags of commits never move; it was made with other build arguments or other git-ignored inputs",
        )
}

fn in_registry(known: &Known) -> Reason {
    let host = known.remote.as_ref().map(|remote| remote.repository.host()).unwrap_or_default();
    Reason { kind: ReasonKind::Unchanged, path: None, text: format!("{host} has it") }
}

fn unchanged(image: &Image, clean: &CleanState) -> Reason {
    let text = match image.revision {
        Some(revision) if !clean.dirty => format!("unchanged since {}", revision.short()),
        _ => "built before".to_owned(),
    };
    Reason { kind: ReasonKind::Unchanged, path: None, text }
}
