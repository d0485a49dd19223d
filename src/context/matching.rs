//! What one source of COPY, ADD or a bind mount matches.

use std::collections::BTreeSet;
use std::io;

use bstr::ByteSlice;

use super::glob::{Glob, has_wildcards};
use super::pattern::Pattern;
use super::reader::Reader;
use crate::dockerfile::SourcePattern;
use crate::git::NodeKind;
use crate::path::TreePath;

/// What a source matches, relative to the context. A folder stands for all that is below it.
#[derive(Debug, Default)]
pub(super) struct Match {
    /// Files and folders, at paths without links.
    pub(super) targets: Vec<(TreePath, NodeKind)>,
    pub(super) links: Vec<TreePath>,
    /// Links that lead to no folder where only folders lead on: no inputs, but they would be if they led to one.
    pub(super) dead_ends: Vec<TreePath>,
}

/// A component of a pattern from its first wildcard on.
enum Part {
    Name(Vec<u8>),
    Glob(Glob),
}

pub(super) fn find(reader: &mut Reader<'_>, pattern: &SourcePattern) -> io::Result<Match> {
    match pattern {
        SourcePattern::Path(path) => match_path(reader, path.as_bytes()),
        SourcePattern::Below(folder) => match_below(reader, TreePath::clamped(folder)),
    }
}

/// `BuildKit` takes the components before the first wildcard literally (backslashes too), and the others
/// as one pattern for `filepath.Match`. A link that a wildcard matches is followed like one that is
/// named, also on the way to something: the client sends both.
fn match_path(reader: &mut Reader<'_>, pattern: &[u8]) -> io::Result<Match> {
    let names: Vec<&[u8]> = pattern.split(|byte| *byte == b'/').filter(|name| !name.is_empty()).collect();
    let literal = names.iter().position(|name| has_wildcards(name)).unwrap_or(names.len());
    let (literal, wild) = names.split_at(literal);
    let base = TreePath::clamped(literal.join(&b'/'));
    match compile(wild) {
        Some(parts) => walk(reader, base, &parts),
        None => match_across(reader, &base, &wild.join(&b'/')),
    }
}

/// Compiles a pattern component by component, which lets it be matched folder by folder. `None` if that
/// would not be the same: a class can match `/`, or `**` stands for any depth (COPY `--parents`).
fn compile(names: &[&[u8]]) -> Option<Vec<Part>> {
    let mut parts = Vec::with_capacity(names.len());
    for name in names {
        if !name.contains(&b'\\') && !has_wildcards(name) {
            parts.push(Part::Name(name.to_vec()));
            continue;
        }
        let glob = Glob::parse(name).ok().filter(|glob| !glob.may_cross_folders())?;
        if name.contains_str("**") {
            return None;
        }
        parts.push(Part::Glob(glob));
    }
    Some(parts)
}

/// Goes down the parts from `base`.
fn walk(reader: &mut Reader<'_>, base: TreePath, parts: &[Part]) -> io::Result<Match> {
    let mut found = Match::default();
    let mut seen = BTreeSet::new();
    let mut open = vec![(base, 0)];
    while let Some((path, depth)) = open.pop() {
        let resolution = reader.resolve(&path)?;
        let is_folder = matches!(resolution.found, Some((_, NodeKind::Folder)));
        if depth < parts.len() && !is_folder {
            found.dead_ends.extend(resolution.links);
            continue;
        }
        found.links.extend(resolution.links);
        let Some((path, kind)) = resolution.found else { continue };
        if !seen.insert((path.clone(), depth)) {
            continue;
        }
        match parts.get(depth) {
            None => found.targets.push((path, kind)),
            Some(Part::Name(name)) => open.push((path.join(name), depth + 1)),
            Some(Part::Glob(glob)) => {
                let entries = reader.entries(&path)?;
                let matching = entries.iter().filter(|entry| glob.matches(entry.file_name()));
                open.extend(matching.map(|entry| (entry.clone(), depth + 1)));
            }
        }
    }
    Ok(found)
}

/// Matches a pattern against whole paths below `base`: what `filepath.Match` says, or, with `**`, what an
/// ignore file's pattern would say.
fn match_across(reader: &mut Reader<'_>, base: &TreePath, pattern: &[u8]) -> io::Result<Match> {
    let mut found = Match::default();
    let glob = Glob::parse(pattern).ok();
    let deep = if pattern.contains_str("**") { Pattern::parse(pattern).ok() } else { None };
    let matches = |path: &TreePath| {
        glob.as_ref().is_some_and(|glob| glob.matches(path.as_bytes()))
            || deep.as_ref().is_some_and(|deep| deep.matches(path.as_bytes()))
    };
    if glob.is_none() && deep.is_none() {
        return Ok(found);
    }
    let resolution = reader.resolve(base)?;
    found.links.extend(resolution.links);
    let Some((base, NodeKind::Folder)) = resolution.found else { return Ok(found) };
    let left = reader.below(&base)?;
    let mut folders: BTreeSet<TreePath> = BTreeSet::new();
    let files = left.nodes.iter().map(|node| (&node.path, false));
    for (path, is_folder) in files.chain(left.emptied.iter().map(|folder| (folder, true))) {
        let Some(path) = reader.relative(path) else { continue };
        let Some(below) = path.relative_to(&base) else { continue };
        let mut folder = base.clone();
        let mut inside = TreePath::root();
        let mut names = below.components().peekable();
        let mut whole = true;
        while let Some(name) = names.next() {
            folder = folder.join(name);
            inside = inside.join(name);
            if (is_folder || names.peek().is_some()) && (folders.contains(&folder) || matches(&inside)) {
                folders.insert(folder.clone());
                whole = false;
                break;
            }
        }
        if whole && !is_folder && matches(&below) {
            let resolution = reader.resolve(&path)?;
            found.links.extend(resolution.links);
            found.targets.extend(resolution.found);
        }
    }
    found.targets.extend(folders.into_iter().map(|folder| (folder, NodeKind::Folder)));
    Ok(found)
}

/// Everything below a folder, and what the links there lead to: one of them may be what is meant.
fn match_below(reader: &mut Reader<'_>, folder: TreePath) -> io::Result<Match> {
    let mut found = Match::default();
    let mut seen = BTreeSet::new();
    let mut open = vec![folder];
    while let Some(path) = open.pop() {
        let resolution = reader.resolve(&path)?;
        found.links.extend(resolution.links);
        let Some((path, kind)) = resolution.found else { continue };
        if !seen.insert(path.clone()) {
            continue;
        }
        if kind == NodeKind::Folder && !path.is_root() {
            let left = reader.below(&path)?;
            let links = left.nodes.iter().filter(|node| node.kind == NodeKind::Link);
            open.extend(links.filter_map(|link| reader.relative(&link.path)));
        }
        found.targets.push((path, kind));
    }
    Ok(found)
}
