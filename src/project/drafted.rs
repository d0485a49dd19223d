use std::collections::BTreeMap;

use super::definition::Definition;
use super::images::{BoundReference, LockedReference, dependencies};
use crate::dockerfile::Evaluation;
use crate::graph::ImageId;
use crate::image::ImageReference;
use crate::naming::ImageName;
use crate::path::TreePath;

/// An image that has a name and knows what it is built from.
pub(super) struct Drafted {
    pub(super) definition: Definition,
    pub(super) name: ImageName,
    /// What the Dockerfile means with the build arguments of this run.
    pub(super) evaluation: Evaluation,
    /// Build contexts with names, as settings write them.
    pub(super) contexts: BTreeMap<String, String>,
    pub(super) bound: Vec<BoundReference>,
    /// Images that the settings say it needs.
    pub(super) declared: Vec<ImageId>,
    /// External images, as written after expansion.
    pub(super) bases: Vec<String>,
    /// External images that its ONBUILD triggers name, which only builds FROM it use.
    pub(super) later: Vec<ImageReference>,
    /// Those of the references to them that the lock file pins.
    pub(super) locked: Vec<LockedReference>,
    /// What is wrong with it, if anything is, as a predicate for its dependents; a diagnostic says more.
    pub(super) fault: Option<&'static str>,
}

impl Drafted {
    pub(super) fn new(definition: Definition, name: ImageName, evaluation: Evaluation) -> Self {
        Self {
            fault: match &definition {
                definition if definition.is_broken => Some("has a Dockerfile that cannot be read"),
                definition if definition.file.is_hopeless() => Some("does not parse"),
                _ => None,
            },
            definition,
            name,
            evaluation,
            contexts: BTreeMap::new(),
            bound: Vec::new(),
            declared: Vec::new(),
            bases: Vec::new(),
            later: Vec::new(),
            locked: Vec::new(),
        }
    }

    pub(super) fn dockerfile(&self) -> &TreePath {
        &self.definition.path
    }

    /// The images it depends on, each once.
    pub(super) fn dependencies(&self) -> Vec<ImageId> {
        dependencies(&self.bound, &self.declared)
    }
}
