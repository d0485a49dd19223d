//! What a repository says about its images outside of their Dockerfiles: compose files, bake files, Makefiles,
//! scripts and what CI systems run.
//!
//! ```text
//! paths → files (which kind of file each is) → readers, one a kind → claims → merge → what is said of each image
//! ```
//!
//! Readers are static: nothing of the checkout is executed, nothing is fetched, and what stays variable is left out
//! rather than guessed. What a reader does not understand is a note, never an error.

mod bake;
mod claim;
mod cloudbuild;
mod compose;
mod devcontainer;
mod door;
#[cfg(any(test, fuzzing))]
mod exercise;
mod gather;
mod imagebuilder;
mod makefile;
mod memory;
mod merge;
mod rank;
mod shell;
mod skaffold;
mod tekton;
mod text;
mod workflow;
mod yaml;

pub(crate) use crate::discovery::EvidenceKind as Kind;
pub(crate) use claim::{Claim, ClaimedName, NamedContext, Place, Reading, Said};
pub(crate) use door::{Door, inside};
#[cfg(fuzzing)]
pub use exercise::exercise;
pub(crate) use gather::{EvidenceChoice, gather};
pub(crate) use merge::{Account, Accounts, merge};
pub(crate) use text::{Part, Text};
pub(crate) use yaml::{Node as YamlNode, Value as YamlValue, parse as parse_yaml};
