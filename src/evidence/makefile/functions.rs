//! The functions of make that make text of text.

use crate::evidence::shell::UNKNOWN;
use crate::limits;

const ALL: [&str; 18] = [
    "subst",
    "patsubst",
    "addprefix",
    "addsuffix",
    "notdir",
    "dir",
    "basename",
    "suffix",
    "strip",
    "filter",
    "filter-out",
    "firstword",
    "lastword",
    "word",
    "sort",
    "join",
    "words",
    "findstring",
];

pub(super) fn is_one(name: &str) -> bool {
    ALL.contains(&name)
}

/// `None` where it cannot be known.
pub(super) fn text(name: &str, arguments: &[String]) -> Option<String> {
    let each = |list: &str, change: &dyn Fn(&str) -> String| {
        list.split_whitespace().map(change).collect::<Vec<_>>().join(" ")
    };
    let value = match (name, arguments) {
        ("subst", [from, to, text]) => {
            let grown = text.len() + text.matches(&**from).count().saturating_mul(to.len());
            if from.is_empty() || grown > limits::SHELL_VALUE {
                return None;
            }
            text.replace(&**from, to)
        }
        ("patsubst", [from, to, text]) => patsubst(from.trim(), to.trim(), text),
        ("addprefix", [prefix, list]) => within(list, prefix, &|word| format!("{prefix}{word}"))?,
        ("addsuffix", [suffix, list]) => within(list, suffix, &|word| format!("{word}{suffix}"))?,
        ("notdir", [list]) => each(list, &|word| word.rsplit('/').next().unwrap_or_default().to_owned()),
        ("dir", [list]) => each(list, &|word| match word.rfind('/') {
            Some(at) => word[..=at].to_owned(),
            None if word.contains(UNKNOWN) => UNKNOWN.to_string(),
            None => "./".to_owned(),
        }),
        ("basename", [list]) => each(list, &|word| {
            let name = word.rfind('/').map_or(0, |at| at + 1);
            word[name..].rfind('.').map_or(word, |at| &word[..name + at]).to_owned()
        }),
        ("suffix", [list]) => each(list, &|word| {
            let name = word.rsplit('/').next().unwrap_or_default();
            name.rfind('.').map_or("", |at| &name[at..]).to_owned()
        }),
        ("strip", [list]) => each(list, &str::to_owned),
        ("filter" | "filter-out", [patterns, list]) => {
            if patterns.contains(UNKNOWN) || list.contains(UNKNOWN) {
                return None;
            }
            // Every word is held against every pattern.
            let patterns: Vec<&str> = patterns.split_whitespace().take(64).collect();
            let keeps = |word: &&str| {
                patterns.iter().any(|pattern| stem(pattern, word).is_some()) == (name == "filter")
            };
            list.split_whitespace().filter(keeps).collect::<Vec<_>>().join(" ")
        }
        ("firstword", [list]) => list.split_whitespace().next().unwrap_or_default().to_owned(),
        ("lastword", [list]) => list.split_whitespace().last().unwrap_or_default().to_owned(),
        ("word", [number, list]) => {
            let number: usize = number.trim().parse().ok()?;
            list.split_whitespace().nth(number.checked_sub(1)?).unwrap_or_default().to_owned()
        }
        ("sort", [list]) => {
            let mut words: Vec<&str> = list.split_whitespace().collect();
            words.sort_unstable();
            words.dedup();
            words.join(" ")
        }
        _ => return None,
    };
    Some(value)
}

/// Changes each word, unless too much text comes of it.
fn within(list: &str, added: &str, change: &dyn Fn(&str) -> String) -> Option<String> {
    let count = list.split_whitespace().count();
    (list.len() + count.saturating_mul(added.len()) <= limits::SHELL_VALUE)
        .then(|| list.split_whitespace().map(change).collect::<Vec<_>>().join(" "))
}

/// What `%` of a pattern stands for; without one, nothing, if both are the same.
pub(super) fn stem<'t>(pattern: &str, text: &'t str) -> Option<&'t str> {
    match pattern.split_once('%') {
        Some((front, back)) => text.strip_prefix(front)?.strip_suffix(back),
        None => (pattern == text).then_some(""),
    }
}

pub(super) fn patsubst(from: &str, to: &str, list: &str) -> String {
    let change = |word: &str| match stem(from, word) {
        Some(stem) => to.replacen('%', stem, 1),
        // What it would be is not known either.
        None if word.contains(UNKNOWN) => UNKNOWN.to_string(),
        None => word.to_owned(),
    };
    within(list, to, &change).unwrap_or_else(|| UNKNOWN.to_string())
}
