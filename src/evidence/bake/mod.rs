//! Bake files: HCL and JSON whose targets build images.
//!
//! ```text
//! files → document (blocks as written) → evaluate (values, as far as they are known) → target (merged, inherited) → claims
//! ```
//!
//! Bake's own way is the reference: <https://docs.docker.com/build/bake/reference/>. What it takes from the environment
//! is what the file has as default; what has no default is unknown.

mod claims;
mod document;
mod evaluate;
mod functions;
mod target;
mod template;
#[cfg(test)]
mod tests;
mod value;

use std::collections::{BTreeMap, HashSet};

use self::document::{Document, Unread};
use self::evaluate::Evaluator;
use self::target::Targets;
use super::{Door, Reading};
use crate::diagnostic::{Diagnostic, Location};
use crate::path::TreePath;

/// Reads what bake files say. `files` are sorted, and may be HCL of other programs, which says nothing.
pub(super) fn read(files: &[TreePath], door: &Door<'_>) -> Reading {
    let mut notes = BTreeMap::new();
    let mut folders: BTreeMap<TreePath, Folder> = BTreeMap::new();
    for path in files {
        let Some(document) = document(path, door, &mut notes) else { continue };
        let folder = folders.entry(path.parent().unwrap_or_default()).or_default();
        match rank(path) {
            Some(rank) => folder.merged.push((rank, document)),
            None => folder.others.push(document),
        }
    }
    let mut claims = Vec::new();
    for (path, folder) in folders {
        let mut merged = folder.merged;
        merged.sort_by_key(|(rank, _)| *rank);
        let merged: Vec<Document> = merged.into_iter().map(|(_, document)| document).collect();
        let mut add = |documents: &[Document], elsewhere: &HashSet<&str>| {
            let mut evaluator = Evaluator::new(documents);
            let targets = Targets::read(documents, &mut evaluator);
            for (place, why) in &targets.troubles {
                notes.entry(place.path.clone()).or_insert_with(|| note(&place.path, place.line, why));
            }
            let files = documents.iter().map(|document| &document.path);
            let found = self::claims::claims(&targets, &path, elsewhere, door);
            claims.extend(found.into_iter().map(|claim| claim.resting_on(files.clone())));
        };
        add(&merged, &HashSet::new());
        let names =
            merged.iter().flat_map(|document| &document.targets).map(|target| &*target.name).collect();
        folder.others.iter().for_each(|other| add(std::slice::from_ref(other), &names));
    }
    Reading { claims, notes: notes.into_values().collect() }
}

#[derive(Default)]
struct Folder {
    /// Those that bake reads together when it is given none.
    merged: Vec<(usize, Document)>,
    /// Those that it has to be given.
    others: Vec<Document>,
}

/// Where a file stands among those that bake reads by itself.
fn rank(path: &TreePath) -> Option<usize> {
    let order =
        ["docker-bake.json", "docker-bake.hcl", "docker-bake.override.json", "docker-bake.override.hcl"];
    order.iter().position(|name| path.file_name() == *name)
}

fn document(
    path: &TreePath,
    door: &Door<'_>,
    notes: &mut BTreeMap<TreePath, Diagnostic>,
) -> Option<Document> {
    let is_bake = path.file_name().starts_with(b"docker-bake");
    let text = match door.read(path) {
        Ok(text) => text?,
        Err(skipped) => {
            if is_bake {
                notes.insert(path.clone(), *skipped);
            }
            return None;
        }
    };
    let text = text.trim_start_matches('\u{feff}');
    if !text.contains("target") && !text.contains("group") && !is_bake {
        return None;
    }
    let is_json = path.file_name().ends_with(b".json");
    match Document::parse(path, text, is_json) {
        Ok(document) if is_bake || !(document.targets.is_empty() && document.groups.is_empty()) => {
            Some(document)
        }
        Ok(_) => None,
        Err(Unread { line, why }) => {
            let has_target = || text.lines().any(|line| line.starts_with("target \""));
            if is_bake || has_target() {
                notes.insert(path.clone(), note(path, line, &why));
            }
            None
        }
    }
}

fn note(path: &TreePath, line: usize, why: &str) -> Diagnostic {
    let message = format!("{path} is not read in full for what it says about images: {why}");
    Diagnostic::note(message).at(Location { path: path.clone(), span: None, line: Some(line) })
}
