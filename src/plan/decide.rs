use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::facts::{Facts, ImageFacts, shown_base};
use super::model::{
    Action, CheckoutSummary, Dependency, InputSummary, NamedInputs, Plan, Reason, ReasonKind, Step, StepId,
};
use super::reasons::{Builds, build_reasons, cause};
use super::tags::{PlannedTag, conflict};
use crate::diagnostic::Diagnostic;
use crate::dockerfile::ProblemKind;
use crate::graph::{DependencyKind, ImageId};
use crate::image::Digest;
use crate::path::TreePath;
use crate::project::{CleanState, Image, ImageState, Project};

/// Decides what happens to each selected image. Dependencies that `--exact` leaves out must exist already, on
/// the engine or in a registry; the caller adds them to `known`.
pub(crate) fn decide(facts: &Facts<'_>) -> Plan {
    let step_of = facts.selected.iter().zip(StepId::all(facts.selected)).map(|(at, step)| (*at, step));
    let step_of: HashMap<ImageId, StepId> = step_of.collect();
    let mut builds = Builds::new();
    let mut diagnostics = facts.project.diagnostics.clone();
    let mut steps: Vec<Step> = Vec::with_capacity(facts.selected.len());
    for at in facts.selected {
        let step = describe(facts, *at, &step_of);
        let step = decide_one(facts, step, &builds, &mut diagnostics);
        if step.action == Action::Build {
            let cause = cause(facts, *at, &step.reasons, &builds);
            builds.insert(*at, cause);
        }
        steps.push(step);
    }
    let checkout = CheckoutSummary { dirty: steps.iter().any(|step| step.dirty), ..facts.checkout.clone() };
    Plan { checkout, namespace: facts.project.namespace.clone(), steps, diagnostics }
}

/// What becomes of a step that is described as a blocked one.
fn decide_one(facts: &Facts<'_>, step: Step, builds: &Builds, diagnostics: &mut Vec<Diagnostic>) -> Step {
    let at = step.image;
    let (image, known, clean) = (&facts.project.images[at], &facts.known[at], &facts.clean[at]);
    let Some(ready) = image.ready() else {
        diagnostics.extend(image.obstacle.clone());
        return step;
    };
    if let Some(missing) = missing_dependency(facts, at) {
        return Step { reasons: vec![missing], ..step };
    }
    let tags = planned_tags(facts, at, diagnostics);
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
        context: Some(image.context.root.clone()),
        platform: Some(ready.material.platform.clone()),
        key: Some(ready.key),
        reference: image.reference(),
        pulled_from: known.remote.clone().filter(|_| action == Action::Pull),
        dirty: clean.dirty,
        unversioned: clean.unversioned.clone(),
        inputs: InputSummary {
            files: ready.all_files().count(),
            bytes: ready.all_files().map(|(_, file)| file.size).sum(),
            whole_context: image.context.whole,
        },
        action,
        reasons,
        tags,
        ..step
    }
}

fn named_inputs(image: &Image) -> Vec<NamedInputs> {
    let files =
        |name: &String| image.ready().and_then(|ready| ready.named.get(name)).map_or(0, |files| files.len());
    let named = image.named.iter().map(|(name, context)| NamedInputs {
        name: name.clone(),
        folder: context.root.clone(),
        files: files(name),
        whole: context.whole,
    });
    named.collect()
}

/// The step of an image that cannot be built, and what is so of any image.
fn describe(facts: &Facts<'_>, id: ImageId, step_of: &HashMap<ImageId, StepId>) -> Step {
    let image = &facts.project.images[id];
    let texts = match &image.state {
        ImageState::Blocked(reasons) => &reasons[..],
        ImageState::Invalid(why) => std::slice::from_ref(why),
        ImageState::Ready(_) => &[],
    };
    let blocked = |text: &String| Reason { kind: ReasonKind::Blocked, path: None, text: text.clone() };
    Step {
        image: id,
        repository: image.name.repository.clone(),
        short_name: image.name.short.clone(),
        dockerfile: image.dockerfile.clone(),
        context: known_context(image),
        target: image.target.clone(),
        platform: None,
        key: None,
        reference: None,
        pulled_from: None,
        revision: image.revision,
        dirty: false,
        tag_prefix: image.name.tag_prefix.clone(),
        aside: image.aside,
        published: !image.aside || facts.tags.named,
        unversioned: Vec::new(),
        dependencies: dependencies(facts.project, image, step_of),
        bases: bases(image),
        locked: locked(image),
        contexts: named_inputs(image),
        evidence: image.evidence.clone(),
        inputs: InputSummary::default(),
        action: Action::Blocked,
        reasons: texts.iter().map(blocked).collect(),
        tags: Vec::new(),
    }
}

/// Where a blocked image would be built. Its sources tell that, whatever else it waits for; without any, a base that has
/// no value yet may bring triggers that have some.
fn known_context(image: &Image) -> Option<TreePath> {
    let waits_for_base = image
        .evaluation
        .problems
        .iter()
        .any(|problem| matches!(problem.kind, ProblemKind::BlankReference { .. }));
    let is_known = matches!(image.state, ImageState::Blocked(_))
        && !(image.evaluation.sources.is_empty() && waits_for_base);
    is_known.then(|| image.context.root.clone())
}

/// External images in the form that Docker shows, each once.
fn bases(image: &Image) -> Vec<String> {
    image.bases.iter().map(|base| shown_base(base)).collect::<BTreeSet<_>>().into_iter().collect()
}

fn locked(image: &Image) -> BTreeMap<String, Digest> {
    let locked = image.locked.iter();
    locked.filter_map(|locked| Some((shown_base(&locked.expanded), locked.pinned.digest.clone()?))).collect()
}

fn dependencies(project: &Project, image: &Image, step_of: &HashMap<ImageId, StepId>) -> Vec<Dependency> {
    let dependency = |at: ImageId, kind, line, is_inferred| Dependency {
        image: project.images[at].name.full(),
        step: step_of.get(&at).copied(),
        kind,
        line,
        is_inferred,
    };
    let bound = image
        .bound
        .iter()
        .map(|bound| dependency(bound.image, bound.kind, Some(bound.line), bound.is_inferred));
    let declared = image.declared.iter().map(|at| dependency(*at, DependencyKind::Declared, None, false));
    bound.chain(declared).collect()
}

/// With `--exact` a dependency is not built, so it has to be there.
fn missing_dependency(facts: &Facts<'_>, id: ImageId) -> Option<Reason> {
    let known = &facts.known[id];
    let is_built = (known.existing.is_none() && known.remote.is_none()) || facts.rebuilt.contains(&id);
    if !facts.exact || !is_built {
        return None;
    }
    let project = facts.project;
    let is_missing = |known: &ImageFacts| known.existing.is_none() && known.remote.is_none();
    let missing = project.images[id]
        .dependencies()
        .into_iter()
        .find(|dependency| !facts.selected.contains(dependency) && is_missing(&facts.known[*dependency]))?;
    let image = &project.images[missing];
    let reference = image.reference().map_or_else(|| image.name.full(), |reference| reference.to_string());
    Some(Reason {
        kind: ReasonKind::Blocked,
        path: None,
        text: format!("{reference} is not built; build it first, or select with --upto"),
    })
}

fn planned_tags(facts: &Facts<'_>, id: ImageId, diagnostics: &mut Vec<Diagnostic>) -> Vec<PlannedTag> {
    let (image, known) = (&facts.project.images[id], &facts.known[id]);
    let mut tags = facts.tags.tags(image, facts.clean[id].dirty);
    tags.retain(|planned| {
        let is_taken = !planned.moves() && known.conflicts.contains(&planned.tag);
        diagnostics.extend(is_taken.then(|| conflict(&image.name.repository.with_tag(planned.tag.clone()))));
        !is_taken
    });
    for planned in &mut tags {
        planned.in_place = known.existing.as_ref().is_some_and(|existing| existing.contains(&planned.tag));
    }
    tags
}

fn in_registry(known: &ImageFacts) -> Reason {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Tag;
    use crate::plan::TagPolicy;
    use crate::plan::testing::{plan, project};

    /// `api` is built from `base`, and copies from it too; `odd` cannot be built.
    fn images() -> Project {
        project(
            &[
                ("api/Dockerfile", "FROM acme/base\nCOPY --from=acme/base / /\n"),
                ("base/Dockerfile", "FROM busybox\n"),
                ("odd/Dockerfile", "FROM busybox\nCOPY gone /\n"),
            ],
            &[],
        )
    }

    fn image(project: &Project, name: &str) -> ImageId {
        let named = |id: &ImageId| project.images[*id].name.short == name;
        ImageId::all(&project.images).find(named).expect("such an image")
    }

    fn with_tags(tags: &[&str]) -> ImageFacts {
        let tags = tags.iter().map(|tag| Tag::new(tag).expect("a tag"));
        ImageFacts { existing: Some(tags.collect()), ..ImageFacts::default() }
    }

    #[test]
    fn a_step_knows_its_image_its_platform_and_the_steps_it_needs() {
        let project = images();
        let plan = plan(&project, &TagPolicy::default(), &[]);
        let [base, api, odd] = &plan.steps[..] else { panic!("three steps, dependencies first") };
        for step in [base, api, odd] {
            assert_eq!(step.name(), project.images[step.image].name.full());
        }
        assert_eq!(api.needs().collect::<Vec<_>>(), [StepId(0), StepId(0)], "once an instruction");
        assert_eq!(base.needs().count(), 0);
        assert_eq!(base.platform.as_ref().map(ToString::to_string).as_deref(), Some("linux/amd64"));
        assert_eq!((odd.action, &odd.platform, odd.tags.len()), (Action::Blocked, &None, 0));
    }

    #[test]
    fn what_the_selection_leaves_out_has_no_step() {
        let project = images();
        let api = image(&project, "api");
        let facts = Facts {
            project: &project,
            clean: &vec![CleanState::default(); 3],
            known: &vec![ImageFacts::default(); 3],
            selected: &[api],
            exact: true,
            tags: &TagPolicy::default(),
            asked: true,
            rebuilt: &[],
            checkout: CheckoutSummary { name: String::new(), head: None, branch: None, dirty: false },
        };
        let plan = decide(&facts);
        assert_eq!((plan.steps[0].image, plan.steps[0].needs().count()), (api, 0));
        assert!(plan.steps[0].reasons[0].text.contains("is not built"), "{:?}", plan.steps[0].reasons);
    }

    #[test]
    fn what_is_there_lacks_its_tags_or_nothing() {
        let project = images();
        let base = image(&project, "base");
        let key = project.images[base].key().expect("a key").tag();
        let action = |tags: &[&str]| {
            let plan = plan(&project, &TagPolicy::default(), &[(base, with_tags(tags))]);
            (plan.steps[0].action, plan.steps[0].tags.iter().filter(|tag| !tag.in_place).count())
        };
        assert_eq!(action(&[key.as_str(), "latest"]), (Action::None, 0));
        assert_eq!(action(&[key.as_str()]), (Action::Tag, 1));
    }

    #[test]
    fn a_tag_of_a_commit_that_is_taken_stays_where_it_is() {
        let project = images();
        let tag = Tag::new("v1").expect("a tag");
        let tags = TagPolicy { git_tags: vec![tag.clone()], ..TagPolicy::default() };
        let taken = ImageFacts { conflicts: [tag.clone()].into(), ..ImageFacts::default() };
        let plan = plan(&project, &tags, &[(image(&project, "base"), taken)]);
        let has = |step: &Step| step.tags.iter().any(|planned| planned.tag == tag);
        assert_eq!(plan.steps.iter().map(has).collect::<Vec<_>>(), [false, true, false]);
        assert!(plan.diagnostics.iter().any(|found| found.message.starts_with("acme/base:v1 already names")));
    }
}
