//! Images outside of a selection: the tags of the selection's move without theirs, so those that no longer match are
//! listed.

use super::facts::key_of;
use super::registries::Registries;
use super::workspace::Workspace;
use crate::diagnostic::Diagnostic;
use crate::engine::{Engine, LocalImage};
use crate::image::{ImageReference, Tag};
use crate::plan::{Action, Plan};
use crate::printable::list;
use crate::publish::{Identity, Observed, Wanted, destination, observe};

/// How many names are listed.
const SHOWN: usize = 10;

/// Those on the engine, after a run of `plan` that changed something.
pub(super) async fn on_engine(workspace: &Workspace, engine: &Engine, plan: &Plan) -> Option<Diagnostic> {
    if plan.steps.iter().all(|step| matches!(step.action, Action::None | Action::Blocked)) {
        return None;
    }
    let branch = workspace.reference.tag.as_ref()?;
    let others = unselected(workspace);
    let references: Vec<ImageReference> = others.iter().map(|at| tagged(workspace, *at, branch)).collect();
    // It is only a note: what the engine does not say is not told.
    let found = engine.inspect_all(&references).await.ok()?;
    let is_other = |(at, found): &(&usize, &Option<LocalImage>)| {
        found.as_ref().is_some_and(|found| key_of(found) != workspace.project.images[**at].key())
    };
    let differing: Vec<usize> = others.iter().zip(&found).filter(is_other).map(|(at, _)| *at).collect();
    note(workspace, "", branch, &differing, "shipwright")
}

/// Those in the registries that a push went to.
pub(super) async fn in_registries(workspace: &Workspace, registries: &Registries) -> Vec<Diagnostic> {
    let Some(branch) = &workspace.reference.tag else { return Vec::new() };
    let others = unselected(workspace);
    let mut notes = Vec::new();
    for place in &registries.places {
        let wanted = others.iter().filter_map(|at| wanted(workspace, *at, branch, place.as_deref()));
        let wanted: Vec<Wanted> = wanted.collect();
        // It is only a note: what the registry does not say is not told.
        let Ok(observed) = observe(&registries.standings, &wanted).await else { continue };
        let is_other = |(wanted, observed): &(&Wanted, Observed)| {
            let standing = observed.tags.get(&wanted.moving[0].1);
            standing.is_some_and(|standing| !wanted.identity.is_of(standing))
        };
        let differing = wanted.iter().zip(observed).filter(is_other).map(|(wanted, _)| wanted.step);
        let place = place.as_ref().map(|place| format!("in {place} ")).unwrap_or_default();
        notes.extend(note(workspace, &place, branch, &differing.collect::<Vec<_>>(), "shipwright push"));
    }
    notes
}

/// The question for one image; its step is its index in the project.
fn wanted(workspace: &Workspace, at: usize, branch: &Tag, place: Option<&str>) -> Option<Wanted> {
    let image = &workspace.project.images[at];
    let ready = image.ready()?;
    Some(Wanted {
        step: at,
        repository: destination(&image.name.repository, place).ok()?,
        key: ready.key.tag(),
        identity: Identity { key: ready.key, platform: ready.material.platform.clone() },
        immutable: Vec::new(),
        moving: vec![(0, image.name.tag(branch))],
    })
}

/// What stands aside belongs to no branch.
fn unselected(workspace: &Workspace) -> Vec<usize> {
    let images = workspace.project.images.iter().enumerate();
    let others = images.filter(|(at, image)| !image.aside && !workspace.selection.images.contains(at));
    others.filter(|(_, image)| image.ready().is_some()).map(|(at, _)| at).collect()
}

fn tagged(workspace: &Workspace, at: usize, branch: &Tag) -> ImageReference {
    let name = &workspace.project.images[at].name;
    name.repository.with_tag(name.tag(branch))
}

fn note(
    workspace: &Workspace,
    place: &str,
    branch: &Tag,
    images: &[usize],
    command: &str,
) -> Option<Diagnostic> {
    let names: Vec<String> = images.iter().map(|at| workspace.project.images[*at].name.full()).collect();
    let verb = if names.len() == 1 { "has" } else { "have" };
    let message = format!("{place}under {branch} {} {verb} different content", list(&names, SHOWN));
    let hint = format!("they were not selected; `{command}` brings all images of the branch together");
    (!names.is_empty()).then(|| Diagnostic::note(message).hint(hint))
}
