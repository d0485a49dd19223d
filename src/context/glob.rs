//! Shell patterns with the rules of Go's `filepath.Match`, which COPY and ADD use for their sources.
//!
//! `*` and `?` do not match `/`. A class `[a-z]`, `[^a-z]` does, if `/` is in it: that is how Go does it.
//! There is no `**` here; two stars are one.

use super::clean::{INVALID, next_rune};

/// A compiled pattern. Matching takes at most time proportional to pattern times name.
#[derive(Clone, Debug)]
pub(super) struct Glob {
    chunks: Vec<Chunk>,
}

/// A run of tokens, with or without `*` in front.
#[derive(Clone, Debug)]
struct Chunk {
    star: bool,
    tokens: Vec<Token>,
}

#[derive(Clone, Debug)]
enum Token {
    Byte(u8),
    /// `?`: one code point that is not `/`.
    Any,
    Class {
        negated: bool,
        ranges: Vec<(u32, u32)>,
    },
}

/// What Go calls a "syntax error in pattern", in more words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum GlobError {
    #[error("`[` has no closing `]`")]
    Unclosed,
    #[error("a class `[…]` holds no character before `]`, or `-` without both its ends")]
    BadRange,
    #[error("`\\` at the end escapes nothing")]
    TrailingBackslash,
    #[error("a class `[…]` holds bytes that are not UTF-8")]
    NotText,
}

impl Glob {
    /// Compiles a pattern. With an error in it, however late, it matches nothing.
    pub(super) fn parse(pattern: &[u8]) -> Result<Self, GlobError> {
        let mut chunks = Vec::new();
        let mut rest = pattern;
        while !rest.is_empty() {
            let chunk;
            (chunk, rest) = Chunk::parse(rest)?;
            chunks.push(chunk);
        }
        Ok(Self { chunks })
    }

    /// What `filepath.Match(pattern, name)` says of the pattern: it stops at the first part that does
    /// not fit the name and never sees an error behind that.
    pub(super) fn check(pattern: &[u8], name: &[u8]) -> Result<(), GlobError> {
        let (mut rest, mut name) = (pattern, name);
        while !rest.is_empty() {
            let chunk;
            (chunk, rest) = Chunk::parse(rest)?;
            match chunk.find(name, rest.is_empty()) {
                Some(after) => name = after,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// Whether the whole of `name` matches.
    pub(super) fn matches(&self, name: &[u8]) -> bool {
        let mut name = name;
        for (at, chunk) in self.chunks.iter().enumerate() {
            let last = at + 1 == self.chunks.len();
            match chunk.find(name, last) {
                Some(rest) => name = rest,
                None => return false,
            }
        }
        name.is_empty()
    }

    /// Whether a class somewhere other than at the very start may match a `/`. Paths have no empty
    /// components, so one at the start of a component never gets the chance.
    pub(super) fn may_cross_folders(&self) -> bool {
        self.chunks.iter().enumerate().any(|(at, chunk)| {
            let skip = usize::from(at == 0 && !chunk.star);
            chunk.tokens.iter().skip(skip).any(|token| match token {
                Token::Class { negated, ranges } => contains(ranges, u32::from(b'/')) != *negated,
                Token::Byte(byte) => *byte == b'/',
                Token::Any => false,
            })
        })
    }
}

impl Chunk {
    fn parse(pattern: &[u8]) -> Result<(Self, &[u8]), GlobError> {
        let stars = pattern.iter().take_while(|byte| **byte == b'*').count();
        let mut rest = &pattern[stars..];
        let mut tokens = Vec::new();
        while let Some(&byte) = rest.first() {
            match byte {
                b'*' => break,
                b'?' => {
                    tokens.push(Token::Any);
                    rest = &rest[1..];
                }
                b'[' => {
                    let (class, after) = parse_class(&rest[1..])?;
                    tokens.push(class);
                    rest = after;
                }
                b'\\' => {
                    let escaped = *rest.get(1).ok_or(GlobError::TrailingBackslash)?;
                    tokens.push(Token::Byte(escaped));
                    rest = &rest[2..];
                }
                _ => {
                    tokens.push(Token::Byte(byte));
                    rest = &rest[1..];
                }
            }
        }
        Ok((Self { star: stars > 0, tokens }, rest))
    }

    /// What follows the first place where the chunk fits. The last chunk must reach the end.
    fn find<'n>(&self, name: &'n [u8], last: bool) -> Option<&'n [u8]> {
        if last && self.tokens.is_empty() {
            let end = if self.star && !name.contains(&b'/') { name.len() } else { 0 };
            return Some(&name[end..]).filter(|rest| rest.is_empty());
        }
        let mut from = 0;
        loop {
            if let Some(rest) = self.fits(&name[from..])
                && (rest.is_empty() || !last)
            {
                return Some(rest);
            }
            if !self.star || from >= name.len() || name[from] == b'/' {
                return None;
            }
            from += 1;
        }
    }

    fn fits<'n>(&self, name: &'n [u8]) -> Option<&'n [u8]> {
        let mut rest = name;
        for token in &self.tokens {
            let length = match token {
                Token::Byte(byte) => usize::from(rest.first()? == byte),
                Token::Any if rest.first()? == &b'/' => 0,
                Token::Any => next_rune(rest)?.1,
                Token::Class { negated, ranges } => {
                    let (rune, length) = next_rune(rest)?;
                    if contains(ranges, rune) == *negated { 0 } else { length }
                }
            };
            if length == 0 {
                return None;
            }
            rest = &rest[length..];
        }
        Some(rest)
    }
}

fn contains(ranges: &[(u32, u32)], rune: u32) -> bool {
    ranges.iter().any(|(low, high)| (*low..=*high).contains(&rune))
}

/// A class, from behind its `[`, and what follows its `]`. An empty class or range end is an error, a
/// range the wrong way round matches nothing.
fn parse_class(inside: &[u8]) -> Result<(Token, &[u8]), GlobError> {
    let (negated, mut rest) = match inside.strip_prefix(b"^") {
        Some(rest) => (true, rest),
        None => (false, inside),
    };
    let mut ranges = Vec::new();
    loop {
        if let (Some(b']'), false) = (rest.first(), ranges.is_empty()) {
            return Ok((Token::Class { negated, ranges }, &rest[1..]));
        }
        let (low, after) = class_rune(rest)?;
        rest = after;
        let mut high = low;
        if let Some(after_dash) = rest.strip_prefix(b"-") {
            (high, rest) = class_rune(after_dash)?;
        }
        ranges.push((low, high));
    }
}

/// One code point of a class, which may be escaped. The class must go on behind it.
fn class_rune(rest: &[u8]) -> Result<(u32, &[u8]), GlobError> {
    let rest = match rest.first() {
        None => return Err(GlobError::Unclosed),
        Some(b'-' | b']') => return Err(GlobError::BadRange),
        Some(b'\\') => &rest[1..],
        Some(_) => rest,
    };
    let (rune, length) = next_rune(rest).ok_or(GlobError::Unclosed)?;
    if rune == INVALID && length == 1 {
        return Err(GlobError::NotText);
    }
    if rest.len() == length {
        return Err(GlobError::Unclosed);
    }
    Ok((rune, &rest[length..]))
}

/// Whether `BuildKit` treats a path component as a pattern: it holds `*`, `?` or `[` that is not escaped.
pub(super) fn has_wildcards(component: &[u8]) -> bool {
    let mut bytes = component.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'*' | b'?' | b'[' => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Glob::parse(pattern.as_bytes()).expect(pattern).matches(name.as_bytes())
    }

    #[test]
    fn matches_as_go_does() {
        for (pattern, name, expected) in [
            ("abc", "abc", true),
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "abc", true),
            ("*", "a/b", false),
            ("*c", "abc", true),
            ("a*/b", "abc/b", true),
            ("a*/b", "a/c/b", false),
            ("a*b*c*d*e*/f", "axbxcxdxe/f", true),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/fff", false),
            ("a*b?c*x", "abxbbxdbxebxczzx", true),
            ("a*b?c*x", "abxbbxdbxebxczzy", false),
            ("ab[c]", "abc", true),
            ("ab[b-d]", "abc", true),
            ("ab[^c]", "abc", false),
            ("ab[!c]", "ab!", true),
            ("ab[!c]", "abd", false),
            ("a\\*b", "a*b", true),
            ("a\\*b", "ab", false),
            ("a?b", "a☺b", true),
            ("a[^a]b", "a☺b", true),
            ("a???b", "a☺b", false),
            ("a?b", "a/b", false),
            ("a[^x]b", "a/b", true),
            ("a[-\\]]", "a", false),
            ("[a-ζ]*", "α", true),
            ("*[a-ζ]", "A", false),
            ("[\\]a]", "]", true),
            ("[\\-x]", "-", true),
            ("[z-a]", "m", false),
            ("*x", "xxx", true),
            ("**", "ab", true),
            ("**/x", "a/x", true),
            ("**/x", "a/b/x", false),
            ("[*]", "*", true),
            ("[a*]b", "*b", true),
        ] {
            if pattern == "a[-\\]]" {
                assert!(Glob::parse(pattern.as_bytes()).is_err());
                continue;
            }
            assert_eq!(matches(pattern, name), expected, "{pattern:?} {name:?}");
        }
    }

    #[test]
    fn rejects_what_go_rejects() {
        for (pattern, error) in [
            ("[]a]", GlobError::BadRange),
            ("[-]", GlobError::BadRange),
            ("[x-]", GlobError::BadRange),
            ("[-x]", GlobError::BadRange),
            ("[a-b-d]", GlobError::BadRange),
            ("[", GlobError::Unclosed),
            ("[^", GlobError::Unclosed),
            ("[^bc", GlobError::Unclosed),
            ("a[", GlobError::Unclosed),
            ("a[b*", GlobError::Unclosed),
            ("a/[", GlobError::Unclosed),
            ("[]", GlobError::BadRange),
            ("a\\", GlobError::TrailingBackslash),
            ("[\\", GlobError::Unclosed),
        ] {
            assert_eq!(Glob::parse(pattern.as_bytes()).expect_err(pattern), error, "{pattern:?}");
        }
        assert_eq!(Glob::parse(b"[\xff]").expect_err("bytes"), GlobError::NotText);
    }

    #[test]
    fn an_error_behind_a_mismatch_is_not_seen() {
        assert!(Glob::check(b"a*[", b".").is_ok());
        assert!(Glob::check(b"*a[", b".").is_err());
        assert!(Glob::check(b".*[", b".").is_err());
        assert!(Glob::check(b"**", b".").is_ok());
    }

    #[test]
    fn an_invalid_byte_is_one_character() {
        let glob = Glob::parse(b"a?b").expect("valid");
        assert!(glob.matches(b"a\xffb"));
        assert!(!glob.matches(b"a\xff\xffb"));
        assert!(Glob::parse(b"\xff*").expect("valid outside a class").matches(b"\xff1"));
    }

    #[test]
    fn knows_what_can_match_a_slash() {
        let crosses = |pattern: &str| Glob::parse(pattern.as_bytes()).expect(pattern).may_cross_folders();
        assert!(!crosses("[^.]*.txt"));
        assert!(!crosses("a[b-d]*"));
        assert!(crosses("a[^b]c"));
        assert!(crosses("*[^b]"));
        assert!(crosses("x[+-9]"));
    }

    #[test]
    fn many_stars_stay_cheap() {
        let pattern = "*a".repeat(2_000) + "b";
        assert!(!matches(&pattern, &"a".repeat(4_000)));
    }

    proptest! {
        #[test]
        fn never_panics(
            pattern in proptest::collection::vec(prop_oneof![
                proptest::sample::select(b"*?[]^-\\a/".to_vec()), any::<u8>()], 0..12),
            name in proptest::collection::vec(any::<u8>(), 0..12),
        ) {
            if let Ok(glob) = Glob::parse(&pattern) {
                glob.matches(&name);
            }
        }
    }
}
