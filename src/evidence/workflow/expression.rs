//! `${{ … }}` of GitHub, as far as it is names, texts, comparisons, `&&` and `||`.

use std::collections::HashMap;

use crate::evidence::shell::{ROOT, UNKNOWN};
use crate::evidence::yaml::{Node, Value};
use crate::limits;

/// What names mean: `matrix.image`, `env.NAME`, `inputs.tag`.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    known: HashMap<String, String>,
    /// Bytes of all names and values.
    pub size: usize,
    /// Groups of which all names are known; what is not among them is empty.
    pub complete: Vec<&'static str>,
}

impl Names {
    pub(super) fn set(&mut self, name: &str, value: String) {
        self.size += name.len() + value.len() + 64;
        self.known.insert(name.to_ascii_lowercase(), value);
    }

    /// Sets a name to a value, and the names below it to what is in it.
    pub(super) fn set_node(&mut self, name: &str, node: &Node) {
        match &node.value {
            Value::Scalar { text, .. } => {
                let text = if node.is_null() { String::new() } else { self.expand(text) };
                self.set(name, text);
            }
            Value::Mapping(entries) => {
                for (key, value) in entries {
                    if let Some(key) = key.text() {
                        self.set_node(&format!("{name}.{key}"), value);
                    }
                }
            }
            Value::Sequence(_) => {}
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        let name = name.to_ascii_lowercase();
        match &*name {
            "github.workspace" => Some(ROOT.to_string()),
            _ => self.known.get(&name).cloned().or_else(|| {
                let is_complete = self.complete.iter().any(|group| name.strip_prefix(group).is_some());
                is_complete.then(String::new)
            }),
        }
    }

    /// Names below `prefix` and their values.
    pub(super) fn below(&self, prefix: &str) -> Vec<(String, String)> {
        let prefix = prefix.to_ascii_lowercase();
        let below = self.known.iter().filter_map(|(name, value)| {
            Some((name.strip_prefix(&prefix)?.strip_prefix('.')?.to_owned(), value.clone()))
        });
        below.collect()
    }

    /// Text in which expressions are their values, or marks for what is not known.
    pub(super) fn expand(&self, text: &str) -> String {
        let mut whole = String::new();
        let mut rest = text;
        while let Some((front, behind)) = rest.split_once("${{") {
            whole.push_str(front);
            let Some((expression, behind)) = behind.split_once("}}") else {
                whole.push(UNKNOWN);
                return whole;
            };
            match self.value(expression) {
                Some(value) => whole.push_str(&value),
                None => whole.push(UNKNOWN),
            }
            rest = behind;
            if whole.len() > limits::SHELL_VALUE * 4 {
                return UNKNOWN.to_string();
            }
        }
        whole.push_str(rest);
        whole
    }

    /// `a && b || c`; anything with calls or parentheses is unknown.
    fn value(&self, expression: &str) -> Option<String> {
        if expression.contains(['(', '[', '*']) {
            return None;
        }
        let mut last = None;
        for alternative in expression.split("||") {
            let mut all = None;
            for term in alternative.split("&&") {
                let value = self.term(term.trim());
                let goes_on = value.as_ref().is_some_and(|value| is_true(value));
                all = value;
                if !goes_on {
                    break;
                }
            }
            match all {
                Some(value) if is_true(&value) => return Some(value),
                // Nothing is given to a workflow that nobody calls: what stands behind `||` holds.
                None if alternative.contains("github.") && !alternative.contains("inputs.") => return None,
                other => last = other,
            }
        }
        last
    }

    fn term(&self, term: &str) -> Option<String> {
        for (sign, is_equal) in [("==", true), ("!=", false)] {
            if let Some((one, other)) = term.split_once(sign) {
                let (one, other) = (self.atom(one.trim())?, self.atom(other.trim())?);
                return Some((one.eq_ignore_ascii_case(&other) == is_equal).to_string());
            }
        }
        match term.strip_prefix('!') {
            Some(term) => Some((!is_true(&self.atom(term.trim())?)).to_string()),
            None => self.atom(term),
        }
    }

    fn atom(&self, atom: &str) -> Option<String> {
        if let Some(text) = atom.strip_prefix('\'') {
            return Some(text.strip_suffix('\'')?.replace("''", "'"));
        }
        if matches!(atom, "true" | "false") || atom.parse::<f64>().is_ok() {
            return Some(atom.to_owned());
        }
        self.get(atom).filter(|value| !value.contains(UNKNOWN))
    }
}

fn is_true(value: &str) -> bool {
    !matches!(value, "" | "false" | "0")
}
