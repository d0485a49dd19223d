//! What the renderers keep of a plan, so that they need not borrow it while it is carried out.

use crate::image::Tag;
use crate::path::TreePath;
use crate::plan::{Action, Plan, StepId};

#[derive(Clone, Debug)]
pub(super) struct Roster {
    images: Vec<Image>,
}

#[derive(Clone, Debug)]
pub(super) struct Image {
    pub name: String,
    pub dockerfile: TreePath,
    pub action: Action,
    /// What its context holds, in bytes.
    pub bytes: u64,
    /// What it is built from.
    pub needs: Vec<StepId>,
    /// The moving tags that are not in place.
    pub moving: Vec<Tag>,
}

impl Roster {
    pub(super) fn new(plan: &Plan) -> Self {
        let image = |step: &crate::plan::Step| Image {
            name: step.name(),
            dockerfile: step.dockerfile.clone(),
            action: step.action,
            bytes: step.inputs.bytes,
            needs: step.needs().collect(),
            moving: step
                .tags
                .iter()
                .filter(|tag| tag.moves() && !tag.in_place)
                .map(|tag| tag.tag.clone())
                .collect(),
        };
        Self { images: plan.steps.iter().map(image).collect() }
    }

    pub(super) fn images(&self) -> &[Image] {
        &self.images
    }

    /// The name of an image; an index that is not of this plan has a placeholder.
    pub(super) fn name(&self, image: StepId) -> &str {
        self.images.get(image.0).map_or("?", |image| &image.name)
    }
}
