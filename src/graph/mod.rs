//! Which image needs which, and what follows from it: the build order, loops, and the images that a command
//! is about. Pure; built on petgraph.

mod cycles;
mod dag;
mod id;
mod link;
mod lookup;
pub mod render;
mod selection;

#[cfg(test)]
mod tests;

pub use cycles::Cycle;
pub use dag::{Graph, GraphImage};
pub use id::ImageId;
pub(crate) use id::id;
pub use link::{DependencyKind, Link};
pub use lookup::{Lookup, UnknownImage};
pub use selection::{Selection, Selector};
