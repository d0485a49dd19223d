use std::collections::HashMap;

use crate::git::history::pathspec::PathPattern;
use crate::git::history::query_set::QuerySet;
use crate::git::history::questions::Questions;
use crate::git::work_tree::wildcard;
use crate::path::TreePath;

/// All patterns of all queries as one automaton over the components of paths. While a walk descends into
/// a tree, the states that are left say which queries can still care about what is below.
pub(in crate::git) struct Automaton {
    states: Vec<State>,
    /// The queries that each part of them concerns.
    by_part: Vec<QuerySet>,
    count: usize,
}

struct State {
    literal: HashMap<Vec<u8>, usize>,
    wild: Vec<(Vec<u8>, usize)>,
    /// The state for `**`, which is entered without consuming anything and stays in itself.
    any_depth: Option<usize>,
    is_any_depth: bool,
    /// Parts that a path which leads here matches, with everything below.
    ends: Vec<usize>,
    /// Parts that a file whose path leads here matches.
    file_ends: Vec<usize>,
    /// Of a `**` state: parts that every file below matches.
    all_files: Vec<usize>,
    /// Queries with an end here or behind here.
    below: QuerySet,
}

impl Automaton {
    pub(in crate::git) fn new(questions: &Questions) -> Self {
        let (by_part, count) = (questions.by_part(), questions.len());
        let mut automaton = Self { states: Vec::new(), by_part, count };
        automaton.add_state(false);
        for (part, pathspecs) in questions.parts().iter().enumerate() {
            for pattern in &pathspecs.paths {
                match pattern {
                    PathPattern::Path(path) => automaton.add_path(path, part),
                    PathPattern::Glob(pattern) if !wildcard::has_wildcard(pattern) => {
                        automaton.add_path(&TreePath::new(pattern), part);
                    }
                    PathPattern::Glob(pattern) => automaton.add_glob(pattern, part),
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

    fn add_path(&mut self, path: &TreePath, part: usize) {
        let mut state = 0;
        self.reaches(state, part);
        for component in path.components() {
            state = self.literal(state, component);
            self.reaches(state, part);
        }
        self.states[state].ends.push(part);
    }

    fn reaches(&mut self, state: usize, part: usize) {
        self.states[state].below.add(&self.by_part[part]);
    }

    fn literal(&mut self, state: usize, component: &[u8]) -> usize {
        if let Some(next) = self.states[state].literal.get(component) {
            return *next;
        }
        let next = self.add_state(false);
        self.states[state].literal.insert(component.to_owned(), next);
        next
    }

    fn add_glob(&mut self, pattern: &[u8], part: usize) {
        let pattern = TreePath::new(pattern);
        let mut state = 0;
        self.reaches(state, part);
        let components: Vec<&[u8]> = pattern.components().map(AsRef::as_ref).collect();
        let last = components.len().saturating_sub(1);
        for (at, component) in components.into_iter().enumerate() {
            if component == b"**" {
                state = self.any_depth(state);
                if at == last {
                    self.states[state].all_files.push(part);
                }
            } else {
                state = if wildcard::has_wildcard(component) {
                    self.wild(state, component)
                } else {
                    self.literal(state, component)
                };
                if at == last {
                    self.states[state].file_ends.push(part);
                }
            }
            self.reaches(state, part);
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
    pub(in crate::git) fn start(&self) -> Vec<usize> {
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
    pub(in crate::git) fn step(&self, states: &[usize], name: &[u8], next: &mut Vec<usize>) {
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
    pub(in crate::git) fn settle_all(&self, states: &[usize], left: &mut QuerySet) {
        for state in states {
            self.states[*state].ends.iter().for_each(|part| left.remove(&self.by_part[*part]));
        }
    }

    /// Takes the queries out of `left` that match a file to which `states` lead, from a folder with the
    /// states `folder`.
    pub(in crate::git) fn settle_file(&self, folder: &[usize], states: &[usize], left: &mut QuerySet) {
        for state in states {
            self.states[*state].file_ends.iter().for_each(|part| left.remove(&self.by_part[*part]));
        }
        for state in folder {
            self.states[*state].all_files.iter().for_each(|part| left.remove(&self.by_part[*part]));
        }
    }

    /// Takes the queries out of `left` that care about anything at or below these states.
    pub(in crate::git) fn settle_below(&self, states: &[usize], left: &mut QuerySet) {
        for state in states {
            left.remove(&self.states[*state].below);
        }
    }

    /// Whether a query of `wanted` cares about anything at or below these states.
    pub(in crate::git) fn wants(&self, states: &[usize], wanted: &QuerySet) -> bool {
        states.iter().any(|state| self.states[*state].below.meets(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::history::pathspec::Pathspecs;

    fn glob(pattern: &str) -> Pathspecs {
        Pathspecs { paths: vec![PathPattern::Glob(pattern.into())] }
    }

    /// Whether a change of the file at `path` concerns the query.
    fn hits(query: &Pathspecs, path: &str) -> bool {
        let automaton = Automaton::new(&Questions::new(vec![query.clone()]));
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
}
