//! What will be done to each image, and why. Pure: it compares what was read in the checkout with what the
//! engine says exists, and never sees an engine.

mod model;

pub use model::{
    Action, CheckoutSummary, Dependency, InputSummary, Plan, PlannedTag, Reason, ReasonKind, Step,
};

pub use crate::graph::DependencyKind;
pub use crate::naming::{Namespace, NamespaceSource};
