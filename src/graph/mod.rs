//! Which image needs which, and what follows from it: the build order, loops, and the images that a command
//! is about. Pure; built on petgraph.

mod cycles;
mod dag;
mod id;
mod link;
mod lookup;
pub(crate) mod render;
mod selection;

#[cfg(test)]
mod tests;

pub(crate) use dag::{Graph, GraphImage};
pub use id::ImageId;
pub(crate) use id::id;
pub(crate) use link::{DependencyKind, Link};
pub(crate) use lookup::UnknownImage;
pub use selection::Selector;
