//! Everything that can be known of a checkout's images without an engine: their names, the graph, inputs,
//! keys and revisions. It runs the pure modules in their order over one tree, the work tree or a commit's.

mod archives;
mod cache;
mod changed_files;
mod check;
mod contexts;
mod definition;
mod draft;
mod drafted;
mod error;
mod evidence;
mod files;
mod findings;
mod images;
mod inspect;
mod keys;
mod load;
mod lock;
mod meant;
mod narrow;
mod options;
mod redirect;
mod remarks;
mod revisions;
mod settings;
mod state;
mod systems;
mod triggers;

pub use cache::{CacheKind, CacheSpec};
pub(crate) use changed_files::ChangedFile;
pub(crate) use check::{check, mistyped};
pub(crate) use error::LoadError;
pub use evidence::Evidence;
pub(crate) use images::{ContextFile, Image, ImageState, ReadyImage};
pub(crate) use inspect::{InspectedCheckout, Inspection, inspect, inspect_alone};
pub(crate) use load::{Project, load};
pub(crate) use options::Options;
pub(crate) use revisions::revisions;
pub(crate) use settings::{GivenContext, ImageSettings, Metadata, Refresh, SettingsFile};
pub(crate) use state::{CleanState, assume_clean, compare_with_head};
