//! What will be done to each image, and why. Pure: it compares what was read in the checkout with what the
//! engine says exists, and never sees an engine.

mod affected;
mod decide;
mod model;
mod need;
mod reasons;
mod tags;

pub use affected::{Affected, Removed, affected};
pub use decide::{Facts, Known, decide};
pub use model::{
    Action, CheckoutSummary, Dependency, InputSummary, Plan, PlannedTag, Reason, ReasonKind, Step,
};
pub use need::needed;
pub use reasons::Previous;
pub use tags::TagPolicy;

pub use crate::graph::DependencyKind;
pub use crate::naming::{Namespace, NamespaceSource};
