//! Bake's files as they are written: blocks and attributes with the lines on which they stand.

use hcl_edit::Span;
use hcl_edit::expr::{Expression, ObjectKey};
use hcl_edit::structure::{Block, Body, Structure};

use crate::diagnostic::LineIndex;
use crate::limits;
use crate::path::TreePath;

/// One file.
pub(super) struct Document {
    pub path: TreePath,
    lines: LineIndex,
    /// Bytes in front of what was parsed.
    skipped: usize,
    pub variables: Vec<Variable>,
    pub functions: Vec<Function>,
    pub groups: Vec<Named>,
    pub targets: Vec<Named>,
}

/// A variable, or an attribute of the file itself, which is used like one.
pub(super) struct Variable {
    pub name: String,
    pub default: Option<Expression>,
}

/// A function that the file defines.
pub(super) struct Function {
    pub name: String,
    pub parameters: Vec<String>,
    pub rest: Option<String>,
    pub result: Expression,
}

/// A target or a group.
pub(super) struct Named {
    pub name: String,
    pub line: usize,
    pub attributes: Vec<Attribute>,
}

pub(super) struct Attribute {
    pub name: String,
    pub value: Expression,
}

/// Why a file is not read: what is wrong with it, and where.
pub(super) struct Unread {
    pub line: usize,
    pub why: String,
}

impl Document {
    /// Reads HCL, or JSON, whose syntax is the one that HCL has for its objects.
    pub(super) fn parse(path: &TreePath, text: &str, is_json: bool) -> Result<Self, Unread> {
        // The parser limits how deep it goes, but looks for each key among all others of its object.
        let keys = text.bytes().filter(|byte| matches!(byte, b'=' | b':')).count();
        if keys > limits::BAKE_KEYS {
            let why = format!("it has more than {} attributes", limits::BAKE_KEYS);
            return Err(Unread { line: 1, why });
        }
        let mut document = Self {
            path: path.clone(),
            lines: LineIndex::new(text),
            skipped: 0,
            variables: Vec::new(),
            functions: Vec::new(),
            groups: Vec::new(),
            targets: Vec::new(),
        };
        let unread = |error: hcl_edit::parser::Error| Unread {
            line: error.location().line(),
            why: format!("it is not valid: {}", error.message()),
        };
        if is_json {
            let file = hcl_edit::parser::parse_expr(text.trim()).map_err(unread)?;
            document.skipped = text.len() - text.trim_start().len();
            document.add_json(&file);
        } else {
            let body = hcl_edit::parser::parse_body(text).map_err(unread)?;
            document.add_body(&body);
        }
        Ok(document)
    }

    /// The line on which something of this file begins.
    pub(super) fn line_of(&self, what: &impl Span) -> usize {
        self.lines.line_of(self.skipped + what.span().map_or(0, |span| span.start))
    }

    fn add_body(&mut self, body: &Body) {
        for structure in body {
            match structure {
                Structure::Attribute(attribute) => self.variables.push(Variable {
                    name: attribute.key.as_str().to_owned(),
                    default: Some(attribute.value.clone()),
                }),
                Structure::Block(block) => self.add_block(block),
            }
        }
    }

    fn add_block(&mut self, block: &Block) {
        let [label] = &block.labels[..] else { return };
        let line = self.line_of(block);
        let attributes: Vec<Attribute> = block
            .body
            .attributes()
            .map(|attribute| Attribute {
                name: attribute.key.as_str().to_owned(),
                value: attribute.value.clone(),
            })
            .collect();
        self.add(block.ident.as_str(), label.as_str(), line, attributes);
    }

    fn add_json(&mut self, file: &Expression) {
        for (kind, _, blocks) in members(file) {
            for (name, key, block) in members(blocks) {
                let line = self.line_of(key);
                let attributes = members(block)
                    .into_iter()
                    .map(|(name, _, value)| Attribute { name, value: value.clone() })
                    .collect();
                self.add(&kind, &name, line, attributes);
            }
        }
    }

    fn add(&mut self, kind: &str, name: &str, line: usize, attributes: Vec<Attribute>) {
        let name = name.to_owned();
        let take = |wanted: &str| {
            attributes.iter().find(|attribute| attribute.name == wanted).map(|found| found.value.clone())
        };
        match kind {
            "target" => self.targets.push(Named { name, line, attributes }),
            "group" => self.groups.push(Named { name, line, attributes }),
            "variable" => self.variables.push(Variable { name, default: take("default") }),
            "function" => {
                let Some(result) = take("result") else { return };
                let parameters = take("params").map(|params| identifiers(&params)).unwrap_or_default();
                let rest = take("variadic_params").and_then(|rest| identifier(&rest));
                self.functions.push(Function { name, parameters, rest, result });
            }
            _ => {}
        }
    }
}

/// The keys and values of an object, or of objects in a list.
fn members(value: &Expression) -> Vec<(String, &ObjectKey, &Expression)> {
    let objects = match value {
        Expression::Object(object) => vec![object],
        Expression::Array(array) => array.iter().filter_map(Expression::as_object).collect(),
        _ => Vec::new(),
    };
    let all = objects.into_iter().flat_map(|object| object.iter());
    all.filter_map(|(key, value)| Some((plain_key(key)?, key, value.expr()))).collect()
}

/// A key that is written as it is.
pub(super) fn plain_key(key: &ObjectKey) -> Option<String> {
    match key {
        ObjectKey::Ident(name) => Some(name.as_str().to_owned()),
        ObjectKey::Expression(Expression::String(name)) => Some(name.value().clone()),
        ObjectKey::Expression(_) => None,
    }
}

fn identifiers(list: &Expression) -> Vec<String> {
    list.as_array().map(|list| list.iter().filter_map(identifier).collect()).unwrap_or_default()
}

fn identifier(expression: &Expression) -> Option<String> {
    expression.as_variable().map(|name| name.as_str().to_owned())
}
