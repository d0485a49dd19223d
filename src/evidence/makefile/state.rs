//! What a Makefile defines, from its first statement to its last.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::functions::stem;
use super::parser::{Assign, Condition, How, What, parse};
use crate::evidence::shell::{ROOT, UNKNOWN, at_root, matches, sanitized};
use crate::evidence::{Door, inside};
use crate::limits;
use crate::path::TreePath;

#[derive(Clone, Debug)]
pub(super) struct Variable {
    pub value: String,
    pub is_expanded: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub file: TreePath,
    pub targets: Vec<String>,
    /// Of a static pattern rule: what its targets must look like.
    pub pattern: Option<String>,
    pub prerequisites: Vec<String>,
    pub recipe: Vec<(usize, String)>,
}

pub(super) struct Make<'m> {
    pub door: &'m Door<'m>,
    /// Where it runs.
    pub folder: TreePath,
    /// The file that is read now.
    pub file: TreePath,
    pub variables: HashMap<String, Variable>,
    pub of_targets: BTreeMap<String, Vec<Assign>>,
    /// The same by patterns of targets.
    pub of_patterns: BTreeMap<String, Vec<Assign>>,
    /// The names of the variables that these two set.
    pub names_of_targets: HashSet<String>,
    pub rules: Vec<Rule>,
    /// Automatic variables, arguments of functions; the last one of a name counts.
    pub locals: Vec<(String, Variable)>,
    pub included: BTreeSet<TreePath>,
    /// Texts that `$(eval …)` has given.
    pub evaluated: Vec<String>,
    pub unset_is_empty: bool,
    pub depth: usize,
    /// Text that may still come of expansion.
    pub budget: usize,
    files_left: usize,
}

/// What holds between an `ifeq` and its `endif`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Branch {
    Taken,
    /// Another one was taken, or one around it is not.
    Passed,
    /// None was taken yet.
    Waiting,
    /// Whether it is taken cannot be known.
    Perhaps,
}

impl<'m> Make<'m> {
    pub(super) fn new(door: &'m Door<'m>, folder: TreePath, file: TreePath) -> Self {
        Self {
            door,
            folder,
            file,
            variables: HashMap::new(),
            of_targets: BTreeMap::new(),
            of_patterns: BTreeMap::new(),
            names_of_targets: HashSet::new(),
            rules: Vec::new(),
            locals: Vec::new(),
            included: BTreeSet::new(),
            evaluated: Vec::new(),
            unset_is_empty: false,
            depth: 0,
            budget: limits::SHELL_EXPANSION,
            files_left: limits::MAKE_INCLUDES,
        }
    }

    /// Takes in the statements of a text; `depth` counts the includes and evaluations around it.
    pub(super) fn take(&mut self, text: &str, depth: usize) {
        let mut branches: Vec<Branch> = Vec::new();
        for statement in parse(text) {
            // Conditions are nested three deep, not a hundred.
            if self.budget == 0 || branches.len() > 4 * limits::SHELL_DEPTH {
                return;
            }
            let is_certain = branches.iter().all(|branch| *branch == Branch::Taken);
            let is_open = branches.iter().all(|branch| matches!(branch, Branch::Taken | Branch::Perhaps));
            match statement.what {
                What::If(condition) => {
                    let branch = if is_open { self.branch(&condition) } else { Branch::Passed };
                    branches.push(branch);
                }
                What::Else(condition) => {
                    let Some(last) = branches.pop() else { continue };
                    branches.push(match (last, condition) {
                        (Branch::Waiting, None) => Branch::Taken,
                        (Branch::Waiting, Some(condition)) => self.branch(&condition),
                        (Branch::Perhaps, _) => Branch::Perhaps,
                        (Branch::Taken | Branch::Passed, _) => Branch::Passed,
                    });
                }
                What::EndIf => {
                    branches.pop();
                }
                _ if !is_open => {}
                What::Assign(assign) => self.assign(&assign, is_certain),
                What::OfTarget { targets, assign } => {
                    if is_certain {
                        self.names_of_targets.insert(assign.name.clone());
                    }
                    for target in self.expand(&targets).split_whitespace() {
                        let of =
                            if target.contains('%') { &mut self.of_patterns } else { &mut self.of_targets };
                        of.entry(target.to_owned()).or_default().push(assign.clone());
                    }
                }
                What::Rule { targets, pattern, prerequisites, recipe } => {
                    let words = |text: String| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
                    let rule = Rule {
                        file: self.file.clone(),
                        targets: words(self.expand(&targets)),
                        pattern: pattern.map(|pattern| self.expand(&pattern)),
                        prerequisites: words(self.expand(&prerequisites)),
                        recipe,
                    };
                    self.rules.push(rule);
                }
                What::Include(files) => {
                    for file in self.expand(&files).split_whitespace() {
                        self.include(file, depth);
                    }
                }
                What::Expansion(text) => {
                    self.expand(&text);
                    self.evaluate(depth);
                }
            }
        }
    }

    fn evaluate(&mut self, depth: usize) {
        for text in std::mem::take(&mut self.evaluated) {
            if depth < limits::SHELL_DEPTH / 4 {
                self.take(&text, depth + 1);
            }
        }
    }

    fn include(&mut self, file: &str, depth: usize) {
        let path = match file.strip_prefix(ROOT) {
            Some(rest) => inside(&TreePath::root(), rest.trim_start_matches('/')),
            None => inside(&self.folder, file),
        };
        let Some(path) = path else { return };
        if depth >= limits::SHELL_DEPTH / 4 || self.files_left == 0 || !self.included.insert(path.clone()) {
            return;
        }
        self.files_left -= 1;
        if let Ok(Some(text)) = self.door.read(&path) {
            let before = std::mem::replace(&mut self.file, path);
            self.take(&sanitized(&text), depth + 1);
            self.file = before;
        }
    }

    fn branch(&mut self, condition: &Condition) -> Branch {
        let holds = match condition {
            Condition::Equal { one, other, is_negated } => {
                let (one, other) = (self.as_called(one), self.as_called(other));
                let is_known = !one.contains(UNKNOWN) && !other.contains(UNKNOWN);
                is_known.then(|| (one.trim() == other.trim()) != *is_negated)
            }
            Condition::Defined { name, is_negated } => {
                let name = self.expand(name);
                let is_defined =
                    self.variables.get(name.trim()).is_some_and(|variable| !variable.value.is_empty());
                Some(is_defined != *is_negated)
            }
            Condition::Unreadable => None,
        };
        match holds {
            Some(true) => Branch::Taken,
            Some(false) => Branch::Waiting,
            None => Branch::Perhaps,
        }
    }

    fn assign(&mut self, assign: &Assign, is_certain: bool) {
        let name = self.expand(&assign.name);
        let old = self.variables.get(&name).cloned();
        let new = self.assigned(old.as_ref(), assign);
        let new = match old {
            // Two values, and either may hold.
            Some(old) if !is_certain && assign.how != How::IfUnset && old.value != new.value => {
                Variable { value: UNKNOWN.to_string(), is_expanded: true }
            }
            _ => new,
        };
        self.variables.insert(name, new);
    }

    pub(super) fn assigned(&mut self, old: Option<&Variable>, assign: &Assign) -> Variable {
        let value = &assign.value;
        match (assign.how, old) {
            (How::IfUnset, Some(old)) => old.clone(),
            (How::Shell, _) => Variable { value: UNKNOWN.to_string(), is_expanded: true },
            (How::Now, _) => Variable { value: self.expand(value), is_expanded: true },
            (How::Append, Some(old)) => {
                let added = if old.is_expanded { self.expand(value) } else { value.clone() };
                self.budget = self.budget.saturating_sub(old.value.len());
                if old.value.len() + added.len() > limits::SHELL_VALUE {
                    return Variable { value: UNKNOWN.to_string(), is_expanded: true };
                }
                Variable { value: format!("{} {added}", old.value), is_expanded: old.is_expanded }
            }
            _ => Variable { value: value.clone(), is_expanded: false },
        }
    }

    /// Whether a variable is set for some targets alone.
    pub(super) fn is_of_targets(&self, name: &str) -> bool {
        self.names_of_targets.contains(name)
    }

    /// The path of the machine on which it runs.
    pub(super) fn absolute(&self, path: &str) -> String {
        let resolved = match path.strip_prefix(ROOT) {
            _ if path.contains(UNKNOWN) => None,
            Some(rest) => inside(&TreePath::root(), rest.trim_start_matches('/')),
            None => inside(&self.folder, path),
        };
        resolved.map_or_else(|| UNKNOWN.to_string(), |path| at_root(&path))
    }

    /// The Dockerfiles that patterns match. Other files are not looked for.
    pub(super) fn wildcard(&self, patterns: &str) -> String {
        let mut found = Vec::new();
        for pattern in patterns.split_whitespace().take(16) {
            let parts: Vec<Vec<char>> =
                pattern.split('/').filter(|part| *part != ".").map(|part| part.chars().collect()).collect();
            for path in self.door.dockerfiles() {
                let Some(path) = path.relative_to(&self.folder).map(|path| path.to_text()) else { continue };
                let names: Vec<Vec<char>> = path.split('/').map(|part| part.chars().collect()).collect();
                if names.len() == parts.len()
                    && parts.iter().zip(&names).all(|(part, name)| matches(part, name))
                {
                    found.push(path);
                }
            }
        }
        if found.is_empty() { UNKNOWN.to_string() } else { found.join(" ") }
    }

    /// What the `%` of a pattern may stand for, as far as other rules name targets.
    pub(super) fn stems(&self, pattern: &str) -> BTreeSet<String> {
        let named = self.rules.iter().flat_map(|rule| {
            let targets = rule.recipe.is_empty().then_some(&rule.targets);
            rule.prerequisites.iter().chain(targets.into_iter().flatten())
        });
        let named = named.chain(self.of_targets.keys());
        let stems =
            named.filter(|name| !name.contains(['%', UNKNOWN])).filter_map(|name| stem(pattern, name));
        stems.filter(|stem| !stem.is_empty()).map(str::to_owned).take(limits::MAKE_TARGETS).collect()
    }
}
