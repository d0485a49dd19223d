//! From words as they are written to the fields that a command is called with.

use super::glob::strip;
use super::marks::at_root;
use super::state::Value;
use super::walk::Walk;
use super::word::{Index, Operator, Piece, Variable, Word};
use crate::evidence::{Part, Text};
use crate::limits;

/// One argument of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::evidence) struct Field {
    pub text: Text,
    /// Nothing of it is known, not even whether it is one argument.
    pub is_loose: bool,
}

/// What becomes fields, bit by bit.
#[derive(Default)]
struct Fields {
    done: Vec<Field>,
    open: Option<Field>,
}

impl Fields {
    fn open(&mut self) -> &mut Field {
        self.open.get_or_insert_with(|| Field { text: Text::default(), is_loose: true })
    }

    fn quoted(&mut self, text: &Text) {
        let field = self.open();
        field.text.push(text);
        field.is_loose = false;
    }

    fn close(&mut self) {
        self.done.extend(self.open.take());
    }

    /// Splits where there are blanks.
    fn split(&mut self, text: &Text) {
        for part in text.parts() {
            match part {
                Part::Unknown => self.open().text.push_unknown(),
                Part::Known(known) => {
                    for (index, word) in known.split(char::is_whitespace).enumerate() {
                        if index > 0 {
                            self.close();
                        }
                        if !word.is_empty() {
                            let field = self.open();
                            field.text.push_str(word);
                            field.is_loose = false;
                        }
                    }
                }
            }
        }
    }

    fn list(&mut self, texts: &[Text], is_quoted: bool) {
        for (index, text) in texts.iter().enumerate() {
            if index > 0 {
                self.close();
            }
            if is_quoted { self.quoted(text) } else { self.split(text) }
        }
    }
}

impl Walk<'_> {
    pub(super) fn fields(&mut self, words: &[Word]) -> Vec<Field> {
        let mut all = Vec::new();
        for word in words {
            let mut fields = Fields::default();
            for piece in &word.0 {
                match piece {
                    Piece::Literal { text, .. } => fields.quoted(&text.as_str().into()),
                    Piece::Unknown { is_quoted: false } => fields.open().text.push_unknown(),
                    Piece::Unknown { is_quoted: true } => fields.quoted(&Text::unknown()),
                    Piece::Output { commands, is_quoted } => {
                        let text = self.output(commands);
                        if *is_quoted {
                            fields.quoted(&text);
                        } else {
                            fields.split(&text);
                        }
                    }
                    Piece::Variable { variable, is_quoted } => match self.variable(variable) {
                        Value::List(texts) => fields.list(&texts, *is_quoted),
                        Value::Text(text) if *is_quoted && variable.index != Index::All => {
                            fields.quoted(&text);
                        }
                        Value::Text(text) => fields.split(&text),
                    },
                }
            }
            fields.close();
            all.append(&mut fields.done);
        }
        let length = all.iter().map(|field| length(&field.text)).sum();
        self.spend(length);
        all
    }

    /// The one text that a word is where it is not split: an assigned value.
    pub(super) fn text(&mut self, word: &Word) -> Text {
        let mut whole = Text::default();
        for piece in &word.0 {
            match piece {
                Piece::Literal { text, .. } => whole.push_str(text),
                Piece::Unknown { .. } => whole.push_unknown(),
                Piece::Output { commands, .. } => whole.push(&self.output(commands)),
                Piece::Variable { variable, .. } => match self.variable(variable) {
                    Value::Text(text) => whole.push(&text),
                    Value::List(texts) => {
                        for (index, text) in texts.iter().enumerate() {
                            whole.push_str(if index > 0 { " " } else { "" });
                            whole.push(text);
                        }
                    }
                },
            }
        }
        let length = length(&whole);
        self.spend(length);
        if length > limits::SHELL_VALUE { Text::unknown() } else { whole }
    }

    fn variable(&mut self, variable: &Variable) -> Value {
        let value = self.value_of(variable);
        let Some((operator, operand)) = &variable.operator else {
            return value.unwrap_or_else(Value::unknown);
        };
        let is_empty = value.as_ref().is_some_and(|value| match value {
            Value::Text(text) => text.known().is_some_and(|text| text.is_empty()),
            Value::List(list) => list.is_empty(),
        });
        match (*operator, value) {
            (Operator::Demand, value) => value.unwrap_or_else(Value::unknown),
            (Operator::Default { assigns, or_empty }, value) => match value {
                Some(value) if !(is_empty && or_empty) => value,
                _ => {
                    let value = Value::Text(self.text(operand));
                    if assigns {
                        self.state.set(&variable.name, Some(value.clone()));
                    }
                    value
                }
            },
            (Operator::Alternative { or_empty }, Some(value)) if !(is_empty && or_empty) => match value {
                Value::Text(text) if text.known().is_none() => Value::unknown(),
                _ => Value::Text(self.text(operand)),
            },
            (Operator::Alternative { .. }, _) => Value::Text(Text::default()),
            (operator, Some(Value::Text(text))) => {
                let operand = self.text(operand);
                let changed = text
                    .known()
                    .zip(operand.known())
                    .and_then(|(text, operand)| changed(operator, &text, &operand));
                changed.map_or_else(Value::unknown, |text| Value::Text(text.as_str().into()))
            }
            _ => Value::unknown(),
        }
    }

    fn value_of(&self, variable: &Variable) -> Option<Value> {
        let first = |list: &[Text]| list.first().cloned().map(Value::Text);
        match self.state.get(&variable.name) {
            Some(Value::List(list)) => {
                return match variable.index {
                    Index::All => Some(Value::List(list.clone())),
                    Index::First => first(list),
                    Index::Other => Some(Value::unknown()),
                };
            }
            Some(value) => return Some(value.clone()),
            None => {}
        }
        let text = |text: String| Some(Value::Text(text.as_str().into()));
        match (&*variable.name, &self.state.arguments) {
            ("0" | "BASH_SOURCE", _) => text(at_root(self.path)),
            ("PWD", _) => match &self.state.folder {
                Some(folder) => text(at_root(folder)),
                None => Some(Value::unknown()),
            },
            ("@" | "*", Some(arguments)) => Some(Value::List(arguments.clone())),
            ("@" | "*" | "#" | "?" | "!" | "$" | "-", _) => Some(Value::unknown()),
            // What a function is not called with is empty; what a script is called with is not known.
            (name, arguments) => match (name.parse::<usize>().ok()?, arguments) {
                (number, Some(arguments)) => arguments.get(number.checked_sub(1)?).cloned().map(Value::Text),
                (_, None) => None,
            },
        }
    }
}

fn changed(operator: Operator, text: &str, operand: &str) -> Option<String> {
    match operator {
        Operator::Front { longest } => strip(text, operand, true, longest),
        Operator::Back { longest } => strip(text, operand, false, longest),
        Operator::Lower if operand.is_empty() => Some(text.to_lowercase()),
        Operator::Upper if operand.is_empty() => Some(text.to_uppercase()),
        Operator::Replace { all } => {
            let (from, to) = operand.split_once('/').unwrap_or((operand, ""));
            let is_pattern =
                from.is_empty() || from.contains(['*', '?', '[', '\\']) || from.starts_with(['#', '%']);
            let limit = if all { usize::MAX } else { 1 };
            // What grows beyond all bounds is not known.
            let length = text.len() + text.matches(from).count().min(limit) * to.len();
            (!is_pattern && length <= limits::SHELL_VALUE).then(|| text.replacen(from, to, limit))
        }
        _ => None,
    }
}

pub(super) fn length(text: &Text) -> usize {
    let length = |part: &Part| match part {
        Part::Known(known) => known.len(),
        Part::Unknown => 1,
    };
    text.parts().iter().map(length).sum::<usize>() + 1
}
