//! Matching whole paths with the regular expression of one `.dockerignore` pattern.
//!
//! A lazy DFA decides: time is proportional to the path's length (at worst times the pattern's), memory is
//! bounded, and a dead state says that no longer path can match either, which is what folders are pruned by.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::OnceLock;

use bstr::{ByteSlice, Finder};
use regex_automata::Anchored;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{self, NFA, WhichCaptures};
use regex_automata::util::{pool::Pool, start};
use regex_syntax::hir::{Hir, HirKind, Look};

use super::affix::{ends_with, starts_with};
use super::clean::decoded;
use super::dialect;
use super::pattern_error::PatternError;

/// No compiled expression takes more bytes than this.
const MOST_MEMORY: usize = 10 << 20;
/// The states that are remembered of one take about so many bytes; then they are forgotten and found anew.
const REMEMBERED: usize = 1 << 18;

/// The expression of a pattern, and the texts that every match holds, which are faster to look for.
#[derive(Debug)]
pub(super) struct Matcher {
    expression: Hir,
    /// What it is compiled to, once a path asks for it. Most ask for few of the patterns. `None` if it is too large.
    compiled: OnceLock<Option<Compiled>>,
    prefix: Vec<u8>,
    suffix: Vec<u8>,
    inside: Finder<'static>,
}

#[derive(Debug)]
struct Compiled {
    dfa: DFA,
    caches: Pool<Cache, NewCache>,
}

type NewCache = Box<dyn Fn() -> Cache + Send + Sync + UnwindSafe + RefUnwindSafe>;

/// What is known behind the last byte of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Dead,
    Open,
    Match,
}

impl Matcher {
    pub(super) fn new(text: &str) -> Result<Self, PatternError> {
        let expression = dialect::parse(text)?;
        let (prefix, inside, suffix) = texts(&expression);
        let matcher = Self {
            compiled: OnceLock::new(),
            prefix: prefix.to_vec(),
            suffix: suffix.to_vec(),
            inside: Finder::new(inside).into_owned(),
            expression,
        };
        // So that it is refused with its line, and never later. No short text without repetitions is too large.
        let may_be_large = text.len() > 1000 || text.contains('{');
        if may_be_large && matcher.compiled().is_none() {
            return Err(PatternError::TooLarge);
        }
        Ok(matcher)
    }

    fn compiled(&self) -> Option<&Compiled> {
        self.compiled.get_or_init(|| compile(&self.expression)).as_ref()
    }

    /// Whether the whole of `path` matches.
    pub(super) fn matches(&self, path: &[u8]) -> bool {
        starts_with(path, &self.prefix)
            && ends_with(path, &self.suffix)
            && (!self.prefix.is_empty() || !self.suffix.is_empty() || self.inside.find(path).is_some())
            && self.run(path, false) == Some(State::Match)
    }

    /// Whether `path`, or a folder that holds it, matches.
    pub(super) fn matches_or_holds(&self, path: &[u8]) -> bool {
        starts_with(path, &self.prefix)
            && self.inside.find(path).is_some()
            && self.run(path, true) == Some(State::Match)
    }

    /// Whether something that begins with `start`, and is longer, may match.
    pub(super) fn may_match_beyond(&self, start: &[u8]) -> bool {
        self.run(start, false) != Some(State::Dead)
    }

    /// Reads a path; with `holders`, up to the first folder of it that matches. `None` if the search gives up,
    /// which it only does if it is told when.
    fn run(&self, path: &[u8], holders: bool) -> Option<State> {
        let Compiled { dfa, caches } = self.compiled()?;
        let cache = &mut *caches.get();
        let start = start::Config::new().anchored(Anchored::Yes);
        let mut state = dfa.start_state(cache, &start).ok()?;
        let ends_here =
            |cache: &mut Cache, state: LazyStateID| Some(dfa.next_eoi_state(cache, state).ok()?.is_match());
        for byte in decoded(path).bytes() {
            if byte == b'/' && holders && ends_here(cache, state)? {
                return Some(State::Match);
            }
            state = dfa.next_state(cache, state, byte).ok()?;
            if state.is_dead() {
                return Some(State::Dead);
            }
        }
        Some(if ends_here(cache, state)? { State::Match } else { State::Open })
    }
}

fn compile(expression: &Hir) -> Option<Compiled> {
    let config =
        thompson::Config::new().nfa_size_limit(Some(MOST_MEMORY)).which_captures(WhichCaptures::None);
    let nfa = NFA::compiler().configure(config).build_from_hir(expression).ok()?;
    let config = DFA::config().cache_capacity(REMEMBERED).skip_cache_capacity_check(true);
    let dfa = DFA::builder().configure(config).build_from_nfa(nfa).ok()?;
    let for_caches = dfa.clone();
    Some(Compiled { dfa, caches: Pool::new(Box::new(move || for_caches.create_cache())) })
}

/// The texts that every match begins with, contains and ends with.
fn texts(expression: &Hir) -> (&[u8], &[u8], &[u8]) {
    let HirKind::Concat(parts) = expression.kind() else { return Default::default() };
    let inside = parts.iter().map(text).max_by_key(|text| text.len()).unwrap_or_default();
    let is_look = |part: &Hir, look| *part.kind() == HirKind::Look(look);
    let prefix = match &parts[..] {
        [start, first, ..] if is_look(start, Look::Start) => text(first),
        _ => &[],
    };
    let suffix = match &parts[..] {
        [.., last, end] if is_look(end, Look::End) => text(last),
        _ => &[],
    };
    (prefix, inside, suffix)
}

/// The one text that an expression matches. `U+FFFD` also stands for bytes that are not UTF-8.
fn text(expression: &Hir) -> &[u8] {
    match expression.kind() {
        HirKind::Literal(literal) if literal.0.find("\u{fffd}").is_none() => &literal.0,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::super::pattern::Pattern;
    use super::super::pattern_error::PatternError;

    fn stars_then(count: usize, last: char) -> Pattern {
        let pattern = format!("**/{}{last}", "*a".repeat(count));
        Pattern::parse(pattern.as_bytes()).expect("valid")
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
        assert!(!stars_then(2_000, 'b').matches(("a".repeat(4_000) + "cb").as_bytes()));
    }

    #[test]
    fn what_makes_large_automata_is_refused_or_stays_cheap() {
        for text in ["?".repeat(60_000), "*[^b]{1000}".repeat(60)] {
            assert!(matches!(Pattern::parse(text.as_bytes()), Err(PatternError::TooLarge)));
        }
        // All of its states would be 2^20.
        let pattern = Pattern::parse(("*a".to_owned() + &"?".repeat(20) + "b*").as_bytes()).expect("valid");
        let path: String =
            (0..4_000_u32).map(|at| if at.count_ones() % 2 == 0 { 'a' } else { 'c' }).collect();
        assert!(!pattern.matches(format!("b{path}").as_bytes()));
        assert!(pattern.matches(format!("{path}a{}b", "x".repeat(20)).as_bytes()));
    }

    #[test]
    fn prefix_and_suffix_do_not_overlap() {
        let pattern = Pattern::parse(b"a*a").expect("valid");
        assert!(!pattern.matches(b"a"));
        assert!(pattern.matches(b"aa"));
    }

    #[test]
    fn beyond_a_folder() {
        let pattern = Pattern::parse(b"svc/*.txt").expect("valid");
        assert!(pattern.may_match_below(b"svc"));
        assert!(!pattern.may_match_below(b"sv"));
        assert!(!pattern.may_match_below(b"svc/a"));
        assert!(stars_then(1, 'b').may_match_below(b"any/where"));
    }
}
