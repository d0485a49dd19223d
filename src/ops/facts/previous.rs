//! What a planned image is compared with, so that its reasons can say what changed: the newest image of the
//! same repository that was made from this commit or an ancestor of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::execution::{INPUTS_LABEL, KEY_LABEL, REVISION_LABEL};
use crate::git::CommitId;
use crate::image::{ContentKey, ImageReference, Repository};
use crate::inputs::{Fingerprint, InputFile};
use crate::ops::Error;
use crate::ops::workspace::Workspace;
use crate::plan::{ImageFacts, ImageId, PlannedTag, PreviousImage, TagKind, TagPolicy};
use crate::project::Project;
use crate::store::{ImageStore, ListedImage};

struct Candidate {
    key: ContentKey,
    fingerprint: Fingerprint,
    /// None for a dirty one.
    revision: Option<CommitId>,
    is_the_branch_s: bool,
}

/// More commits than this are not planned again only to name files.
const PLANNED_AGAIN: usize = 4;

/// Finds it for every image that will be built. Tags are asked for first; the list of all images, which
/// takes an engine long, only where they lead nowhere.
pub(super) async fn find(
    workspace: &Workspace,
    store: &dyn ImageStore,
    tags: &TagPolicy,
    known: &mut [ImageFacts],
) -> Result<(), Error> {
    let missing: Vec<ImageId> = workspace
        .selection
        .images
        .iter()
        .copied()
        .filter(|at| known[*at].existing.is_none() && workspace.project.images[*at].key().is_some())
        .collect();
    let ancestry = Ancestry { workspace, known: HashMap::new() };
    let mut search = Search { workspace, ancestry, projects: BTreeMap::new() };
    let tagged = tagged(workspace, store, tags, &missing).await?;
    let mut unanswered = Vec::new();
    for (at, candidates) in missing.into_iter().zip(tagged) {
        match search.newest(candidates) {
            Some(found) => known[at].previous = Some(search.previous(at, found)),
            None => unanswered.push(at),
        }
    }
    if unanswered.is_empty() {
        return Ok(());
    }
    for (at, candidates) in listed(workspace, store, &unanswered).await? {
        if let Some(found) = search.newest(candidates) {
            known[at].previous = Some(search.previous(at, found));
        }
    }
    Ok(())
}

/// Images under the tags that the branch, the revision and the run would have, in this order.
async fn tagged(
    workspace: &Workspace,
    store: &dyn ImageStore,
    tags: &TagPolicy,
    images: &[ImageId],
) -> Result<Vec<Vec<Candidate>>, Error> {
    let planned = images.iter().map(|at| {
        let mut planned = tags.tags(&workspace.project.images[*at], false);
        // The key's own tag is known not to be there.
        planned.retain(|planned| planned.kind != TagKind::Key);
        planned.sort_by_key(|planned| !planned.moves());
        planned
    });
    let planned: Vec<Vec<PlannedTag>> = planned.collect();
    let of_image = |(at, planned): (&ImageId, &Vec<PlannedTag>)| {
        let repository = &workspace.project.images[*at].name.repository;
        planned.iter().map(|planned| repository.with_tag(planned.tag.clone())).collect::<Vec<_>>()
    };
    let asked: Vec<ImageReference> = images.iter().zip(&planned).flat_map(of_image).collect();
    let mut found = store.inspect_all(&asked).await?.into_iter();
    let candidates = planned.into_iter().map(|planned| {
        let answered = planned.into_iter().zip(found.by_ref()).filter_map(|(planned, image)| {
            let is_the_branch_s = planned.kind == TagKind::Branch;
            Some(Candidate { is_the_branch_s, ..candidate(&image?.labels)? })
        });
        answered.collect()
    });
    Ok(candidates.collect())
}

/// All images of the repositories, newest first.
async fn listed(
    workspace: &Workspace,
    store: &dyn ImageStore,
    images: &[ImageId],
) -> Result<Vec<(ImageId, Vec<Candidate>)>, Error> {
    let repository = |id: &ImageId| workspace.project.images[*id].name.repository.clone();
    let repositories: BTreeSet<_> = images.iter().map(repository).collect();
    let mut found = store.list(&repositories.into_iter().collect::<Vec<_>>()).await?;
    found.sort_by_key(|image| std::cmp::Reverse(image.created));
    // Sorted once: an engine may have as many images as the checkout has, times its days.
    let mut of_repository: HashMap<&Repository, Vec<&ListedImage>> = HashMap::new();
    for image in &found {
        let repositories: BTreeSet<_> = image.references.iter().map(|found| &found.repository).collect();
        for repository in repositories {
            of_repository.entry(repository).or_default().push(image);
        }
    }
    let of_image = |at: &ImageId| {
        let ours = of_repository.get(&repository(at)).into_iter().flatten();
        // A dirty image says nothing of where it was made.
        let clean =
            ours.filter_map(|image| candidate(&image.labels)).filter(|image| image.revision.is_some());
        (*at, clean.collect())
    };
    Ok(images.iter().map(of_image).collect())
}

fn candidate(labels: &BTreeMap<String, String>) -> Option<Candidate> {
    Some(Candidate {
        key: labels.get(KEY_LABEL)?.parse().ok()?,
        fingerprint: Fingerprint::from_label(labels.get(INPUTS_LABEL)?).ok()?,
        revision: labels.get(REVISION_LABEL).and_then(|revision| revision.parse().ok()),
        is_the_branch_s: false,
    })
}

/// Those of its context, and those of contexts with names.
type FilesOfImage = (Vec<InputFile>, BTreeMap<String, Vec<InputFile>>);

struct Search<'a> {
    workspace: &'a Workspace,
    ancestry: Ancestry<'a>,
    projects: BTreeMap<CommitId, Option<Project>>,
}

impl Search<'_> {
    /// The first candidate from whose commit no other one's descends. A dirty one counts only as what the
    /// branch had last.
    fn newest(&mut self, candidates: Vec<Candidate>) -> Option<Candidate> {
        let mut newest: Option<Candidate> = None;
        for candidate in candidates {
            let Some(revision) = candidate.revision else {
                if candidate.is_the_branch_s {
                    return Some(candidate);
                }
                continue;
            };
            let is_newer = match newest.as_ref().and_then(|newest| newest.revision) {
                None => self.workspace.commit.is_some_and(|head| self.ancestry.holds(revision, head)),
                Some(known) => {
                    known != revision
                        && self.ancestry.holds(known, revision)
                        && self.workspace.commit.is_some_and(|head| self.ancestry.holds(revision, head))
                }
            };
            if is_newer {
                newest = Some(candidate);
            }
        }
        newest
    }

    fn previous(&mut self, id: ImageId, found: Candidate) -> PreviousImage {
        let manifest = self.workspace.manifests().read(found.key);
        let said = manifest.as_ref().map(|manifest| manifest.said.clone()).unwrap_or_default();
        let files = manifest.map(|manifest| (manifest.files, manifest.contexts));
        let (files, contexts) = files.or_else(|| self.files_in_git(id, &found)).unzip();
        PreviousImage { fingerprint: found.fingerprint, files, contexts: contexts.unwrap_or_default(), said }
    }

    /// The files that the image had at its commit, if planning that commit again gives the same.
    fn files_in_git(&mut self, id: ImageId, found: &Candidate) -> Option<FilesOfImage> {
        let (workspace, revision) = (self.workspace, found.revision?);
        if !self.projects.contains_key(&revision) && self.projects.len() >= PLANNED_AGAIN {
            return None;
        }
        let project = self.projects.entry(revision).or_insert_with(|| {
            let tree = workspace.checkout.commit_tree(revision).ok()?;
            workspace.load_from(&tree, &workspace.settings.options).ok()
        });
        let image = &workspace.project.images[id];
        let same =
            project.as_ref()?.images.iter().find(|other| {
                (&other.dockerfile, other.name.title()) == (&image.dockerfile, image.name.title())
            });
        let material = &same?.ready()?.material;
        let fingerprint = material.fingerprint();
        let is_same = fingerprint.files == found.fingerprint.files
            && fingerprint.contexts == found.fingerprint.contexts;
        is_same.then(|| (material.files.to_vec(), material.context_files()))
    }
}

/// Remembers what git said, as many images share their commits.
struct Ancestry<'a> {
    workspace: &'a Workspace,
    known: HashMap<(CommitId, CommitId), bool>,
}

impl Ancestry<'_> {
    /// Whether `ancestor` is `commit` or in its history.
    fn holds(&mut self, ancestor: CommitId, commit: CommitId) -> bool {
        let checkout = &self.workspace.checkout;
        *self
            .known
            .entry((ancestor, commit))
            .or_insert_with(|| checkout.is_ancestor(ancestor, commit).unwrap_or(false))
    }
}
