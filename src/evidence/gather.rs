use std::collections::BTreeSet;

use rayon::prelude::*;

use super::memory::Memory;
use super::{
    Accounts, Door, Kind, Reading, bake, cloudbuild, compose, devcontainer, imagebuilder, makefile, merge,
    shell, skaffold, tekton, workflow,
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

/// What reads which kind of file, and what the reader is called where its readings are remembered.
const READERS: &[(Kind, &str, Reader)] = &[
    (Kind::Bake, "bake", bake::read),
    (Kind::Compose, "compose", compose::read),
    (Kind::Skaffold, "skaffold", skaffold::read),
    (Kind::ImageBuilder, "imagebuilder", imagebuilder::read),
    (Kind::Workflow, "workflow", workflow::read),
    (Kind::Workflow, "tekton", tekton::read),
    (Kind::Workflow, "cloudbuild", cloudbuild::read),
    (Kind::Makefile, "makefile", makefile::read),
    (Kind::Script, "script", shell::read),
    (Kind::Devcontainer, "devcontainer", devcontainer::read),
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
    let readers: Vec<&(Kind, &str, Reader)> = READERS.iter().filter(|(kind, ..)| choice.has(*kind)).collect();
    let read = |(kind, name, read): &&(Kind, &str, Reader)| {
        let of_kind: Vec<TreePath> =
            files.iter().filter(|(_, of)| of == kind).map(|(path, _)| path.clone()).collect();
        if of_kind.is_empty() {
            return (Reading::default(), Vec::new());
        }
        let door = Door::new(tree, dockerfiles, files);
        let memory = Memory::of(tree, name, &of_kind, dockerfiles, files);
        let reading = memory.as_ref().and_then(|memory| memory.recall(&door)).unwrap_or_else(|| {
            let reading = read(&of_kind, &door);
            if let Some(memory) = &memory {
                memory.keep(door.heard(), &reading);
            }
            reading
        });
        (reading, door.seen())
    };
    let readings: Vec<(Reading, Vec<TreePath>)> = readers.par_iter().map(read).collect();
    let mut claims = Vec::new();
    let mut notes: Vec<Diagnostic> = Vec::new();
    let mut seen = BTreeSet::new();
    // Two readers may look at one file.
    let mut noted = BTreeSet::new();
    for (reading, read) in readings {
        claims.extend(reading.claims);
        notes.extend(reading.notes.into_iter().filter(|note| noted.insert(what_and_where(note))));
        seen.extend(read);
    }
    let mut accounts = merge(claims, aside);
    accounts.diagnostics.extend(notes);
    (accounts, seen.into_iter().collect())
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
