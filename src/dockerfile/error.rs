use std::ops::Range;

use crate::diagnostic::{Diagnostic, Location};
use crate::path::TreePath;

use super::text::Text;

/// Something in a Dockerfile that `BuildKit` refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// At which of its two passes `BuildKit` stops.
    pub kind: SyntaxErrorKind,
    /// What is wrong, in `BuildKit`'s words where it has some.
    pub message: String,
    pub span: Range<usize>,
    /// The line of `span`, from 1.
    pub line: usize,
    pub hint: Option<String>,
    /// Whether it is one to the newest `BuildKit` and to others none, so that only the builder can tell
    /// whether the file can be built.
    pub disputed: bool,
}

impl SyntaxError {
    /// For people; `path` is the Dockerfile.
    pub fn diagnostic(&self, path: &TreePath) -> Diagnostic {
        diagnostic(path, &self.message, self.line, &self.span, self.hint.as_deref())
    }
}

/// An error in the Dockerfile `path`, about the whole of it where there is no span.
pub(super) fn diagnostic(
    path: &TreePath,
    message: &str,
    line: usize,
    span: &Range<usize>,
    hint: Option<&str>,
) -> Diagnostic {
    let location = if span.is_empty() {
        Location::file(path.clone())
    } else {
        Location::span(path.clone(), line, span.clone())
    };
    let diagnostic = Diagnostic::error(message).at(location);
    match hint {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    }
}

/// At which of its two passes `BuildKit` stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyntaxErrorKind {
    /// The text cannot be divided into instructions: `BuildKit` knows nothing of the whole file.
    Text,
    /// One instruction is wrong; those before it are understood.
    Instruction,
}

/// An error within one logical line, before it is known where in the file that is.
#[derive(Clone, Debug)]
pub(super) struct LineError {
    pub(super) kind: SyntaxErrorKind,
    pub(super) message: String,
    pub(super) range: Range<usize>,
    pub(super) hint: Option<String>,
    pub(super) disputed: bool,
}

impl LineError {
    pub(super) fn text(range: Range<usize>, message: impl Into<String>) -> Self {
        Self { kind: SyntaxErrorKind::Text, message: message.into(), range, hint: None, disputed: false }
    }

    pub(super) fn instruction(range: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            kind: SyntaxErrorKind::Instruction,
            message: message.into(),
            range,
            hint: None,
            disputed: false,
        }
    }

    pub(super) fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// What to do, where nothing better is known.
    pub(super) fn or_hint(mut self, hint: impl FnOnce() -> String) -> Self {
        self.hint.get_or_insert_with(hint);
        self
    }

    /// In the file; the line is filled in by the parser, which has the index.
    pub(super) fn located(self, text: &Text) -> SyntaxError {
        let span = text.span(self.range);
        SyntaxError {
            kind: self.kind,
            message: self.message,
            span,
            line: 0,
            hint: self.hint,
            disputed: self.disputed,
        }
    }
}

/// `text` for a message: cut where it is too long to read.
pub(super) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What BuildKit suggests for a word of a Dockerfile: at most two edits away, fewer than the word has letters.
pub(super) fn suggestion<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    const LONGEST: usize = 32;
    if word.len() > LONGEST {
        return None;
    }
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= 2 && *distance < word.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
