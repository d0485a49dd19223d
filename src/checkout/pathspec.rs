use std::collections::HashMap;

use super::wildcard;
use crate::path::TreePath;

/// Which paths a question about history is about: any of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pathspecs {
    /// None at all match nothing (unlike `git log` without paths).
    pub paths: Vec<PathPattern>,
}

/// One of git's pathspecs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PathPattern {
    /// The file itself, or everything below the folder; the root is everything.
    Path(TreePath),
    /// `:(glob)PATTERN`: `*`, `?` and `[…]` stay within a component, `**` crosses folders. It matches whole paths of
    /// files; what lies below a folder whose name matches is not meant. One without wildcards is a plain path.
    Glob(Vec<u8>),
}

impl Pathspecs {
    /// Files and folders as they are.
    pub fn literal(paths: impl IntoIterator<Item = TreePath>) -> Self {
        Self { paths: paths.into_iter().map(PathPattern::Path).collect() }
    }

    /// Bytes that tell any two apart.
    pub(super) fn canonical(&self) -> Vec<u8> {
        let mut parts: Vec<Vec<u8>> = self.paths.iter().map(PathPattern::canonical).collect();
        parts.sort();
        parts.dedup();
        parts.into_iter().flat_map(|part| [&(part.len() as u64).to_le_bytes()[..], &part].concat()).collect()
    }
}

impl PathPattern {
    fn canonical(&self) -> Vec<u8> {
        match self {
            Self::Path(path) => [b"P", path.as_bytes()].concat(),
            Self::Glob(pattern) => [b"G", &pattern[..]].concat(),
        }
    }

    /// The pathspec as git's command line takes it.
    pub fn to_git(&self) -> Vec<u8> {
        match self {
            Self::Path(path) if path.is_root() => b":(top)".to_vec(),
            Self::Path(path) => [b":(top,literal)", path.as_bytes()].concat(),
            Self::Glob(pattern) => [b":(top,glob)", &pattern[..]].concat(),
        }
    }
}

/// A set of queries, one bit each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct QuerySet(Vec<u64>);

impl QuerySet {
    pub(super) fn new(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)])
    }

    pub(super) fn insert(&mut self, query: usize) {
        self.0[query / 64] |= 1 << (query % 64);
    }

    pub(super) fn take(&mut self, query: usize) {
        self.0[query / 64] &= !(1 << (query % 64));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word |= other);
    }

    pub(super) fn remove(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word &= !other);
    }

    pub(super) fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            (0..64).filter(move |bit| word & (1 << bit) != 0).map(move |bit| at * 64 + bit)
        })
    }
}

/// All patterns of all queries as one automaton over the components of paths. While a walk descends into
/// a tree, the states that are left say which queries can still care about what is below.
pub(super) struct Automaton {
    states: Vec<State>,
    count: usize,
}

struct State {
    literal: HashMap<Vec<u8>, usize>,
    wild: Vec<(Vec<u8>, usize)>,
    /// The state for `**`, which is entered without consuming anything and stays in itself.
    any_depth: Option<usize>,
    is_any_depth: bool,
    /// Queries that a path which leads here matches, with everything below.
    ends: Vec<usize>,
    /// Queries that a file whose path leads here matches.
    file_ends: Vec<usize>,
    /// Of a `**` state: queries that every file below matches.
    all_files: Vec<usize>,
    /// Queries with an end here or behind here.
    below: QuerySet,
}

impl Automaton {
    pub(super) fn new(queries: &[Pathspecs]) -> Self {
        let mut automaton = Self { states: Vec::new(), count: queries.len() };
        automaton.add_state(false);
        for (query, pathspecs) in queries.iter().enumerate() {
            for pattern in &pathspecs.paths {
                match pattern {
                    PathPattern::Path(path) => automaton.add_path(path, query),
                    PathPattern::Glob(pattern) if !wildcard::has_wildcard(pattern) => {
                        automaton.add_path(&TreePath::new(pattern), query);
                    }
                    PathPattern::Glob(pattern) => automaton.add_glob(pattern, query),
                }
            }
        }
        automaton
    }

    fn add_state(&mut self, is_any_depth: bool) -> usize {
        self.states.push(State {
            literal: HashMap::new(),
            wild: Vec::new(),
            any_depth: None,
            is_any_depth,
            ends: Vec::new(),
            file_ends: Vec::new(),
            all_files: Vec::new(),
            below: QuerySet::new(self.count),
        });
        self.states.len() - 1
    }

    fn add_path(&mut self, path: &TreePath, query: usize) {
        let mut state = 0;
        self.states[state].below.insert(query);
        for component in path.components() {
            state = self.literal(state, component);
            self.states[state].below.insert(query);
        }
        self.states[state].ends.push(query);
    }

    fn literal(&mut self, state: usize, component: &[u8]) -> usize {
        if let Some(next) = self.states[state].literal.get(component) {
            return *next;
        }
        let next = self.add_state(false);
        self.states[state].literal.insert(component.to_owned(), next);
        next
    }

    fn add_glob(&mut self, pattern: &[u8], query: usize) {
        let pattern = TreePath::new(pattern);
        let mut state = 0;
        self.states[state].below.insert(query);
        let components: Vec<&[u8]> = pattern.components().map(AsRef::as_ref).collect();
        let last = components.len().saturating_sub(1);
        for (at, component) in components.into_iter().enumerate() {
            if component == b"**" {
                state = self.any_depth(state);
                if at == last {
                    self.states[state].all_files.push(query);
                }
            } else {
                state = if wildcard::has_wildcard(component) {
                    self.wild(state, component)
                } else {
                    self.literal(state, component)
                };
                if at == last {
                    self.states[state].file_ends.push(query);
                }
            }
            self.states[state].below.insert(query);
        }
    }

    fn wild(&mut self, state: usize, component: &[u8]) -> usize {
        if let Some((_, next)) = self.states[state].wild.iter().find(|(pattern, _)| pattern == component) {
            return *next;
        }
        let next = self.add_state(false);
        self.states[state].wild.push((component.to_owned(), next));
        next
    }

    fn any_depth(&mut self, state: usize) -> usize {
        if self.states[state].is_any_depth {
            return state;
        }
        if let Some(next) = self.states[state].any_depth {
            return next;
        }
        let next = self.add_state(true);
        self.states[state].any_depth = Some(next);
        next
    }

    /// The states before any component.
    pub(super) fn start(&self) -> Vec<usize> {
        let mut states = Vec::new();
        self.enter(0, &mut states);
        states
    }

    fn enter(&self, state: usize, states: &mut Vec<usize>) {
        if !states.contains(&state) {
            states.push(state);
            if let Some(next) = self.states[state].any_depth {
                self.enter(next, states);
            }
        }
    }

    /// The states after one more component.
    pub(super) fn step(&self, states: &[usize], name: &[u8], next: &mut Vec<usize>) {
        next.clear();
        for state in states {
            let at = &self.states[*state];
            if let Some(state) = at.literal.get(name) {
                self.enter(*state, next);
            }
            for (pattern, state) in &at.wild {
                if wildcard::matches(pattern, name) {
                    self.enter(*state, next);
                }
            }
            if at.is_any_depth {
                self.enter(*state, next);
            }
        }
    }

    /// Takes the queries out of `left` that match everything at and below these states.
    pub(super) fn settle_all(&self, states: &[usize], left: &mut QuerySet) {
        for state in states {
            self.states[*state].ends.iter().for_each(|query| left.take(*query));
        }
    }

    /// Takes the queries out of `left` that match a file to which `states` lead, from a folder with the
    /// states `folder`.
    pub(super) fn settle_file(&self, folder: &[usize], states: &[usize], left: &mut QuerySet) {
        for state in states {
            self.states[*state].file_ends.iter().for_each(|query| left.take(*query));
        }
        for state in folder {
            self.states[*state].all_files.iter().for_each(|query| left.take(*query));
        }
    }

    /// Takes the queries out of `left` that care about anything at or below these states.
    pub(super) fn settle_below(&self, states: &[usize], left: &mut QuerySet) {
        for state in states {
            left.remove(&self.states[*state].below);
        }
    }

    /// Whether a query of `wanted` cares about anything at or below these states.
    pub(super) fn wants(&self, states: &[usize], wanted: &QuerySet) -> bool {
        states.iter().any(|state| self.states[*state].below.meets(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(pattern: &str) -> Pathspecs {
        Pathspecs { paths: vec![PathPattern::Glob(pattern.into())] }
    }

    /// Whether a change of the file at `path` concerns the query.
    fn hits(query: &Pathspecs, path: &str) -> bool {
        let automaton = Automaton::new(std::slice::from_ref(query));
        let mut left = QuerySet::new(1);
        left.insert(0);
        let mut states = automaton.start();
        automaton.settle_all(&states, &mut left);
        let mut components = path.split('/').peekable();
        while let Some(name) = components.next() {
            let mut next = Vec::new();
            automaton.step(&states, name.as_bytes(), &mut next);
            automaton.settle_all(&next, &mut left);
            if components.peek().is_none() {
                automaton.settle_file(&states, &next, &mut left);
            }
            states = next;
        }
        left.is_empty()
    }

    #[test]
    fn globs_match_as_git_s_glob_magic() {
        for (pattern, path) in [
            ("*.py", "a.py"),
            ("src/*.py", "src/a.py"),
            ("**/x", "x"),
            ("**/x", "a/b/x"),
            ("a/**/x", "a/x"),
            ("a/**/x", "a/b/c/x"),
            ("a/**", "a/b/c"),
            ("a/*/**", "a/b/c"),
            ("**", "anything/at/all"),
            ("a/b", "a/b/c"),
            ("**/a/**/b", "x/a/y/b"),
        ] {
            assert!(hits(&glob(pattern), path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("*.py", "src/a.py"),
            ("src/*", "src/a/b"),
            ("a/**", "a"),
            ("a/**", "b/a/c"),
            ("a/*/**", "a/b"),
            ("**/x", "a/x/y"),
        ] {
            assert!(!hits(&glob(pattern), path), "{pattern} {path}");
        }
    }

    #[test]
    fn paths_match_what_is_below() {
        let query = Pathspecs::literal(["a/b".into()]);
        assert!(hits(&query, "a/b") && hits(&query, "a/b/c/d"));
        assert!(!hits(&query, "a/bc") && !hits(&query, "a"));
        assert!(hits(&Pathspecs::literal([TreePath::root()]), "x"));
        assert!(!hits(&Pathspecs::default(), "x"));
    }

    #[test]
    fn sets_of_queries() {
        let mut set = QuerySet::new(130);
        for query in [0, 63, 64, 129] {
            set.insert(query);
        }
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 129]);
        let mut other = QuerySet::new(130);
        other.insert(64);
        assert!(set.meets(&other));
        set.remove(&other);
        set.take(0);
        assert_eq!(set.iter().collect::<Vec<_>>(), [63, 129]);
        assert!(!set.meets(&other) && !set.is_empty());
    }
}
