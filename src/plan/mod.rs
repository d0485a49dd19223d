//! What will be done to each image, and why. Pure: it compares what was read in the checkout with what the
//! engine says exists, and never sees an engine.

mod affected;
mod decide;
mod model;
mod need;
mod reasons;
mod tags;

pub(crate) use affected::{Affected, Removed, affected};
pub(crate) use decide::{Facts, Known, decide};
pub(crate) use model::CheckoutSummary;
pub use model::{Action, Dependency, Plan, PlannedTag, Reason, ReasonKind, Step};
pub(crate) use need::needed;
pub(crate) use reasons::Previous;
pub(crate) use tags::TagPolicy;

pub(crate) use crate::naming::NamespaceSource;

#[cfg(test)]
pub(crate) use crate::graph::DependencyKind;
#[cfg(test)]
pub(crate) use crate::naming::Namespace;
#[cfg(test)]
pub(crate) use model::InputSummary;
