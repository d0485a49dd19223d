use std::collections::{BTreeMap, HashMap};

use crate::evidence::Text;
use crate::path::TreePath;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(Text),
    List(Vec<Text>),
}

impl Value {
    pub(super) fn unknown() -> Self {
        Self::Text(Text::unknown())
    }
}

/// What variables are, and where commands run.
#[derive(Debug, Default)]
pub(super) struct State {
    variables: HashMap<String, Value>,
    /// What was before, of each variable that a branch has set, for each branch that is open.
    before: Vec<Changes>,
    /// The folder; `None` is one that is not known.
    pub folder: Option<TreePath>,
    pub folders: Vec<Option<TreePath>>,
    /// `$1` and so on, within a function.
    pub arguments: Option<Vec<Text>>,
}

pub(super) type Changes = HashMap<String, Option<Value>>;

impl State {
    pub(super) fn at(folder: Option<TreePath>) -> Self {
        Self { folder, ..Self::default() }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.variables.get(name)
    }

    /// Sets a variable, or takes it away.
    pub(super) fn set(&mut self, name: &str, value: Option<Value>) {
        let old = match value {
            Some(value) => self.variables.insert(name.to_owned(), value),
            None => self.variables.remove(name),
        };
        if let Some(before) = self.before.last_mut() {
            before.entry(name.to_owned()).or_insert(old);
        }
    }

    pub(super) fn begin(&mut self) {
        self.before.push(Changes::new());
    }

    /// Ends what `begin` began, as if it had not been, and gives what it set.
    pub(super) fn end(&mut self) -> Changes {
        let before = self.before.pop().unwrap_or_default();
        let mut set = Changes::new();
        for (name, old) in before {
            let new = match old {
                Some(old) => self.variables.insert(name.clone(), old),
                None => self.variables.remove(&name),
            };
            set.insert(name, new);
        }
        set
    }

    /// Goes on behind branches of which one was taken, or maybe none: what they agree on is known.
    pub(super) fn join(&mut self, arms: &[Changes], is_exhaustive: bool, unset: Option<&str>) {
        // What each variable is behind the arms that set it.
        let mut set: BTreeMap<&String, Vec<&Option<Value>>> = BTreeMap::new();
        for (name, value) in arms.iter().flatten() {
            set.entry(name).or_default().push(value);
        }
        for (name, values) in set {
            let old = self.variables.get(name).cloned();
            let first = values[0].clone();
            let is_left = values.len() < arms.len();
            let agree = values.iter().all(|value| **value == first) && (!is_left || old == first);
            let is_default = unset == Some(name) && is_unset(old.as_ref());
            let value = if agree && (is_exhaustive || old == first || is_default) {
                first
            } else {
                Some(Value::unknown())
            };
            self.set(name, value);
        }
    }
}

fn is_unset(value: Option<&Value>) -> bool {
    match value {
        None => true,
        Some(Value::Text(text)) => text.known().is_some_and(|text| text.is_empty()),
        Some(Value::List(list)) => list.is_empty(),
    }
}
