//! Quotes, escapes and variables in a word, as `BuildKit`'s shell lexer takes them. It looks like a shell
//! and is none: patterns have no brackets, and there is no command substitution.

use std::cell::Cell;

use super::pattern::{self, Pattern};
use super::value::{Lookup, NoVariables, Value, Variables};

/// `${a:-${b:-…}}` this deep and no deeper: each level is a level of our own stack.
const DEEPEST: usize = 100;

/// A word that could not be expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ShellError {
    pub(super) message: String,
    /// The variable that `${name:?message}` insists on.
    pub(super) required: Option<String>,
}

impl ShellError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), required: None }
    }
}

/// A word after expansion.
#[derive(Clone, Debug, Default)]
pub(super) struct Expanded {
    pub(super) value: Value,
    /// The variables it names, and whether each was unset or empty.
    pub(super) variables: Vec<(String, bool)>,
}

/// Expands words. All expansions by one `Shell` share a budget, because `ARG B=$A$A`, `ARG C=$B$B`, …
/// doubles with every line.
pub(super) struct Shell {
    escape: char,
    budget: Cell<usize>,
}

impl Shell {
    /// `escape` as the directive says; `size` of the file the words come from.
    pub(super) fn new(escape: u8, size: usize) -> Self {
        const LEAST: usize = 4 << 20;
        Self { escape: char::from(escape), budget: Cell::new(size.saturating_mul(4).saturating_add(LEAST)) }
    }

    /// Takes `copies` of something the size of a variable out of the budget; whether there was enough.
    pub(super) fn afford(&self, copies: usize) -> bool {
        const SIZE: usize = 64;
        let rest = self.budget.get().checked_sub(copies.saturating_mul(SIZE));
        self.budget.set(rest.unwrap_or(0));
        rest.is_some()
    }

    /// The word with quotes and escapes removed and variables replaced.
    pub(super) fn expand(&self, word: &str, variables: &dyn Variables) -> Result<Expanded, ShellError> {
        let mut lexer = WordLexer::new(word, self.escape, variables, &self.budget);
        let value = lexer.until(None, false, 0)?;
        Ok(Expanded { value, variables: lexer.names })
    }
}

/// The words of a line, variables left as they are. With `keep`, quotes and escapes stay too.
pub(super) fn split_words(line: &str, keep: bool) -> Result<Vec<String>, ShellError> {
    let budget = Cell::new(usize::MAX);
    let mut lexer = WordLexer::new(line, '\\', &NoVariables, &budget);
    lexer.keep_unset = true;
    lexer.keep_quotes = keep;
    lexer.words = Some(Words::default());
    lexer.until(None, keep, 0)?;
    Ok(lexer.words.take().map(Words::finish).unwrap_or_default())
}

/// Collects words while a line is lexed: unquoted white space separates them.
#[derive(Default)]
struct Words {
    done: Vec<String>,
    word: String,
}

impl Words {
    fn add(&mut self, c: char) {
        if !c.is_whitespace() {
            self.word.push(c);
        } else if !self.word.is_empty() {
            self.done.push(std::mem::take(&mut self.word));
        }
    }

    fn finish(mut self) -> Vec<String> {
        self.add(' ');
        self.done
    }
}

struct WordLexer<'w> {
    rest: std::str::Chars<'w>,
    escape: char,
    variables: &'w dyn Variables,
    budget: &'w Cell<usize>,
    names: Vec<(String, bool)>,
    words: Option<Words>,
    keep_unset: bool,
    keep_quotes: bool,
    keep_escapes: bool,
}

type Result<T, E = ShellError> = std::result::Result<T, E>;

impl<'w> WordLexer<'w> {
    fn new(word: &'w str, escape: char, variables: &'w dyn Variables, budget: &'w Cell<usize>) -> Self {
        Self {
            rest: word.chars(),
            escape,
            variables,
            budget,
            names: Vec::new(),
            words: None,
            keep_unset: false,
            keep_quotes: false,
            keep_escapes: false,
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    /// Lexes up to `stop` (which is consumed) or the end of the word.
    fn until(&mut self, stop: Option<char>, keep_escapes: bool, depth: usize) -> Result<Value> {
        let outer = std::mem::replace(&mut self.keep_escapes, keep_escapes);
        let value = self.scan(stop, depth);
        self.keep_escapes = outer;
        value
    }

    fn scan(&mut self, stop: Option<char>, depth: usize) -> Result<Value> {
        let mut value = Value::default();
        while let Some(c) = self.rest.next() {
            if Some(c) == stop {
                return Ok(value);
            }
            match c {
                '$' => {
                    let inner = self.dollar(depth)?;
                    self.add_words(depth, &inner.text, false);
                    value.append(&inner);
                }
                '\'' => {
                    let inner = self.single_quoted()?;
                    self.add_words(depth, &inner, true);
                    value.text.push_str(&inner);
                }
                '"' => {
                    let inner = self.double_quoted(depth)?;
                    self.add_words(depth, &inner.text, true);
                    value.append(&inner);
                }
                '<' => {
                    let inner = self.less_than();
                    self.add_words(depth, &inner, true);
                    value.text.push_str(&inner);
                }
                c if c == self.escape => self.escaped(&mut value, depth),
                c => {
                    self.add_word_char(depth, c, false);
                    value.text.push(c);
                }
            }
        }
        match stop {
            Some(stop) => Err(ShellError::new(format!("syntax error: missing '{stop}' in ${{}}"))),
            None => Ok(value),
        }
    }

    fn escaped(&mut self, value: &mut Value, depth: usize) {
        if self.keep_escapes {
            self.add_word_char(depth, self.escape, true);
            value.text.push(self.escape);
        }
        if let Some(c) = self.rest.next() {
            self.add_word_char(depth, c, true);
            value.text.push(c);
        }
    }

    fn add_words(&mut self, depth: usize, text: &str, quoted: bool) {
        if self.words.is_some() && depth == 0 {
            text.chars().for_each(|c| self.add_word_char(depth, c, quoted));
        }
    }

    fn add_word_char(&mut self, depth: usize, c: char, quoted: bool) {
        match &mut self.words {
            Some(words) if depth == 0 && quoted => words.word.push(c),
            Some(words) if depth == 0 => words.add(c),
            _ => {}
        }
    }

    /// The value of a variable, as far as the budget goes.
    fn fetch(&self, found: Lookup<'_>) -> Result<Value> {
        if let Lookup::Set(value) = found {
            self.spend(value.text.len())?;
        }
        Ok(plain(found))
    }

    fn spend(&self, bytes: usize) -> Result<()> {
        match self.budget.get().checked_sub(bytes) {
            Some(rest) => {
                self.budget.set(rest);
                Ok(())
            }
            None => Err(ShellError::new("the variables of this file expand to too much text")),
        }
    }

    /// `<<` takes the blanks after it along: `<< EOF` is one word.
    fn less_than(&mut self) -> String {
        let mut text = String::from("<");
        if self.peek() == Some('<') {
            text.extend(self.rest.next());
            while let Some('\t' | '\r' | ' ') = self.peek() {
                text.extend(self.rest.next());
            }
        }
        text
    }

    /// Nothing is special up to the next quote.
    fn single_quoted(&mut self) -> Result<String> {
        let Some((inner, rest)) = self.rest.as_str().split_once('\'') else {
            return Err(unclosed("single-quote"));
        };
        self.rest = rest.chars();
        Ok(if self.keep_quotes { format!("'{inner}'") } else { inner.to_owned() })
    }

    /// Variables are replaced; the escape character escapes `"`, `$` and itself.
    fn double_quoted(&mut self, depth: usize) -> Result<Value> {
        let mut value = Value::default();
        if self.keep_quotes {
            value.text.push('"');
        }
        loop {
            match self.rest.next() {
                None => return Err(unclosed("double-quote")),
                Some('"') => break,
                Some('$') => {
                    let inner = self.dollar(depth)?;
                    value.append(&inner);
                }
                Some(c) if c == self.escape => {
                    if self.keep_escapes {
                        value.text.push(c);
                    }
                    match self.peek() {
                        None => {}
                        Some(next) if next == '"' || next == '$' || next == self.escape => {
                            value.text.extend(self.rest.next());
                        }
                        Some(_) => value.text.push(c),
                    }
                }
                Some(c) => value.text.push(c),
            }
        }
        if self.keep_quotes {
            value.text.push('"');
        }
        Ok(value)
    }

    /// After a `$`.
    fn dollar(&mut self, depth: usize) -> Result<Value> {
        if depth >= DEEPEST {
            return Err(ShellError::new(format!("substitutions nested deeper than {DEEPEST}")));
        }
        if self.peek() != Some('{') {
            let name = self.name();
            if name.is_empty() {
                return Ok(Value::known("$"));
            }
            return Ok(match self.lookup(&name) {
                Lookup::Unset if self.keep_unset => Value::known(format!("${name}")),
                found => self.fetch(found)?,
            });
        }
        self.rest.next();
        match self.peek() {
            None => return Err(ShellError::new("syntax error: missing '}'")),
            Some('{' | '}' | ':') => return Err(ShellError::new("syntax error: bad substitution")),
            Some(_) => {}
        }
        let name = self.name();
        match self.rest.next() {
            Some('}') => Ok(match self.lookup(&name) {
                Lookup::Unset if self.keep_unset => Value::known(format!("${{{name}}}")),
                found => self.fetch(found)?,
            }),
            Some(':') => match self.rest.next() {
                Some(operator @ ('#' | '%')) => Err(unsupported(&format!(":{operator}"))),
                Some(operator) => self.modified(&name, operator, true, depth),
                None => Err(ShellError::new("syntax error: missing '}'")),
            },
            Some(operator @ ('+' | '-' | '?' | '#' | '%')) => self.modified(&name, operator, false, depth),
            Some('/') => self.replaced(&name, depth),
            Some(other) => Err(unsupported(&other.to_string())),
            None => Err(ShellError::new("syntax error: missing '}'")),
        }
    }

    /// After `${name-`, `${name:-` and the like.
    fn modified(&mut self, name: &str, operator: char, colon: bool, depth: usize) -> Result<Value> {
        let is_pattern = matches!(operator, '#' | '%');
        let word = self.until(Some('}'), is_pattern, depth + 1)?;
        let found = self.lookup(name);
        if matches!(found, Lookup::Unset) && self.keep_unset {
            let colon = if colon { ":" } else { "" };
            return Ok(Value::known(format!("${{{name}{colon}{operator}{}}}", word.text)));
        }
        if let Lookup::Set(value) = found {
            self.spend(value.text.len())?;
        }
        match operator {
            '-' | '+' | '?' => choose(name, operator, colon, found, word),
            '#' | '%' => trimmed(operator, found, &word),
            _ => Err(unsupported(&format!(":{operator}"))),
        }
    }

    /// After `${name/`.
    fn replaced(&mut self, name: &str, depth: usize) -> Result<Value> {
        let all = self.peek() == Some('/');
        if all {
            self.rest.next();
        }
        let wanted = self.until(Some('/'), true, depth + 1)?;
        let replacement = self.until(Some('}'), true, depth + 1)?;
        let value = match self.lookup(name) {
            Lookup::Unset if self.keep_unset => {
                let text = format!("${{{name}/{}/{}}}", wanted.text, replacement.text);
                return Ok(Value::known(text));
            }
            found => self.fetch(found)?,
        };
        if [&value, &wanted, &replacement].iter().any(|part| part.unknown.is_some()) {
            return Ok(Value::unknown());
        }
        let pattern = Pattern::new(&wanted.text).map_err(ShellError::new)?;
        let replace = if all { pattern::replace_all } else { pattern::replace_first };
        replace(&pattern, &value.text, &replacement.text).map(Value::known).map_err(ShellError::new)
    }

    fn lookup(&mut self, name: &str) -> Lookup<'w> {
        let found = self.variables.get(name);
        if self.words.is_none() {
            let blank = match found {
                Lookup::Unset => true,
                Lookup::Set(value) => value.text.is_empty() && value.unknown.is_none(),
                Lookup::Unknown => false,
            };
            self.names.push((name.to_owned(), blank));
        }
        found
    }

    /// Letters, digits and `_`; or digits alone; or one of the shell's special parameters.
    fn name(&mut self) -> String {
        let text = self.rest.as_str();
        let length = match self.peek() {
            Some(first) if first.is_numeric() => text.find(|c: char| !c.is_numeric()),
            Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => Some(1),
            _ => text.find(|c: char| !c.is_alphanumeric() && c != '_'),
        };
        let (name, rest) = text.split_at(length.unwrap_or(text.len()));
        self.rest = rest.chars();
        name.to_owned()
    }
}

fn unclosed(quote: &str) -> ShellError {
    ShellError::new(format!("unexpected end of statement while looking for matching {quote}"))
}

fn unsupported(modifier: &str) -> ShellError {
    ShellError::new(format!("unsupported modifier ({modifier}) in substitution"))
}

fn plain(found: Lookup<'_>) -> Value {
    match found {
        Lookup::Unset => Value::default(),
        Lookup::Set(value) => value.clone(),
        Lookup::Unknown => Value::unknown(),
    }
}

/// `${name-word}`, `${name+word}`, `${name?word}`; with a colon, empty counts as unset.
fn choose(name: &str, operator: char, colon: bool, found: Lookup<'_>, word: Value) -> Result<Value> {
    let value = match found {
        Lookup::Unknown => return Ok(Value::unknown()),
        Lookup::Set(value) if colon && value.text.is_empty() && value.unknown.is_some() => {
            return Ok(Value::unknown());
        }
        Lookup::Set(value) if !colon || !value.text.is_empty() => Some(value),
        Lookup::Set(_) | Lookup::Unset => None,
    };
    match (operator, value) {
        ('-', None) | ('+', Some(_)) => Ok(word),
        ('?', None) => {
            let state = if matches!(found, Lookup::Unset) { "unset" } else { "empty" };
            let default = format!("is not allowed to be {state}");
            let reason = if word.text.is_empty() { default } else { word.text };
            Err(ShellError { message: format!("{name}: {reason}"), required: Some(name.to_owned()) })
        }
        (_, Some(value)) => Ok(value.clone()),
        (_, None) => Ok(Value::default()),
    }
}

/// `${name#pattern}` and `${name%pattern}`; doubled, the longest match goes.
fn trimmed(operator: char, found: Lookup<'_>, word: &Value) -> Result<Value> {
    let value = plain(found);
    if value.unknown.is_some() || word.unknown.is_some() {
        return Ok(Value::unknown());
    }
    let (longest, word) = match word.text.strip_prefix(operator) {
        Some(word) => (true, word),
        None => (false, word.text.as_str()),
    };
    let pattern = Pattern::new(word).map_err(ShellError::new)?;
    let trim = if operator == '#' { pattern::trim_prefix } else { pattern::trim_suffix };
    trim(&pattern, &value.text, longest).map(Value::known).map_err(ShellError::new)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    struct Map(BTreeMap<&'static str, Value>);

    impl Variables for Map {
        fn get(&self, name: &str) -> Lookup<'_> {
            match self.0.get(name) {
                Some(value) => Lookup::Set(value),
                None if name.starts_with('U') => Lookup::Unknown,
                None => Lookup::Unset,
            }
        }
    }

    fn variables() -> Map {
        Map([("A", "x"), ("E", ""), ("V", "v1.2.3"), ("P", "a/b/c")]
            .map(|(name, value)| (name, Value::known(value)))
            .into_iter()
            .chain([("G", Value { text: "go".into(), unknown: Some(2) })])
            .collect())
    }

    fn expand(word: &str) -> std::result::Result<String, String> {
        let expanded = Shell::new(b'\\', 0).expand(word, &variables());
        expanded.map(|expanded| expanded.value.text).map_err(|error| error.message)
    }

    #[test]
    fn follows_buildkit() {
        for (word, expected) in [
            ("a$A-${A}", "ax-x"),
            ("$A_x$", "$"),
            ("'$A'\"$A'\"", "$Ax'"),
            (r"\$A\\\a", r"$A\a"),
            (r#""\"\$\a\\""#, r#""$\a\"#),
            ("${N:-d}${N-d}${E:-d}${E-d}", "ddd"),
            ("${A:+y}${A+y}${E:+y}${E+y}${N+y}", "yyy"),
            ("${A:?m}${E?m}", "x"),
            ("${N:-${E:-\"a }\"}}", "a }"),
            ("${V#v}|${V#*.}|${V##*.}|${V%.*}|${V%%.*}|${V#y}", "1.2.3|2.3|3|v1.2|v1|v1.2.3"),
            ("${V/./-}|${V//./-}|${V//[0-9]/x}|${P//\\//-}", "v1-2.3|v1-2-3|v1.2.3|a-b-c"),
            ("$1$@${#}x", "x"),
            ("<<EOF", "<<EOF"),
            ("é${A}日", "éx日"),
        ] {
            assert_eq!(expand(word).as_deref(), Ok(expected), "{word}");
        }
    }

    #[test]
    fn refuses_what_buildkit_refuses() {
        for (word, message) in [
            ("${}", "syntax error: bad substitution"),
            ("${:x}", "syntax error: bad substitution"),
            ("${A", "syntax error: missing '}'"),
            ("${", "syntax error: missing '}'"),
            ("${A:=x}", "unsupported modifier (:=) in substitution"),
            ("${A^}", "unsupported modifier (^) in substitution"),
            ("${A:#x}", "unsupported modifier (:#) in substitution"),
            ("'a", "unexpected end of statement while looking for matching single-quote"),
            ("\"a", "unexpected end of statement while looking for matching double-quote"),
            ("${N:?need}", "N: need"),
            ("${N?}", "N: is not allowed to be unset"),
            ("${E:?}", "E: is not allowed to be empty"),
            (r"${A#\x}", "invalid escape '\\x'"),
        ] {
            let result = expand(word);
            let error = result.expect_err(word);
            assert!(error.contains(message), "{word}: {error}");
        }
    }

    #[test]
    fn knows_from_where_on_a_value_is_a_guess() {
        for (word, text, unknown) in [
            ("a/$U/b", "a//b", Some(2)),
            ("$A$G/x", "xgo/x", Some(3)),
            ("${U:-d}", "", Some(0)),
            ("${G:-d}", "go", Some(2)),
            ("${G#g}", "", Some(0)),
            ("$A$N", "x", None),
            ("\"$U\"", "", Some(0)),
        ] {
            let expanded = Shell::new(b'\\', 0).expand(word, &variables()).expect(word);
            assert_eq!(expanded.value, Value { text: text.into(), unknown }, "{word}");
        }
    }

    #[test]
    fn deep_nesting_and_doubling_are_errors() {
        let deep = format!("{}{}", "${N:-".repeat(100_000), "}".repeat(100_000));
        assert!(expand(&deep).is_err());
        assert!(expand(&format!("{}z{}", "${N:-".repeat(90), "}".repeat(90))).is_ok());
        let shell = Shell::new(b'\\', 0);
        let mut map = Map(BTreeMap::from([("A", Value::known("x".repeat(1 << 20)))]));
        let doubled = (0..20).try_for_each(|_| {
            let next = shell.expand("$A$A", &map)?.value;
            map.0.insert("A", next);
            Ok::<_, ShellError>(())
        });
        assert!(doubled.is_err());
    }

    #[test]
    fn splits_words_like_a_shell() {
        let words = |line| split_words(line, true).unwrap_or_default();
        assert_eq!(words(r#"a "b  c" d\ e << EOF $x ${y:=1 2}"#)[..4], ["a", "\"b  c\"", "d\\ e", "<< EOF"]);
        assert_eq!(split_words("<<'E O'", false).unwrap_or_default(), ["<<E O"]);
        assert!(split_words("it's", true).is_err());
    }
}
