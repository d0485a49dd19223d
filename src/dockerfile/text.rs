use std::ops::Range;

use bstr::ByteSlice;

/// A piece of an instruction's text and the bytes of the file it was written with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The text: continuations joined and, for flags and JSON, quotes and escapes removed. What is not
    /// UTF-8 has become U+FFFD, as in `BuildKit`.
    pub text: String,
    /// Bytes of the file.
    pub span: Range<usize>,
}

/// One logical line (an instruction with its continuation lines joined), and where in the file each of its
/// bytes came from.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    bytes: Vec<u8>,
    /// (offset in `bytes`, offset in the file), ascending: one entry a physical line.
    runs: Vec<(usize, usize)>,
    start: usize,
}

impl Text {
    /// An empty line that begins at `start` of the file.
    pub(super) fn at(start: usize) -> Self {
        Self { start, ..Self::default() }
    }

    /// Appends bytes of the file.
    pub(super) fn push(&mut self, source: &[u8], range: Range<usize>) {
        if let Some(bytes) = source.get(range.clone()).filter(|bytes| !bytes.is_empty()) {
            self.runs.push((self.bytes.len(), range.start));
            self.bytes.extend_from_slice(bytes);
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn all(&self) -> Range<usize> {
        0..self.bytes.len()
    }

    /// Bytes of a range of this text; empty where there are none.
    pub(super) fn get(&self, range: Range<usize>) -> &[u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    pub(super) fn string(&self, range: Range<usize>) -> String {
        self.get(range).to_str_lossy().into_owned()
    }

    pub(super) fn word(&self, range: Range<usize>) -> Word {
        Word { text: self.string(range.clone()), span: self.span(range) }
    }

    /// Where a range of this text stands in the file. A range over several physical lines includes what is
    /// between them.
    pub(super) fn span(&self, range: Range<usize>) -> Range<usize> {
        let start = self.offset(range.start);
        let end = if range.is_empty() { start } else { self.offset(range.end - 1) + 1 };
        start..end
    }

    fn offset(&self, at: usize) -> usize {
        let run = self.runs.partition_point(|(begin, _)| *begin <= at).checked_sub(1);
        match run.and_then(|run| self.runs.get(run)) {
            Some((begin, source)) => source + (at - begin),
            None => self.start,
        }
    }

    /// `range` without Unicode white space at both ends, as Go's `strings.TrimSpace`.
    pub(super) fn trim(&self, range: Range<usize>) -> Range<usize> {
        let bytes = self.get(range.clone());
        let start = range.start + (bytes.len() - bytes.trim_start_with(char::is_whitespace).len());
        let end = start + self.get(start..range.end).trim_end_with(char::is_whitespace).len();
        start..end
    }
}

/// What separates the words of an instruction: less than Unicode has (`BuildKit`'s `[\t\v\f\r ]`).
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\t' | 0x0b | 0x0c | b'\r' | b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined() -> Text {
        let source = b"FROM al\\\npine:3\\\n.20 AS b";
        let mut text = Text::at(0);
        text.push(source, 0..7);
        text.push(source, 9..15);
        text.push(source, 17..25);
        text
    }

    #[test]
    fn a_word_over_two_lines_spans_the_continuation() {
        let text = joined();
        assert_eq!(text.bytes(), b"FROM alpine:3.20 AS b");
        assert_eq!(text.word(5..16), Word { text: "alpine:3.20".into(), span: 5..20 });
        assert_eq!(text.word(20..21).span, 24..25);
        assert_eq!(text.span(4..4), 4..4);
        // A word at the end of its line leaves the continuation alone.
        assert_eq!(text.span(5..7), 5..7);
    }

    #[test]
    fn trims_unicode_space() {
        let source = "\u{a0} x y\u{2003}".as_bytes();
        let mut text = Text::at(0);
        text.push(source, 0..source.len());
        assert_eq!(text.string(text.trim(text.all())), "x y");
    }
}
