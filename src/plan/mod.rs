//! What will be done to each image, and why. Pure: it compares what was read in the checkout with what the
//! engine says exists, and never sees an engine.

mod affected;
mod decide;
mod model;
mod need;
mod reasons;
mod tags;

#[cfg(test)]
pub(crate) mod testing;

pub use affected::{Affected, Removed, affected};
pub use decide::{Facts, Known, decide};
pub use model::{Action, CheckoutSummary, Dependency, InputSummary, Plan, Reason, ReasonKind, Step, StepId};
pub use need::needed;
pub use reasons::Previous;
pub(crate) use tags::conflict;
pub use tags::{BranchReference, PlannedTag, TagKind, TagPolicy, Turn, Withheld};

pub use crate::graph::{DependencyKind, ImageId};
pub use crate::naming::{Namespace, NamespaceSource};
