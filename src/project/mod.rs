//! Everything that can be known of a checkout's images without an engine: their names, the graph, inputs,
//! keys and revisions. It runs the pure modules in their order over one tree, the work tree or a commit's.

mod check;
mod contexts;
mod definition;
mod draft;
mod files;
mod findings;
mod images;
mod inspect;
mod keys;
mod load;
mod lock;
mod options;
mod remarks;
mod revisions;
mod settings;
mod state;
mod systems;
mod triggers;

pub use check::{Check, check, mistyped};
pub use images::{BoundReference, BuildContext, ContextFile, Image, ImageState, LockedReference, ReadyImage};
pub use inspect::{
    InspectedCopy, InspectedMount, InspectedStage, Inspection, Surroundings, inspect, inspect_alone,
};
pub use load::{LoadError, Project, load};
pub use options::Options;
pub use revisions::revisions;
pub use settings::{ImageSettings, Metadata, Refresh, SettingsFile};
pub use state::{CleanState, assume_clean, compare_with_head};
