//! Goes from commit to commit. Only what a commit changes is found out anew: where it changes nothing but the content of
//! files that nobody reads for their meaning, keys follow from the ones before; else its images are read as `plan --rev`
//! reads them.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use super::cache::Cache;
use super::causes::{add_dependencies, add_differences, add_files, change};
use super::record::{CommitRecord, ImageChange};
use crate::discovery::has_telling_name;
use crate::git::{ChangeKind, CommitId, LineCommit, RecordedTree, TreeChange};
use crate::graph::{ImageId, Selector};
use crate::ops::Error;
use crate::ops::workspace::{Workspace, settings_in};
use crate::project::{ChangedFile, Image, Project};
use crate::settings::{self, Choices};

/// How often what was found out is kept meanwhile.
const KEPT_EVERY: Duration = Duration::from_secs(10);

/// Files whose content says how others are read.
const RULES: [&[u8]; 2] = [b".gitattributes", b".gitmodules"];

pub(super) struct Replay<'a> {
    workspace: &'a Workspace,
    choices: &'a Choices,
    now: Duration,
    state: Option<State>,
}

/// The images of a commit, and what was asked about its files to know them. The tree may be that of an earlier one: all that was
/// asked is still answered the same.
struct State {
    commit: CommitId,
    tree: RecordedTree,
    /// None where its settings cannot be read.
    project: Option<Project>,
    aside: BTreeSet<ImageId>,
    /// Whether what is found out holds another day and after another fetch.
    lasts: bool,
}

impl<'a> Replay<'a> {
    pub(super) fn new(workspace: &'a Workspace, choices: &'a Choices, now: Duration) -> Self {
        Self { workspace, choices, now, state: None }
    }

    /// What each commit changed.
    pub(super) fn records(mut self, line: &[LineCommit]) -> Result<Vec<CommitRecord>, Error> {
        let mut cache = Cache::open(self.workspace, self.choices);
        let mut kept = Instant::now();
        let mut records = Vec::with_capacity(line.len());
        for commit in line {
            let record = match cache.get(commit) {
                Some(record) => record,
                None => {
                    let (record, lasts) = self.advance(commit)?;
                    if lasts {
                        cache.put(commit, &record);
                    }
                    record
                }
            };
            records.push(record);
            if kept.elapsed() > KEPT_EVERY {
                cache.keep();
                kept = Instant::now();
            }
        }
        cache.keep();
        Ok(records)
    }

    fn advance(&mut self, commit: &LineCommit) -> Result<(CommitRecord, bool), Error> {
        let Some(parent) = commit.parent else {
            let now = self.load(commit.id)?;
            let (record, lasts) = (compared(None, &now), now.lasts);
            self.state = Some(now);
            return Ok((record, lasts));
        };
        let mut before = match self.state.take() {
            Some(state) if state.commit == parent => state,
            _ => self.load(parent)?,
        };
        let changes = self.workspace.checkout.changes(parent, commit.id)?;
        if let Some(changed) = self.content_alone(&before, commit.id, &changes)? {
            let record = before.with_content(&changed);
            let lasts = before.lasts;
            self.state = Some(State { commit: commit.id, ..before });
            return Ok((record, lasts));
        }
        let now = self.load(commit.id)?;
        let (record, lasts) = (compared(Some(&before), &now), now.lasts && before.lasts);
        self.state = Some(now);
        Ok((record, lasts))
    }

    /// The files whose content changed, if nothing else matters.
    fn content_alone(
        &self,
        before: &State,
        commit: CommitId,
        changes: &[TreeChange],
    ) -> Result<Option<Vec<ChangedFile>>, Error> {
        let Some(project) = &before.project else { return Ok(None) };
        // What cannot be read of an input may be readable in the next commit.
        let has_obstacles = project.images.iter().any(|image| image.obstacle.is_some());
        let mut known: HashMap<_, bool> = HashMap::new();
        let mut changed = Vec::new();
        for TreeChange { path, kind } in changes {
            if RULES.iter().any(|name| path.file_name() == name) {
                return Ok(None);
            }
            match kind {
                ChangeKind::Other => return Ok(None),
                ChangeKind::Content { mode, blob } => {
                    if before.tree.was_read(path) || project.evidence.binary_search(path).is_ok() {
                        return Ok(None);
                    }
                    let is_input = project.has_input(path);
                    if !is_input && !has_obstacles {
                        continue;
                    }
                    let Some(identity) = before.tree.identify_as(path, *mode, *blob) else { return Ok(None) };
                    changed.push(ChangedFile { path: path.clone(), identity });
                }
                ChangeKind::Added | ChangeKind::Removed => {
                    let notices = before.tree.would_notice(path, |folder| match known.get(folder) {
                        Some(known) => Ok::<_, Error>(*known),
                        None => {
                            let is_there = self.workspace.checkout.has_at(commit, folder)?;
                            known.insert(folder.clone(), is_there);
                            Ok(is_there)
                        }
                    })?;
                    if notices || has_telling_name(path.as_bstr()) {
                        return Ok(None);
                    }
                }
            }
        }
        Ok(Some(changed))
    }

    /// Reads the images of a commit, as `plan --rev` does.
    fn load(&self, commit: CommitId) -> Result<State, Error> {
        let tree = self.workspace.checkout.commit_tree(commit)?.without_sizes().complete();
        let tree = RecordedTree::new(tree);
        let options =
            settings_in(&tree).ok().and_then(|file| settings::resolve(self.choices, &file, self.now).ok());
        let options = options.map(|resolved| resolved.options);
        let lasts = !tree.is_incomplete() && options.as_ref().is_none_or(|options| options.refresh.is_none());
        let project = options.map(|options| self.workspace.load_from(&tree, &options)).transpose()?;
        if let Some(path) = project.as_ref().and_then(|project| project.unreadable.first()) {
            return Err(Error::usage_with_hint(
                format!("{path} of the commit {} cannot be read", commit.short()),
                "a partial clone lacks it: `git fetch --refetch --no-filter` brings everything",
            ));
        }
        let aside = project.as_ref().and_then(|project| project.graph.select(&Selector::default()).ok());
        let aside = aside.map(|selection| selection.left_aside.into_iter().collect()).unwrap_or_default();
        Ok(State { commit, tree, project, aside, lasts })
    }
}

impl State {
    /// Gives images the keys that they have with other content, and says which have others.
    fn with_content(&mut self, changed: &[ChangedFile]) -> CommitRecord {
        let Some(project) = self.project.as_mut().filter(|_| !changed.is_empty()) else {
            return CommitRecord { readable: self.project.is_some(), images: Vec::new() };
        };
        let rekeyed = project.change_files(changed);
        let all: BTreeSet<ImageId> = rekeyed.iter().map(|rekeyed| rekeyed.image).collect();
        let images = rekeyed.iter().map(|rekeyed| {
            let image = &project.images[rekeyed.image];
            let mut change = change(image, self.aside.contains(&rekeyed.image), Some(rekeyed.before));
            add_files(&mut change, image, rekeyed.files.iter());
            add_dependencies(&mut change, project, rekeyed.image, |at| all.contains(&at));
            change
        });
        CommitRecord { readable: true, images: images.collect() }
    }
}

/// The images that differ between two commits.
fn compared(before: Option<&State>, now: &State) -> CommitRecord {
    let old = before.and_then(|before| before.project.as_ref());
    let Some(project) = &now.project else { return CommitRecord { readable: false, images: Vec::new() } };
    let old_images: HashMap<String, &Image> =
        old.iter().flat_map(|old| &old.images).map(|image| (image.name.full(), image)).collect();
    let mut differing: BTreeSet<ImageId> = BTreeSet::new();
    let mut images: Vec<ImageChange> = Vec::new();
    for at in project.graph.order() {
        let image = &project.images[*at];
        let earlier = old_images.get(&image.name.full()).copied();
        let before = earlier.and_then(Image::key);
        if image.key() == before {
            continue;
        }
        differing.insert(*at);
        let mut change = change(image, now.aside.contains(at), before);
        if let Some(earlier) = earlier {
            add_differences(&mut change, earlier, image);
        }
        if image.key().is_some() {
            add_dependencies(&mut change, project, *at, |at| differing.contains(&at));
        }
        images.push(change);
    }
    let names: BTreeSet<String> = project.images.iter().map(|image| image.name.full()).collect();
    let gone = old
        .iter()
        .flat_map(|old| ImageId::all(&old.images).zip(&old.images))
        .filter(|(_, image)| image.key().is_some() && !names.contains(&image.name.full()));
    images.extend(gone.map(|(at, image)| ImageChange {
        key: None,
        ..change(image, before.is_some_and(|before| before.aside.contains(&at)), image.key())
    }));
    CommitRecord { readable: true, images }
}
