//! From rules to the command lines that make would run, and what those say.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::functions::stem;
use super::parser::Assign;
use super::state::{Make, Rule, Variable};
use crate::evidence::shell::{Script, UNKNOWN};
use crate::evidence::{Claim, Kind};
use crate::limits;
use crate::path::TreePath;

type Callers = BTreeMap<String, Vec<String>>;

impl Make<'_> {
    pub(super) fn claims(&mut self, starts: &[TreePath]) -> Vec<Claim> {
        let mut claims: Vec<Claim> = Vec::new();
        let rules = std::mem::take(&mut self.rules);
        self.rules.clone_from(&rules);
        let callers = self.callers();
        for rule in rules.iter().filter(|rule| !rule.recipe.is_empty()) {
            for target in rule.targets.iter().take(limits::MAKE_TARGETS) {
                if self.budget == 0 || claims.len() >= limits::EVIDENCE_BUILDS {
                    return claims;
                }
                let found = match &rule.pattern {
                    Some(pattern) => {
                        let stem = stem(pattern, target).unwrap_or_default().to_owned();
                        self.run(rule, target, &stem, &[], starts)
                    }
                    None if target.contains('%') => self.run_pattern(rule, target, starts),
                    None => self.run_for_callers(rule, target, &callers, starts),
                };
                claims.extend(found);
            }
        }
        claims
    }

    /// By target, those that need it and have variables of their own.
    fn callers(&self) -> Callers {
        let mut callers = Callers::new();
        let mut left = limits::MAKE_TARGETS * limits::MAKE_TARGETS;
        for rule in &self.rules {
            for caller in rule.targets.iter().filter(|caller| self.of_targets.contains_key(*caller)) {
                for needed in rule.prerequisites.iter().filter(|needed| *needed != caller) {
                    let known = callers.entry(needed.clone()).or_default();
                    if left > 0 && known.len() < limits::MAKE_TARGETS && !known.contains(caller) {
                        known.push(caller.clone());
                        left -= 1;
                    }
                }
            }
        }
        callers
    }

    /// A target as those that need it and have variables of their own make it.
    fn run_for_callers(
        &mut self,
        rule: &Rule,
        target: &str,
        callers: &Callers,
        starts: &[TreePath],
    ) -> Vec<Claim> {
        let callers: Vec<Vec<Assign>> = callers
            .get(target)
            .into_iter()
            .flatten()
            .filter_map(|caller| self.of_targets.get(caller).cloned())
            .collect();
        if callers.is_empty() {
            return self.run(rule, target, "", &[], starts);
        }
        callers.iter().flat_map(|variables| self.run(rule, target, "", variables, starts)).collect()
    }

    /// A pattern's recipe: for each stem that is named; else, where its Dockerfile depends on the stem, for each
    /// that leads to one.
    fn run_pattern(&mut self, rule: &Rule, pattern: &str, starts: &[TreePath]) -> Vec<Claim> {
        let words: usize = self.rules.iter().map(|rule| rule.targets.len() + rule.prerequisites.len()).sum();
        self.budget = self.budget.saturating_sub(words);
        let stems = self.stems(pattern);
        let named = self.run_stems(rule, pattern, &stems, starts);
        if !named.is_empty() {
            return named;
        }
        let any = self.run(
            rule,
            &pattern.replacen('%', &UNKNOWN.to_string(), 1),
            &UNKNOWN.to_string(),
            &[],
            starts,
        );
        if !any.is_empty() {
            return any;
        }
        let candidates = self.candidates();
        self.run_stems(rule, pattern, &candidates, starts)
    }

    fn run_stems(
        &mut self,
        rule: &Rule,
        pattern: &str,
        stems: &BTreeSet<String>,
        starts: &[TreePath],
    ) -> Vec<Claim> {
        let mut claims = Vec::new();
        for stem in stems {
            claims.extend(self.run(rule, &pattern.replacen('%', stem, 1), stem, &[], starts));
        }
        claims
    }

    /// Parts of the paths of Dockerfiles: folders, their names, and what follows `Dockerfile.`.
    fn candidates(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for path in self.door.dockerfiles() {
            let Some(path) = path.relative_to(&self.folder).map(|path| path.to_text()) else { continue };
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
            for (at, _) in folder.match_indices('/') {
                found.insert(folder[at + 1..].to_owned());
            }
            found.insert(folder.to_owned());
            found.extend(folder.split('/').map(str::to_owned));
            found.extend(name.split_once(['.', '-']).map(|(_, variant)| variant.to_owned()));
            found.extend(name.rsplit_once('.').map(|(variant, _)| variant.to_owned()));
            if found.len() >= limits::MAKE_TARGETS {
                break;
            }
        }
        found.remove("");
        found
    }

    fn run(
        &mut self,
        rule: &Rule,
        target: &str,
        stem: &str,
        of_caller: &[Assign],
        starts: &[TreePath],
    ) -> Vec<Claim> {
        let of_target = self.variables_of(target);
        let work = 16 * (rule.prerequisites.len() + of_target.len()) + self.of_patterns.len();
        self.budget = self.budget.saturating_sub(work);
        if self.budget == 0 {
            return Vec::new();
        }
        let before = self.locals.len();
        for assign in of_caller {
            self.local(assign);
        }
        for assign in &of_target {
            self.local(assign);
        }
        let needed: Vec<String> = rule.prerequisites.iter().map(|name| name.replacen('%', stem, 1)).collect();
        let folder = |path: &str| path.rsplit_once('/').map_or(".", |(folder, _)| folder).to_owned();
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let first = needed.first().cloned().unwrap_or_default();
        for (variable, value) in [
            ("@", target.to_owned()),
            ("@D", folder(target)),
            ("@F", name(target)),
            ("*", stem.to_owned()),
            ("*D", folder(stem)),
            ("*F", name(stem)),
            ("<D", folder(&first)),
            ("<F", name(&first)),
            ("<", first),
            ("^", needed.join(" ")),
        ] {
            self.locals.push((variable.to_owned(), Variable { value, is_expanded: true }));
        }
        let mut claims = Vec::new();
        for (line, command) in &rule.recipe {
            if !may_build(command) {
                continue;
            }
            let text = self.expand(command);
            for text in commands(&text) {
                let script = Script {
                    text: text.trim_start_matches(['@', '-', '+', ' ', '\t']),
                    path: &rule.file,
                    line: *line,
                    kind: Kind::Makefile,
                    starts,
                    variables: &[],
                };
                claims.extend(script.claims(self.door));
            }
        }
        self.locals.truncate(before);
        claims
    }

    /// What a target sets: the patterns that it matches, the closest last, then itself (GNU make, "Pattern-specific
    /// Variable Values").
    fn variables_of(&self, target: &str) -> Vec<Assign> {
        let of_pattern = |(pattern, variables): (&String, _)| Some((stem(pattern, target)?.len(), variables));
        let mut patterns: Vec<(usize, &Vec<Assign>)> =
            self.of_patterns.iter().filter_map(of_pattern).collect();
        patterns.sort_by_key(|(stem, _)| Reverse(*stem));
        let own = self.of_targets.get(target);
        patterns.into_iter().map(|(_, variables)| variables).chain(own).flatten().cloned().collect()
    }

    fn local(&mut self, assign: &Assign) {
        let name = self.expand(&assign.name);
        let old = self.locals.iter().rev().find(|(local, _)| *local == name).map(|(_, value)| value.clone());
        let old = old.or_else(|| self.variables.get(&name).cloned());
        let value = self.assigned(old.as_ref(), assign);
        self.locals.push((name, value));
    }
}

/// Whether a line of a recipe may come to a build: it says so, or a variable may.
fn may_build(command: &str) -> bool {
    command.contains('$') || ["build", "bud", "kaniko"].iter().any(|word| command.contains(word))
}

/// The lines that make gives to a shell, each to its own.
fn commands(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices('\n') {
        if !text[..at].ends_with('\\') {
            found.push(&text[start..at]);
            start = at + 1;
        }
    }
    found.push(&text[start..]);
    found.retain(|line| crate::evidence::shell::may_build(line));
    found
}
