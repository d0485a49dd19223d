//! Text from outside made safe for whoever shows it: a terminal, a CI system, a reader's eye.

use std::borrow::Cow;

/// The bytes as lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half)]);
    let mut hex = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        hex.push(digit(byte >> 4));
        hex.push(digit(byte & 15));
    }
    hex
}

/// The bytes that hex digits, two for each, stand for.
pub(crate) fn from_hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let digit = |digit: u8| u8::try_from(char::from(digit).to_digit(16)?).ok();
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    (digits.len() == 2 * N).then_some(bytes)
}

/// ` and 3 more`; nothing if there are none.
pub(crate) fn and_more(count: usize) -> String {
    if count == 0 { String::new() } else { format!(" and {count} more") }
}

/// The first of many: `a, b and 3 more`.
pub(crate) fn few<T: ToString>(entries: impl IntoIterator<Item = T>, most: usize) -> String {
    let mut entries = entries.into_iter();
    let first: Vec<String> = entries.by_ref().take(most).map(|entry| entry.to_string()).collect();
    first.join(", ") + &and_more(entries.count())
}

/// `a`, `a and b`, `a, b and c`; beyond `limit` entries `a, b and 5 more`.
pub(crate) fn list<T: AsRef<str>>(entries: &[T], limit: usize) -> String {
    let words: Vec<&str> = entries.iter().map(AsRef::as_ref).collect();
    match words.as_slice() {
        [first @ .., last] if !first.is_empty() && words.len() <= limit => {
            format!("{} and {last}", first.join(", "))
        }
        words => few(words, limit.max(1)),
    }
}

/// `text` with what would be obeyed or not be seen written as escapes: control characters, invisible
/// characters and those that reorder text ([`is_unsafe`]), and words that CI systems take for commands
/// ([`commands`], `::` at its beginning). File names, log lines and messages of an engine pass through here
/// before they are shown. A tab stays, and so does the selector that makes a picture of the symbol before it.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let workflow_command = text.trim_start().starts_with("::");
    if !workflow_command && !text.contains("##") && !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut marks = commands(text).peekable();
    let mut escapes_colon = workflow_command;
    let mut before = '\0';
    let mut safe = String::with_capacity(text.len() + 8);
    for (at, c) in text.char_indices() {
        match c {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '#' if marks.next_if_eq(&at).is_some() => safe.extend(c.escape_unicode()),
            ':' if std::mem::take(&mut escapes_colon) => safe.extend(c.escape_unicode()),
            PICTURE if is_symbol(before) => safe.push(c),
            c if is_unsafe(c) => safe.extend(c.escape_unicode()),
            c => safe.push(c),
        }
        before = c;
    }
    Cow::Owned(safe)
}

/// Variation selector 16: the symbol before it is shown as a picture.
const PICTURE: char = '\u{fe0f}';

/// Whether a character is obeyed or not seen: control characters, line separators, what Unicode calls format
/// characters or ignorable by default (bidirectional controls, zero width, fillers, variation selectors, tags).
pub(crate) fn is_unsafe(c: char) -> bool {
    match c {
        '\t' | '\u{20}'..='\u{7e}' => false,
        c if c.is_control() => true,
        '\u{ad}'
        | '\u{34f}'
        | '\u{600}'..='\u{605}'
        | '\u{61c}'
        | '\u{6dd}'
        | '\u{70f}'
        | '\u{890}'..='\u{891}'
        | '\u{8e2}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{110bd}'
        | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => true,
        _ => false,
    }
}

fn is_symbol(c: char) -> bool {
    matches!(c, '\u{203c}'..='\u{2bff}' | '\u{3030}'..='\u{3299}' | '\u{1f000}'..='\u{1faff}')
}

/// Where words begin that the agents of CI systems take for commands wherever they stand in a line: `##[…]` (GitHub
/// Actions, Azure Pipelines), `##vso[…]` (Azure Pipelines), `##teamcity[…]`. Gives the place of each one's second `#`,
/// in order.
pub(crate) fn commands(text: &str) -> impl Iterator<Item = usize> + '_ {
    text.match_indices('#').map(|(at, _)| at).filter(|at| {
        let after = text[at + 1..].trim_start_matches(|c: char| c.is_ascii_alphabetic());
        text[..*at].ends_with('#') && after.starts_with('[')
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_end_in_and() {
        assert_eq!(list::<&str>(&[], 3), "");
        assert_eq!(list(&["a"], 3), "a");
        assert_eq!(list(&["a", "b"], 3), "a and b");
        assert_eq!(list(&["a", "b", "c"], 3), "a, b and c");
        assert_eq!(list(&["a", "b", "c", "d"], 3), "a, b, c and 1 more");
    }

    #[test]
    fn plain_text_is_borrowed() {
        for text in ["é/日本\tx", "a ::b", "# [x]", "std::fmt"] {
            assert!(matches!(printable(text), Cow::Borrowed(_)), "{text}");
        }
        assert_eq!(printable("## x [y] ✔\u{fe0f}"), "## x [y] ✔\u{fe0f}");
    }

    #[test]
    fn escapes_what_a_terminal_obeys() {
        assert_eq!(printable("a\x1b]0;x\x07\n\u{202e}"), "a\\u{1b}]0;x\\u{7}\\n\\u{202e}");
    }

    #[test]
    fn escapes_what_is_not_seen() {
        for c in "\u{61c}\u{2028}\u{2029}\u{200b}\u{200f}\u{2060}\u{206f}\u{feff}\u{e0041}\u{e007f}\u{fe0e}"
            .chars()
        {
            assert_eq!(printable(&format!("a{c}b")), format!("a{}b", c.escape_unicode()));
        }
        // A picture of a letter is none.
        assert_eq!(printable("a\u{fe0f}"), "a\\u{fe0f}");
    }

    #[test]
    fn escapes_what_a_ci_system_obeys() {
        for (text, safe) in [
            ("##vso[task.x]y", "#\\u{23}vso[task.x]y"),
            ("a ##[error]b", "a #\\u{23}[error]b"),
            ("####[group]", "###\\u{23}[group]"),
            ("##teamcity[x] ##VSO[", "#\\u{23}teamcity[x] #\\u{23}VSO["),
            (" ::set-output name=a::b", " \\u{3a}:set-output name=a::b"),
            ("section_start:1:x\r\x1b[0K", "section_start:1:x\\r\\u{1b}[0K"),
        ] {
            assert_eq!(printable(text), safe);
        }
    }

    proptest! {
        #[test]
        fn nothing_is_left_to_obey(text in "[:#\\[a-b \\t\\n\u{202e}✔\u{fe0f}]{0,40}|\\PC{0,20}|.{0,20}") {
            let safe = printable(&text);
            prop_assert_eq!(commands(&safe).count(), 0, "{:?}", safe);
            prop_assert!(!safe.trim_start().starts_with("::"));
            prop_assert!(!safe.chars().any(|c| is_unsafe(c) && c != PICTURE), "{:?}", safe);
            prop_assert_eq!(printable(&safe), safe.as_ref(), "twice is as once");
        }
    }
}
