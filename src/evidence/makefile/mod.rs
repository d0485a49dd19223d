//! Makefiles: what their recipes build, without running make.
//!
//! ```text
//! text → statements (parser) → variables and rules (state, expand, functions) → command lines (recipe) → shell
//! ```

mod expand;
mod functions;
mod parser;
mod recipe;
mod state;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::shell::sanitized;
use super::{Claim, Door, Reading};
use crate::path::TreePath;
use state::Make;

/// Reads Makefiles; those that others include are read as parts of these.
pub(crate) fn read(files: &[TreePath], door: &Door<'_>) -> Reading {
    let mut reading = Reading::default();
    let mut included = BTreeSet::new();
    let (mains, parts): (Vec<&TreePath>, Vec<&TreePath>) = files.iter().partition(|path| is_main(path));
    for path in mains.into_iter().chain(parts) {
        if included.contains(path) {
            continue;
        }
        let text = match door.read(path) {
            Ok(Some(text)) => text,
            Ok(None) => continue,
            Err(note) => {
                reading.notes.push(*note);
                continue;
            }
        };
        // What includes nothing and builds nothing ends here.
        if !["build", "include", "bud", "kaniko"].iter().any(|word| text.contains(word)) {
            continue;
        }
        let folder = path.parent().unwrap_or_default();
        // A part is made for a Makefile that is not known: at the root, or beside it.
        let starts = if is_main(path) { vec![folder] } else { vec![TreePath::root(), folder] };
        let mut make = Make::new(door, starts[0].clone(), path.clone());
        make.take(&sanitized(&text), 0);
        let claims = make.claims(&starts);
        reading.claims.extend(claims.into_iter().map(|claim| claim.resting_on(&make.included)));
        included.append(&mut make.included);
    }
    reading.claims = distinct(std::mem::take(&mut reading.claims));
    reading
}

fn is_main(path: &TreePath) -> bool {
    path.file_name().eq_ignore_ascii_case(b"makefile")
        || path.file_name().eq_ignore_ascii_case(b"gnumakefile")
}

/// Each claim once, in the order of places.
fn distinct(mut claims: Vec<Claim>) -> Vec<Claim> {
    claims.sort_by(|one, other| (&one.place, &one.dockerfile).cmp(&(&other.place, &other.dockerfile)));
    claims.dedup();
    claims
}
