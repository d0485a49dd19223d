use std::collections::BTreeSet;

use super::{
    Accounts, Door, Kind, Reading, bake, compose, devcontainer, makefile, merge, shell, skaffold, tekton,
    workflow,
};
use crate::diagnostic::Diagnostic;
use crate::git::Snapshot;
use crate::path::TreePath;

/// Which kinds of files are read for what they say about images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EvidenceChoice {
    /// All.
    #[default]
    All,
    /// These.
    Only(BTreeSet<Kind>),
}

impl EvidenceChoice {
    fn has(&self, kind: Kind) -> bool {
        match self {
            Self::All => true,
            Self::Only(kinds) => kinds.contains(&kind),
        }
    }
}

type Reader = fn(&[TreePath], &Door<'_>) -> Reading;

/// What reads which kind of file.
const READERS: &[(Kind, Reader)] = &[
    (Kind::Bake, bake::read),
    (Kind::Compose, compose::read),
    (Kind::Skaffold, skaffold::read),
    (Kind::Workflow, workflow::read),
    (Kind::Workflow, tekton::read),
    (Kind::Makefile, makefile::read),
    (Kind::Script, shell::read),
    (Kind::Devcontainer, devcontainer::read),
];

/// Reads all `files` of the chosen kinds, and weighs what they say about `dockerfiles`, some of which stand `aside`. Both
/// are sorted, and so are the files that were read, with those that others include.
pub(crate) fn gather(
    tree: &dyn Snapshot,
    dockerfiles: &[TreePath],
    files: &[(TreePath, Kind)],
    aside: &BTreeSet<TreePath>,
    choice: &EvidenceChoice,
) -> (Accounts, Vec<TreePath>) {
    let door = Door::new(tree, dockerfiles, files);
    let mut claims = Vec::new();
    let mut notes: Vec<Diagnostic> = Vec::new();
    // Two readers may look at one file.
    let mut noted = BTreeSet::new();
    for (kind, read) in READERS.iter().filter(|(kind, _)| choice.has(*kind)) {
        let of_kind: Vec<TreePath> =
            files.iter().filter(|(_, of)| of == kind).map(|(path, _)| path.clone()).collect();
        if of_kind.is_empty() {
            continue;
        }
        let reading = read(&of_kind, &door);
        claims.extend(reading.claims);
        notes.extend(reading.notes.into_iter().filter(|note| noted.insert(what_and_where(note))));
    }
    let mut accounts = merge(claims, aside);
    accounts.diagnostics.extend(notes);
    (accounts, door.seen())
}

fn what_and_where(note: &Diagnostic) -> (String, Option<(TreePath, Option<usize>)>) {
    let place = note.location.as_ref().map(|location| (location.path.clone(), location.line));
    (note.message.clone(), place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::memory_tree::MemoryTree;

    #[test]
    fn what_two_readers_note_is_one_note() {
        let broken = "services:\n  a: {build: docker build .\n";
        let tree = MemoryTree::new([
            (".tekton/push.yaml", broken),
            (
                "compose.yaml",
                "include: [{path: x.yaml, project_directory: p}]\nservices: {a: {extends: {file: x.yaml, service: a}}}\n",
            ),
            ("x.yaml", broken),
        ]);
        let files = [(".tekton/push.yaml".into(), Kind::Workflow), ("compose.yaml".into(), Kind::Compose)];
        let (accounts, _) = gather(&tree, &[], &files, &BTreeSet::new(), &EvidenceChoice::All);
        let paths: Vec<_> = accounts
            .diagnostics
            .iter()
            .filter_map(|note| note.location.as_ref().map(|location| location.path.to_text()))
            .collect();
        assert_eq!(paths, ["x.yaml", ".tekton/push.yaml"], "{:?}", accounts.diagnostics);
    }
}
