//! The build context: its root, its `.dockerignore`, and the files that a Dockerfile's sources match.

mod automaton;
mod clean;
mod dialect;
mod glob;
mod ignore;
mod pattern;

pub use ignore::{IgnoreError, IgnoreRules};
