//! `shipwright.lock`: which digest stands for each external base. It is optional and committed; with it a base
//! moves when somebody says so, and never by itself.
//!
//! What is locked is decided here, what registries answer is asked by the caller.

mod change;
mod model;
mod parse;
mod render;
mod store;

pub(crate) use change::{Change, Questions};
pub(crate) use model::{Lockfile, lockable};
pub(crate) use parse::parse;
pub(crate) use render::render;
pub(crate) use store::{LOCK_FILE, ReadFile, load, write};
