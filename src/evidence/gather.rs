use std::collections::BTreeSet;

use super::{
    Accounts, Door, Kind, Reading, bake, compose, devcontainer, makefile, merge, shell, skaffold, tekton,
    workflow,
};
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

/// Reads all `files` of the chosen kinds, and weighs what they say about `dockerfiles`. Both are sorted,
/// and so are the files that were read, with those that others include.
pub(crate) fn gather(
    tree: &dyn Snapshot,
    dockerfiles: &[TreePath],
    files: &[(TreePath, Kind)],
    choice: &EvidenceChoice,
) -> (Accounts, Vec<TreePath>) {
    let door = Door::new(tree, dockerfiles, files);
    let mut claims = Vec::new();
    let mut notes = Vec::new();
    for (kind, read) in READERS.iter().filter(|(kind, _)| choice.has(*kind)) {
        let of_kind: Vec<TreePath> =
            files.iter().filter(|(_, of)| of == kind).map(|(path, _)| path.clone()).collect();
        if of_kind.is_empty() {
            continue;
        }
        let reading = read(&of_kind, &door);
        claims.extend(reading.claims);
        notes.extend(reading.notes);
    }
    let mut accounts = merge(claims);
    accounts.diagnostics.extend(notes);
    (accounts, door.seen())
}
