use std::collections::{BTreeSet, HashMap};

use super::decide::decide;
use super::facts::PreviousImage;
use super::facts::{Facts, ImageFacts};
use super::model::{Action, Plan, Reason, ReasonKind, Step, StepId};
use super::reasons::unexplained;
use crate::diagnostic::Diagnostic;
use crate::graph::ImageId;
use crate::path::TreePath;
use crate::project::{Image, Project};

/// The images whose key differs between two states of a checkout.
#[derive(Clone, Debug)]
pub struct Affected {
    /// They as the steps of a plan, in build order. An image that cannot be built and could before, or is new, is
    /// among them as a blocked one.
    pub plan: Plan,
    /// For each step the number of its layer: affected images of a layer need none of the same or of a later
    /// one, so the layers can be built one after the other, the images of each side by side.
    pub layers: Vec<usize>,
    /// Images that are not there any more.
    pub removed: Vec<RemovedImage>,
    pub compared: usize,
    /// What was found out by the comparison.
    pub findings: Vec<Diagnostic>,
}

/// An image that is not there any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovedImage {
    /// NAMESPACE/NAME, with `:PREFIX` where several images share the repository.
    pub name: String,
    pub dockerfile: TreePath,
}

impl Affected {
    pub fn by_layer(&self) -> Vec<Vec<StepId>> {
        let mut layers: Vec<Vec<StepId>> = Vec::new();
        for ((at, step), layer) in self.plan.numbered().zip(&self.layers) {
            if step.action == Action::Blocked {
                continue;
            }
            if layers.len() <= *layer {
                layers.resize(*layer + 1, Vec::new());
            }
            layers[*layer].push(at);
        }
        layers.retain(|layer| !layer.is_empty());
        layers
    }
}

/// Compares the selected images with those of `before`; without it all of them are affected. What `facts` know of
/// an engine, `--exact` and `--no-cache` have no say.
pub(crate) fn affected(facts: &Facts<'_>, before: Option<&Project>) -> Affected {
    let project = facts.project;
    let old = before.map(|before| before.images.as_slice()).unwrap_or_default();
    let earlier = matches(&project.images, old);
    let known: Vec<ImageFacts> =
        project.images.iter().zip(&earlier).map(|(now, before)| compare(now, *before)).collect();
    let facts = Facts {
        project,
        clean: facts.clean,
        known: &known,
        selected: facts.selected,
        exact: false,
        tags: facts.tags,
        rebuilt: &[],
        asked: facts.asked,
        checkout: facts.checkout.clone(),
    };
    let all = decide(&facts);
    let is_affected = |step: &&Step| match step.action {
        Action::Blocked => earlier[step.image].is_none_or(|before| before.ready().is_some()),
        action => action == Action::Build,
    };
    let selected: Vec<ImageId> = all.steps.iter().filter(is_affected).map(|step| step.image).collect();
    // What is not affected is rebuilt by nobody, so that leaving it out changes nothing for the others.
    let mut plan =
        Plan { diagnostics: all.diagnostics, ..decide(&Facts { selected: &selected, ..facts.clone() }) };
    for step in plan.steps.iter_mut().filter(|step| step.action == Action::Build) {
        let at = step.image;
        say_why(&mut step.reasons, &unexplained(&facts, at), &project.images[at], earlier[at]);
    }
    Affected {
        layers: layers(&plan),
        removed: removed(old, &earlier),
        compared: facts.selected.len(),
        findings: Vec::new(),
        plan,
    }
}

/// For each image of `now` the one that it was: of the same Dockerfile and name, else of the same name (its
/// Dockerfile moved), else of the same Dockerfile if both have one image left that nothing else matches (its name
/// changed).
fn matches<'b>(now: &[Image], before: &'b [Image]) -> Vec<Option<&'b Image>> {
    let mut found = vec![None; now.len()];
    let mut taken = vec![false; before.len()];
    for (by_dockerfile, by_name) in [(true, true), (false, true), (true, false)] {
        let identity = |image: &Image| {
            (by_dockerfile.then(|| image.dockerfile.clone()), by_name.then(|| image.name.title()))
        };
        let mut left: HashMap<_, Vec<ImageId>> = HashMap::new();
        for at in ImageId::all(before).filter(|at| !taken[*at]) {
            left.entry(identity(&before[at])).or_default().push(at);
        }
        let mut wanted: HashMap<_, Vec<ImageId>> = HashMap::new();
        for at in ImageId::all(now).filter(|at| found[*at].is_none()) {
            wanted.entry(identity(&now[at])).or_default().push(at);
        }
        for (identity, images) in wanted {
            if let ([image], Some([earlier])) = (&images[..], left.get(&identity).map(Vec::as_slice)) {
                found[*image] = Some(&before[*earlier]);
                taken[*earlier] = true;
            }
        }
    }
    found
}

/// What is known of an image if the earlier one is what exists.
fn compare(now: &Image, before: Option<&Image>) -> ImageFacts {
    let Some(ready) = before.and_then(Image::ready) else { return ImageFacts::default() };
    let is_same = now.key() == Some(ready.key) && before.is_some_and(|before| full(before) == full(now));
    if is_same {
        return ImageFacts { existing: Some(BTreeSet::new()), ..ImageFacts::default() };
    }
    let material = &ready.material;
    let previous = PreviousImage {
        fingerprint: material.fingerprint(),
        files: Some(material.files.to_vec()),
        contexts: material.context_files(),
        said: before.map(Image::said).unwrap_or_default(),
    };
    ImageFacts { previous: Some(previous), ..ImageFacts::default() }
}

fn full(image: &Image) -> String {
    image.name.full()
}

/// Adds what only two states can tell, in place of what is said where nothing is known.
fn say_why(reasons: &mut Vec<Reason>, unexplained: &Reason, now: &Image, before: Option<&Image>) {
    reasons.retain(|reason| reason != unexplained);
    let text = match before {
        None => "new".to_owned(),
        Some(before) if before.ready().is_none() => "could not be built before".to_owned(),
        Some(before) if full(before) != full(now) => format!("was called {}", full(before)),
        Some(_) if reasons.is_empty() => "its inputs changed".to_owned(),
        Some(_) => return,
    };
    reasons.push(Reason { kind: ReasonKind::NeverBuilt, path: None, text });
}

/// One more than the highest layer of what each is built from.
fn layers(plan: &Plan) -> Vec<usize> {
    let mut layers: Vec<usize> = Vec::with_capacity(plan.steps.len());
    for step in &plan.steps {
        // What needs itself is in no order.
        let below = step.needs().filter_map(|needed| layers.get(needed.0));
        layers.push(below.max().map_or(0, |below| below + 1));
    }
    layers
}

fn removed(before: &[Image], earlier: &[Option<&Image>]) -> Vec<RemovedImage> {
    let is_kept = |image: &Image| earlier.iter().flatten().any(|kept| std::ptr::eq(*kept, image));
    let gone = before.iter().filter(|image| !is_kept(image));
    gone.map(|image| RemovedImage { name: full(image), dockerfile: image.dockerfile.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::project;
    use crate::plan::{CheckoutSummary, TagPolicy};
    use crate::project::CleanState;

    fn shop(tool: &str) -> Project {
        project(
            &[
                ("api/Dockerfile", "FROM acme/tool\nCOPY --from=acme/base / /\n"),
                ("base/Dockerfile", "FROM busybox\n"),
                ("tool/Dockerfile", tool),
            ],
            &[],
        )
    }

    #[test]
    fn steps_and_layers_are_those_of_the_affected_images_alone() {
        let (before, now) = (shop("FROM busybox\n"), shop("FROM busybox\nRUN true\n"));
        let facts = Facts {
            project: &now,
            clean: &vec![CleanState::default(); 3],
            known: &[],
            selected: now.graph.order(),
            exact: false,
            tags: &TagPolicy::default(),
            asked: true,
            rebuilt: &[],
            checkout: CheckoutSummary { name: String::new(), head: None, branch: None, dirty: false },
        };
        let affected = affected(&facts, Some(&before));
        let names: Vec<String> = affected.plan.steps.iter().map(Step::name).collect();
        assert_eq!((names, affected.compared), (vec!["acme/tool".to_owned(), "acme/api".to_owned()], 3));
        assert_eq!(affected.plan.steps[1].needs().collect::<Vec<_>>(), [StepId(0)]);
        assert_eq!(affected.by_layer(), [[StepId(0)], [StepId(1)]]);
    }
}
