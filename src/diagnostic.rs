//! What Shipwright has to say about a checkout: a message, the place it is about, and what to do.

use std::ops::Range;

use crate::path::TreePath;

/// How much a [`Diagnostic`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Something the user may want to know; nothing is wrong.
    Note,
    /// Probably not what was meant; the run goes on.
    Warning,
    /// Wrong; what depends on it is not built.
    Error,
}

impl Severity {
    /// `error`, `warning` or `note`: the word in JSON and in text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A place in a file of the checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file, relative to the root of the checkout.
    pub path: TreePath,
    /// Bytes of the file, for the caret; `None` where the file as a whole is meant.
    pub span: Option<Range<usize>>,
    /// Line of the file, from 1.
    pub line: Option<usize>,
}

impl Location {
    pub fn file(path: TreePath) -> Self {
        Self { path, span: None, line: None }
    }

    /// Some bytes of a file, which begin on `line` (from 1).
    pub fn span(path: TreePath, line: usize, span: Range<usize>) -> Self {
        Self { path, span: Some(span), line: Some(line) }
    }
}

/// One finding. It holds no terminal escapes and no source text: the report reads the file and draws it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// One sentence without a final full stop.
    pub message: String,
    /// Where, if it is about a place.
    pub location: Option<Location>,
    /// Other places that belong to it (each step of a cycle, the other of two names), with a label.
    pub related: Vec<(Location, String)>,
    /// What to do about it.
    pub hint: Option<String>,
    /// What is said of several with one cause, behind their number: `images need BASE, which has no default`.
    pub cause: Option<String>,
}

impl Diagnostic {
    fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self {
            severity,
            message: message.into(),
            location: None,
            related: Vec::new(),
            hint: None,
            cause: None,
        }
    }

    /// An error without a place.
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message)
    }

    /// A warning without a place.
    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message)
    }

    /// A note without a place.
    pub fn note(message: impl Into<String>) -> Self {
        Self::new(Severity::Note, message)
    }

    /// Sets the place.
    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.location = Some(location);
        self
    }

    /// Sets the hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Sets what it has in common with others.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Adds a related place.
    #[must_use]
    pub fn related(mut self, location: Location, label: impl Into<String>) -> Self {
        self.related.push((location, label.into()));
        self
    }
}

/// Where the lines of a text begin, so that the line of a place is found without counting from the start again.
#[derive(Clone, Debug, Default)]
pub(crate) struct LineIndex {
    starts: Vec<usize>,
}

impl LineIndex {
    pub(crate) fn new(text: &str) -> Self {
        Self { starts: text.match_indices('\n').map(|(at, _)| at + 1).collect() }
    }

    /// The line, from 1, that holds the byte at `offset`.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        1 + self.starts.partition_point(|start| *start <= offset)
    }
}

/// The candidates closest to what was written, best first, for hints: at most three, and none that is
/// far from it.
pub(crate) fn closest<T: AsRef<str> + Ord>(wanted: &str, candidates: impl IntoIterator<Item = T>) -> Vec<T> {
    closest_by(wanted, candidates, AsRef::as_ref)
}

/// The same among candidates that are more than their `text`. Case, and `-` for `_`, make no difference.
pub(crate) fn closest_by<T: Ord>(
    wanted: &str,
    candidates: impl IntoIterator<Item = T>,
    text: impl Fn(&T) -> &str,
) -> Vec<T> {
    // Comparing takes time in proportion to both lengths, and nobody mistypes such a word.
    const LONGEST: usize = 1024;
    let plain = |text: &str| text.to_lowercase().replace('-', "_");
    let wanted = plain(wanted);
    if wanted.len() > LONGEST {
        return Vec::new();
    }
    // The measure sees no letters that change places in words as short as `two`.
    let sorted = |text: &str| text.chars().collect::<std::collections::BTreeSet<char>>();
    let score = |text: &str| match strsim::jaro_winkler(&wanted, text) {
        score if wanted.len() == 3 && text.len() == 3 && sorted(&wanted) == sorted(text) => score.max(0.8),
        score => score,
    };
    let mut scored: Vec<(f64, T)> = candidates
        .into_iter()
        .map(|candidate| (score(&plain(text(&candidate))), candidate))
        .filter(|(score, _)| *score >= 0.8)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    scored.dedup_by(|a, b| a.1 == b.1);
    scored.into_iter().take(3).map(|(_, candidate)| candidate).collect()
}

/// `did you mean NAME?`; without a close one `otherwise`.
pub(crate) fn did_you_mean<T: AsRef<str> + Ord>(
    wanted: &str,
    candidates: impl IntoIterator<Item = T>,
    otherwise: &str,
) -> String {
    match closest(wanted, candidates).first() {
        Some(name) => format!("did you mean {}?", name.as_ref()),
        None => otherwise.to_owned(),
    }
}

pub(crate) fn has_errors(findings: &[Diagnostic]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_from_one() {
        let lines = LineIndex::new("a\n\nb");
        assert_eq!([0, 1, 2, 3, 9].map(|at| lines.line_of(at)), [1, 1, 2, 3, 3]);
        assert_eq!(LineIndex::new("").line_of(0), 1);
    }

    #[test]
    fn closest_names_typing_errors_and_nothing_far() {
        let names = || ["service1", "service2", "base"].map(str::to_owned);
        assert_eq!(closest("servcie1", names()).first().map(String::as_str), Some("service1"));
        assert_eq!(closest("Base", names()), ["base"]);
        assert!(closest("zzz", names()).is_empty());
        let known = ["dockerfile", "depends_on", "target", "tags"];
        for (word, meant) in [
            ("depends-on", "depends_on"),
            ("Dockerfile", "dockerfile"),
            ("tag", "tags"),
            ("docker", "dockerfile"),
        ] {
            assert_eq!(closest(word, known).first(), Some(&meant));
        }
        assert!(closest("x", known).is_empty() && closest("zebra", known).is_empty());
    }
}
