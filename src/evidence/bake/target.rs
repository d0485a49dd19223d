//! The targets of bake files: blocks of one name merged, matrices spread out, `inherits` followed.

use std::collections::{BTreeMap, HashMap, HashSet};

use hcl_edit::expr::Expression;

use super::document::{Attribute, Document, Named};
use super::evaluate::Evaluator;
use super::value::Value;
use crate::evidence::{Place, Said, Text};
use crate::limits;

/// One target. What it does not say is `None`.
#[derive(Clone, Debug, Default)]
pub(super) struct Target {
    pub context: Option<Said<Text>>,
    pub dockerfile: Option<Said<Text>>,
    pub is_inline: bool,
    /// `target` in the file: the stage that is built.
    pub stage: Option<Said<Text>>,
    pub args: Table,
    pub contexts: Table,
    pub tags: Option<Vec<Said<Text>>>,
    pub platforms: Option<Vec<Said<Text>>>,
    pub outputs: Option<Vec<Said<Value>>>,
    pub inherits: Vec<String>,
}

/// Names and what each is set to.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub entries: BTreeMap<String, Said<Text>>,
    /// Whether more may be set, so that nothing is known of what is inherited.
    is_open: bool,
}

/// A target under its name.
pub(super) struct Entry {
    pub name: String,
    pub place: Place,
    /// Whether other targets of its matrix begin at the same place.
    pub is_one_of_many: bool,
    pub target: Target,
}

/// All targets of the bake files of one folder.
#[derive(Default)]
pub(super) struct Targets {
    pub entries: Vec<Entry>,
    by_name: HashMap<String, usize>,
    /// The names of targets that groups hold.
    pub grouped: HashSet<String>,
    /// What could not be followed.
    pub troubles: Vec<(Place, String)>,
}

impl Targets {
    pub(super) fn read(documents: &[Document], evaluator: &mut Evaluator<'_>) -> Self {
        let mut targets = Self::default();
        let mut matrices: HashMap<String, Vec<String>> = HashMap::new();
        for document in documents {
            for block in &document.targets {
                let names = targets.add(document, block, evaluator);
                matrices.entry(block.name.clone()).or_default().extend(names);
            }
        }
        for document in documents {
            for group in &document.groups {
                for name in texts(document, &group.attributes, "targets", evaluator).unwrap_or_default() {
                    let Some(name) = name.value.known() else { continue };
                    // A matrix is a group by the name of its block.
                    targets.grouped.extend(matrices.remove(&name).unwrap_or_default());
                    targets.grouped.insert(name);
                }
            }
        }
        targets.inherit(evaluator);
        targets
    }

    pub(super) fn get(&self, name: &str) -> Option<&Entry> {
        self.by_name.get(name).map(|index| &self.entries[*index])
    }

    /// Adds what a block makes, and says what it is called.
    fn add(&mut self, document: &Document, block: &Named, evaluator: &mut Evaluator<'_>) -> Vec<String> {
        let place = Place { path: document.path.clone(), line: block.line };
        let combinations = match find(&block.attributes, "matrix") {
            None => vec![Vec::new()],
            Some(matrix) => {
                let matrix = evaluator.value(&matrix.value);
                match combinations(&matrix) {
                    Ok(combinations) => combinations,
                    Err(why) => {
                        self.troubles.extend(why.map(|why| (place, why)));
                        return Vec::new();
                    }
                }
            }
        };
        let is_one_of_many = combinations.len() > 1;
        let mut names = Vec::new();
        for (at, locals) in combinations.iter().enumerate() {
            if self.entries.len() >= limits::BAKE_TARGETS || evaluator.is_exhausted() {
                let why = "it has too many targets, or evaluating them takes too many steps".to_owned();
                self.troubles.push((place, why));
                break;
            }
            let (name, made) = evaluator.with(locals, |evaluator| {
                let name = match find(&block.attributes, "name") {
                    Some(name) if !locals.is_empty() => evaluator.value(&name.value).known_text(),
                    _ => None,
                };
                (name, target(document, &block.attributes, evaluator))
            });
            // Once there are no steps left, the next one ends it.
            let target = evaluator.spend(made.size()).map_or_else(Target::default, |()| made);
            let name = match name {
                Some(name) => name,
                None if locals.is_empty() => block.name.clone(),
                // No name of a target has brackets.
                None => format!("{}[{at}]", block.name),
            };
            names.push(name.clone());
            match self.by_name.get(&name) {
                Some(index) => self.entries[*index].target.merge(&target),
                None => {
                    self.by_name.insert(name.clone(), self.entries.len());
                    self.entries.push(Entry { name, place: place.clone(), is_one_of_many, target });
                }
            }
        }
        names
    }

    fn inherit(&mut self, evaluator: &mut Evaluator<'_>) {
        let mut states = vec![State::New; self.entries.len()];
        for index in 0..self.entries.len() {
            self.resolve(index, &mut states, 0, evaluator);
        }
    }

    /// Puts what a target inherits under what it says itself, as bake does: first its parents in their order.
    fn resolve(&mut self, index: usize, states: &mut [State], depth: usize, evaluator: &mut Evaluator<'_>) {
        if states[index] != State::New {
            return;
        }
        states[index] = State::Busy;
        let mut whole = Target::default();
        for parent in self.entries[index].target.inherits.clone() {
            let Some(parent) = self.by_name.get(&parent).copied() else { continue };
            let is_followed = depth < limits::BAKE_DEPTH && states[parent] != State::Busy;
            if is_followed {
                self.resolve(parent, states, depth + 1, evaluator);
            }
            let inherited = &self.entries[parent];
            if !is_followed || evaluator.spend(inherited.target.size()).is_none() {
                let name = &self.entries[index].name;
                let why = match states[parent] {
                    State::Busy => format!("target `{name}` inherits itself through `{}`", inherited.name),
                    _ => format!("what target `{name}` inherits takes too many steps to follow"),
                };
                self.troubles.push((self.entries[index].place.clone(), why));
                continue;
            }
            whole.merge(&inherited.target);
        }
        let own = &mut self.entries[index].target;
        whole.merge(own);
        *own = Target { inherits: std::mem::take(&mut own.inherits), ..whole };
        states[index] = State::Done;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Busy,
    Done,
}

/// Keeping a value with its place takes as much memory as this many steps of evaluation.
const KEEPING: usize = 8;

impl Target {
    fn size(&self) -> usize {
        let list = |list: &Option<Vec<Said<Text>>>| list.as_ref().map_or(0, Vec::len);
        let tables = self.args.entries.len() + self.contexts.entries.len();
        1 + (tables + list(&self.tags) + list(&self.platforms) + self.inherits.len()) * KEEPING
    }

    /// `other` comes later, so what it says counts.
    fn merge(&mut self, other: &Self) {
        fn later<T: Clone>(first: &mut Option<T>, later: Option<&T>) {
            if later.is_some() {
                *first = later.cloned();
            }
        }
        later(&mut self.context, other.context.as_ref());
        later(&mut self.dockerfile, other.dockerfile.as_ref());
        later(&mut self.stage, other.stage.as_ref());
        later(&mut self.tags, other.tags.as_ref());
        later(&mut self.platforms, other.platforms.as_ref());
        later(&mut self.outputs, other.outputs.as_ref());
        self.is_inline |= other.is_inline;
        self.args.merge(&other.args);
        self.contexts.merge(&other.contexts);
        self.inherits.extend_from_slice(&other.inherits);
    }
}

impl Table {
    fn merge(&mut self, other: &Self) {
        if other.is_open {
            self.entries.values_mut().for_each(|entry| entry.value = Text::unknown());
            self.is_open = true;
        }
        self.entries.extend(other.entries.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
}

/// What each combination of a matrix's values gives its names to. An error without words is a matrix that is not known.
fn combinations(matrix: &Value) -> Result<Vec<Vec<(String, Value)>>, Option<String>> {
    let mut combinations = vec![Vec::new()];
    for (name, values) in matrix.as_map().ok_or(None)? {
        let values = values.as_list().ok_or(None)?;
        let count = combinations.len().saturating_mul(values.len());
        if count > limits::BAKE_MATRIX || combinations[0].len() >= limits::BAKE_DEPTH {
            return Err(Some(format!("its matrix makes more than {} targets", limits::BAKE_MATRIX)));
        }
        let one_more = |value: &Value, others: &Vec<(String, Value)>| {
            others.iter().cloned().chain([(name.clone(), value.clone())]).collect::<Vec<_>>()
        };
        let all = combinations.iter().flat_map(|others| values.iter().map(|value| one_more(value, others)));
        combinations = all.collect();
        if combinations.is_empty() {
            break;
        }
    }
    Ok(combinations)
}

fn find<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attributes.iter().find(|attribute| attribute.name == name)
}

fn target(document: &Document, attributes: &[Attribute], evaluator: &mut Evaluator<'_>) -> Target {
    let text = |name: &str, evaluator: &mut Evaluator<'_>| {
        let attribute = find(attributes, name)?;
        let value = evaluator.value(&attribute.value);
        let is_said = !matches!(value, Value::Null);
        is_said.then(|| said(document, &attribute.value, value.to_text()))
    };
    let inherits = texts(document, attributes, "inherits", evaluator).unwrap_or_default();
    Target {
        context: text("context", evaluator),
        dockerfile: text("dockerfile", evaluator),
        is_inline: text("dockerfile-inline", evaluator).is_some(),
        stage: text("target", evaluator),
        args: table(document, attributes, "args", evaluator),
        contexts: table(document, attributes, "contexts", evaluator),
        tags: texts(document, attributes, "tags", evaluator),
        platforms: texts(document, attributes, "platforms", evaluator),
        outputs: values(document, attributes, "output", evaluator),
        inherits: inherits.into_iter().filter_map(|name| name.value.known()).collect(),
    }
}

fn said<T>(document: &Document, at: &Expression, value: T) -> Said<T> {
    Said { value, place: Place { path: document.path.clone(), line: document.line_of(at) } }
}

/// A list's items, each at its place if the list is written out. One that is not known is one unknown item.
fn values(
    document: &Document,
    attributes: &[Attribute],
    name: &str,
    evaluator: &mut Evaluator<'_>,
) -> Option<Vec<Said<Value>>> {
    let attribute = find(attributes, name)?;
    if let Expression::Array(array) = &attribute.value {
        return Some(array.iter().map(|item| said(document, item, evaluator.value(item))).collect());
    }
    let at_once = |value: &Value| said(document, &attribute.value, value.clone());
    match evaluator.value(&attribute.value) {
        Value::Null => None,
        Value::List(list) => Some(list.items.iter().map(at_once).collect()),
        value => Some(vec![at_once(&value)]),
    }
}

fn texts(
    document: &Document,
    attributes: &[Attribute],
    name: &str,
    evaluator: &mut Evaluator<'_>,
) -> Option<Vec<Said<Text>>> {
    let values = values(document, attributes, name, evaluator)?;
    Some(values.into_iter().map(|said| Said { value: said.value.to_text(), place: said.place }).collect())
}

fn table(document: &Document, attributes: &[Attribute], name: &str, evaluator: &mut Evaluator<'_>) -> Table {
    let Some(attribute) = find(attributes, name) else { return Table::default() };
    let mut table = Table::default();
    let mut add = |name: String, at: &Expression, value: &Value| match value {
        Value::Null => {}
        value => drop(table.entries.insert(name, said(document, at, value.to_text()))),
    };
    match &attribute.value {
        Expression::Object(object) => {
            for (key, value) in object {
                match evaluator.key(key) {
                    Some(name) => add(name, value.expr(), &evaluator.value(value.expr())),
                    None => table.is_open = true,
                }
            }
        }
        expression => match evaluator.value(expression) {
            Value::Null => {}
            Value::Map(map) => {
                map.items.iter().for_each(|(name, value)| add(name.clone(), expression, value));
            }
            _ => table.is_open = true,
        },
    }
    table
}
