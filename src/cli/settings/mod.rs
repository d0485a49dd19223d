//! The settings file: `shipwright.toml`, or the `.shipwright.json` of the Python original as it is.
//!
//! Every key is optional, and so is the file. What is wrong in it is reported with its place, all of it at
//! once; a key that is not known is an error, because a misspelt one would silently do nothing.

mod ci;
mod json;
mod load;
mod pre_commit;
mod resolve;
mod toml;
mod values;

pub use ci::{CiOutput, ci_event, ci_output};
pub use json::parse_json;
pub use load::{JSON_FILE, TOML_FILE, load, load_from, paths};
pub use pre_commit::{PreCommitPush, pre_commit_push};
pub use resolve::{Resolved, arguments, resolve};
pub use toml::parse_toml;
pub use values::{InvalidValue, namespace, registry, user_tag};

pub use crate::project::SettingsFile;
