//! `$(NAME)`, `$(NAME:a=b)` and the functions of make that only change text. The others are unknown.

use super::functions;
use super::state::{Make, Variable};
use crate::evidence::shell::{UNKNOWN, at_root, is_engine_variable, output};
use crate::limits;

impl Make<'_> {
    pub(super) fn expand(&mut self, text: &str) -> String {
        if self.depth >= limits::SHELL_DEPTH || self.budget == 0 {
            return UNKNOWN.to_string();
        }
        self.depth += 1;
        let mut whole = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            whole.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            let Some(next) = rest.chars().next() else { break };
            match next {
                '$' => whole.push('$'),
                '(' | '{' => {
                    let Some(end) = closing(rest) else {
                        whole.push(UNKNOWN);
                        rest = "";
                        break;
                    };
                    let value = self.reference(&rest[1..end]);
                    whole.push_str(&value);
                    rest = &rest[end + 1..];
                    if whole.len() > limits::SHELL_VALUE {
                        break;
                    }
                    continue;
                }
                name => {
                    let value = self.value(name.encode_utf8(&mut [0; 4]));
                    whole.push_str(&value);
                }
            }
            rest = &rest[next.len_utf8()..];
        }
        whole.push_str(rest);
        self.depth -= 1;
        self.budget = self.budget.saturating_sub(whole.len() + 1);
        if whole.len() > limits::SHELL_VALUE { UNKNOWN.to_string() } else { whole }
    }

    /// A condition: nothing is given on the command line, and nothing by the environment.
    pub(super) fn as_called(&mut self, text: &str) -> String {
        let before = std::mem::replace(&mut self.unset_is_empty, true);
        let value = self.expand(text);
        self.unset_is_empty = before;
        value
    }

    /// What stands between the parentheses.
    fn reference(&mut self, inside: &str) -> String {
        if let Some((name, arguments)) = inside.split_once([' ', '\t', '\n'])
            && let Some(value) = self.function(name, arguments.trim_start())
        {
            return value;
        }
        if let Some((name, substitution)) = inside.split_once(':')
            && let Some((from, to)) = substitution.split_once('=')
        {
            let (name, from, to) = (self.expand(name), self.expand(from), self.expand(to));
            let value = self.value(&name);
            let with_percent =
                |text: &str| if from.contains('%') { text.to_owned() } else { format!("%{text}") };
            return functions::patsubst(&with_percent(&from), &with_percent(&to), &value);
        }
        let name = self.expand(inside);
        self.value(&name)
    }

    fn value(&mut self, name: &str) -> String {
        self.budget = self.budget.saturating_sub(1 + self.locals.len() / 8);
        let local = self.locals.iter().rev().find(|(local, _)| local == name).map(|(_, value)| value.clone());
        let value = match local.or_else(|| self.variables.get(name).cloned()) {
            Some(Variable { value, is_expanded: true }) => {
                self.budget = self.budget.saturating_sub(value.len() + 1);
                value
            }
            Some(Variable { value, is_expanded: false }) => self.expand(&value),
            None => match name {
                "CURDIR" | "PWD" => at_root(&self.folder),
                "MAKE" => "make".to_owned(),
                "MAKEFILE_LIST" => at_root(&self.file),
                // What the file itself gives to some targets is nothing for the others.
                _ if self.unset_is_empty || self.is_of_targets(name) => String::new(),
                _ => UNKNOWN.to_string(),
            },
        };
        // `$(shell command -v podman)`, or nothing here: the name says what it is.
        if value.len() == 1 && value.starts_with(UNKNOWN) && is_engine_variable(name) {
            return "docker".to_owned();
        }
        value
    }

    fn function(&mut self, name: &str, arguments: &str) -> Option<String> {
        let parts = split(arguments);
        let text = match (name, &parts[..]) {
            ("shell", _) => {
                let command = self.expand(arguments);
                self.budget = self.budget.saturating_sub(8 * command.len());
                let (text, read) = output(&command, &self.file, &self.folder, self.door);
                self.included.extend(read);
                text.replace('\n', " ")
            }
            ("call", [function, arguments @ ..]) => {
                let function = self.expand(function).trim().to_owned();
                let values: Vec<String> = arguments.iter().map(|argument| self.expand(argument)).collect();
                let before = self.locals.len();
                for index in 0..10.max(values.len() + 1) {
                    let value = match index.checked_sub(1) {
                        None => function.clone(),
                        Some(index) => values.get(index).cloned().unwrap_or_default(),
                    };
                    self.locals.push((index.to_string(), Variable { value, is_expanded: true }));
                }
                let value = self.value(&function);
                self.locals.truncate(before);
                value
            }
            ("foreach", [name, list, body]) => {
                let (name, list) = (self.expand(name).trim().to_owned(), self.expand(list));
                let mut all = Vec::new();
                for word in list.split_whitespace().take(limits::MAKE_TARGETS) {
                    if self.budget == 0 {
                        break;
                    }
                    self.locals.push((name.clone(), Variable { value: word.to_owned(), is_expanded: true }));
                    all.push(self.expand(body));
                    self.locals.pop();
                }
                all.join(" ")
            }
            ("if", [condition, then, rest @ ..]) => {
                let condition = self.as_called(condition);
                match condition.trim() {
                    "" => rest.first().map_or_else(String::new, |otherwise| self.expand(otherwise)),
                    known if known.contains(UNKNOWN) => UNKNOWN.to_string(),
                    _ => self.expand(then),
                }
            }
            ("or", parts) => {
                let mut found = String::new();
                for part in parts {
                    found = self.as_called(part);
                    if !found.trim().is_empty() {
                        break;
                    }
                }
                found
            }
            ("eval", _) => {
                let text = self.expand(arguments);
                self.evaluated.push(text);
                String::new()
            }
            ("info" | "warning" | "error", _) => String::new(),
            ("wildcard", _) => {
                let patterns = self.expand(arguments);
                self.budget = self.budget.saturating_sub(16 * self.door.dockerfiles().len());
                self.wildcard(&patterns)
            }
            ("abspath" | "realpath", _) => {
                let paths = self.expand(arguments);
                let words = paths.split_whitespace().map(|path| self.absolute(path));
                words.collect::<Vec<_>>().join(" ")
            }
            _ => {
                if !functions::is_one(name) {
                    return None;
                }
                let values: Vec<String> = parts.iter().map(|part| self.expand(part)).collect();
                functions::text(name, &values).unwrap_or_else(|| UNKNOWN.to_string())
            }
        };
        Some(text)
    }
}

/// Arguments of a function: commas within parentheses belong to what is in them.
fn split(arguments: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, char) in arguments.char_indices() {
        match char {
            '(' | '{' => depth += 1,
            ')' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&arguments[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&arguments[start..]);
    parts
}

/// Where what opens `rest` is closed.
fn closing(rest: &str) -> Option<usize> {
    let (open, close) = if rest.starts_with('(') { ('(', ')') } else { ('{', '}') };
    let mut depth = 0_usize;
    for (at, char) in rest.char_indices() {
        if char == open {
            depth += 1;
        } else if char == close {
            depth -= 1;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}
