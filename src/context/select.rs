//! Which files of its context an image reads.

use std::collections::BTreeSet;
use std::io;

use super::ignore::IgnoreRules;
use super::matching::{Match, find};
use super::reader::{Reader, names_git};
use crate::checkout::{FileTree, Node, NodeKind};
use crate::diagnostic::{Diagnostic, Location};
use crate::dockerfile::{LocalSource, SourceInstruction, SourcePattern};
use crate::path::TreePath;

/// The files that an image's sources match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Files and links, sorted, relative to the checkout.
    pub nodes: Vec<Node>,
    /// The sources (by index) that match no file. COPY of a path that is not there fails; of a pattern
    /// that matches nothing, BuildKit makes nothing.
    pub unmatched: Vec<usize>,
    /// The links that sources led through and what they led to, sorted, relative to the checkout.
    pub followed: Vec<TreePath>,
    /// Findings.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether everything that is not ignored is an input.
    pub whole_context: bool,
}

/// Finds the files below `root` that the sources match and the rules leave in; with `whole_context`
/// all that the rules leave in.
///
/// A folder stands for everything below it; links in it are entries themselves, while a link that a
/// source names is there together with what it leads to, as the engine needs both. The folder `.git` is
/// never part of a context unless a source names it.
///
/// The work is proportional to the files that match: a literal path is looked up, a wildcard reads its
/// own folder, and folders of which the rules want nothing are not entered.
pub fn select(
    tree: &dyn FileTree,
    root: &TreePath,
    rules: Option<&IgnoreRules>,
    sources: &[LocalSource],
    whole_context: bool,
) -> io::Result<Selection> {
    let mut reader = Reader::new(tree, root, rules);
    let matches =
        sources.iter().map(|source| find(&mut reader, &source.pattern)).collect::<io::Result<Vec<_>>>()?;
    let mut folders = BTreeSet::new();
    if whole_context {
        folders.insert(TreePath::root());
    }
    let mut nodes = Vec::new();
    for (path, kind) in matches.iter().flat_map(|found| &found.targets) {
        if *kind == NodeKind::Folder {
            folders.insert(path.clone());
        } else {
            nodes.extend(reader.node(path, *kind)?);
        }
    }
    for link in matches.iter().flat_map(|found| &found.links) {
        nodes.extend(reader.node(link, NodeKind::Link)?);
    }
    for folder in outermost(&folders) {
        nodes.extend_from_slice(&reader.below(folder)?);
    }
    nodes.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    nodes.dedup_by(|a, b| a.path == b.path);

    let mut selection = Selection {
        unmatched: (0..sources.len()).filter(|at| !is_in(&nodes, root, &matches[*at])).collect(),
        followed: followed(root, &matches),
        whole_context: whole_context || folders.contains(&TreePath::root()),
        nodes,
        diagnostics: reader.others.iter().map(special_file).collect(),
    };
    for (at, found) in matches.iter().enumerate() {
        let paths = found.targets.iter().map(|(path, _)| path);
        if !selection.unmatched.contains(&at) && paths.chain(&found.links).any(names_git) {
            selection.diagnostics.push(git_folder(&sources[at]));
        }
    }
    Ok(selection)
}

/// The folders that are not below another one. What is in a `.git` is not part of a folder around it.
fn outermost(folders: &BTreeSet<TreePath>) -> impl Iterator<Item = &TreePath> {
    folders.iter().filter(|folder| {
        let mut outer = (*folder).clone();
        while outer.file_name() != ".git"
            && let Some(parent) = outer.parent()
        {
            if folders.contains(&parent) {
                return false;
            }
            outer = parent;
        }
        true
    })
}

/// Whether some target of a source is among the sorted nodes. The root always is something to copy.
fn is_in(nodes: &[Node], root: &TreePath, found: &Match) -> bool {
    found.targets.iter().any(|(path, _)| {
        let full = root.join(path.as_bytes());
        // What is below `a` does not follow `a` at once: `a.b` sorts in front of `a/b`.
        let first_at = |start: &TreePath| nodes.get(nodes.partition_point(|node| node.path < *start));
        path.is_root()
            || first_at(&full).is_some_and(|node| node.path == full)
            || first_at(&below(&full)).is_some_and(|node| node.path.is_under(&full))
    })
}

/// The smallest text that sorts before everything below a folder and after the folder.
fn below(folder: &TreePath) -> TreePath {
    folder.join("\0")
}

fn followed(root: &TreePath, matches: &[Match]) -> Vec<TreePath> {
    let linked = matches.iter().filter(|found| !found.links.is_empty());
    let paths: BTreeSet<TreePath> = linked
        .flat_map(|found| found.links.iter().chain(found.targets.iter().map(|(path, _)| path)))
        .map(|path| root.join(path.as_bytes()))
        .collect();
    paths.into_iter().collect()
}

fn special_file(path: &TreePath) -> Diagnostic {
    Diagnostic::warning("not a file, folder or link: left out of the build context")
        .at(Location::file(path.clone()))
        .hint("list it in the ignore file, or remove it")
}

fn git_folder(source: &LocalSource) -> Diagnostic {
    Diagnostic::note(format!(
        "`{} {}` reads git's own folder, so every commit changes the image's key",
        keyword(source.instruction),
        crate::printable::printable(&source.written),
    ))
    .hint("pass what is needed of it, such as the commit, as a build argument")
}

/// How an instruction that reads the context is written.
pub(super) fn keyword(instruction: SourceInstruction) -> &'static str {
    match instruction {
        SourceInstruction::Copy => "COPY",
        SourceInstruction::Add => "ADD",
        SourceInstruction::Mount => "RUN --mount=type=bind",
    }
}

/// Whether an engine that asks for `requested` (a path or pattern relative to the context) stays within
/// the sources that were planned. Anything else means that the Dockerfile was understood differently.
pub fn admits(sources: &[LocalSource], whole_context: bool, requested: &str) -> bool {
    let requested = TreePath::clamped(requested);
    whole_context
        || sources.iter().any(|source| match &source.pattern {
            SourcePattern::Path(path) | SourcePattern::Below(path) => {
                requested.is_under(&TreePath::clamped(path))
            }
        })
}
