//! YAML as the readers of evidence see it: a tree of nodes with their lines.
//!
//! ```text
//! text → events (saphyr-parser) → build.rs (aliases and merge keys resolved) → Node
//! ```
//!
//! Nothing is guessed about types: a scalar is its text and how it was written.

mod build;

use crate::diagnostic::{Diagnostic, Location};
use crate::limits;
use crate::path::TreePath;

pub(crate) use build::parse;

/// A value and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub value: Value,
    /// From 1. What stands behind an alias has the line where it is written, not the alias's. A block scalar (`|`, `>`)
    /// has the line of its text, the one after its indicator.
    pub line: usize,
    /// As written: `!reset`; `!!str` is `tag:yaml.org,2002:str`.
    pub tag: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// In the order of the file; what `<<` brings in comes last.
    Mapping(Vec<(Node, Node)>),
    Sequence(Vec<Node>),
    Scalar {
        text: String,
        style: Style,
    },
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Quoted,
    /// `|`: each line of the text is a line of the file.
    Literal,
    /// `>`: lines are joined.
    Folded,
}

/// Why a text is not read as YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct YamlError {
    pub line: usize,
    pub why: String,
}

/// As much of what a file says as one may, and the note about the rest, at the first that is left out.
pub(crate) fn at_most<T>(
    path: &TreePath,
    said: impl Iterator<Item = T>,
    line: impl Fn(&T) -> usize,
) -> (Vec<T>, Option<Diagnostic>) {
    let mut said: Vec<T> = said.take(limits::EVIDENCE_BUILDS + 1).collect();
    let first = said.get(limits::EVIDENCE_BUILDS).map(line);
    said.truncate(limits::EVIDENCE_BUILDS);
    (said, first.map(|line| YamlError::too_many(line).note(path)))
}

impl YamlError {
    /// A file has more builds than one may.
    pub(crate) fn too_many(line: usize) -> Self {
        Self { line, why: format!("it builds more than {} images", limits::EVIDENCE_BUILDS) }
    }

    /// The one note to make of it.
    pub(crate) fn note(&self, path: &TreePath) -> Diagnostic {
        let message = format!("{path} is not read for what it says about images: {}", self.why);
        Diagnostic::note(message).at(Location { line: Some(self.line), ..Location::file(path.clone()) })
    }
}

impl Node {
    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether it is nothing: empty, `~` or `null`, without quotes.
    pub(crate) fn is_null(&self) -> bool {
        match &self.value {
            Value::Scalar { text, style } => {
                *style == Style::Plain && matches!(&**text, "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }

    /// The value of a key, if this is a mapping that has it. Takes time in proportion to the mapping.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().find(|(known, _)| known.text() == Some(key)).map(|(_, value)| value)
    }

    /// Keys and values of a mapping; nothing of anything else.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&Self, &Self)> {
        let entries = match &self.value {
            Value::Mapping(entries) => &entries[..],
            _ => &[],
        };
        entries.iter().map(|(key, value)| (key, value))
    }

    /// Entries of a sequence; nothing of anything else.
    pub(crate) fn items(&self) -> &[Self] {
        match &self.value {
            Value::Sequence(items) => items,
            _ => &[],
        }
    }
}
