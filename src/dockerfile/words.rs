//! The two ways in which instructions divide their arguments into words.

use std::ops::Range;

use super::text::{Text, is_blank};

/// Splits at blanks; quotes mean nothing. FROM, COPY, ADD, EXPOSE, VOLUME.
pub(super) fn separated(text: &Text, range: Range<usize>) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = range.start;
    for at in range.clone() {
        if text.bytes().get(at).copied().is_some_and(is_blank) {
            if at > start {
                words.push(start..at);
            }
            start = at + 1;
        }
    }
    if range.end > start {
        words.push(start..range.end);
    }
    words
}

/// Splits at Unicode white space outside quotes; quotes and escapes stay. ARG, ENV, LABEL.
pub(super) fn quoted(text: &Text, range: Range<usize>, escape: u8) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut quote = None;
    let mut start = None;
    let bytes = text.get(range.clone());
    let mut chars = bstr::ByteSlice::char_indices(bytes);
    while let Some((at, end, c)) = chars.next() {
        match quote {
            None if c.is_whitespace() => {
                words.extend(start.take().map(|start| start..range.start + at));
                continue;
            }
            None if matches!(c, '\'' | '"') => quote = Some(c),
            Some(open) if open == c => quote = None,
            _ => {}
        }
        start.get_or_insert(range.start + at);
        let escapes = c == char::from(escape) && quote != Some('\'');
        if escapes && end < bytes.len() {
            chars.next();
        }
    }
    words.extend(start.map(|start| start..range.end));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(source: &str) -> Text {
        let mut text = Text::at(0);
        text.push(source.as_bytes(), 0..source.len());
        text
    }

    #[test]
    fn separated_by_blanks_only() {
        let text = text("a\u{b}\"b c\"\u{a0}d\t");
        let words: Vec<String> =
            separated(&text, text.all()).into_iter().map(|range| text.string(range)).collect();
        assert_eq!(words, ["a", "\"b", "c\"\u{a0}d"]);
    }

    #[test]
    fn quotes_hold_words_together() {
        let text = text(r#"a=1 b="x \" y" c='\' d\ e "#);
        let words: Vec<String> =
            quoted(&text, text.all(), b'\\').into_iter().map(|range| text.string(range)).collect();
        assert_eq!(words, ["a=1", r#"b="x \" y""#, r"c='\'", r"d\ e"]);
    }
}
