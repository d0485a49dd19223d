//! What the renderers keep of a plan, so that they need not borrow it while it is carried out.

use super::text;
use crate::image::Tag;
use crate::path::TreePath;
use crate::plan::{Action, Plan, Step, StepId};

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
    pub needs: Vec<StepId>,
    /// How wide its name is with the tags that move, as a push shows it.
    pub pushed_width: usize,
    /// The moving tags that are not in place.
    pub moving: Vec<Tag>,
}

fn pushed_width(step: &Step) -> usize {
    let tags = step.tags.iter().filter(|tag| tag.moves());
    let tags: Vec<usize> = tags.map(|tag| text::columns(tag.tag.as_str()) + ", ".len()).collect();
    // The separator of the last one stands for the parentheses and the blank in front.
    let of_tags = if tags.is_empty() { 0 } else { tags.iter().sum::<usize>() + 1 };
    text::columns(&step.name()) + of_tags
}

impl Roster {
    pub(super) fn new(plan: &Plan) -> Self {
        let image = |step: &Step| Image {
            name: step.name(),
            dockerfile: step.dockerfile.clone(),
            action: step.action,
            bytes: step.inputs.bytes,
            pushed_width: pushed_width(step),
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
