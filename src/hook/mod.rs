//! Git's hooks: the scripts that are installed, what git tells them, and what a push may be refused for.
//!
//! The decisions are functions of plain data; [`HooksFolder`] alone reads and writes files.

mod collisions;
mod folder;
mod introduced;
mod script;
mod updates;
mod work;

pub use collisions::{Collision, collisions};
pub use folder::{HookError, HookState, HooksFolder, Installed, Uninstalled};
pub use introduced::{Comparison, compare};
pub use script::{Content, HookName, Mode, recognise, script};
pub use updates::{InvalidUpdate, RefUpdate, parse_updates};
pub use work::{Work, work};
