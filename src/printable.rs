//! Text from outside made safe for a terminal.

use std::borrow::Cow;

/// `text` with control characters (and the invisible ones that reorder text, Unicode's bidirectional
/// controls) written as escapes. File names, log lines and messages of an engine pass through here
/// before they are shown, because a terminal obeys what it is sent. A tab stays.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            c if is_unsafe(c) => safe.extend(c.escape_unicode()),
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

fn is_unsafe(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_borrowed() {
        assert!(matches!(printable("é/日本\tx"), Cow::Borrowed(_)));
    }

    #[test]
    fn escapes_what_a_terminal_obeys() {
        assert_eq!(printable("a\x1b]0;x\x07\n\u{202e}"), "a\\u{1b}]0;x\\u{7}\\n\\u{202e}");
    }
}
