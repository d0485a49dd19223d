//! FROM lines whose variables have no value, but whose last part names an image here: `FROM ${ns}/shop-base:${v}`.

use std::collections::{BTreeMap, BTreeSet};

use super::definition::{Definition, Meant};
use crate::dockerfile::{Evaluation, Frontend, ImageUse, UseKind};
use crate::naming::{Naming, is_official};
use crate::path::TreePath;

/// A reference of which the last part is known alone.
struct Open {
    from: usize,
    /// Where its word begins in the Dockerfile.
    at: usize,
    name: String,
}

/// Finds out what such lines mean, where that is certain enough: the last part names one Dockerfile here (NAME, or
/// PREFIX-NAME with one PREFIX for all), and another file of the checkout calls that image so, or two Dockerfiles refer to it
/// so. Gives the definitions that mean something else now.
pub(super) fn settle(definitions: &mut [Definition], readings: &[Evaluation], naming: &Naming) -> Vec<usize> {
    let open: Vec<Open> =
        (0..definitions.len()).flat_map(|from| opens(from, &definitions[from], &readings[from])).collect();
    if open.is_empty() {
        return Vec::new();
    }
    let prefix = one_prefix(&open, naming);
    let mut writers: BTreeMap<&str, BTreeSet<&TreePath>> = BTreeMap::new();
    for Open { from, name, .. } in &open {
        writers.entry(name).or_default().insert(&definitions[*from].path);
    }
    let is_called_so = |image: usize, name: &str| {
        definitions[image].account.name.as_ref().is_some_and(|said| said.value.last() == name)
    };
    let meant = |open: &Open| {
        let image = named(&open.name, open.from, prefix.as_deref(), naming)?;
        let is_certain = is_called_so(image, &open.name) || writers[&*open.name].len() > 1;
        is_certain.then(|| Meant { name: open.name.clone(), image })
    };
    let settled: Vec<(usize, usize, Meant)> =
        open.iter().filter_map(|open| Some((open.from, open.at, meant(open)?))).collect();
    let mut changed = BTreeSet::new();
    for (from, at, meant) in settled {
        definitions[from].meant.insert(at, meant);
        changed.insert(from);
    }
    changed.into_iter().collect()
}

fn opens(from: usize, definition: &Definition, reading: &Evaluation) -> Vec<Open> {
    if definition.options.ignores_bare || reading.frontend != Frontend::Dockerfile {
        return Vec::new();
    }
    let uses = reading.references.iter().filter(|used| used.kind == UseKind::From && !used.onbuild);
    uses.filter_map(|used| Some(Open { from, at: used.span.start, name: open_name(used)? })).collect()
}

/// The last part of a reference, if it is written out and what is in front of it and behind it has no value.
fn open_name(used: &ImageUse) -> Option<String> {
    let (front, last) = split_last(&used.written)?;
    let (name, tag) = last.split_once(':').map_or((last, None), |(name, tag)| (name, Some(tag)));
    let is_open_front = front.starts_with('$') && used.expanded.starts_with('/');
    let is_blank = used.expanded.trim_start_matches('/').strip_prefix(name);
    let is_blank = is_blank.is_some_and(|rest| matches!(rest, "" | ":" | ":latest"));
    let is_name = !name.is_empty() && !name.contains(['$', '@', '\\', '{', '}', '"', '\'']);
    let is_tag = tag.is_none_or(|tag| tag == "latest" || tag.starts_with('$'));
    (used.reference.is_none() && is_open_front && is_blank && is_name && is_tag).then(|| name.to_owned())
}

/// In front of and behind the last slash that is in no `${…}`.
fn split_last(written: &str) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    let mut slash = None;
    for (at, letter) in written.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            '/' if depth == 0 => slash = Some(at),
            _ => {}
        }
    }
    let slash = slash?;
    Some((&written[..slash], &written[slash + 1..]))
}

/// The image that NAME or PREFIX-NAME is. One that is Docker's own, or that several are called, is none.
fn named(name: &str, from: usize, prefix: Option<&str>, naming: &Naming) -> Option<usize> {
    if is_official(name) {
        return None;
    }
    naming.only_one(name, from).or_else(|| {
        let rest = name.strip_prefix(prefix?)?.strip_prefix('-')?;
        naming.only_one(rest, from)
    })
}

/// The one PREFIX by which PREFIX-NAME names images; none where there would be two.
fn one_prefix(open: &[Open], naming: &Naming) -> Option<String> {
    let others = open.iter().filter(|open| naming.only_one(&open.name, open.from).is_none());
    let prefixes: BTreeSet<&str> = others
        .flat_map(|open| {
            let dashes = open.name.match_indices('-');
            let splits = dashes.map(|(at, _)| (&open.name[..at], &open.name[at + 1..]));
            splits.filter(|(_, rest)| naming.only_one(rest, open.from).is_some()).map(|(prefix, _)| prefix)
        })
        .collect();
    let mut prefixes = prefixes.into_iter();
    prefixes.next().filter(|_| prefixes.next().is_none()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(written: &str, expanded: &str) -> Option<String> {
        open_name(&ImageUse {
            kind: UseKind::From,
            stage: 0,
            written: written.to_owned(),
            expanded: expanded.to_owned(),
            reference: expanded.parse().ok(),
            span: 0..1,
            line: 1,
            onbuild: false,
        })
    }

    #[test]
    fn the_last_part_is_known_alone() {
        for (written, expanded) in [
            ("${ns}/shop-base:${v}", "/shop-base:"),
            ("$ns/shop-base:$v", "/shop-base:"),
            ("${ns}/shop-base", "/shop-base"),
            ("${ns}/shop-base:${v:-latest}", "/shop-base:latest"),
            ("${r}/${ns}/shop-base:latest", "//shop-base:latest"),
        ] {
            assert_eq!(name(written, expanded).as_deref(), Some("shop-base"), "{written}");
        }
        for (written, expanded) in [
            // Something is known of where it is from, or of its version.
            ("${ns}/acme/shop-base:${v}", "/acme/shop-base:"),
            ("${ns}/shop-base:${v:-1.2}", "/shop-base:1.2"),
            ("${ns}/shop-base:${v}-slim", "/shop-base:-slim"),
            ("${ns:-acme}/shop-base:${v}", "acme/shop-base:"),
            ("${ns}/shop-${x}:${v}", "/shop-:"),
            ("${ns}/${x}", "/"),
            ("${ns}/shop-base@${v}", "/shop-base@"),
            ("shop-base:${v}", "shop-base:"),
            ("${ns/a/b}", ""),
            ("", ""),
        ] {
            assert_eq!(name(written, expanded), None, "{written}");
        }
    }
}
