//! References of this checkout's Dockerfiles that move to the version: what is changed, what stays, and which images that
//! gives another key.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::model::{FileEdit, KeptReference, LineEdit};
use super::overlay::Overlay;
use super::target::ReleaseTarget;
use crate::diagnostic::{Diagnostic, Location};
use crate::dockerfile::{Dockerfile, rewrite};
use crate::git::{LinkTarget as Followed, Replacement, follow, replace_on_disk};
use crate::image::{ImageReference, Repository};
use crate::lockfile::LOCK_FILE;
use crate::ops::registries::Registries;
use crate::ops::workspace::Workspace;
use crate::ops::{Ending, Error};
use crate::path::TreePath;
use crate::plan::ImageId;
use crate::publish::destination;
use crate::release::{Left, Series, Version, Why, moves};

/// What a release does to the files.
#[derive(Default)]
pub(super) struct Changes {
    pub edits: Vec<FileEdit>,
    pub kept: Vec<KeptReference>,
    pub findings: Vec<Diagnostic>,
    /// Names of the images that have another key then.
    pub rebuilt: Vec<String>,
    replacements: Vec<Replacement>,
}

/// A Dockerfile, whichever images it is of.
struct SharedDockerfile<'a> {
    file: &'a Dockerfile,
    images: BTreeSet<ImageId>,
    /// ARGs that the settings or other files give a value.
    given: BTreeSet<String>,
}

pub(super) fn find(
    workspace: &Workspace,
    registries: &Registries,
    version: &Version,
    targets: &[ReleaseTarget],
) -> Result<Changes, Error> {
    let series: Vec<(Series, BTreeSet<ImageId>, &ReleaseTarget)> = targets
        .iter()
        .map(|target| {
            let below = workspace.project.graph.with_dependencies([target.image]);
            Ok((series(registries, version, target)?, below.into_iter().collect(), target))
        })
        .collect::<Result<_, Error>>()?;
    let mut changes = Changes::default();
    for (path, source) in sources(workspace) {
        let is_foreign = workspace.tree.submodules().iter().any(|submodule| path.is_under(submodule));
        // An image that is built on its own version would be another one by that.
        let (spared, moved): (Vec<_>, Vec<_>) =
            series.iter().partition(|(_, below, _)| is_foreign || !below.is_disjoint(&source.images));
        let of = |series: &[&(Series, BTreeSet<ImageId>, &ReleaseTarget)]| {
            let series: Vec<Series> = series.iter().map(|(series, ..)| series.clone()).collect();
            moves(source.file, &source.given, &series)
        };
        let (edits, left) = of(&moved);
        let (would, _) = of(&spared);
        for left in left {
            changes.keep(&path, &left.why.to_string(), left.why == Why::Newer, &left);
        }
        let why = if is_foreign { "it is a submodule's" } else { "what is released is built from it" };
        for edit in would {
            let left = Left { line: edit.line, reference: edit.reference, why: Why::Newer };
            changes.keep(&path, why, false, &left);
        }
        if !edits.is_empty() {
            let spans: Vec<_> = edits.iter().map(|edit| (edit.span.clone(), edit.to.clone())).collect();
            let before = source.file.source.clone();
            let after = rewrite(&before, &spans);
            changes.findings.extend(edits.iter().filter_map(|edit| locked(workspace, &edit.reference)));
            changes.edits.push(file_edit(path.clone(), &before, &after, edits.iter().map(|edit| edit.line)));
            changes.replacements.push(Replacement { path, before: Some(before), after });
        }
    }
    changes.rebuilt(workspace, targets)?;
    Ok(changes)
}

fn series(registries: &Registries, version: &Version, target: &ReleaseTarget) -> Result<Series, Error> {
    let own = &target.source.repository;
    let elsewhere = registries.places.iter().map(|place| destination(own, place.as_deref()));
    let repositories: Result<BTreeSet<Repository>, _> = elsewhere.chain([Ok(own.clone())]).collect();
    let repositories = repositories.map_err(Error::usage)?;
    Ok(Series { repositories, lead: target.lead.clone(), version: version.clone() })
}

/// The Dockerfiles, by where they really are.
fn sources(workspace: &Workspace) -> BTreeMap<TreePath, SharedDockerfile<'_>> {
    let mut sources: BTreeMap<TreePath, SharedDockerfile<'_>> = BTreeMap::new();
    for at in ImageId::all(&workspace.project.images) {
        let image = &workspace.project.images[at];
        let Followed::File(path) = follow(&*workspace.tree, &image.dockerfile) else { continue };
        let source = sources.entry(path).or_insert_with(|| SharedDockerfile {
            file: &image.file,
            images: BTreeSet::new(),
            given: BTreeSet::new(),
        });
        source.images.insert(at);
        source
            .given
            .extend(image.ready().into_iter().flat_map(|ready| ready.material.build_args.keys().cloned()));
    }
    sources
}

/// The lock pins what stood there before.
fn locked(workspace: &Workspace, reference: &str) -> Option<Diagnostic> {
    let reference: ImageReference = reference.parse().ok()?;
    workspace.settings.options.settings.lock.digest(&reference)?;
    let message = format!("{LOCK_FILE} pins {reference}, which is moved away from");
    Some(Diagnostic::warning(message).hint("`shipwright lock` locks the new version, and drops the old one"))
}

fn file_edit(path: TreePath, before: &[u8], after: &[u8], lines: impl Iterator<Item = usize>) -> FileEdit {
    let split = |bytes: &[u8]| -> Vec<String> {
        bytes.split(|byte| *byte == b'\n').map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    };
    let (before, after) = (split(before), split(after));
    let lines: BTreeSet<usize> = lines.collect();
    let line = |line: usize| {
        let text = |lines: &[String]| lines.get(line - 1).cloned().unwrap_or_default();
        LineEdit { line, before: text(&before), after: text(&after) }
    };
    FileEdit { path, lines: lines.into_iter().map(line).collect() }
}

impl Changes {
    fn keep(&mut self, path: &TreePath, why: &str, is_as_wanted: bool, left: &Left) {
        let message = format!("{} stays: {why}", left.reference);
        let found = if is_as_wanted { Diagnostic::note(message) } else { Diagnostic::warning(message) };
        let place = Location { line: Some(left.line), ..Location::file(path.clone()) };
        self.findings.push(found.at(place));
        let (reference, why) = (left.reference.clone(), why.to_owned());
        self.kept.push(KeptReference { path: path.clone(), line: left.line, reference, why });
    }

    fn rebuilt(&mut self, workspace: &Workspace, targets: &[ReleaseTarget]) -> Result<(), Error> {
        if self.replacements.is_empty() {
            return Ok(());
        }
        let replaced = self.replacements.iter().map(|it| (it.path.clone(), it.after.clone()));
        let overlay = Overlay { files: Arc::clone(&workspace.tree), replaced: replaced.collect() };
        let project = &workspace.project;
        let after = workspace.load_from(&overlay, &workspace.settings.options)?;
        let images = project.graph.ordered(project.images_with_another_key(&after));
        let own: Vec<&str> = targets
            .iter()
            .filter(|target| images.contains(&target.image))
            .map(|it| it.name.as_str())
            .collect();
        if !own.is_empty() {
            let names = own.join(", ");
            let message = format!(
                "{names}: with the moved references it is another image than the one that is released"
            );
            let hint = "commit the change and release it as the next version, if that matters";
            self.findings.push(Diagnostic::warning(message).hint(hint));
        }
        self.rebuilt = images.into_iter().map(|at| project.images[at].name.full()).collect();
        Ok(())
    }

    pub(super) fn write(&self, workspace: &Workspace) -> Result<(), Error> {
        replace_on_disk(workspace.checkout.root(), &self.replacements).map_err(|(path, error)| {
            let found = Diagnostic::error(format!("{path} is not changed: {error}"));
            let hint = "the version is in place; run the command again to move the references";
            Error::one(Ending::Failed, found.hint(hint))
        })
    }
}
