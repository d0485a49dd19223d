//! The patterns of `${name#pattern}`, `${name%pattern}` and `${name/pattern/text}`: `*` and `?`, no
//! brackets. `BuildKit` makes regular expressions of them, whose rules hold here: neither matches a line
//! break, and a match begins as far left as it can.

/// Text times pattern, in steps. Nobody writes longer ones.
const MOST_WORK: usize = 1 << 24;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(super) struct Pattern(Vec<Token>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Char(char),
    /// `?`
    One,
    /// `*`
    Many,
}

type Result<T> = std::result::Result<T, String>;

impl Pattern {
    /// Compiles a pattern. A backslash escapes `*`, `?`, `}`, `/` and itself.
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

    fn check(&self, text: &[char]) -> Result<()> {
        if text.len().saturating_mul(self.0.len()) > MOST_WORK {
            return Err("the pattern and the value of this substitution are too long".to_owned());
        }
        Ok(())
    }

    /// The end of the longest (or shortest) match that begins where `text` does.
    fn match_end(&self, text: &[char], longest: bool) -> Option<usize> {
        let mut states = States::new(self);
        states.begin();
        let mut end = None;
        for at in 0..=text.len() {
            if states.accepts() {
                end = Some(at);
                if !longest {
                    break;
                }
            }
            match text.get(at) {
                Some(c) if states.step(*c) => {}
                _ => break,
            }
        }
        end
    }

    /// For each position of `text` and its end, whether a match begins there.
    fn starts(&self, text: &[char]) -> Vec<bool> {
        let backwards = self.reversed();
        let mut states = States::new(&backwards);
        let mut starts = vec![false; text.len() + 1];
        for at in (0..=text.len()).rev() {
            states.begin();
            starts[at] = states.accepts();
            if at > 0 {
                states.step(text[at - 1]);
            }
        }
        starts
    }
}

/// Which tokens may come next: all alternatives are followed at once, so that no text takes long.
struct States<'p> {
    tokens: &'p [Token],
    alive: Vec<bool>,
    next: Vec<bool>,
}

impl<'p> States<'p> {
    fn new(pattern: &'p Pattern) -> Self {
        let none = vec![false; pattern.0.len() + 1];
        Self { tokens: &pattern.0, alive: none.clone(), next: none }
    }

    fn begin(&mut self) {
        self.alive[0] = true;
        self.skip_stars();
    }

    fn accepts(&self) -> bool {
        self.alive[self.tokens.len()]
    }

    /// Takes one character; whether anything is left to hope for.
    fn step(&mut self, c: char) -> bool {
        self.next.fill(false);
        for (index, token) in self.tokens.iter().enumerate().filter(|(index, _)| self.alive[*index]) {
            match token {
                Token::Char(wanted) if *wanted == c => self.next[index + 1] = true,
                Token::One if c != '\n' => self.next[index + 1] = true,
                Token::Many if c != '\n' => self.next[index] = true,
                _ => {}
            }
        }
        std::mem::swap(&mut self.alive, &mut self.next);
        self.skip_stars();
        self.alive.contains(&true)
    }

    fn skip_stars(&mut self) {
        for (index, token) in self.tokens.iter().enumerate() {
            if *token == Token::Many && self.alive[index] {
                self.alive[index + 1] = true;
            }
        }
    }
}

/// `value` without the match at its beginning.
pub(super) fn trim_prefix(pattern: &Pattern, value: &str, longest: bool) -> Result<String> {
    let text: Vec<char> = value.chars().collect();
    pattern.check(&text)?;
    let end = pattern.match_end(&text, longest).unwrap_or(0);
    Ok(text[end..].iter().collect())
}

/// `value` without the match at its end.
pub(super) fn trim_suffix(pattern: &Pattern, value: &str, longest: bool) -> Result<String> {
    let text: Vec<char> = value.chars().rev().collect();
    pattern.check(&text)?;
    let end = pattern.reversed().match_end(&text, longest).unwrap_or(0);
    Ok(text[end..].iter().rev().collect())
}

/// `value` with the first match replaced.
pub(super) fn replace_first(pattern: &Pattern, value: &str, replacement: &str) -> Result<String> {
    let text: Vec<char> = value.chars().collect();
    pattern.check(&text)?;
    let Some(start) = pattern.starts(&text).iter().position(|starts| *starts) else {
        return Ok(value.to_owned());
    };
    let end = start + pattern.match_end(&text[start..], true).unwrap_or(0);
    let parts = [text[..start].iter().collect(), replacement.to_owned(), text[end..].iter().collect()];
    Ok(parts.concat())
}

/// `value` with every match replaced. Go takes the replacement for a template here (and only here).
pub(super) fn replace_all(pattern: &Pattern, value: &str, replacement: &str) -> Result<String> {
    let text: Vec<char> = value.chars().collect();
    pattern.check(&text)?;
    if text.len().saturating_mul(replacement.len()) > MOST_WORK {
        return Err("this substitution makes too much text".to_owned());
    }
    let starts = pattern.starts(&text);
    let mut replaced = String::with_capacity(value.len());
    let mut kept = 0;
    let mut at = 0;
    while let Some(skipped) = starts.get(at..).and_then(|starts| starts.iter().position(|starts| *starts)) {
        let start = at + skipped;
        let end = start + pattern.match_end(&text[start..], true).unwrap_or(0);
        replaced.extend(&text[kept..start]);
        // An empty match right after another one is none.
        if end > kept || start == 0 {
            replaced.push_str(&fill(replacement, &text[start..end]));
        }
        kept = end;
        at = end.max(at + 1);
    }
    replaced.extend(&text[kept..]);
    Ok(replaced)
}

/// Go's `Expand` without groups: `$0` is the match, any other `$name` is empty, `$$` is a dollar sign.
fn fill(template: &str, matched: &[char]) -> String {
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
            filled.extend(matched);
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
