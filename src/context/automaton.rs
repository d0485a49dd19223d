//! Matching one translated `.dockerignore` pattern: states in a row, simulated side by side.
//!
//! Time is at most path length times pattern length, whatever the pattern; nothing is ever tried twice.

use bstr::Finder;

use super::clean::{INVALID, next_rune};
use super::pattern::{ends_with, starts_with};

/// A set of code points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Set {
    /// All.
    All,
    /// All but `/`.
    NotSlash,
    /// All but a line feed, as `.` in a regular expression.
    NotLineFeed,
    /// Those in one of the ranges, or (negated) in none of them.
    Ranges { negated: bool, ranges: Vec<(u32, u32)> },
}

impl Set {
    fn contains(&self, rune: u32) -> bool {
        match self {
            Self::All => true,
            Self::NotSlash => rune != u32::from(b'/'),
            Self::NotLineFeed => rune != u32::from(b'\n'),
            Self::Ranges { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&rune)) != *negated
            }
        }
    }
}

/// A condition on a place between two code points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Before the first.
    Start,
    /// Behind the last.
    End,
    /// Between an ASCII letter, digit or `_` and something else.
    WordBorder,
    /// Anywhere else.
    NotWordBorder,
}

/// One state. From each, matching goes on to the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Reads this code point.
    Rune(u32),
    /// Reads one code point of the set.
    One(Set),
    /// Reads one code point of the set, or nothing.
    Maybe(Set),
    /// Reads any number of code points of the set.
    Many(Set),
    /// `**/`: reads nothing, or anything that ends in `/`. Takes two states, of which this is the first.
    Folders,
    /// The second state of [`State::Folders`].
    FoldersLoop,
    /// Reads nothing where the condition holds.
    At(Place),
}

/// The states and what can be tested without running them.
#[derive(Clone, Debug)]
pub(super) struct Automaton {
    states: Vec<State>,
    /// The bytes that the first states read, if those read one text only.
    prefix: Vec<u8>,
    /// How many states those are.
    prefix_states: usize,
    /// The bytes that the last states read.
    suffix: Vec<u8>,
    /// The longest text that every match contains.
    inside: Finder<'static>,
}

/// What stands behind a place in a path.
#[derive(Clone, Copy)]
enum Next {
    Rune(u32),
    End,
    Unknown,
}

impl Automaton {
    pub(super) fn new(states: Vec<State>) -> Self {
        let prefix_states = states.iter().take_while(|state| literal(state).is_some()).count();
        let suffix_states = states[prefix_states..].iter().rev().take_while(|s| literal(s).is_some()).count();
        let text = |part: &[State]| part.iter().filter_map(literal).collect::<String>().into_bytes();
        let runs = states.split(|state| literal(state).is_none()).map(text);
        let inside = runs.max_by_key(Vec::len).unwrap_or_default();
        Self {
            inside: Finder::new(&inside).into_owned(),
            prefix: text(&states[..prefix_states]),
            prefix_states,
            suffix: text(&states[states.len() - suffix_states..]),
            states,
        }
    }

    /// Whether `path`, or a folder that holds it, may match; false for most that do not.
    pub(super) fn may_match_within(&self, path: &[u8]) -> bool {
        starts_with(path, &self.prefix) && self.inside.find(path).is_some()
    }

    /// Whether the whole of `path` matches.
    pub(super) fn matches(&self, path: &[u8]) -> bool {
        if !starts_with(path, &self.prefix) || !ends_with(&path[self.prefix.len()..], &self.suffix) {
            return false;
        }
        if self.prefix.is_empty() && self.suffix.is_empty() && self.inside.find(path).is_none() {
            return false;
        }
        if self.states.len() < 64 {
            self.run::<u64>(path, Next::End).has(self.states.len())
        } else {
            self.run::<Vec<u64>>(path, Next::End).has(self.states.len())
        }
    }

    /// Whether something that begins with `start`, and is longer, may match.
    pub(super) fn may_match_beyond(&self, start: &[u8]) -> bool {
        if !start.starts_with(&self.prefix) {
            return self.prefix.starts_with(start);
        }
        let end = self.states.len();
        if end < 64 {
            self.run::<u64>(start, Next::Unknown).first(0).is_some_and(|state| state < end)
        } else {
            self.run::<Vec<u64>>(start, Next::Unknown).first(0).is_some_and(|state| state < end)
        }
    }

    /// The states that hold behind `path`, which begins with the literal prefix.
    fn run<S: StateSet>(&self, path: &[u8], behind: Next) -> S {
        let next_at = |at: usize| next_rune(&path[at..]).map_or(behind, |(rune, _)| Next::Rune(rune));
        let mut at = self.prefix.len();
        let mut previous = path[..at].last().map(|byte| u32::from(*byte));
        let mut now = S::empty(self.states.len() + 1);
        now.add(self.prefix_states);
        self.close(&mut now, previous, next_at(at));
        while let Some((rune, length)) = next_rune(&path[at..]) {
            let mut then = S::empty(self.states.len() + 1);
            let mut from = 0;
            while let Some(state) = now.first(from) {
                from = state + 1;
                self.step(state, rune, &mut then);
            }
            at += length;
            previous = Some(rune);
            self.close(&mut then, previous, next_at(at));
            now = then;
            if now.first(0).is_none() {
                break;
            }
        }
        now
    }

    /// Reads `rune` in `state`.
    fn step(&self, state: usize, rune: u32, then: &mut impl StateSet) {
        match self.states.get(state) {
            Some(State::Rune(expected)) if *expected == rune => then.add(state + 1),
            Some(State::One(set) | State::Maybe(set)) if set.contains(rune) => then.add(state + 1),
            Some(State::Many(set)) if set.contains(rune) => then.add(state),
            Some(State::FoldersLoop) => {
                if rune != u32::from(b'\n') {
                    then.add(state);
                }
                if rune == u32::from(b'/') {
                    then.add(state + 1);
                }
            }
            _ => {}
        }
    }

    /// Adds the states that are reached without reading. They all lie behind those that lead to them.
    fn close(&self, set: &mut impl StateSet, previous: Option<u32>, next: Next) {
        let mut from = 0;
        while let Some(state) = set.first(from) {
            from = state + 1;
            match self.states.get(state) {
                Some(State::Many(_) | State::Maybe(_)) => set.add(state + 1),
                Some(State::Folders) => {
                    set.add(state + 1);
                    set.add(state + 2);
                }
                Some(State::At(place)) if holds(*place, previous, next) => set.add(state + 1),
                _ => {}
            }
        }
    }
}

fn holds(place: Place, previous: Option<u32>, next: Next) -> bool {
    let border = match next {
        Next::Rune(rune) => previous.is_some_and(is_word) != is_word(rune),
        Next::End => previous.is_some_and(is_word),
        Next::Unknown => return place != Place::Start || previous.is_none(),
    };
    match place {
        Place::Start => previous.is_none(),
        Place::End => matches!(next, Next::End),
        Place::WordBorder => border,
        Place::NotWordBorder => !border,
    }
}

fn is_word(rune: u32) -> bool {
    u8::try_from(rune).is_ok_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The one text that a state reads. `U+FFFD` also reads bytes that are not UTF-8.
fn literal(state: &State) -> Option<char> {
    match state {
        State::Rune(rune) if *rune != INVALID => char::from_u32(*rune),
        _ => None,
    }
}

/// A set of state numbers; `u64` for the patterns that people write, a vector for all others.
trait StateSet {
    fn empty(states: usize) -> Self;
    fn add(&mut self, state: usize);
    fn has(&self, state: usize) -> bool;
    /// The smallest member that is at least `from`.
    fn first(&self, from: usize) -> Option<usize>;
}

impl StateSet for u64 {
    fn empty(_: usize) -> Self {
        0
    }

    fn add(&mut self, state: usize) {
        *self |= 1 << state;
    }

    fn has(&self, state: usize) -> bool {
        *self & (1 << state) != 0
    }

    fn first(&self, from: usize) -> Option<usize> {
        let rest = if from < 64 { *self >> from } else { 0 };
        (rest != 0).then(|| from + rest.trailing_zeros() as usize)
    }
}

impl StateSet for Vec<u64> {
    fn empty(states: usize) -> Self {
        vec![0; states.div_ceil(64)]
    }

    fn add(&mut self, state: usize) {
        self[state / 64] |= 1 << (state % 64);
    }

    fn has(&self, state: usize) -> bool {
        self[state / 64] & (1 << (state % 64)) != 0
    }

    fn first(&self, from: usize) -> Option<usize> {
        let (word, bit) = (from / 64, from % 64);
        if let Some(found) = self.get(word)?.first(bit) {
            return Some(word * 64 + found);
        }
        let at = word + 1 + self[word + 1..].iter().position(|word| *word != 0)?;
        Some(at * 64 + self[at].trailing_zeros() as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stars_then(count: usize, last: char) -> Automaton {
        let mut states = vec![State::Folders, State::FoldersLoop];
        for _ in 0..count {
            states.push(State::Many(Set::NotSlash));
            states.push(State::Rune(u32::from('a')));
        }
        states.push(State::Rune(u32::from(last)));
        Automaton::new(states)
    }

    #[test]
    fn short_and_long_patterns_agree() {
        for count in [1, 30, 31, 32, 33, 70] {
            let path = format!("x/y/{}", "a".repeat(count));
            assert!(stars_then(count, 'b').matches(format!("{path}b").as_bytes()), "{count}");
            assert!(!stars_then(count + 1, 'b').matches(format!("{path}b").as_bytes()), "{count}");
            assert!(!stars_then(count, 'b').matches(path.as_bytes()), "{count}");
        }
    }

    #[test]
    fn many_stars_stay_cheap() {
        assert!(!stars_then(300, 'b').matches("a".repeat(4_000).as_bytes()));
    }

    #[test]
    fn prefix_and_suffix_do_not_overlap() {
        let states =
            vec![State::Rune(u32::from('a')), State::Many(Set::NotSlash), State::Rune(u32::from('a'))];
        let automaton = Automaton::new(states);
        assert!(!automaton.matches(b"a"));
        assert!(automaton.matches(b"aa"));
    }

    #[test]
    fn beyond_a_folder() {
        // svc/*.txt
        let mut states: Vec<State> = "svc/".chars().map(|c| State::Rune(u32::from(c))).collect();
        states.push(State::Many(Set::NotSlash));
        states.extend(".txt".chars().map(|c| State::Rune(u32::from(c))));
        let automaton = Automaton::new(states);
        assert!(automaton.may_match_beyond(b"svc/"));
        assert!(!automaton.may_match_beyond(b"sv/"));
        assert!(!automaton.may_match_beyond(b"svc/a/"));
        assert!(stars_then(1, 'b').may_match_beyond(b"any/where/"));
    }
}
