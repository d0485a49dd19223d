//! The language of one `.dockerignore` pattern.
//!
//! moby/patternmatcher translates a pattern into a regular expression of Go and lets that decide. What
//! the pattern leaves alone, such as the inside of `[…]` or a backslash before a letter, therefore means
//! what it means to Go's regular expressions: `\d` is a digit, `[[:alpha:]]` a letter, and a `*` inside
//! brackets becomes part of what the brackets hold. Beside a wildcard even `|` is an alternative and
//! `{2}` a repetition. The same two steps are taken here, so that such patterns mean here what they mean
//! to docker.

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
    /// A regular expression decides: one of these alternatives.
    Alternatives(Vec<Vec<State>>),
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

/// Translates a cleaned pattern (without its `!`).
pub(super) fn translate(pattern: &[u8]) -> Result<Translated, DialectError> {
    let (kind, expression) = to_expression(&runes(pattern));
    Ok(match kind {
        Kind::Exact => Translated::Exact,
        Kind::Prefix => Translated::Prefix,
        Kind::Suffix => Translated::Suffix,
        Kind::Expression => Translated::Alternatives(Parser::default().parse(&expression)?),
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
                    put(char::from_u32(escaped)
                        .unwrap_or(char::REPLACEMENT_CHARACTER)
                        .encode_utf8(&mut [0; 4]));
                    kind = Kind::Expression;
                }
            }
            _ => {
                let character = char::from_u32(rune).unwrap_or(char::REPLACEMENT_CHARACTER);
                // Docker means to escape `|`, `{` and `}` as well, but its table has no room for them.
                if ".+()$".contains(character) {
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
#[derive(Default)]
struct Parser {
    finished: Vec<Vec<State>>,
    states: Vec<State>,
    last: Last,
}

/// What a `{2}` would repeat.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Last {
    /// The `^` that every expression begins with.
    #[default]
    Anchor,
    /// The start of another alternative.
    Nothing,
    /// The last state.
    State,
    /// Something that has been repeated already.
    Repetition,
}

impl Parser {
    fn parse(mut self, expression: &[u32]) -> Result<Vec<Vec<State>>, DialectError> {
        let mut rest = expression;
        while let Some((&rune, after)) = rest.split_first() {
            rest = after;
            match char::from_u32(rune) {
                Some('[') => {
                    let (set, after) = parse_class(rest)?;
                    rest = after;
                    if rest.first() == Some(&STAR) {
                        rest = &rest[1..];
                        self.repetition([State::Many(set)]);
                    } else {
                        self.one(State::One(set));
                    }
                }
                Some('(') => {
                    // Only the first step writes a bare `(`, and always as `(.*/)?`.
                    rest = rest.get(5..).unwrap_or_default();
                    self.repetition([State::Folders, State::FoldersLoop]);
                }
                Some('.') => {
                    rest = rest.get(1..).unwrap_or_default();
                    self.repetition([State::Many(Set::NotLineFeed)]);
                }
                Some('|') => self.next_alternative(),
                Some('{') => match parse_bounds(rest)? {
                    Some((bounds, after)) => {
                        self.repeat(bounds)?;
                        rest = after;
                    }
                    None => self.one(State::Rune(rune)),
                },
                Some('^') => self.one(State::At(Place::Start)),
                Some('\\') if rest.first() == Some(&code('Q')) => match self.quoted(&rest[1..]) {
                    Some(after) => rest = after,
                    None => return Ok(self.finish(false)),
                },
                Some('\\') if rest.is_empty() => {
                    // A last backslash escapes the `$` that ends the expression.
                    self.one(State::Rune(code('$')));
                    return Ok(self.finish(false));
                }
                Some('\\') => {
                    let (state, after) = parse_escaped(rest)?;
                    rest = after;
                    self.one(state);
                }
                _ => self.one(State::Rune(rune)),
            }
        }
        Ok(self.finish(true))
    }

    fn one(&mut self, state: State) {
        self.states.push(state);
        self.last = Last::State;
    }

    fn repetition(&mut self, states: impl IntoIterator<Item = State>) {
        self.states.extend(states);
        self.last = Last::Repetition;
    }

    /// `|`: the `^` in front belongs to the first alternative only, the `$` to the last.
    fn next_alternative(&mut self) {
        self.states.push(State::Many(Set::All));
        self.finished.push(std::mem::replace(&mut self.states, vec![State::Many(Set::All)]));
        self.last = Last::Nothing;
    }

    fn finish(mut self, anchored: bool) -> Vec<Vec<State>> {
        if !anchored {
            self.states.push(State::Many(Set::All));
        }
        self.finished.push(self.states);
        self.finished
    }

    /// The text behind `\Q`, up to `\E`. Without one it swallows the `$` that ends the expression.
    fn quoted<'r>(&mut self, rest: &'r [u32]) -> Option<&'r [u32]> {
        let end = rest.windows(2).position(|pair| pair == [BACKSLASH, code('E')]);
        for rune in &rest[..end.unwrap_or(rest.len())] {
            self.one(State::Rune(*rune));
        }
        if end.is_none() {
            self.one(State::Rune(code('$')));
        }
        end.map(|end| &rest[end + 2..])
    }

    /// `{least,most}` behind something.
    fn repeat(&mut self, (least, most): (usize, Option<usize>)) -> Result<(), DialectError> {
        let state = match self.last {
            Last::Nothing | Last::Repetition => return Err(DialectError::Repeat),
            Last::Anchor => {
                if least == 0 {
                    self.states.push(State::Many(Set::All));
                }
                self.last = Last::Repetition;
                return Ok(());
            }
            Last::State => self.states.pop().ok_or(DialectError::Repeat)?,
        };
        self.last = Last::Repetition;
        if self.states.len() + most.unwrap_or(least) > MOST_STATES {
            return Err(DialectError::Repeat);
        }
        let set = match &state {
            State::Rune(rune) => Set::Ranges { negated: false, ranges: vec![(*rune, *rune)] },
            State::One(set) => set.clone(),
            _ => {
                self.states.extend((least > 0).then_some(state));
                return Ok(());
            }
        };
        self.states.extend(std::iter::repeat_n(state, least));
        match most {
            Some(most) => {
                self.states.extend(std::iter::repeat_n(State::Maybe(set), most - least));
            }
            None => self.states.push(State::Many(set)),
        }
        Ok(())
    }
}

/// No line has more states than this without repetitions; Go has such a limit as well, though a higher one.
const MOST_STATES: usize = 1 << 16;

/// How often, at least and at most.
type Bounds = (usize, Option<usize>);

/// `2}`, `2,}` or `2,3}`, from behind the `{`; anything else is just text.
fn parse_bounds(rest: &[u32]) -> Result<Option<(Bounds, &[u32])>, DialectError> {
    const MOST: usize = 1000;
    let Some((least, rest)) = parse_number(rest) else { return Ok(None) };
    let (most, rest) = match rest.strip_prefix(&[code(',')]) {
        None => (Some(least), rest),
        Some(rest) if rest.first() == Some(&code('}')) => (None, rest),
        Some(rest) => match parse_number(rest) {
            Some((most, rest)) => (Some(most), rest),
            None => return Ok(None),
        },
    };
    let Some(rest) = rest.strip_prefix(&[code('}')]) else { return Ok(None) };
    if least > MOST || most.is_some_and(|most| most > MOST || most < least) {
        return Err(DialectError::Repeat);
    }
    Ok(Some(((least, most), rest)))
}

/// A number without leading zeros.
fn parse_number(rest: &[u32]) -> Option<(usize, &[u32])> {
    let digit = |rune: &u32| char::from_u32(*rune).and_then(|c| c.to_digit(10));
    let digits: Vec<u32> = rest.iter().map_while(digit).collect();
    if digits.is_empty() || (digits.len() > 1 && digits[0] == 0) {
        return None;
    }
    let value = digits.iter().fold(0_usize, |value, digit| {
        value.saturating_mul(10).saturating_add(usize::try_from(*digit).unwrap_or(usize::MAX))
    });
    Some((value, &rest[digits.len()..]))
}

/// What a backslash outside a class means, from behind it.
fn parse_escaped(rest: &[u32]) -> Result<(State, &[u32]), DialectError> {
    let place = match rest.first().and_then(|rune| char::from_u32(*rune)) {
        Some('A') => Some(Place::Start),
        Some('z') => Some(Place::End),
        Some('b') => Some(Place::WordBorder),
        Some('B') => Some(Place::NotWordBorder),
        _ => None,
    };
    if let Some(place) = place {
        return Ok((State::At(place), &rest[1..]));
    }
    if let Some((negated, ranges)) = perl_class(rest) {
        return Ok((State::One(Set::Ranges { negated, ranges: ranges.to_vec() }), &rest[1..]));
    }
    let (rune, rest) = parse_escape(rest)?;
    Ok((State::Rune(rune), rest))
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
        'x' => parse_hex(after).ok_or(DialectError::Escape),
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

/// `41` or `{41}`, from behind `\x`.
fn parse_hex(rest: &[u32]) -> Option<(u32, &[u32])> {
    let digit = |rune: &u32| char::from_u32(*rune).and_then(|c| c.to_digit(16));
    let (digits, after) = match rest.strip_prefix(&[code('{')]) {
        Some(rest) => {
            let end = rest.iter().position(|rune| *rune == code('}')).filter(|end| *end > 0)?;
            (&rest[..end], &rest[end + 1..])
        }
        None => (rest.get(..2)?, &rest[2..]),
    };
    let value = digits.iter().try_fold(0_u32, |value, rune| {
        let value = value.checked_mul(16)?.checked_add(digit(rune)?)?;
        (value <= u32::from(char::MAX)).then_some(value)
    })?;
    Some((value, after))
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
