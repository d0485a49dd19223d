//! One compiled `.dockerignore` pattern.

use super::affix::{ends_with, starts_with};
use super::clean::decoded;
use super::dialect::{self, Kind};
use super::glob::Glob;
use super::matcher::Matcher;
use super::pattern_error::PatternError;

/// A pattern without its `!`.
#[derive(Debug)]
pub(super) enum Pattern {
    Exact(Vec<u8>),
    /// Matches what begins with this (`logs/**`).
    Prefix(Vec<u8>),
    /// Matches what ends with this (`**/node_modules`, `**.log`), and, where it begins with `/`, also
    /// the path that is the rest of it.
    Suffix(Vec<u8>),
    Expression(Box<Matcher>),
}

impl Pattern {
    /// Looks for errors as docker does before it matches anything: by asking `filepath.Match` whether a
    /// cleaned pattern fits `.`, although it does not match with those rules.
    pub(super) fn check(pattern: &[u8]) -> Result<(), PatternError> {
        Ok(Glob::check(pattern, b".")?)
    }

    /// Compiles a cleaned pattern.
    pub(super) fn parse(pattern: &[u8]) -> Result<Self, PatternError> {
        Self::check(pattern)?;
        let (kind, expression) = dialect::to_expression(&decoded(pattern));
        Ok(match kind {
            Kind::Exact => Self::Exact(pattern.to_vec()),
            Kind::Prefix => Self::Prefix(pattern[..pattern.len() - 2].to_vec()),
            Kind::Suffix => Self::Suffix(pattern[2..].to_vec()),
            Kind::Expression => Self::Expression(Box::new(Matcher::new(&expression)?)),
        })
    }

    pub(super) fn matches(&self, path: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => path == exact,
            Self::Prefix(prefix) => path.starts_with(prefix),
            Self::Suffix(suffix) => ends_with(path, suffix) || suffix.strip_prefix(b"/") == Some(path),
            Self::Expression(matcher) => matcher.matches(path),
        }
    }

    /// Whether this path or a folder that holds it matches. `ends` are the places of its slashes.
    pub(super) fn matches_or_holds(&self, path: &[u8], ends: &[usize]) -> bool {
        match self {
            Self::Exact(exact) => {
                starts_with(path, exact) && matches!(path.get(exact.len()), None | Some(b'/'))
            }
            // A folder that begins with it holds paths that do.
            Self::Prefix(prefix) => starts_with(path, prefix),
            Self::Suffix(_) => ends.iter().any(|end| self.matches(&path[..*end])) || self.matches(path),
            Self::Expression(matcher) => matcher.matches_or_holds(path),
        }
    }

    /// Whether some path below `folder` may match by itself. May be true in vain, never false.
    pub(super) fn may_match_below(&self, folder: &[u8]) -> bool {
        let mut start = folder.to_vec();
        start.push(b'/');
        match self {
            Self::Exact(exact) => exact.starts_with(&start),
            Self::Prefix(prefix) => prefix.starts_with(&start) || start.starts_with(prefix),
            Self::Suffix(_) => true,
            Self::Expression(matcher) => matcher.may_match_beyond(&start),
        }
    }
}

/// The places of the slashes of `path`: the ends of the folders that hold it, from the outermost.
pub(super) fn folder_ends(path: &[u8]) -> Vec<usize> {
    let mut ends = Vec::with_capacity(16);
    ends.extend(path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at));
    ends
}

#[cfg(test)]
mod tests {
    use bstr::ByteSlice;

    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text.as_bytes()).expect(text)
    }

    #[test]
    fn matches_as_patternmatcher_does() {
        for (text, path, expected) in [
            ("**", "file", true),
            ("**", "dir/file", true),
            ("**/**", "dir/file", true),
            ("dir/**", "dir/file", true),
            ("dir/**", "dir/dir2/file", true),
            ("dir/**", "dir", false),
            ("**/dir", "dir", true),
            ("**/dir", "a/b/dir", true),
            ("**/dir", "a/dir2", false),
            ("**/dir2/*", "dir/dir2/file", true),
            ("**/dir2/**", "dir/dir2/dir2/file", true),
            ("**file", "some/dir/myfile", true),
            ("**/*.txt", "a/b.txt", true),
            ("**/*.txt", "b.txt", true),
            ("a**/*.txt", "a/dir/file.txt", true),
            ("a**/*.txt", "ab/file.txt", true),
            ("a/*.txt", "a/dir/file.txt", false),
            ("a[b-d]e", "ace", true),
            ("a[b-d]e", "aae", false),
            ("a[^b-d]e", "a/e", true),
            (".*", ".foo", true),
            (".*", "foo", false),
            ("abc.def", "abcdef", false),
            ("abc?def", "abc/def", false),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("a\\ b", "a b", true),
            ("**/foo/bar", "a/foo/bar", true),
            ("foo/**/bar", "foo/bar", true),
            ("foo/**/bar", "foo/a/b/bar", true),
            ("foo/**/bar", "foobar", false),
            ("foo**bar", "foobar", true),
            ("foo**bar", "foo1/bar", true),
            ("foo**bar", "foo1bar", false),
            ("***", "a", true),
            ("***/x", "a/b/x", true),
            ("****", "a/b", true),
            ("(a|b)+{1}$", "(a|b)+{1}$", true),
            ("(a)*", "(a)1", true),
            ("a^b", "a^b", true),
        ] {
            assert_eq!(pattern(text).matches(path.as_bytes()), expected, "{text:?} {path:?}");
        }
    }

    #[test]
    fn what_the_regular_expression_makes_of_it() {
        for (text, path, expected) in [
            ("[a*]b", "a]b", true),
            ("[a*]b", "a*b", false),
            ("a^b*", "a^bc", false),
            ("\\d", "7", true),
            ("\\d", "d", false),
            ("[\\w]x", "_x", true),
            ("[\\D]x", "1x", false),
            ("[\\D]x", "ax", true),
            ("[[:alpha:]]", "q", true),
            ("[[:^alpha:]]", "q", false),
            ("[[:^alpha:]]", "1", true),
            ("[?]", "/]", true),
            ("[?]", "?", false),
            ("\\x41", "A", true),
            ("\\101", "A", true),
            ("\\n*", "\n1", true),
            ("**/*", "a\n/b", false),
            ("a\\Qb*", "ab[^/]*$", true),
            ("a\\Qb*", "ab[^/]*$ and more", true),
            ("a\\Qb\\Ec?", "abcd", true),
            ("\\bx*", "xy", true),
            ("\\Bx*", "xy", false),
            ("x\\z*", "x", true),
            ("x\\A*", "x", false),
            ("\u{feff}a*", "ab", true),
            ("a*b\\", "a1b$ and more", true),
            ("a*b\\", "a1b\\", false),
            ("*\\B*", "a\u{e9}a", false),
            ("*\\B*", "a\u{e9}\u{e9}a", true),
            ("a|b", "b", false),
            ("a|*b", "b", true),
            ("a*|b", "a/anything", true),
            ("a*|b", "anything/b", true),
            ("a*|b", "b/a", false),
            ("ab{2}?", "abbc", true),
            ("ab{2}?", "ab{2}c", false),
            ("ab{1,}?", "abbbc", true),
            ("[ab]{0,2}", "aba", false),
            ("*.{js,ts}", "a.{js,ts}", true),
            ("*.{js,ts}", "a.js", false),
            ("{2}*", "x", true),
            ("\\x{41}", "A", true),
        ] {
            assert_eq!(pattern(text).matches(path.as_bytes()), expected, "{text:?} {path:?}");
        }
        for text in [
            "\\e",
            "[\\e]",
            "\\é",
            "\\1",
            "[a-?]",
            "[[:nope:]]x]",
            "\\C",
            "\\x4",
            "*{2}",
            "*|{2}",
            "*a{2}{2}",
            "*a{1001}",
        ] {
            assert!(Pattern::parse(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn repetitions_do_not_explode() {
        let pattern = "*a{1000}".to_owned() + &"b{1000}".repeat(60);
        assert!(Pattern::parse(pattern.as_bytes()).is_ok());
        assert!(Pattern::parse(("*".to_owned() + &"a{1000}".repeat(9_000)).as_bytes()).is_err());
    }

    #[test]
    fn an_invalid_byte_matches_like_any_character() {
        assert!(pattern("a?").matches(b"a\xff"));
        assert!(!pattern("a?").matches(b"a\xff\xfe"));
        assert!(Pattern::parse(b"\xff*").expect("valid").matches(b"\xfe1"));
        assert!(Pattern::parse(b"\xff").expect("valid").matches(b"\xff"));
        assert!(!Pattern::parse(b"\xff").expect("valid").matches(b"\xfe"));
    }

    #[test]
    fn holders_count() {
        for (text, path, expected) in [
            ("a", "a/b/c", true),
            ("a", "ab", false),
            ("a/b", "a/b/c", true),
            ("*/b", "a/b/c", true),
            ("**/node_modules", "x/node_modules/y/z", true),
            ("logs/**", "logs", false),
            ("logs/**", "logs/x/y", true),
            ("b*", "a/b1", false),
        ] {
            let path = path.as_bytes();
            let holds = pattern(text).matches_or_holds(path, &folder_ends(path));
            assert_eq!(holds, expected, "{text:?} {:?}", path.as_bstr());
        }
    }

    #[test]
    fn below_a_folder() {
        for (text, folder, expected) in [
            ("a/b", "a", true),
            ("a/b", "a/b", false),
            ("a", "a", false),
            ("ab", "a", false),
            ("a/**", "a/b", true),
            ("a/b/**", "a", true),
            ("a/b/**", "c", false),
            ("**/x", "any", true),
            ("a/*/c", "a", true),
            ("a/*/c", "a/b", true),
            ("a/*/c", "a/b/c", false),
            ("a/*/c", "b", false),
            ("*.md", "docs", false),
            ("x/\\bfoo?", "x", true),
            ("x/\\bfoo?", "y", false),
            ("a|*b", "any", true),
        ] {
            assert_eq!(pattern(text).may_match_below(folder.as_bytes()), expected, "{text:?} {folder:?}");
        }
    }
}
