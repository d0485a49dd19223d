//! Images outside of a selection: the tags of the selection's move without theirs, so those that no longer match are
//! listed.

use super::facts::{Facts, key_of};
use super::registries::Registries;
use super::workspace::Workspace;
use crate::diagnostic::Diagnostic;
use crate::image::ImageReference;
use crate::plan::{self, Action, ImageId, Plan, Step, TagKind, decide};
use crate::printable::list;
use crate::publish::{Observed, Wanted, observe};
use crate::store::ImageStore;

const SHOWN: usize = 10;

/// Those on the engine, after a run of `plan` that changed something.
pub(super) async fn on_engine(
    workspace: &Workspace,
    store: &dyn ImageStore,
    plan: &Plan,
) -> Option<Diagnostic> {
    if plan.steps.iter().all(|step| matches!(step.action, Action::None | Action::Blocked)) {
        return None;
    }
    let others = unselected(workspace)?;
    let of_branch = |step: &Step| Some(step.tagged(step.tags.iter().find(|tag| tag.moves())?));
    let asked: Vec<(&Step, ImageReference)> =
        others.steps.iter().filter_map(|step| Some((step, of_branch(step)?))).collect();
    let references: Vec<ImageReference> = asked.iter().map(|(_, reference)| reference.clone()).collect();
    // It is only a note: what the engine does not say is not told.
    let found = store.inspect_all(&references).await.ok()?;
    let differing = asked.iter().zip(found).filter_map(|((step, _), found)| {
        found.is_some_and(|found| key_of(&found) != step.key).then(|| step.name())
    });
    note(workspace, "", &differing.collect::<Vec<_>>(), "shipwright")
}

/// Those in the registries that a push went to.
pub(super) async fn in_registries(workspace: &Workspace, registries: &Registries) -> Vec<Diagnostic> {
    let Some(others) = unselected(workspace) else { return Vec::new() };
    let mut notes = Vec::new();
    for place in &registries.places {
        let Ok(mut wanted) = Wanted::all(&others, std::slice::from_ref(place)) else { continue };
        wanted.retain(|wanted| !wanted.moving.is_empty());
        // It is only a note: what the registry does not say is not told.
        let Ok(observed) = observe(&registries.standings, &wanted).await else { continue };
        let is_other = |(wanted, observed): &(&Wanted, Observed)| {
            observed.tags.values().any(|standing| !wanted.identity.is_of(standing))
        };
        let differing = wanted.iter().zip(observed).filter(is_other);
        let differing: Vec<_> = differing.map(|(wanted, _)| others.steps[wanted.step].name()).collect();
        let place = place.as_ref().map(|place| format!("in {place} ")).unwrap_or_default();
        notes.extend(note(workspace, &place, &differing, "shipwright push"));
    }
    notes
}

/// What would become of them, with the branch's tag alone besides their keys'. What stands aside belongs to no branch.
fn unselected(workspace: &Workspace) -> Option<Plan> {
    workspace.reference.tag.as_ref()?;
    let images = &workspace.project.images;
    let is_other = |id: &ImageId| !images[*id].aside && !workspace.selection.images.contains(id);
    let others: Vec<ImageId> = ImageId::all(images).filter(is_other).collect();
    let facts = Facts::none(workspace).ok()?;
    // They lack nothing only because they were not selected.
    let mut plan = decide(&plan::Facts { exact: false, ..facts.for_decision(workspace, &others) });
    for step in &mut plan.steps {
        step.tags.retain(|tag| matches!(tag.kind, TagKind::Key | TagKind::Branch));
    }
    Some(plan)
}

fn note(workspace: &Workspace, place: &str, names: &[String], command: &str) -> Option<Diagnostic> {
    let branch = workspace.reference.tag.as_ref()?;
    let verb = if names.len() == 1 { "has" } else { "have" };
    let message = format!("{place}under {branch} {} {verb} different content", list(names, SHOWN));
    let hint = format!("they were not selected; `{command}` brings all images of the branch together");
    (!names.is_empty()).then(|| Diagnostic::note(message).hint(hint))
}
