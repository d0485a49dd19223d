//! What will be done to each image, and why. Pure: it compares what was read in the checkout with what the
//! engine says exists, and never sees an engine.

mod affected;
mod decide;
mod facts;
mod model;
mod need;
mod prune;
mod reasons;
mod registry_prune;
mod tags;

#[cfg(test)]
pub(crate) mod testing;

pub(crate) use affected::{Affected, RemovedImage, affected};
pub(crate) use decide::decide;
pub(crate) use facts::{Facts, ImageFacts, PreviousImage};
pub(crate) use model::CheckoutSummary;
pub(crate) use model::NamedInputs;
pub use model::{Action, Dependency, Plan, Reason, ReasonKind, Step, StepId};
pub(crate) use need::needed;
pub use prune::{ContainerUse, PruneStep};
pub(crate) use prune::{Needs, PruneRules, StoredImage, decide_prune};
pub(crate) use registry_prune::{RegistryImage, RegistryRules, RegistryTags, Says, keep, never_moves};
pub use registry_prune::{RegistryStep, TagStep};
pub(crate) use tags::{BranchReference, TagPolicy, Turn, conflict};
pub use tags::{PlannedTag, TagKind, Withheld};

pub use crate::graph::ImageId;
pub(crate) use crate::naming::NamespaceSource;

#[cfg(test)]
pub(crate) use crate::graph::DependencyKind;
#[cfg(test)]
pub(crate) use crate::naming::Namespace;
#[cfg(test)]
pub(crate) use model::InputSummary;
