//! What engine and registries say about the images of a workspace.

mod engine;
mod previous;
mod registry;

use std::collections::BTreeSet;

use super::Error;
use super::registries::Registries;
use super::workspace::Workspace;
use crate::diagnostic::Diagnostic;
use crate::git::branch_tag;
use crate::plan::{self, Affected, ImageFacts, ImageId, Plan, TagPolicy, affected, decide, needed};
use crate::printable::few;
use crate::project::Project;
use crate::store::ImageStore;

pub(super) use engine::key_of;

/// What is known of the images of a workspace besides what was read, and which tags they are to have.
#[derive(Clone)]
pub(super) struct Facts {
    pub tags: TagPolicy,
    pub known: Vec<ImageFacts>,
    pub asked: bool,
}

impl Facts {
    /// Nothing is known: names, keys and tags without asking anybody.
    pub(super) fn none(workspace: &Workspace) -> Result<Self, Error> {
        let known = vec![ImageFacts::default(); workspace.project.images.len()];
        Ok(Self { tags: tag_policy(workspace)?, known, asked: false })
    }

    pub(super) async fn of_engine(
        workspace: &Workspace,
        store: Option<&dyn ImageStore>,
    ) -> Result<Self, Error> {
        let mut facts = Self::none(workspace)?;
        if let Some(store) = store {
            engine::gather(workspace, store, &facts.tags, &mut facts.known).await?;
            facts.asked = true;
        }
        Ok(facts)
    }

    /// Adds which of these images registries have. Gives what is worth a warning.
    pub(super) async fn ask(
        &mut self,
        workspace: &Workspace,
        registries: &Registries,
        images: &[ImageId],
    ) -> Result<Vec<Diagnostic>, Error> {
        registry::look_up(workspace, registries, images, &mut self.known).await
    }

    /// The same without tags that move.
    pub(super) fn without_moving(self) -> Self {
        Self { tags: self.tags.without_moving(), ..self }
    }

    pub(super) fn is_here(&self, id: ImageId) -> bool {
        self.known[id].existing.is_some()
    }

    /// Whether a registry has an image by its key, as far as it was asked.
    pub(super) fn can_be_pulled(&self, id: ImageId) -> bool {
        self.known[id].remote.is_some()
    }

    /// What has to be pulled or built so that the engine has these images.
    pub(super) fn needed(&self, workspace: &Workspace, images: &[ImageId]) -> Vec<ImageId> {
        needed(&workspace.project, images, &|at| self.is_here(at), &|at| self.can_be_pulled(at))
    }

    /// With `--exact`, what the selected images are built from and the engine lacks: it may be in a registry.
    pub(super) fn left_out(&self, workspace: &Workspace) -> Vec<ImageId> {
        let selected = &workspace.selection.images;
        let dependencies = selected.iter().flat_map(|at| workspace.project.images[*at].dependencies());
        let is_left_out = |id: &ImageId| !self.is_here(*id) && !selected.contains(id);
        let images: BTreeSet<ImageId> = dependencies.filter(is_left_out).collect();
        images.into_iter().filter(|_| workspace.selection.exact).collect()
    }

    /// What a registry is asked for: with `pull_cache` all that the engine lacks.
    pub(super) fn asked(&self, workspace: &Workspace, pull_cache: bool) -> Vec<ImageId> {
        let mut images = self.left_out(workspace);
        if pull_cache {
            images.extend(&workspace.selection.images);
        }
        images
    }

    pub(super) fn plan(&self, workspace: &Workspace) -> Plan {
        let mut plan = self.plan_of(workspace, &workspace.selection.images);
        plan.diagnostics.extend(aside_note(workspace));
        plan
    }

    pub(super) fn plan_of(&self, workspace: &Workspace, images: &[ImageId]) -> Plan {
        decide(&self.for_decision(workspace, images))
    }

    /// What the selected images have become since `before`.
    pub(super) fn affected(&self, workspace: &Workspace, before: Option<&Project>) -> Affected {
        affected(&self.for_decision(workspace, &workspace.selection.images), before)
    }

    pub(super) fn for_decision<'a>(
        &'a self,
        workspace: &'a Workspace,
        images: &'a [ImageId],
    ) -> plan::Facts<'a> {
        plan::Facts {
            project: &workspace.project,
            clean: &workspace.clean,
            known: &self.known,
            selected: images,
            exact: workspace.selection.exact,
            tags: &self.tags,
            rebuilt: &workspace.selection.rebuilt,
            asked: self.asked,
            checkout: workspace.summary(),
        }
    }
}

/// Images that only a name, or an image that needs them, brings in.
fn aside_note(workspace: &Workspace) -> Option<Diagnostic> {
    const SHOWN: usize = 5;
    let aside = &workspace.selection.left_aside;
    let titles = aside.iter().map(|at| workspace.project.images[*at].name.title());
    let text = format!("{} aside, built only when named: {}", aside.len(), few(titles, SHOWN));
    (!aside.is_empty()).then(|| Diagnostic::note(text))
}

fn tag_policy(workspace: &Workspace) -> Result<TagPolicy, Error> {
    let reference = &workspace.reference;
    let mut git_tags = match workspace.commit {
        Some(head) => workspace.checkout.tags_at(head)?,
        None => Vec::new(),
    };
    git_tags.extend(reference.new_tags.iter().cloned());
    git_tags.sort();
    git_tags.dedup();
    Ok(TagPolicy {
        head: workspace.commit,
        git_tags: git_tags.iter().map(|name| branch_tag(name)).collect(),
        reference: reference.clone(),
        chosen: workspace.settings.moving_tags.clone(),
        uncommitted_options: workspace.settings.uncommitted_options,
        named: workspace.selection.named,
    })
}
