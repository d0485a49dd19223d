//! Where moving tags point when a run left them alone: asked only then.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::execution::{Outcome, REVISION_LABEL};
use crate::git::Checkout;
use crate::image::ImageReference;
use crate::ops::workspace::Workspace;
use crate::ops::{Position, TagPosition};
use crate::plan::{Plan, Step};
use crate::store::{ImageStore, LocalImage};

/// Whoever pressed Ctrl-C does not wait for an engine that is busy.
const IMPATIENCE: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(10);

/// For each moving tag of the plan the commit whose images it is on. Empty where the engine does not say in time.
pub(super) async fn tag_positions(
    workspace: &Workspace,
    store: &dyn ImageStore,
    plan: &Plan,
    outcome: Outcome,
) -> Vec<TagPosition> {
    let patience = match outcome {
        Outcome::Succeeded => return Vec::new(),
        Outcome::Failed => PATIENCE,
        Outcome::Interrupted => IMPATIENCE,
    };
    let asking = ask(workspace, store, plan);
    tokio::time::timeout(patience, asking).await.ok().flatten().unwrap_or_default()
}

async fn ask(workspace: &Workspace, store: &dyn ImageStore, plan: &Plan) -> Option<Vec<TagPosition>> {
    let mut tags: Vec<String> = Vec::new();
    let mut asked: Vec<(usize, &Step)> = Vec::new();
    let mut references: Vec<ImageReference> = Vec::new();
    for step in &plan.steps {
        for tag in step.tags.iter().filter(|tag| tag.moves()) {
            let name = without_prefix(tag.tag.as_str(), step);
            let at = tags.iter().position(|other| other == name).unwrap_or_else(|| {
                tags.push(name.to_owned());
                tags.len() - 1
            });
            asked.push((at, step));
            references.push(step.tagged(tag));
        }
    }
    let found = store.inspect_all(&references).await.ok()?;
    let mut images: Vec<Vec<(&Step, LocalImage)>> = vec![Vec::new(); tags.len()];
    for ((at, step), image) in asked.into_iter().zip(found) {
        images[at].extend(image.map(|image| (step, image)));
    }
    let position = |(tag, images): (String, Vec<_>)| TagPosition {
        position: position(&workspace.checkout, &images),
        tag,
    };
    Some(tags.into_iter().zip(images).map(position).collect())
}

/// The latest of the commits whose tag all of the images have.
fn position(checkout: &Checkout, images: &[(&Step, LocalImage)]) -> Position {
    let Some((first, others)) = images.split_first() else { return Position::Absent };
    // An image on a base with a revision has the label all the same, with nothing in it.
    let has_revision = |image: &LocalImage| image.labels.get(REVISION_LABEL).is_some_and(|it| !it.is_empty());
    if images.iter().any(|(_, image)| !has_revision(image)) {
        return Position::Uncommitted;
    }
    let mut common = commit_tags(first);
    for other in others {
        let its_own = commit_tags(other);
        common.retain(|commit| its_own.contains(commit));
    }
    match common.into_iter().reduce(|one, other| later(checkout, one, other)) {
        Some(commit) => Position::Commit(commit),
        None => Position::Mixed,
    }
}

/// The descendant of the two. By time where neither is, as commits of one second can follow each other.
fn later(checkout: &Checkout, one: String, other: String) -> String {
    let (Ok(first), Ok(second)) = (checkout.resolve(&one), checkout.resolve(&other)) else {
        return if checkout.resolve(&one).is_ok() { one } else { other };
    };
    let follows = |commit, ancestor| checkout.is_ancestor(ancestor, commit).unwrap_or_default();
    let time = |commit| checkout.commit_time(commit).ok();
    let is_other = follows(second, first) || (!follows(first, second) && time(second) > time(first));
    if is_other { other } else { one }
}

/// The image's tags that are 12 hex digits, as those of commits are.
fn commit_tags((step, image): &(&Step, LocalImage)) -> BTreeSet<String> {
    let is_commit = |tag: &&str| tag.len() == 12 && tag.bytes().all(|byte| byte.is_ascii_hexdigit());
    let tags = image.references.iter().filter(|reference| reference.repository == step.repository);
    let tags = tags.filter_map(|reference| reference.tag.as_ref());
    tags.map(|tag| without_prefix(tag.as_str(), step)).filter(is_commit).map(str::to_owned).collect()
}

/// `main` of `8.0-main`. The prefix alone is `latest` with it.
fn without_prefix<'a>(tag: &'a str, step: &Step) -> &'a str {
    match &step.tag_prefix {
        Some(prefix) if tag == prefix => "latest",
        Some(prefix) => {
            tag.strip_prefix(prefix.as_str()).and_then(|tag| tag.strip_prefix('-')).unwrap_or(tag)
        }
        None => tag,
    }
}
