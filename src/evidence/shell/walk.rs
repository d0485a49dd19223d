//! One walk through a script that keeps what variables are and where commands run.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use super::build::{Build, build};
use super::expand::{Field, length};
use super::marks::{ROOT, marked};
use super::parser::{Assigned, Assignment, Command, Input, Node, is_declaration, parse};
use super::state::{Changes, State, Value};
use super::word::{Piece, is_name};
use crate::evidence::{Door, Text, inside};
use crate::limits;
use crate::path::TreePath;

/// A build that a script comes to.
#[derive(Debug)]
pub(super) struct Found {
    pub line: usize,
    pub build: Build,
    /// Where it runs.
    pub folder: Option<TreePath>,
}

pub(super) struct Walk<'w> {
    pub door: &'w Door<'w>,
    /// The script.
    pub path: &'w TreePath,
    pub state: State,
    pub found: Vec<Found>,
    /// Files whose text became values.
    pub read: BTreeSet<TreePath>,
    functions: HashMap<String, Rc<Vec<Node>>>,
    called: BTreeSet<String>,
    /// Variables that were set before the script began.
    environment: BTreeSet<String>,
    /// How many lists are open.
    pub depth: usize,
    commands: usize,
    expansion: usize,
}

impl<'w> Walk<'w> {
    pub(super) fn new(door: &'w Door<'w>, path: &'w TreePath, folder: Option<TreePath>) -> Self {
        Self {
            door,
            path,
            state: State::at(folder),
            found: Vec::new(),
            read: BTreeSet::new(),
            functions: HashMap::new(),
            called: BTreeSet::new(),
            environment: BTreeSet::new(),
            depth: 0,
            commands: limits::SHELL_COMMANDS,
            expansion: limits::SHELL_EXPANSION,
        }
    }

    /// Walks through a script, and through those of its functions that nothing of it calls.
    pub(super) fn script(&mut self, text: &str, line: usize) {
        self.run(&parse(text, line));
        let mut rest: Vec<_> =
            self.functions.iter().map(|(name, body)| (name.clone(), Rc::clone(body))).collect();
        rest.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (name, body) in rest {
            if !self.called.contains(&name) {
                self.isolated(|walk| walk.run(&body));
            }
        }
    }

    /// Takes `bytes` from what the script may expand to.
    pub(super) fn spend(&mut self, bytes: usize) {
        self.expansion = self.expansion.saturating_sub(bytes);
    }

    pub(super) fn is_spent(&self) -> bool {
        self.commands == 0 || self.expansion == 0 || self.found.len() >= limits::EVIDENCE_BUILDS
    }

    /// Runs what leaves variables and folder as they are.
    pub(super) fn isolated<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        self.changes(run).0
    }

    fn changes<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> (T, Changes) {
        let folder = self.state.folder.clone();
        let folders = self.state.folders.len();
        self.state.begin();
        let result = run(self);
        let changes = self.state.end();
        self.state.folder = folder;
        self.state.folders.truncate(folders);
        (result, changes)
    }

    pub(super) fn run(&mut self, nodes: &[Node]) {
        if self.depth >= 2 * limits::SHELL_DEPTH {
            return;
        }
        self.depth += 1;
        for node in nodes {
            if self.is_spent() {
                break;
            }
            self.node(node);
        }
        self.depth -= 1;
    }

    fn step(&mut self) {
        self.commands = self.commands.saturating_sub(1);
    }

    fn node(&mut self, node: &Node) {
        self.step();
        match node {
            Node::Command(command) => self.command(command),
            Node::Group(nodes) => self.run(nodes),
            Node::Subshell(nodes) => self.isolated(|walk| walk.run(nodes)),
            Node::Function { name, body } => {
                self.functions.insert(name.clone(), Rc::clone(body));
            }
            Node::Branches { arms, is_exhaustive, unset } => {
                let arms: Vec<Changes> =
                    arms.iter().map(|arm| self.changes(|walk| walk.run(arm)).1).collect();
                self.state.join(&arms, *is_exhaustive, unset.as_deref());
            }
            Node::Loop { over_arguments, body } => {
                // A script is taken as called without arguments: such a loop changes nothing.
                let ((), set) = self.changes(|walk| {
                    walk.forget(body);
                    walk.run(body);
                });
                if !over_arguments {
                    self.state.join(&[set], false, None);
                }
            }
            Node::For { name, values, body } => self.for_loop(name, values.as_deref(), body),
        }
    }

    fn for_loop(&mut self, name: &str, values: Option<&[super::word::Word]>, body: &[Node]) {
        let values = values.map(|words| self.fields(words));
        let is_pattern = |text: &str| text.contains(['*', '?', '[', '{', ROOT]);
        let known = values.filter(|values| {
            values.len() <= limits::SHELL_LOOP
                && values.iter().all(|value| value.text.known().is_some_and(|text| !is_pattern(&text)))
        });
        match known {
            Some(values) => {
                for value in values {
                    if self.is_spent() {
                        break;
                    }
                    self.step();
                    self.state.set(name, Some(Value::Text(value.text)));
                    self.run(body);
                }
            }
            None => {
                let ((), set) = self.changes(|walk| {
                    walk.forget(body);
                    walk.state.set(name, Some(Value::unknown()));
                    walk.run(body);
                });
                self.state.join(&[set], false, None);
            }
        }
    }

    /// What a loop sets is not known at its beginning: it may have run before.
    fn forget(&mut self, nodes: &[Node]) {
        for node in nodes {
            self.step();
            match node {
                Node::Command(command) => {
                    for assignment in &command.assignments {
                        self.state.set(&assignment.name, Some(Value::unknown()));
                    }
                }
                Node::Subshell(nodes) | Node::Group(nodes) | Node::Loop { body: nodes, .. } => {
                    self.forget(nodes);
                }
                Node::Branches { arms, .. } => arms.iter().for_each(|arm| self.forget(arm)),
                Node::For { name, body, .. } => {
                    self.state.set(name, Some(Value::unknown()));
                    self.forget(body);
                }
                Node::Function { .. } => {}
            }
        }
    }

    fn assign(&mut self, assignment: &Assignment) {
        let old = assignment.adds.then(|| self.state.get(&assignment.name).cloned()).flatten();
        let value = match &assignment.value {
            Assigned::Word(word) => {
                let added = self.text(word);
                match old {
                    Some(Value::Text(mut text)) if length(&text) + length(&added) <= limits::SHELL_VALUE => {
                        text.push(&added);
                        self.spend(length(&text));
                        Value::Text(text)
                    }
                    Some(_) => Value::unknown(),
                    None => Value::Text(added),
                }
            }
            Assigned::List(words) => {
                let added = self.fields(words).into_iter().map(|field| field.text);
                let mut list = match old {
                    Some(Value::List(list)) => list,
                    Some(Value::Text(text)) => vec![text],
                    None => Vec::new(),
                };
                list.extend(added);
                list.truncate(limits::SHELL_VALUE / 16);
                self.spend(list.iter().map(length).sum());
                Value::List(list)
            }
        };
        self.state.set(&assignment.name, Some(value));
    }

    fn command(&mut self, command: &Command) {
        let first = command.words.first().and_then(super::word::Word::plain);
        if first.is_none_or(is_declaration) && (first.is_some() || command.words.is_empty()) {
            for assignment in &command.assignments {
                self.assign(assignment);
            }
            return;
        }
        let fields = self.fields(&command.words);
        let Some(first) = fields.first().map(|field| field.text.known()) else { return };
        let arguments = &fields[1..];
        match first.as_deref() {
            Some("cd" | "pushd") => self.change_folder(first.as_deref() == Some("pushd"), arguments),
            Some("popd") => self.state.folder = self.state.folders.pop().flatten(),
            Some("read") if self.reads(command, arguments) => {}
            Some("unset" | "read" | "mapfile" | "readarray") => {
                for name in
                    arguments.iter().filter_map(|field| field.text.known()).filter(|name| is_name(name))
                {
                    let value = (first.as_deref() != Some("unset")).then(Value::unknown);
                    self.state.set(&name, value);
                }
            }
            Some("shift") => {
                if let Some(arguments) =
                    self.state.arguments.as_mut().filter(|arguments| !arguments.is_empty())
                {
                    arguments.remove(0);
                    let left = arguments.len();
                    self.spend(left);
                }
            }
            Some("eval") => self.again(arguments, command.line),
            Some("sh" | "bash" | "/bin/sh" | "/bin/bash") => {
                let is_flag = |field: &Field| {
                    field.text.known().is_some_and(|flag| flag.starts_with('-') && flag.ends_with('c'))
                };
                if let [flag, script, ..] = arguments
                    && is_flag(flag)
                {
                    self.isolated(|walk| walk.again(std::slice::from_ref(script), command.line));
                }
            }
            Some(name) if self.functions.contains_key(name) => self.call(name, arguments),
            _ => {
                // `${DOCKER}` is a variable that says what it is, whatever it stands for.
                let hint = command.words[0].0.iter().find_map(|piece| match piece {
                    Piece::Variable { variable, .. } => Some(&*variable.name),
                    _ => None,
                });
                if let Some(mut build) = build(&fields, hint) {
                    self.take_environment(&mut build);
                    if let Some(Input::File(file)) = &command.input {
                        build.read_from(self.text(file));
                    }
                    let folder = self.state.folder.clone();
                    self.found.push(Found { line: command.line, build, folder });
                }
            }
        }
    }

    /// `IFS=: read -r NAME TARGET <<< "$PAIR"`, if all of the text is known.
    fn reads(&mut self, command: &Command, arguments: &[Field]) -> bool {
        let Some(Input::Text(text)) = &command.input else { return false };
        let separators = match command.assignments.iter().find(|assignment| assignment.name == "IFS") {
            Some(Assignment { value: Assigned::Word(word), .. }) => self.text(word).known(),
            Some(_) => None,
            None => Some(" \t\n".to_owned()),
        };
        let names: Option<Vec<String>> = arguments.iter().map(|field| field.text.known()).collect();
        let (Some(text), Some(separators), Some(mut names)) = (self.text(text).known(), separators, names)
        else {
            return false;
        };
        let flags = names.iter().take_while(|name| name.starts_with('-')).count();
        let is_list = names[..flags].iter().any(|flag| flag == "-a" || flag == "-ra");
        // Others say where to stop.
        if names[..flags].iter().any(|flag| !matches!(&**flag, "-r" | "-a" | "-ra")) {
            return false;
        }
        names.drain(..flags);
        let is_separator = |letter: char| separators.contains(letter);
        let is_blank = separators.chars().all(char::is_whitespace);
        let text = if is_blank { text.trim_matches(is_separator) } else { &text };
        if let ([name], true) = (&names[..], is_list) {
            let parts = text.split(is_separator).filter(|part| !is_blank || !part.is_empty());
            self.state.set(name, Some(Value::List(parts.map(Text::from).collect())));
            return true;
        }
        let mut rest = text;
        for (at, name) in names.iter().enumerate() {
            let is_last = at + 1 == names.len();
            let (value, behind) = match rest.split_once(is_separator) {
                Some((value, behind)) if !is_last => (value, behind),
                _ => (rest, ""),
            };
            self.state.set(name, Some(Value::Text(value.into())));
            rest = if is_blank { behind.trim_start_matches(is_separator) } else { behind };
        }
        true
    }

    /// Runs what a text says.
    fn again(&mut self, fields: &[Field], line: usize) {
        let text: Vec<String> = fields.iter().map(|field| marked(&field.text)).collect();
        let text = text.join(" ");
        // Reading costs more than expanding.
        self.spend(8 * text.len());
        self.run(&parse(&text, line));
    }

    fn call(&mut self, name: &str, arguments: &[Field]) {
        let Some(body) = self.functions.get(name).map(Rc::clone) else { return };
        self.called.insert(name.to_owned());
        let arguments = arguments.iter().map(|field| field.text.clone()).collect();
        let before = self.state.arguments.replace(arguments);
        self.run(&body);
        self.state.arguments = before;
    }

    fn change_folder(&mut self, keeps: bool, arguments: &[Field]) {
        let is_flag = |field: &&Field| field.text.known().is_some_and(|text| text.starts_with('-'));
        let target = arguments.iter().find(|field| !is_flag(field)).map(|field| &field.text);
        let next = target.and_then(|target| self.folder_at(target));
        let before = std::mem::replace(&mut self.state.folder, next);
        if keeps {
            self.state.folders.push(before);
        }
    }

    /// The folder of the checkout at a path.
    pub(super) fn folder_at(&self, path: &Text) -> Option<TreePath> {
        let path = self.resolved(path)?;
        self.door.is_folder(&path).then_some(path)
    }

    pub(super) fn resolved(&self, path: &Text) -> Option<TreePath> {
        let path = path.known()?;
        match path.strip_prefix(ROOT) {
            Some(path) => inside(&TreePath::root(), path.trim_start_matches('/')),
            None => inside(self.state.folder.as_ref()?, &path),
        }
    }

    pub(super) fn define(&mut self, name: &str, value: &Text) {
        self.state.set(name, Some(Value::Text(value.clone())));
        self.environment.insert(name.to_owned());
    }

    /// `--build-arg NAME` takes what the pipeline has set.
    fn take_environment(&self, build: &mut Build) {
        for arg in &mut build.args {
            if let Some(name) = arg.known().filter(|name| self.environment.contains(name))
                && let Some(Value::Text(value)) = self.state.get(&name)
            {
                arg.push_str("=");
                arg.push(value);
            }
        }
    }
}
