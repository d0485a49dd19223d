//! What a build reads of its context, worked out from the generated data and what the docker CLI admits:
//! neither Shipwright's parser nor its matching has a part in it.

use std::collections::BTreeSet;

use super::spec::{Copy, Line, Mount, Spec};
use super::tree::{Entry, Files, Name};

/// Sources of the needed stages in the context, and those of the triggers that they inherit.
pub fn sources(spec: &Spec, triggers: &[&Line]) -> Vec<String> {
    let own = spec.needed().into_iter().flat_map(|number| &spec.stages[number].lines);
    own.chain(triggers.iter().copied()).flat_map(local).collect()
}

/// What a line reads. Heredocs are no files.
fn local(line: &Line) -> Vec<String> {
    match line {
        Line::Copy(Copy { from: None, sources, .. }) => {
            sources.iter().filter(|source| !source.starts_with("<<")).cloned().collect()
        }
        Line::Run { mounts, .. } => {
            let mounts = mounts.iter().filter(|mount| mount.from.is_none());
            mounts.map(|Mount { source, .. }| source.clone().unwrap_or_default()).collect()
        }
        _ => Vec::new(),
    }
}

/// The files of the context that the sources reach.
pub fn reached(files: &Files, sources: &[String]) -> Files {
    let mut reached = Reached { files, names: BTreeSet::new() };
    for source in sources {
        reached.pattern(&clean(source.as_bytes()));
    }
    let names = reached.names;
    files.filtered(|name| names.contains(name))
}

struct Reached<'a> {
    files: &'a Files,
    names: BTreeSet<Name>,
}

impl Reached<'_> {
    fn pattern(&mut self, parts: &[Name]) {
        let Some(wild) = parts.iter().position(|part| part.iter().any(|byte| b"*?[\\".contains(byte))) else {
            self.path(parts.to_vec());
            return;
        };
        let folder = &parts[..wild];
        let mut names = BTreeSet::new();
        for name in self.files.0.keys() {
            let own: Vec<&[u8]> = name.split(|byte| *byte == b'/').collect();
            if own.len() > wild
                && own[..wild].iter().zip(folder).all(|(a, b)| *a == b.as_slice())
                && matches(&parts[wild], own[wild])
            {
                names.insert(own[wild].to_vec());
            }
        }
        for name in names {
            let found: Vec<Name> =
                folder.iter().cloned().chain([name]).chain(parts[wild + 1..].iter().cloned()).collect();
            // What follows may be a pattern itself; what was found is none.
            if parts[wild + 1..].is_empty() { self.path(found) } else { self.rest(&found, wild + 1) }
        }
    }

    fn rest(&mut self, parts: &[Name], fixed: usize) {
        let folder = parts[..fixed].to_vec();
        let inner = self.files.below(&folder.join(&b'/'));
        let mut deeper = Reached { files: &inner, names: BTreeSet::new() };
        deeper.pattern(&parts[fixed..]);
        let names = deeper.names;
        self.names.extend(names.into_iter().map(|name| [folder.join(&b'/'), name].join(&b'/')));
    }

    /// A file, or all of a folder; links on the way are followed and count themselves.
    fn path(&mut self, mut parts: Vec<Name>) {
        let mut steps = 0;
        let mut at = 1;
        while at <= parts.len() && steps < 50 {
            let here = parts[..at].join(&b'/');
            if let Some(Entry::Link(target)) = self.files.0.get(&here) {
                steps += 1;
                self.names.insert(here);
                let mut next = if target.starts_with(b"/") { Vec::new() } else { parts[..at - 1].to_vec() };
                next.extend(target.split(|byte| *byte == b'/').map(<[u8]>::to_vec));
                next.extend_from_slice(&parts[at..]);
                parts = clean(&next.join(&b'/'));
                at = 0;
            }
            at += 1;
        }
        let path = parts.join(&b'/');
        for name in self.files.0.keys() {
            let below = name.strip_prefix(path.as_slice()).is_some_and(|rest| rest.starts_with(b"/"));
            if path.is_empty() || *name == path || below {
                self.names.insert(name.clone());
            }
        }
    }
}

/// The parts of a path without `.`, `..` held at the root.
fn clean(path: &[u8]) -> Vec<Name> {
    let mut parts: Vec<Name> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            part => parts.push(part.to_vec()),
        }
    }
    parts
}

/// Go's `filepath.Match` for one part of a path, as far as the generator goes: `*`, `?`, `[ab]` and `\`.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            matches(rest, name) || name.split_first().is_some_and(|(_, name)| matches(pattern, name))
        }
        (Some((b'[', rest)), Some((byte, name))) => {
            let end = rest.iter().position(|byte| *byte == b']').expect("the generator closes it");
            rest[..end].contains(byte) && matches(&rest[end + 1..], name)
        }
        (Some((b'\\', rest)), Some((byte, name))) => rest.first() == Some(byte) && matches(&rest[1..], name),
        (Some((b'?', rest)), Some((_, name))) => matches(rest, name),
        (Some((expected, rest)), Some((byte, name))) => expected == byte && matches(rest, name),
        _ => false,
    }
}
