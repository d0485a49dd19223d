//! Shell scripts: what they build, without running them.
//!
//! ```text
//! text → words and operators (lexer) → lists, branches, loops (parser) → one walk that knows what variables are
//! (walk, expand) → builds (build) → claims (claim)
//! ```
//!
//! Makefiles and CI pipelines give their command lines to the same walk.

mod build;
mod claim;
mod expand;
mod flags;
mod glob;
mod lexer;
mod marks;
mod output;
mod parser;
mod script;
mod state;
mod walk;
mod word;

#[cfg(test)]
pub(crate) mod tests;

pub(super) use build::{Build, is_engine_variable, to_build};
pub(super) use claim::{Spot, claim};
pub(super) use glob::matches;
pub(super) use marks::{ROOT, UNKNOWN, at_root, from_marked, marked, sanitized};
pub(super) use script::{Script, may_build, output};

use super::{Door, Kind, Reading};
use crate::path::TreePath;

/// Reads shell scripts, each on its own.
pub(crate) fn read(files: &[TreePath], door: &Door<'_>) -> Reading {
    let mut reading = Reading::default();
    for path in files {
        match door.read(path) {
            Ok(Some(text)) if may_build(&text) => {
                // Most scripts are called from the root, many from where they are.
                let own = path.parent().unwrap_or_default();
                let script = Script {
                    text: &sanitized(&text),
                    path,
                    line: 1,
                    kind: Kind::Script,
                    starts: &[TreePath::root(), own],
                    variables: &[],
                };
                reading.claims.extend(script.claims(door));
            }
            Ok(_) => {}
            Err(note) => reading.notes.push(*note),
        }
    }
    reading
}
