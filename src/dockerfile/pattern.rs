//! The patterns of `${name#pattern}`, `${name%pattern}` and `${name/pattern/text}`: `*` and `?`, no
//! brackets. `BuildKit` makes regular expressions of them, whose rules hold here: neither matches a line
//! break, and a match begins as far left as it can.

use regex_automata::meta::Regex;
use regex_automata::{Anchored, Input};
use regex_syntax::hir::{Dot, Hir, Repetition};

/// Text times pattern, in steps. Nobody writes longer ones.
const MOST_WORK: usize = 1 << 24;
/// No compiled pattern takes more bytes than this.
const MOST_MEMORY: usize = 10 << 20;

#[derive(Clone, Debug)]
pub(super) struct Pattern(Vec<Token>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Char(char),
    One,
    Many,
}

type Result<T> = std::result::Result<T, String>;

impl Pattern {
    /// Reads a pattern. A backslash escapes `*`, `?`, `}`, `/` and itself.
    pub(super) fn new(pattern: &str) -> Result<Self> {
        let mut tokens = Vec::with_capacity(pattern.len());
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            tokens.push(match (c, chars.peek()) {
                ('*', _) => Token::Many,
                ('?', _) => Token::One,
                ('\\', Some('}' | '/')) => continue,
                ('\\', Some(escaped @ ('*' | '?' | '\\'))) => {
                    let token = Token::Char(*escaped);
                    chars.next();
                    token
                }
                ('\\', other) => {
                    let escaped: String = other.into_iter().collect();
                    return Err(format!(
                        "invalid pattern ({pattern}) in substitution: invalid escape '\\{escaped}'"
                    ));
                }
                (c, _) => Token::Char(c),
            });
        }
        Ok(Self(tokens))
    }

    fn reversed(&self) -> Self {
        Self(self.0.iter().rev().copied().collect())
    }

    /// The regular expression for `text`. Its stars prefer much (`longest`) or little.
    fn compile(&self, text: &str, longest: bool) -> Result<Regex> {
        let too_long = || "the pattern and the value of this substitution are too long".to_owned();
        if text.len().saturating_mul(self.0.len()) > MOST_WORK {
            return Err(too_long());
        }
        let any = || Hir::dot(Dot::AnyCharExceptLF);
        let parts = self.0.iter().map(|token| match token {
            Token::Char(c) => Hir::literal(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Token::One => any(),
            Token::Many => {
                Hir::repetition(Repetition { min: 0, max: None, greedy: longest, sub: Box::new(any()) })
            }
        });
        let limits = Regex::config().nfa_size_limit(Some(MOST_MEMORY));
        let expression = Hir::concat(parts.collect());
        Regex::builder().configure(limits).build_from_hir(&expression).map_err(|_| too_long())
    }

    /// What follows the match that begins where `text` does; without one all of it.
    fn trim<'t>(&self, text: &'t str, longest: bool) -> Result<&'t str> {
        let found = self.compile(text, longest)?.find(Input::new(text).anchored(Anchored::Yes));
        Ok(&text[found.map_or(0, |found| found.end())..])
    }
}

/// `value` without the match at its beginning.
pub(super) fn trim_prefix(pattern: &Pattern, value: &str, longest: bool) -> Result<String> {
    pattern.trim(value, longest).map(str::to_owned)
}

/// `value` without the match at its end.
pub(super) fn trim_suffix(pattern: &Pattern, value: &str, longest: bool) -> Result<String> {
    let backwards: String = value.chars().rev().collect();
    Ok(pattern.reversed().trim(&backwards, longest)?.chars().rev().collect())
}

/// `value` with the first match replaced.
pub(super) fn replace_first(pattern: &Pattern, value: &str, replacement: &str) -> Result<String> {
    Ok(match pattern.compile(value, true)?.find(value) {
        Some(found) => [&value[..found.start()], replacement, &value[found.end()..]].concat(),
        None => value.to_owned(),
    })
}

/// `value` with every match replaced. Go takes the replacement for a template here (and only here).
pub(super) fn replace_all(pattern: &Pattern, value: &str, replacement: &str) -> Result<String> {
    if value.len().saturating_mul(replacement.len()) > MOST_WORK {
        return Err("this substitution makes too much text".to_owned());
    }
    let mut replaced = String::with_capacity(value.len());
    let mut kept = 0;
    for found in pattern.compile(value, true)?.find_iter(value) {
        replaced.push_str(&value[kept..found.start()]);
        replaced.push_str(&fill(replacement, &value[found.range()]));
        kept = found.end();
    }
    replaced.push_str(&value[kept..]);
    Ok(replaced)
}

/// Go's `Expand` without groups: `$0` is the match, any other `$name` is empty, `$$` is a dollar sign.
fn fill(template: &str, matched: &str) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        filled.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            filled.push('$');
            rest = after;
            continue;
        }
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let (name, after_name) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some(braced) => braced,
            None => after.split_at(after.find(|c| !is_name(c)).unwrap_or(after.len())),
        };
        if name.is_empty() || !name.chars().all(is_name) {
            filled.push('$');
            rest = after;
            continue;
        }
        if name == "0" {
            filled.push_str(matched);
        }
        rest = after_name;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text).expect(text)
    }

    #[test]
    fn trims_the_shortest_or_the_longest() {
        for (word, value, shortest, longest) in [
            ("*.", "a.b.c", "b.c", "c"),
            ("*", "abc", "abc", ""),
            ("?", "abc", "bc", "bc"),
            ("a*b*c", "aXbYcZbc!", "Zbc!", "!"),
            ("", "abc", "abc", "abc"),
            (r"\*", "*x", "x", "x"),
            ("x", "abc", "abc", "abc"),
            ("*c", "a\nc", "a\nc", "a\nc"),
            ("**b", "ab ab", " ab", ""),
            ("??", "ab", "", ""),
        ] {
            let word = pattern(word);
            assert_eq!(trim_prefix(&word, value, false).as_deref(), Ok(shortest), "{word:?} {value}");
            assert_eq!(trim_prefix(&word, value, true).as_deref(), Ok(longest), "{word:?} {value}");
        }
        assert_eq!(trim_suffix(&pattern(".*"), "a.b.c", false).as_deref(), Ok("a.b"));
        assert_eq!(trim_suffix(&pattern(".*"), "a.b.c", true).as_deref(), Ok("a"));
    }

    #[test]
    fn replaces_as_go_does() {
        for (word, value, replacement, first, all) in [
            ("b", "abcb", "X", "aXcb", "aXcX"),
            ("b*", "abcb", "X", "aX", "aX"),
            ("", "ab", "-", "-ab", "-a-b-"),
            ("*", "ab", "x", "x", "x"),
            ("z", "ab", "x", "ab", "ab"),
            ("a?", "a1a2", "<$0>", "<$0>a2", "<a1><a2>"),
            ("a", "a", "$$-${1}-$x", "$$-${1}-$x", "$--"),
        ] {
            let word = pattern(word);
            assert_eq!(replace_first(&word, value, replacement).as_deref(), Ok(first), "{word:?} {value}");
            assert_eq!(replace_all(&word, value, replacement).as_deref(), Ok(all), "{word:?} {value}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        let word = pattern(&"*a".repeat(200));
        let value = "a".repeat(20_000) + "b";
        assert!(trim_prefix(&word, &value, true).is_ok());
        assert!(replace_all(&word, &value, "").is_ok());
        assert!(trim_prefix(&pattern(&"*a".repeat(20_000)), &value, true).is_err());
    }
}
