//! The build context: its root, its `.dockerignore`, and the files that a Dockerfile's sources match.
//!
//! ```text
//! RootFinder → ignore_file → IgnoreRules → select → revision_pathspecs
//! ```
//!
//! All of it decides on a [`FileTree`](crate::git::FileTree) and never writes. The rules are those
//! of docker, oddities included: a file that docker would not send is no input, and one that it would
//! must never be missed.

mod affix;
mod clean;
mod covers;
mod dialect;
mod emptied;
mod evidence;
mod glob;
mod ignore;
mod ignore_file;
mod links;
mod matcher;
mod matching;
mod pathspecs;
mod pattern;
mod pattern_error;
mod reader;
mod root;
mod select;
#[cfg(test)]
mod testing;

pub(crate) use covers::{covers, covers_path};
pub(crate) use emptied::nodes_below;
pub(crate) use ignore::IgnoreError;
pub use ignore::IgnoreRules;
pub(crate) use ignore_file::{ignore_file, own_ignore_file};
pub(crate) use links::path_with_links;
pub(crate) use pathspecs::{RevisionSpecs, SourceSpec, named_pathspecs, revision_pathspecs};
pub(crate) use root::{ContextRoot, RootFinder, fetch_submodule};
pub(crate) use select::{admits, excess, select};
