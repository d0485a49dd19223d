//! The settings file: `shipwright.toml`, or the `.shipwright.json` of the Python original as it is.
//!
//! Every key is optional, and so is the file. What is wrong in it is reported with its place, all of it at
//! once; a key that is not known is an error, because a misspelt one would silently do nothing.

mod builder_yaml;
mod cache;
mod choices;
mod json;
mod load;
mod merge;
mod resolve;
mod sketch;
mod toml;
mod values;

pub(crate) use builder_yaml::{Foreign, parse_builder_yaml};
pub(crate) use cache::{InvalidCache, cache_source, cache_target, filled};
pub use choices::Choices;
pub(crate) use json::JSON_FILE;
pub use json::parse_json;
pub(crate) use load::{load, load_from, paths};
pub(crate) use merge::{Merged, merged};
pub(crate) use resolve::{Resolved, resolve};
pub(crate) use sketch::sketch;
pub(crate) use toml::TOML_FILE;
pub use toml::parse_toml;
pub(crate) use values::{chosen_platform, registry, registry_host, user_tag};

pub(crate) use crate::project::SettingsFile;
