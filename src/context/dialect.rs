//! The language of one `.dockerignore` pattern.
//!
//! moby/patternmatcher translates a pattern into a regular expression of Go and lets that decide. What
//! the pattern leaves alone, such as the inside of `[…]` or a backslash before a letter, therefore means
//! what it means to Go's regular expressions: `\d` is a digit, `[[:alpha:]]` a letter, and a `*` inside
//! brackets becomes part of what the brackets hold. Beside a wildcard even `|` is an alternative and
//! `{2}` a repetition. The same two steps are taken here, so that such patterns mean here what they mean
//! to docker. The second step is not left to `regex-syntax`'s own parser, because Rust's language differs
//! just where patterns are odd: `[a[b]`, `[a&&b]`, `\<`, `{x}`, `\Q`, `*{2}`.

use regex_syntax::ast::ClassAsciiKind;
use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Dot, Hir, HirKind, Look, Repetition};

/// How patternmatcher compares a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The pattern itself is the path.
    Exact,
    /// The path begins with the pattern without its last two stars.
    Prefix,
    /// The path ends with the pattern without its first two stars.
    Suffix,
    Expression,
}

/// Why a pattern has no meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum DialectError {
    #[error("`\\` before a letter or digit has no meaning here")]
    Escape,
    #[error("a range in `[…]` goes backwards, or names no class of characters")]
    Range,
    #[error("`[` has no closing `]`")]
    Unclosed,
    #[error("`{{…}}` repeats nothing that can be repeated, or too often")]
    Repeat,
}

/// The first step: how a cleaned pattern (without its `!`) is compared, and the text of its regular expression.
pub(super) fn to_expression(pattern: &str) -> (Kind, String) {
    let mut kind = Kind::Exact;
    let mut text = String::with_capacity(2 * pattern.len() + 2);
    text.push('^');
    // Go's text scanner skips a byte order mark at the start.
    let mut rest = pattern.strip_prefix('\u{feff}').unwrap_or(pattern).chars();
    let mut first = true;
    while let Some(character) = rest.next() {
        match character {
            '*' if rest.as_str().starts_with('*') => {
                let behind = &rest.as_str()[1..];
                rest = behind.strip_prefix('/').unwrap_or(behind).chars();
                if !rest.as_str().is_empty() {
                    text.push_str(FOLDERS);
                    kind = Kind::Expression;
                } else if kind == Kind::Exact {
                    kind = Kind::Prefix;
                } else {
                    text.push_str(".*");
                    kind = Kind::Expression;
                }
                if first {
                    kind = Kind::Suffix;
                }
            }
            '*' | '?' => {
                text.push_str(if character == '*' { "[^/]*" } else { "[^/]" });
                kind = Kind::Expression;
            }
            '\\' => {
                text.push('\\');
                if let Some(escaped) = rest.next() {
                    text.push(escaped);
                    kind = Kind::Expression;
                }
            }
            _ => {
                // Docker means to escape `|`, `{` and `}` as well, but its table has no room for them.
                if ".+()$".contains(character) {
                    text.push('\\');
                } else if matches!(character, '[' | ']') {
                    kind = Kind::Expression;
                }
                text.push(character);
            }
        }
        first = false;
    }
    text.push('$');
    (kind, text)
}

/// What the first step makes of `**/`.
const FOLDERS: &str = "(.*/)?";

/// The second step: reads the expression as Go's regexp/syntax does, as far as the first can write it. The
/// result matches whole paths: where the expression could begin or end inside of one, it is extended.
pub(super) fn parse(expression: &str) -> Result<Hir, DialectError> {
    let mut parser = Parser {
        rest: expression,
        alternatives: Vec::new(),
        parts: Vec::new(),
        last: Last::Nothing,
        by_byte: !expression.contains("\\B"),
    };
    while let Some(character) = parser.next() {
        match character {
            '[' if parser.by_byte && parser.eat("^/]*") => parser.any_number_of(Dot::AnyByteExcept(b'/')),
            '[' => {
                let class = parser.class()?;
                parser.item(class);
            }
            // Only the first step writes these three bare.
            '(' => {
                parser.eat(&FOLDERS[1..]);
                parser.any_number_of(Dot::AnyByteExcept(b'\n'));
                let line = parser.parts.pop().unwrap_or_else(Hir::empty);
                parser.parts.push(repeated(Hir::concat(vec![line, literal('/')]), 0, Some(1)));
            }
            '.' => {
                parser.eat("*");
                parser.any_number_of(Dot::AnyByteExcept(b'\n'));
            }
            '*' => parser.repeat(0, None)?,
            '|' => parser.end_alternative(),
            '{' => match parser.bounds() {
                Some((least, most)) => parser.repeat(least, most)?,
                None => parser.item(literal('{')),
            },
            '^' => parser.item(Hir::look(Look::Start)),
            '$' => parser.item(Hir::look(Look::End)),
            '\\' => parser.escaped()?,
            _ => parser.item(literal(character)),
        }
    }
    parser.end_alternative();
    Ok(Hir::alternation(parser.alternatives))
}

const MOST_REPEATS: u32 = 1000;

struct Parser<'e> {
    rest: &'e str,
    alternatives: Vec<Hir>,
    parts: Vec<Hir>,
    last: Last,
    /// Whether bytes may be repeated where Go repeats code points. No expression begins within one, so that what
    /// follows finds the same; only `\B` could tell.
    by_byte: bool,
}

/// What a `{2}` would repeat.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    /// The last part.
    Item,
    /// Something that has been repeated already.
    Repetition,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next();
        self.rest = characters.as_str();
        next
    }

    fn eat(&mut self, text: &str) -> bool {
        let after = self.rest.strip_prefix(text);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn item(&mut self, item: Hir) {
        self.parts.push(item);
        self.last = Last::Item;
    }

    fn any_number_of(&mut self, bytes: Dot) {
        let bytes = match bytes {
            Dot::AnyByteExcept(byte) if !self.by_byte => Dot::AnyCharExcept(char::from(byte)),
            bytes => bytes,
        };
        self.parts.push(repeated(Hir::dot(bytes), 0, None));
        self.last = Last::Repetition;
    }

    fn repeat(&mut self, least: u32, most: Option<u32>) -> Result<(), DialectError> {
        let most_of_both = most.unwrap_or(least);
        let item = self
            .parts
            .pop()
            .filter(|_| self.last == Last::Item && least <= most_of_both && most_of_both <= MOST_REPEATS);
        let item = item.ok_or(DialectError::Repeat)?;
        self.parts.push(repeated(item, least, most));
        self.last = Last::Repetition;
        Ok(())
    }

    /// The `^` in front belongs to the first alternative only, the `$` to the last.
    fn end_alternative(&mut self) {
        let mut parts = std::mem::take(&mut self.parts);
        let is = |part: Option<&Hir>, look| part.is_some_and(|part| *part.kind() == HirKind::Look(look));
        if !is(parts.first(), Look::Start) {
            parts.insert(0, anything());
        }
        if !is(parts.last(), Look::End) {
            parts.push(anything());
        }
        self.alternatives.push(Hir::concat(parts));
        self.last = Last::Nothing;
    }

    /// `2}`, `2,}` or `2,3}`, from behind the `{`; anything else is just text.
    fn bounds(&mut self) -> Option<(u32, Option<u32>)> {
        let (inside, after) = self.rest.split_once('}')?;
        let bounds = match inside.split_once(',') {
            None => (number(inside)?, Some(number(inside)?)),
            Some((least, "")) => (number(least)?, None),
            Some((least, most)) => (number(least)?, Some(number(most)?)),
        };
        self.rest = after;
        Some(bounds)
    }

    /// What a backslash outside a class means, from behind it.
    fn escaped(&mut self) -> Result<(), DialectError> {
        if self.eat("Q") {
            // Without an end it swallows the `$` that ends the expression.
            let (text, after) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
            self.rest = after;
            text.chars().for_each(|character| self.item(literal(character)));
            return Ok(());
        }
        let looks =
            [('A', Look::Start), ('z', Look::End), ('b', Look::WordAscii), ('B', Look::WordAsciiNegate)];
        if let Some((_, look)) = looks.iter().find(|(letter, _)| self.rest.starts_with(*letter)) {
            self.next();
            self.item(Hir::look(*look));
        } else if let Some(class) = self.perl_class() {
            self.item(Hir::class(Class::Unicode(class)));
        } else {
            let code = self.escape()?;
            self.item(char::from_u32(code).map_or_else(Hir::fail, literal));
        }
        Ok(())
    }

    /// One escaped code point, from behind its backslash. It may be a surrogate, which no path holds.
    fn escape(&mut self) -> Result<u32, DialectError> {
        Ok(match self.next().ok_or(DialectError::Escape)? {
            'a' => 0x07,
            'f' => 0x0c,
            'n' => 0x0a,
            'r' => 0x0d,
            't' => 0x09,
            'v' => 0x0b,
            'x' => self.hex().ok_or(DialectError::Escape)?,
            first @ '0'..='7' => {
                let more = self.rest.bytes().take(2).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
                // A single digit from 1 to 7 would refer back to a group.
                if first != '0' && more == 0 {
                    return Err(DialectError::Escape);
                }
                let (digits, after) = self.rest.split_at(more);
                self.rest = after;
                u32::from_str_radix(&format!("{first}{digits}"), 8).map_err(|_| DialectError::Escape)?
            }
            other if other.is_ascii() && !other.is_ascii_alphanumeric() => u32::from(other),
            _ => return Err(DialectError::Escape),
        })
    }

    /// `41` or `{41}`, from behind `\x`.
    fn hex(&mut self) -> Option<u32> {
        let (digits, after) = match self.rest.strip_prefix('{') {
            Some(inside) => inside.split_once('}')?,
            None => self.rest.split_at_checked(2)?,
        };
        self.rest = after;
        let code = u32::from_str_radix(digits, 16).ok()?;
        (!digits.starts_with('+') && code <= u32::from(char::MAX)).then_some(code)
    }

    /// `d`, `s`, `w` and their opposites, from behind a backslash.
    fn perl_class(&mut self) -> Option<ClassUnicode> {
        let name = self.rest.chars().next()?;
        let mut class = match name.to_ascii_lowercase() {
            'd' => ascii_class("digit")?,
            'w' => ascii_class("word")?,
            's' => {
                let mut space = ascii_class("space")?;
                space.difference(&ClassUnicode::new(range(0x0b, 0x0b)));
                space
            }
            _ => return None,
        };
        if name.is_ascii_uppercase() {
            class.negate();
        }
        self.next();
        Some(class)
    }

    /// A class, from behind its `[`.
    fn class(&mut self) -> Result<Hir, DialectError> {
        let negated = self.eat("^");
        let mut class = ClassUnicode::empty();
        let mut first = true;
        while first || !self.eat("]") {
            first = false;
            if let Some(named) = self.named_class()? {
                class.union(&named);
                continue;
            }
            let low = self.class_code()?;
            let is_range = self.rest.starts_with('-') && !self.rest.starts_with("-]");
            let high = if is_range && self.eat("-") { self.class_code()? } else { low };
            if high < low {
                return Err(DialectError::Range);
            }
            if let Some(range) = range(low, high) {
                class.push(range);
            }
        }
        if negated {
            class.negate();
        }
        Ok(Hir::class(Class::Unicode(class)))
    }

    /// `\d`, `[:alpha:]` or `[:^alpha:]`, if a class goes on with one.
    fn named_class(&mut self) -> Result<Option<ClassUnicode>, DialectError> {
        if let Some(after) = self.rest.strip_prefix('\\') {
            let before = std::mem::replace(&mut self.rest, after);
            let class = self.perl_class();
            if class.is_none() {
                self.rest = before;
            }
            return Ok(class);
        }
        let Some((name, after)) = self.rest.strip_prefix("[:").and_then(|inside| inside.split_once(":]"))
        else {
            return Ok(None);
        };
        self.rest = after;
        ascii_class(name).map(Some).ok_or(DialectError::Range)
    }

    fn class_code(&mut self) -> Result<u32, DialectError> {
        match self.next().ok_or(DialectError::Unclosed)? {
            '\\' => self.escape(),
            '$' if self.rest.is_empty() => Err(DialectError::Unclosed),
            character => Ok(u32::from(character)),
        }
    }
}

/// A number without leading zeros.
fn number(digits: &str) -> Option<u32> {
    let is_number = digits == "0" || !digits.starts_with('0');
    let is_number = is_number && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u32::MAX))
}

/// `alpha` or `^alpha` in `[[:alpha:]]`: the names are the same in Go and Rust, the rest of the syntax is not.
fn ascii_class(name: &str) -> Option<ClassUnicode> {
    ClassAsciiKind::from_name(name.strip_prefix('^').unwrap_or(name))?;
    match regex_syntax::parse(&format!("[[:{name}:]]")).ok()?.into_kind() {
        HirKind::Class(Class::Unicode(class)) => Some(class),
        _ => None,
    }
}

/// The characters between two code points. Surrogates are none.
fn range(low: u32, high: u32) -> Option<ClassUnicodeRange> {
    let low = char::from_u32(low).unwrap_or('\u{e000}');
    let high = char::from_u32(high).unwrap_or('\u{d7ff}');
    (low <= high).then(|| ClassUnicodeRange::new(low, high))
}

fn literal(character: char) -> Hir {
    Hir::literal(character.encode_utf8(&mut [0; 4]).as_bytes())
}

fn repeated(item: Hir, min: u32, max: Option<u32>) -> Hir {
    Hir::repetition(Repetition { min, max, greedy: true, sub: Box::new(item) })
}

fn anything() -> Hir {
    repeated(Hir::dot(Dot::AnyByte), 0, None)
}
