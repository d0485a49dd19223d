//! Git's hooks: the scripts that are installed, what git tells them, and what a push may be refused for.
//!
//! The decisions are functions of plain data; [`HooksFolder`] alone reads and writes files.

mod collisions;
mod folder;
mod introduced;
mod script;
mod updates;
mod work;

pub(crate) use collisions::{Collision, collisions};
pub(crate) use folder::{HookError, HookState, HooksFolder, Installed, Uninstalled};
pub(crate) use introduced::{Comparison, compare};
pub(crate) use script::{Content, HookName, Mode};
pub(crate) use updates::{RefUpdate, parse_updates};
pub(crate) use work::{WantedCommit, work};
