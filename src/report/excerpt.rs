//! The few lines of a source file that a diagnostic is about, made safe to show.

use std::ops::Range;

use bstr::ByteSlice;
use unicode_width::UnicodeWidthChar;

use super::text;
use crate::printable::printable;

/// Of a span over many lines (a heredoc) only the first are shown.
const MAX_LINES: usize = 8;

/// Printable lines of a source, with the marked part.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// Whole lines, or what is left of over-long ones; separated by `\n`.
    pub text: String,
    /// The marked bytes of `text`.
    pub mark: Range<usize>,
    /// The number of the first line in the source, from 1.
    pub line: usize,
    /// Where the marked part begins in that line, in characters from 1.
    pub column: usize,
}

/// Cuts out the lines that hold `span`. Any span will do: it is clamped to the source, and one that ends
/// inside a character takes all of it. No line has more than `room` cells: what surrounds the marked part
/// is cut first. Tabs become four spaces, CRLF a line break, and whatever a terminal might obey an escape.
pub(super) fn excerpt(source: &[u8], span: &Range<usize>, room: usize, ellipsis: &str) -> Excerpt {
    let span = clamp(source, span);
    let first = source[..span.start].rfind_byte(b'\n').map_or(0, |at| at + 1);
    let mut out = Excerpt {
        text: String::new(),
        mark: 0..0,
        line: source[..first].find_iter("\n").count() + 1,
        column: source[first..span.start].chars().count() + 1,
    };
    let mut start = first;
    for number in 0..MAX_LINES {
        let end = source[start..].find_byte(b'\n').map_or(source.len(), |at| start + at);
        if number > 0 {
            out.text.push('\n');
        }
        let marked = span.start.clamp(start, end) - start..span.end.clamp(start, end) - start;
        let mark = append_line(&mut out.text, &source[start..end], &marked, room, ellipsis);
        if number == 0 {
            out.mark.start = mark.start;
        }
        out.mark.end = mark.end;
        if span.end <= end + 1 {
            break;
        }
        start = end + 1;
    }
    out
}

/// Inside the source, and on text where there is some: without the blanks at its end, which would draw the
/// caret below nothing.
fn clamp(source: &[u8], span: &Range<usize>) -> Range<usize> {
    let mut start = span.start.min(source.len());
    let end = span.end.clamp(start, source.len());
    let end = start + source[start..end].trim_end().len();
    // What is missing at the end of the file is shown at the end of its last line.
    if start == source.len() {
        start = source.trim_end_with(|c| c == '\n' || c == '\r').len();
    }
    start..end.max(start)
}

struct Cell {
    source: Range<usize>,
    text: String,
    width: usize,
}

/// Appends one line and says where its marked bytes are now.
fn append_line(
    out: &mut String,
    line: &[u8],
    marked: &Range<usize>,
    room: usize,
    ellipsis: &str,
) -> Range<usize> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let window = window(line, marked.start.min(line.len()), room, text::columns(ellipsis));
    let mut mark = None;
    if window.start > 0 {
        out.push_str(ellipsis);
    }
    let mut end = out.len();
    for cell in cells(&line[window.clone()], window.start) {
        if mark.is_none() && cell.source.end > marked.start {
            mark = Some(out.len());
        }
        out.push_str(&cell.text);
        if cell.source.start < marked.end {
            end = out.len();
        }
    }
    if window.end < line.len() {
        out.push_str(ellipsis);
    }
    let start = mark.unwrap_or(out.len());
    start..end.max(start)
}

/// The bytes of an over-long line that are shown: a third of the room goes to what stands before the mark.
fn window(line: &[u8], mark: usize, room: usize, ellipsis: usize) -> Range<usize> {
    let fits =
        |bytes: &[u8]| bytes.len() <= room && cells(bytes, 0).map(|cell| cell.width).sum::<usize>() <= room;
    if fits(line) {
        return 0..line.len();
    }
    let room = room.saturating_sub(2 * ellipsis).max(2);
    let before: Vec<Cell> = cells(&line[..mark], 0).collect();
    let mut start = mark;
    let mut used = 0;
    // The line is shown from its beginning as long as that leaves the mark half of the room.
    let all: usize = before.iter().map(|cell| cell.width).sum();
    let lead = if all <= room / 2 { all } else { room / 3 };
    for cell in before.iter().rev() {
        if used + cell.width > lead {
            break;
        }
        used += cell.width;
        start = cell.source.start;
    }
    let mut end = start;
    let mut used = 0;
    for cell in cells(&line[start..], start) {
        used += cell.width;
        if used > room {
            break;
        }
        end = cell.source.end;
    }
    start..end
}

fn cells(bytes: &[u8], offset: usize) -> impl Iterator<Item = Cell> + '_ {
    bytes.char_indices().map(move |(start, end, c)| {
        let mut buffer = [0; 4];
        let text = match c {
            '\t' => "    ".to_owned(),
            c => printable(c.encode_utf8(&mut buffer)).into_owned(),
        };
        let width = if c == '\t' {
            4
        } else {
            c.width().map_or_else(|| text::columns(&text), |own| own.max(text::columns(&text)))
        };
        Cell { source: offset + start..offset + end, text, width }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marked(excerpt: &Excerpt) -> &str {
        &excerpt.text[excerpt.mark.clone()]
    }

    #[test]
    fn the_line_around_the_span() {
        let found = excerpt(b"FROM a\nRUN make\nCMD x\n", &(11..15), 80, "…");
        assert_eq!((found.text.as_str(), marked(&found)), ("RUN make", "make"));
        assert_eq!((found.line, found.column), (2, 5));
    }

    #[test]
    fn several_lines_and_no_trailing_break() {
        let found = excerpt(b"FROM a\r\nRUN a \\\r\n  b\r\nCMD x\r\n", &(8..22), 80, "…");
        assert_eq!((found.text.as_str(), marked(&found)), ("RUN a \\\n  b", "RUN a \\\n  b"));
        let many = excerpt("RUN x\n".repeat(50).as_bytes(), &(0..300), 80, "…");
        assert_eq!(many.text.lines().count(), MAX_LINES);
    }

    #[test]
    fn the_end_of_the_file_is_the_end_of_its_last_line() {
        let found = excerpt(b"FROM a\nRUN <<X\n", &(15..15), 80, "…");
        assert_eq!((found.text.as_str(), found.line, found.column), ("RUN <<X", 2, 8));
        assert_eq!(found.mark, 7..7);
        let empty = excerpt(b"", &(3..9), 80, "…");
        assert_eq!((empty.text.as_str(), empty.line, empty.column), ("", 1, 1));
    }

    #[test]
    fn bytes_that_are_no_text_and_control_characters() {
        let found = excerpt(b"RUN\t\xff\x1b[31m x", &(4..5), 80, "…");
        assert_eq!((found.text.as_str(), marked(&found)), ("RUN    \u{fffd}\\u{1b}[31m x", "\u{fffd}"));
    }

    #[test]
    fn a_minified_line_is_cut_around_the_span() {
        let mut line = "x".repeat(100_000);
        line.replace_range(60_000..60_004, "HERE");
        let found = excerpt(line.as_bytes(), &(60_000..60_004), 40, "…");
        assert_eq!(marked(&found), "HERE");
        assert_eq!(found.text, format!("…{}HERE{}…", "x".repeat(12), "x".repeat(22)));
        assert_eq!(found.column, 60_001);
        let long = excerpt(line.as_bytes(), &(10..90_000), 40, "…");
        assert_eq!(text::columns(&long.text), 39);
    }

    proptest! {
        #[test]
        fn any_span_of_anything_is_shown(source in proptest::collection::vec(any::<u8>(), 0..200),
                                         start in 0_usize..300, end in 0_usize..300, room in 0_usize..60) {
            let found = excerpt(&source, &(start..end), room, "…");
            prop_assert!(found.text.get(found.mark.clone()).is_some(), "{found:?}");
            prop_assert!(!found.text.chars().any(|c| c.is_control() && c != '\n'));
            for line in found.text.lines() {
                prop_assert!(text::columns(line) <= room.max(12), "{line:?} {room}");
            }
        }

        #[test]
        fn the_mark_is_the_span(before in "[ -~\n]{0,30}", word in "[a-z日]{1,9}", after in "[ -~\n]{0,30}") {
            let source = format!("{before}{word}{after}");
            let found = excerpt(source.as_bytes(), &(before.len()..before.len() + word.len()), 200, "…");
            prop_assert_eq!(marked(&found), &word);
            prop_assert_eq!(found.line, before.matches('\n').count() + 1);
        }
    }
}
