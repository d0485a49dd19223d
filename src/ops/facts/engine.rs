use std::collections::BTreeSet;

use super::previous;
use crate::execution::KEY_LABEL;
use crate::image::{ContentKey, ImageReference, Tag};
use crate::ops::Error;
use crate::ops::workspace::Workspace;
use crate::plan::{ImageFacts, ImageId, TagKind, TagPolicy};
use crate::project::Image;
use crate::store::{ImageStore, LocalImage};

/// Asks the engine about every image: first for the planned keys, all at once, then only for what the
/// answers leave open: who holds a commit's tag, and what the branch had before.
pub(super) async fn gather(
    workspace: &Workspace,
    store: &dyn ImageStore,
    tags: &TagPolicy,
    known: &mut [ImageFacts],
) -> Result<(), Error> {
    existing(workspace, store, known).await?;
    conflicts(workspace, store, tags, known).await?;
    previous::find(workspace, store, tags, known).await
}

/// Images of interest: the selected ones, and with `--exact` what they depend on.
fn of_interest(workspace: &Workspace) -> Vec<ImageId> {
    let mut images: BTreeSet<ImageId> = workspace.selection.images.iter().copied().collect();
    for at in &workspace.selection.images {
        images.extend(workspace.project.images[*at].dependencies());
    }
    images.into_iter().collect()
}

async fn existing(
    workspace: &Workspace,
    store: &dyn ImageStore,
    known: &mut [ImageFacts],
) -> Result<(), Error> {
    let asked: Vec<(ImageId, ImageReference)> = of_interest(workspace)
        .into_iter()
        .filter_map(|at| Some((at, workspace.project.images[at].reference()?)))
        .collect();
    let references: Vec<ImageReference> = asked.iter().map(|(_, reference)| reference.clone()).collect();
    for ((at, _), found) in asked.iter().zip(store.inspect_all(&references).await?) {
        let image = &workspace.project.images[*at];
        if let Some(found) = found.filter(|found| is_the_image(found, image)) {
            known[*at].existing = Some(tags_in(&found, image));
            known[*at].size = Some(found.size);
        }
    }
    Ok(())
}

/// The tag shows 16 digits of the key; the label holds all, and only they count, with the platform.
fn is_the_image(found: &LocalImage, image: &Image) -> bool {
    let Some(ready) = image.ready() else { return false };
    key_of(found) == Some(ready.key) && found.platform.satisfies(&ready.material.platform)
}

pub(in crate::ops) fn key_of(found: &LocalImage) -> Option<ContentKey> {
    found.labels.get(KEY_LABEL)?.parse().ok()
}

fn tags_in(found: &LocalImage, image: &Image) -> BTreeSet<Tag> {
    found
        .references
        .iter()
        .filter(|reference| reference.repository == image.name.repository)
        .filter_map(|reference| reference.tag.clone())
        .collect()
}

/// Tags that never move and stand on another image already.
async fn conflicts(
    workspace: &Workspace,
    store: &dyn ImageStore,
    tags: &TagPolicy,
    known: &mut [ImageFacts],
) -> Result<(), Error> {
    let mut asked: Vec<(ImageId, Tag)> = Vec::new();
    for at in &workspace.selection.images {
        let has = |tag: &Tag| known[*at].existing.as_ref().is_some_and(|existing| existing.contains(tag));
        let planned = tags.tags(&workspace.project.images[*at], workspace.clean[*at].dirty).into_iter();
        let immutable = planned.filter(|tag| !tag.moves() && tag.kind != TagKind::Key && !has(&tag.tag));
        asked.extend(immutable.map(|planned| (*at, planned.tag)));
    }
    let references: Vec<ImageReference> = asked
        .iter()
        .map(|(at, tag)| workspace.project.images[*at].name.repository.with_tag(tag.clone()))
        .collect();
    for ((at, tag), found) in asked.into_iter().zip(store.inspect_all(&references).await?) {
        let Some(found) = found else { continue };
        if !is_the_image(&found, &workspace.project.images[at]) {
            known[at].conflicts.insert(tag);
        }
    }
    Ok(())
}
