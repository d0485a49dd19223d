//! The flags of an instruction: `--from=x`, `--mount=type=bind,"source=a b"`. Quotes and backslashes
//! (always backslashes, whatever the escape directive says) are removed while they are read.

use std::ops::Range;

use super::error::{LineError, excerpt, suggestion};
use super::text::{Text, Word};

#[derive(Clone, Debug)]
pub(super) struct Flag {
    /// The name without dashes.
    pub(super) name: String,
    /// The value, where there is a `=`.
    pub(super) value: Option<FlagText>,
    /// The whole flag in the logical line.
    pub(super) range: Range<usize>,
}

/// Text of a flag with quotes and escapes removed, and where in the logical line each byte of it stands.
#[derive(Clone, Debug, Default)]
pub(super) struct FlagText {
    bytes: Vec<u8>,
    origins: Vec<ByteOrigin>,
    /// All that was written for it, quotes included, where what stands around it is not quoted.
    whole: Option<Range<usize>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ByteOrigin {
    /// Where the byte stands, with the backslash in front of it.
    start: usize,
    end: usize,
    /// Which pair of quotes it stands in, 0 for none.
    quote: usize,
}

impl FlagText {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub(super) fn range(&self, range: Range<usize>) -> FlagText {
        let before = range.start.checked_sub(1).and_then(|before| self.origins.get(before));
        let start = before.filter(|before| before.quote == 0).map(|before| before.end);
        let end = match self.origins.get(range.end) {
            Some(after) => (after.quote == 0).then_some(after.start),
            None => self.whole.as_ref().map(|whole| whole.end),
        };
        FlagText {
            bytes: self.bytes.get(range.clone()).unwrap_or_default().to_vec(),
            origins: self.origins.get(range).unwrap_or_default().to_vec(),
            whole: start.zip(end).map(|(start, end)| start..end),
        }
    }

    /// Takes another part at its end.
    pub(super) fn push(&mut self, other: FlagText) {
        self.bytes.extend(other.bytes);
        self.origins.extend(other.origins);
        self.whole = None;
    }

    /// As a word whose span can be overwritten with other text; `None` if that would tear a pair of quotes
    /// apart (`--"from=a"b`).
    pub(super) fn word(&self, text: &Text) -> Option<Word> {
        let (first, last) = (self.origins.first()?, self.origins.last()?);
        let range = if first.quote == last.quote { first.start..last.end } else { self.whole.clone()? };
        Some(Word { text: self.text(), span: text.span(range) })
    }
}

/// Reads flags at the beginning of `range`; returns them and where the arguments begin.
pub(super) fn read(text: &Text, range: Range<usize>) -> (Vec<Flag>, usize) {
    let mut flags = Vec::new();
    let mut at = range.start;
    loop {
        while at < range.end && is_space(text.bytes()[at]) {
            at += 1;
        }
        if !text.get(at..range.end).starts_with(b"--") {
            return (flags, at);
        }
        let (word, end) = read_word(text, at..range.end);
        if word.bytes == b"--" {
            return (flags, end);
        }
        flags.push(split(&word, at..end));
        at = end;
    }
}

/// One word up to white space outside quotes.
fn read_word(text: &Text, range: Range<usize>) -> (FlagText, usize) {
    let bytes = text.bytes();
    let mut word = FlagText::default();
    let mut open = None;
    let mut quotes = 0;
    let mut at = range.start;
    while at < range.end {
        let start = at;
        match (open, bytes[at]) {
            (None, byte) if is_space(byte) => break,
            (None, quote @ (b'\'' | b'"')) => {
                open = Some(quote);
                quotes += 1;
                at += 1;
                continue;
            }
            (Some(quote), byte) if byte == quote => {
                open = None;
                at += 1;
                continue;
            }
            (_, b'\\') => {
                at += 1;
                if at == range.end {
                    break;
                }
            }
            _ => {}
        }
        let quote = if open.is_some() { quotes } else { 0 };
        word.bytes.push(bytes[at]);
        at += 1;
        word.origins.push(ByteOrigin { start, end: at, quote });
    }
    word.whole = Some(range.start..at);
    (word, at)
}

fn split(word: &FlagText, range: Range<usize>) -> Flag {
    let length = word.bytes.len();
    let equals = word.bytes.iter().position(|byte| *byte == b'=');
    let name = word.range(2.min(length)..equals.unwrap_or(length).max(2.min(length))).text();
    Flag { name, value: equals.map(|equals| word.range(equals + 1..length)), range }
}

fn is_space(byte: u8) -> bool {
    byte == b'\n' || super::text::is_blank(byte)
}

/// What the value of a known flag has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// `--link`, `--link=false`.
    Boolean,
    Value,
    /// A value, any number of times.
    Values,
}

/// Checks flags against those that the instruction knows.
pub(super) fn check(flags: &[Flag], known: &[(&str, Takes)]) -> Result<(), LineError> {
    let mut seen = Vec::new();
    for flag in flags {
        let fail = |message: String| LineError::instruction(flag.range.clone(), message);
        let name = flag.name.as_str();
        let Some((_, takes)) = known.iter().find(|(known, _)| *known == name) else {
            let closest = suggestion(name, known.iter().map(|(known, _)| *known));
            let hint = closest.map(|closest| format!("did you mean --{closest}?"));
            return Err(fail(format!("unknown flag: --{}", excerpt(name))).hint(hint));
        };
        if *takes != Takes::Values && seen.contains(&name) {
            return Err(fail(format!("duplicate flag specified: --{name}")));
        }
        seen.push(name);
        match (takes, &flag.value) {
            (Takes::Boolean, None) => {}
            (Takes::Boolean, Some(value)) if value.bytes.is_empty() => {
                return Err(fail(format!("missing a value on flag: --{name}")));
            }
            (Takes::Boolean, Some(value)) => {
                let value = value.text();
                if !["true", "false"].iter().any(|word| value.eq_ignore_ascii_case(word)) {
                    return Err(fail(format!("expecting boolean value for flag --{name}, not: {value}")));
                }
            }
            (_, None) => return Err(fail(format!("missing a value on flag: --{name}"))),
            (_, Some(_)) => {}
        }
    }
    Ok(())
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
    fn values_know_which_bytes_to_overwrite() {
        for (source, value, span) in [
            ("--from=x a", "x", Some("x")),
            ("--from=\"x\" a", "x", Some("x")),
            ("--\"from=x y\" a", "x y", Some("x y")),
            ("--from=a'b'c a", "abc", Some("a'b'c")),
            (r"--from=\x\ y a", "x y", Some(r"\x\ y")),
            ("--from='a'b a", "ab", Some("'a'b")),
            ("--from='a''b' a", "ab", Some("'a''b'")),
            ("--\"from=a\"b a", "ab", None),
            ("--from= a", "", None),
        ] {
            let text = text(source);
            let (flags, rest) = read(&text, text.all());
            assert_eq!((flags.len(), text.string(rest..source.len())), (1, "a".into()), "{source}");
            let found = flags[0].value.as_ref().expect("a value");
            assert_eq!(found.text(), value, "{source}");
            assert_eq!(found.word(&text).map(|word| &source[word.span]), span, "{source}");
        }
    }

    #[test]
    fn two_dashes_end_the_flags() {
        let text = text("--link -- --odd /d");
        let (flags, rest) = read(&text, text.all());
        assert_eq!(flags.iter().map(|flag| flag.name.as_str()).collect::<Vec<_>>(), ["link"]);
        assert_eq!(text.string(rest..18), " --odd /d");
    }

    #[test]
    fn unknown_flags_get_a_suggestion() {
        let text = text("--form=x");
        let (flags, _) = read(&text, text.all());
        let failure = check(&flags, &[("from", Takes::Value)]).expect_err("unknown");
        assert_eq!(failure.message, "unknown flag: --form");
        assert_eq!(failure.hint.as_deref(), Some("did you mean --from?"));
    }
}
