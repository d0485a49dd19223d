//! Lexical path rules of Go's `path/filepath`, which `.dockerignore` inherits.

use std::borrow::Cow;

/// The shortest path with the same meaning, by text alone, as Go's `filepath.Clean` gives it on Unix:
/// doubled slashes, `.` and `x/..` go, `..` at the start of a relative path stays, an empty path is `.`.
pub(super) fn clean(path: &[u8]) -> Vec<u8> {
    let rooted = path.first() == Some(&b'/');
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|last| *last != b"..") => {
                parts.pop();
            }
            b".." if rooted => {}
            other => parts.push(other),
        }
    }
    let mut cleaned = Vec::with_capacity(path.len());
    if rooted {
        cleaned.push(b'/');
    }
    cleaned.extend_from_slice(&parts.join(&b'/'));
    if cleaned.is_empty() {
        cleaned.push(b'.');
    }
    cleaned
}

/// The code point at the start of `text` and its length. A byte that is not UTF-8 is one `U+FFFD` of
/// length 1, as in Go; the end of the text is `None`.
pub(super) fn next_rune(text: &[u8]) -> Option<(u32, usize)> {
    let first = *text.first()?;
    if first < 0x80 {
        return Some((u32::from(first), 1));
    }
    Some(match bstr::decode_utf8(text) {
        (Some(rune), length) => (u32::from(rune), length),
        (None, _) => (INVALID, 1),
    })
}

/// The text as Go reads it: each byte that is not UTF-8 is one `U+FFFD`.
pub(super) fn decoded(text: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(text).map_or_else(
        |_| {
            let runes = text.utf8_chunks().flat_map(|chunk| {
                let invalid = std::iter::repeat_n(char::REPLACEMENT_CHARACTER, chunk.invalid().len());
                chunk.valid().chars().chain(invalid)
            });
            runes.collect()
        },
        Cow::Borrowed,
    )
}

/// What a byte that is not UTF-8 reads as.
pub(super) const INVALID: u32 = 0xFFFD;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleans_as_go_does() {
        for (path, cleaned) in [
            ("", "."),
            (".", "."),
            ("./", "."),
            ("/", "/"),
            ("//a//b/", "/a/b"),
            ("a/./b/../c", "a/c"),
            ("a/../../b", "../b"),
            ("../../a", "../../a"),
            ("../a/..", ".."),
            ("/../../a", "/a"),
            ("a/..", "."),
            ("!../x", "!../x"),
            ("!a/../..", ".."),
            ("!/", "!"),
        ] {
            assert_eq!(clean(path.as_bytes()), *cleaned.as_bytes(), "{path:?}");
        }
    }

    #[test]
    fn a_byte_that_is_not_utf8_is_one_rune() {
        assert_eq!(next_rune(b"\xe2\x82"), Some((INVALID, 1)));
        assert_eq!(next_rune("é".as_bytes()), Some((0xe9, 2)));
        assert_eq!(next_rune(b""), None);
    }
}
