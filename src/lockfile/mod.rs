//! `shipwright.lock`: which digest stands for each external base. It is optional and committed; with it a base
//! moves when somebody says so, and never by itself.
//!
//! What is locked is decided here, what registries answer is asked by the caller.

mod change;
mod model;
mod parse;
mod render;
mod store;

pub use change::{Change, Questions, UnknownBase};
pub use model::{Lockfile, lockable};
pub use parse::parse;
pub use render::render;
pub use store::{LOCK_FILE, ReadFile, load, write};
