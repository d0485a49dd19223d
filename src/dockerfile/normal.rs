//! Instructions in the form that enters the content key. What changes no image is left out: comments,
//! how lines are continued, blanks between words, the keyword's case. What a shell gets stays as it is,
//! blanks included: the builder's history shows it, and not every SHELL ignores them.

use super::grammar::{Arguments, Node};
use super::instruction::{Instruction, Verb};

/// One instruction without its here-documents.
pub(super) fn line(node: &Node<'_>) -> String {
    let keyword = node.text.string(node.keyword.clone());
    let mut line = node.verb.map_or(keyword, |verb| verb.as_str().to_owned());
    for flag in &node.flags {
        line.push_str(" --");
        line.push_str(&flag.name);
        if let Some(value) = &flag.value {
            line.push('=');
            line.push_str(&quoted(value.text()));
        }
    }
    match &node.arguments {
        Arguments::Words(words) | Arguments::Quoted(words) => {
            for word in words {
                line.push(' ');
                line.push_str(&node.text.string(word.clone()));
            }
        }
        Arguments::Json(words) => {
            let words: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
            line.push(' ');
            line.push_str(&serde_json::json!(words).to_string());
        }
        Arguments::Text if node.verb == Some(Verb::Onbuild) => {
            line.push(' ');
            let (nested, _) = node.nested();
            let is_chain = nested.verb == Some(Verb::Onbuild);
            line.push_str(&if is_chain { node.text.string(node.rest.clone()) } else { self::line(&nested) });
        }
        Arguments::Text => {
            line.push(' ');
            line.push_str(&node.text.string(node.rest.clone()));
        }
    }
    line
}

/// One instruction with its here-documents; `source` is the file.
pub(super) fn complete(instruction: &Instruction, source: &[u8]) -> String {
    let mut text = instruction.normal.clone();
    for heredoc in &instruction.heredocs {
        text.push('\n');
        text.push_str(&exact(source.get(heredoc.body.clone()).unwrap_or_default()));
        text.push_str(&heredoc.name);
    }
    text
}

/// Bytes as text such that different bytes are different texts.
fn exact(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("\0{}", bstr::ByteSlice::escape_bytes(bytes)),
    }
}

fn quoted(value: String) -> String {
    if value.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\\')) {
        return format!("{value:?}");
    }
    value
}
