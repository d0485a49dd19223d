//! What will be done to each image, and why. Pure: it compares what was read in the checkout with what the
//! engine says exists, and never sees an engine.

mod model;

pub use model::{
    Action, CheckoutSummary, Dependency, DependencyKind, InputSummary, Namespace, NamespaceSource, Plan,
    PlannedTag, Reason, ReasonKind, Step,
};
