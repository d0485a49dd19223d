//! The language of one `.dockerignore` pattern.
//!
//! moby/patternmatcher translates a pattern into a regular expression of Go and lets that decide. What
//! the pattern leaves alone, such as the inside of `[…]` or a backslash before a letter, therefore means
//! what it means to Go's regular expressions: `\d` is a digit, `[[:alpha:]]` a letter, and a `*` inside
//! brackets becomes part of what the brackets hold. The same two steps are taken here, so that such
//! patterns mean here what they mean to docker.

use super::automaton::{Place, Set, State};
use super::clean::next_rune;

/// How patternmatcher compares a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Translated {
    /// The pattern itself is the path.
    Exact,
    /// The path begins with the pattern without its last two stars.
    Prefix,
    /// The path ends with the pattern without its first two stars.
    Suffix,
    /// A regular expression decides.
    States(Vec<State>),
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
}

/// Translates a cleaned pattern (without its `!`).
pub(super) fn translate(pattern: &[u8]) -> Result<Translated, DialectError> {
    let (kind, expression) = to_expression(&runes(pattern));
    Ok(match kind {
        Kind::Exact => Translated::Exact,
        Kind::Prefix => Translated::Prefix,
        Kind::Suffix => Translated::Suffix,
        Kind::Expression => Translated::States(parse(&expression)?),
    })
}

/// Go's text scanner reads the pattern: code points, without a byte order mark at the start.
fn runes(pattern: &[u8]) -> Vec<u32> {
    let mut runes = Vec::with_capacity(pattern.len());
    let mut rest = pattern.strip_prefix("\u{feff}".as_bytes()).unwrap_or(pattern);
    while let Some((rune, length)) = next_rune(rest) {
        runes.push(rune);
        rest = &rest[length..];
    }
    runes
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Exact,
    Prefix,
    Suffix,
    Expression,
}

const fn code(character: char) -> u32 {
    character as u32
}

const SLASH: u32 = code('/');
const STAR: u32 = code('*');
const BACKSLASH: u32 = code('\\');

/// The first step: the regular expression's text (without its `^` and `$`) and how to compare.
fn to_expression(pattern: &[u32]) -> (Kind, Vec<u32>) {
    let mut kind = Kind::Exact;
    let mut text: Vec<u32> = Vec::with_capacity(2 * pattern.len());
    let mut put = |piece: &str| text.extend(piece.chars().map(u32::from));
    let mut rest = pattern;
    while let Some((&rune, after)) = rest.split_first() {
        let first = rest.len() == pattern.len();
        rest = after;
        match rune {
            STAR if rest.first() == Some(&STAR) => {
                rest = &rest[1..];
                if rest.first() == Some(&SLASH) {
                    rest = &rest[1..];
                }
                if !rest.is_empty() {
                    put("(.*/)?");
                    kind = Kind::Expression;
                } else if kind == Kind::Exact {
                    kind = Kind::Prefix;
                } else {
                    put(".*");
                    kind = Kind::Expression;
                }
                if first {
                    kind = Kind::Suffix;
                }
            }
            STAR => {
                put("[^/]*");
                kind = Kind::Expression;
            }
            _ if rune == code('?') => {
                put("[^/]");
                kind = Kind::Expression;
            }
            BACKSLASH => {
                put("\\");
                if let Some((&escaped, after)) = rest.split_first() {
                    rest = after;
                    put(char::from_u32(escaped).unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut [0; 4]));
                    kind = Kind::Expression;
                }
            }
            _ => {
                let character = char::from_u32(rune).unwrap_or(char::REPLACEMENT_CHARACTER);
                if ".+()|{}$".contains(character) {
                    put("\\");
                } else if matches!(character, '[' | ']') {
                    kind = Kind::Expression;
                }
                put(character.encode_utf8(&mut [0; 4]));
            }
        }
    }
    (kind, text)
}

/// The second step: reads the expression as Go's regexp/syntax does, as far as the first can write it.
fn parse(expression: &[u32]) -> Result<Vec<State>, DialectError> {
    let mut states = Vec::with_capacity(expression.len());
    let mut rest = expression;
    let mut anchored = true;
    while let Some((&rune, after)) = rest.split_first() {
        rest = after;
        match char::from_u32(rune) {
            Some('[') => {
                let (set, after) = parse_class(rest)?;
                rest = after;
                if rest.first() == Some(&STAR) {
                    rest = &rest[1..];
                    states.push(State::Many(set));
                } else {
                    states.push(State::One(set));
                }
            }
            Some('(') => {
                // Only the first step writes a bare `(`, and always as `(.*/)?`.
                rest = rest.get(5..).unwrap_or_default();
                states.push(State::Folders);
                states.push(State::FoldersLoop);
            }
            Some('.') => {
                rest = rest.get(1..).unwrap_or_default();
                states.push(State::Many(Set::NotLineFeed));
            }
            Some('^') => states.push(State::At(Place::Start)),
            Some('\\') => match rest.first().and_then(|rune| char::from_u32(*rune)) {
                Some(letter @ ('A' | 'z' | 'b' | 'B')) => {
                    rest = &rest[1..];
                    states.push(State::At(match letter {
                        'A' => Place::Start,
                        'z' => Place::End,
                        'b' => Place::WordBorder,
                        _ => Place::NotWordBorder,
                    }));
                }
                Some('Q') => (rest, anchored) = quoted(&rest[1..], &mut states),
                _ => {
                    if let Some((negated, ranges)) = perl_class(rest) {
                        states.push(State::One(Set::Ranges { negated, ranges: ranges.to_vec() }));
                        rest = &rest[1..];
                    } else {
                        let (rune, after) = parse_escape(rest)?;
                        states.push(State::Rune(rune));
                        rest = after;
                    }
                }
            },
            _ => states.push(State::Rune(rune)),
        }
    }
    if !anchored {
        states.push(State::Many(Set::All));
    }
    Ok(states)
}

/// The text behind `\Q`, up to `\E`. Without one it swallows the `$` that ends the expression, so that
/// anything may follow: the second value is false.
fn quoted<'r>(rest: &'r [u32], states: &mut Vec<State>) -> (&'r [u32], bool) {
    let end = rest.windows(2).position(|pair| pair == [BACKSLASH, code('E')]);
    states.extend(rest[..end.unwrap_or(rest.len())].iter().map(|rune| State::Rune(*rune)));
    match end {
        Some(end) => (&rest[end + 2..], true),
        None => {
            states.push(State::Rune(code('$')));
            (&[], false)
        }
    }
}

/// One escaped code point, from behind its backslash.
fn parse_escape(rest: &[u32]) -> Result<(u32, &[u32]), DialectError> {
    let (&rune, after) = rest.split_first().ok_or(DialectError::Escape)?;
    let control = |byte: u8| Ok((u32::from(byte), after));
    match char::from_u32(rune).ok_or(DialectError::Escape)? {
        'a' => control(7),
        'f' => control(12),
        'n' => control(b'\n'),
        'r' => control(b'\r'),
        't' => control(b'\t'),
        'v' => control(11),
        'x' => match after {
            [high, low, after @ ..] => {
                let digit = |rune: &u32| char::from_u32(*rune).and_then(|c| c.to_digit(16));
                let value = digit(high).zip(digit(low)).ok_or(DialectError::Escape)?;
                Ok((value.0 * 16 + value.1, after))
            }
            _ => Err(DialectError::Escape),
        },
        first @ '0'..='7' => {
            let digit = |rune: &u32| char::from_u32(*rune).and_then(|c| c.to_digit(8));
            let more = after.iter().take(2).map_while(digit).collect::<Vec<_>>();
            // A single digit from 1 to 7 would refer back to a group.
            if first != '0' && more.is_empty() {
                return Err(DialectError::Escape);
            }
            let value = more.iter().fold(rune - code('0'), |value, digit| value * 8 + digit);
            Ok((value, &after[more.len()..]))
        }
        other if other.is_ascii() && !other.is_ascii_alphanumeric() => Ok((rune, after)),
        _ => Err(DialectError::Escape),
    }
}

type Ranges = &'static [(u32, u32)];

const fn range(low: char, high: char) -> (u32, u32) {
    (code(low), code(high))
}

const DIGIT: Ranges = &[range('0', '9')];
const PERL_SPACE: Ranges = &[range('\t', '\n'), range('\u{c}', '\r'), range(' ', ' ')];
const WORD: Ranges = &[range('0', '9'), range('A', 'Z'), range('_', '_'), range('a', 'z')];

/// `d`, `s`, `w` behind a backslash and their opposites.
fn perl_class(rest: &[u32]) -> Option<(bool, Ranges)> {
    Some(match char::from_u32(*rest.first()?)? {
        'd' => (false, DIGIT),
        'D' => (true, DIGIT),
        's' => (false, PERL_SPACE),
        'S' => (true, PERL_SPACE),
        'w' => (false, WORD),
        'W' => (true, WORD),
        _ => return None,
    })
}

/// `alpha` in `[[:alpha:]]`.
fn posix_class(name: &str) -> Option<Ranges> {
    const CLASSES: &[(&str, Ranges)] = &[
        ("alnum", &[range('0', '9'), range('A', 'Z'), range('a', 'z')]),
        ("alpha", &[range('A', 'Z'), range('a', 'z')]),
        ("ascii", &[range('\0', '\u{7f}')]),
        ("blank", &[range('\t', '\t'), range(' ', ' ')]),
        ("cntrl", &[range('\0', '\u{1f}'), range('\u{7f}', '\u{7f}')]),
        ("digit", DIGIT),
        ("graph", &[range('!', '~')]),
        ("lower", &[range('a', 'z')]),
        ("print", &[range(' ', '~')]),
        ("punct", &[range('!', '/'), range(':', '@'), range('[', '`'), range('{', '~')]),
        ("space", &[range('\t', '\r'), range(' ', ' ')]),
        ("upper", &[range('A', 'Z')]),
        ("word", WORD),
        ("xdigit", &[range('0', '9'), range('A', 'F'), range('a', 'f')]),
    ];
    CLASSES.iter().find(|(known, _)| *known == name).map(|(_, ranges)| *ranges)
}

/// A class, from behind its `[`, and what follows its `]`.
fn parse_class(inside: &[u32]) -> Result<(Set, &[u32]), DialectError> {
    let negated = inside.first() == Some(&code('^'));
    let mut rest = &inside[usize::from(negated)..];
    let mut ranges = Vec::new();
    let mut first = true;
    while first || rest.first() != Some(&code(']')) {
        first = false;
        if let Some((named, after)) = parse_named(rest)? {
            add(&mut ranges, named);
            rest = after;
            continue;
        }
        if let Some(perl) = rest.strip_prefix(&[BACKSLASH]).and_then(perl_class) {
            add(&mut ranges, perl);
            rest = &rest[2..];
            continue;
        }
        let (low, after) = class_rune(rest)?;
        let mut high = low;
        rest = after;
        if let [dash, end, ..] = rest
            && *dash == code('-')
            && *end != code(']')
        {
            (high, rest) = class_rune(&rest[1..])?;
            if high < low {
                return Err(DialectError::Range);
            }
        }
        ranges.push((low, high));
    }
    let set =
        if negated && ranges == [(SLASH, SLASH)] { Set::NotSlash } else { Set::Ranges { negated, ranges } };
    Ok((set, &rest[1..]))
}

fn class_rune(rest: &[u32]) -> Result<(u32, &[u32]), DialectError> {
    match rest.split_first() {
        None => Err(DialectError::Unclosed),
        Some((&BACKSLASH, after)) => parse_escape(after),
        Some((rune, after)) => Ok((*rune, after)),
    }
}

/// A class's name with whether it is negated, and what follows.
type Named<'r> = Option<((bool, Ranges), &'r [u32])>;

/// `[:alpha:]` or `[:^alpha:]`, if a class goes on with one.
fn parse_named(rest: &[u32]) -> Result<Named<'_>, DialectError> {
    let Some(inside) = rest.strip_prefix(&[code('['), code(':')]) else { return Ok(None) };
    let Some(end) = inside.windows(2).position(|pair| pair == [code(':'), code(']')]) else {
        return Ok(None);
    };
    let name: String = inside[..end].iter().filter_map(|rune| char::from_u32(*rune)).collect();
    let (negated, name) = match name.strip_prefix('^') {
        Some(name) => (true, name),
        None => (false, name.as_str()),
    };
    let ranges = posix_class(name).ok_or(DialectError::Range)?;
    Ok(Some(((negated, ranges), &inside[end + 2..])))
}

/// Adds a class, or everything that is not in it, to a class.
fn add(ranges: &mut Vec<(u32, u32)>, (negated, class): (bool, Ranges)) {
    if !negated {
        ranges.extend_from_slice(class);
        return;
    }
    let mut from = 0;
    for (low, high) in class {
        if *low > from {
            ranges.push((from, low - 1));
        }
        from = high + 1;
    }
    ranges.push((from, u32::from(char::MAX)));
}
