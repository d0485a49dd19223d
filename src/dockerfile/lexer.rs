//! Physical lines → logical lines, following `BuildKit`'s order of things: comments go first, then
//! continuations are joined; a comment or an empty line inside a continuation is skipped.

use std::collections::HashMap;
use std::ops::Range;

use bstr::ByteSlice;

use super::directive::DirectiveReader;
use super::error::{SyntaxError, SyntaxErrorKind};
use super::text::Text;

/// Reads a Dockerfile line by line.
pub(super) struct Lexer<'s> {
    source: &'s [u8],
    at: usize,
    line: usize,
    pub(super) directives: DirectiveReader,
    pub(super) errors: Vec<SyntaxError>,
    /// Where each line stands last, with and without the tabs in front of it; made when somebody asks.
    last_lines: Option<HashMap<(&'s [u8], bool), usize>>,
}

/// An instruction's text with continuations joined.
pub(super) struct LogicalLine {
    pub(super) text: Text,
    /// The physical line it begins on, from 1.
    pub(super) line: usize,
    /// Where that line begins in the file.
    pub(super) start: usize,
}

impl<'s> Lexer<'s> {
    pub(super) fn new(source: &'s [u8]) -> Self {
        let at = if source.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let directives = DirectiveReader::default();
        Self { source, at, line: 0, directives, errors: Vec::new(), last_lines: None }
    }

    /// How far it has read: the end of the last line, its line break included.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The next instruction, if there is one more.
    pub(super) fn next_logical(&mut self) -> Option<LogicalLine> {
        loop {
            let start = self.at;
            let physical = self.next_physical()?;
            let content = self.trim_start(physical);
            self.read_directive(content.clone());
            if self.is_comment(content.clone()) {
                continue;
            }
            let (content, mut ends) = self.trim_continuation(content);
            if ends && content.is_empty() {
                continue;
            }
            let line = self.line;
            let mut text = Text::at(content.start);
            text.push(self.source, content);
            while !ends {
                let Some(physical) = self.next_physical() else { break };
                let trimmed = self.trim_start(physical.clone());
                if trimmed.is_empty() || self.is_comment(trimmed) {
                    continue;
                }
                let content;
                (content, ends) = self.trim_continuation(physical);
                text.push(self.source, content);
            }
            return Some(LogicalLine { text, line, start });
        }
    }

    /// Whether a here-document of this name ends somewhere below. However often that is asked, the file is
    /// looked through once.
    pub(super) fn ends_below(&mut self, name: &[u8], chomp: bool) -> bool {
        let at = self.at;
        if self.last_lines.is_none() {
            let mut lines = HashMap::new();
            let mut start = 0;
            for line in self.source.split_inclusive(|byte| *byte == b'\n') {
                let content = line.trim_end_with(|c| matches!(c, '\r' | '\n'));
                lines.insert((content, false), start);
                lines.insert((content.trim_start_with(|c| c == '\t'), true), start);
                start += line.len();
            }
            self.last_lines = Some(lines);
        }
        let last = self.last_lines.as_ref().and_then(|lines| lines.get(&(name, chomp)));
        last.is_some_and(|last| *last >= at)
    }

    /// The body of a here-document, its end consumed; nothing if the file ends before it does.
    pub(super) fn heredoc_body(&mut self, name: &[u8], chomp: bool) -> Option<Range<usize>> {
        let start = self.at;
        loop {
            let end = self.at;
            let line = &self.source[self.next_physical()?];
            let line = if chomp { line.trim_start_with(|c| c == '\t') } else { line };
            if line == name {
                return Some(start..end);
            }
        }
    }

    /// One line without its line break (any number of `\r` and `\n`).
    fn next_physical(&mut self) -> Option<Range<usize>> {
        let rest = self.source.get(self.at..).filter(|rest| !rest.is_empty())?;
        let length = rest.find_byte(b'\n').map_or(rest.len(), |newline| newline + 1);
        let start = self.at;
        self.at += length;
        self.line += 1;
        let content = rest[..length].trim_end_with(|c| matches!(c, '\r' | '\n'));
        Some(start..start + content.len())
    }

    fn trim_start(&self, range: Range<usize>) -> Range<usize> {
        let kept = self.source[range.clone()].trim_start_with(char::is_whitespace).len();
        range.end - kept..range.end
    }

    fn is_comment(&self, trimmed: Range<usize>) -> bool {
        self.source[trimmed].first() == Some(&b'#')
    }

    /// Cuts the escape character (and blanks after it) off a line that goes on. Two in a row are none.
    fn trim_continuation(&self, range: Range<usize>) -> (Range<usize>, bool) {
        let escape = self.directives.found.escape;
        let line = self.source[range.clone()].trim_end_with(|c| matches!(c, ' ' | '\t'));
        match line.strip_suffix(&[escape]) {
            Some(kept) if kept.last() != Some(&escape) => (range.start..range.start + kept.len(), false),
            _ => (range, true),
        }
    }

    fn read_directive(&mut self, content: Range<usize>) {
        let start = content.start;
        if let Err((message, span)) = self.directives.read(&self.source[content], start) {
            let kind = SyntaxErrorKind::Text;
            let hint = Some(
                "a directive stands once: `# syntax=IMAGE`, `# escape=` and \\ or `, `# check=`".to_owned(),
            );
            self.errors.push(SyntaxError { kind, message, span, line: self.line, hint, disputed: false });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(source: &str) -> Vec<(String, usize)> {
        let mut lexer = Lexer::new(source.as_bytes());
        std::iter::from_fn(|| lexer.next_logical())
            .map(|line| (line.text.string(line.text.all()), line.line))
            .collect()
    }

    #[test]
    fn joins_continuations_and_skips_what_is_between() {
        let source = "\u{feff}A \\\r\n  # c\r\n\r\n b\\  \r\nc\r\n\n # d\nE\\\\\nF \\";
        assert_eq!(lines(source), [("A  bc".to_owned(), 1), ("E\\\\".to_owned(), 8), ("F ".to_owned(), 9)]);
    }

    #[test]
    fn an_escape_alone_begins_an_instruction() {
        assert_eq!(lines("\\\nFROM a\n"), [("FROM a".to_owned(), 1)]);
    }

    #[test]
    fn heredoc_bodies_are_raw() {
        let mut lexer = Lexer::new(b"RUN <<E\n# x \\\n\tE\nE\r\nY\n");
        lexer.next_logical();
        assert_eq!(lexer.heredoc_body(b"E", false), Some(8..17));
        assert!(lexer.next_logical().is_some());
        assert_eq!(lexer.heredoc_body(b"E", false), None);
    }
}
