//! Instructions in the form that enters the content key. What changes no image is left out: comments,
//! how lines are continued, blanks between words, the keyword's case. What a shell gets stays as it is,
//! blanks included: the builder's history shows it, and not every SHELL ignores them.

use super::flag::Flag;
use super::grammar::{Arguments, Node};
use super::instruction::Instruction;
use super::verb::Verb;

/// One instruction without its here-documents.
pub(super) fn line(node: &Node<'_>) -> String {
    let keyword = node.text.string(node.keyword.clone());
    let mut line = node.verb.map_or(keyword, |verb| verb.as_str().to_owned());
    node.flags.iter().for_each(|it| line.push_str(&flag(it)));
    line + &arguments(node)
}

fn flag(flag: &Flag) -> String {
    match &flag.value {
        Some(value) => format!(" --{}={}", flag.name, quoted(value.text())),
        None => format!(" --{}", flag.name),
    }
}

fn arguments(node: &Node<'_>) -> String {
    let mut line = String::new();
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

/// [`line`] in `BuildKit`'s own language, where more is known to be the same: the order of flags, `./a` and `a`, a list of
/// plain words with and without brackets. Triggers stay as they are: their text is a part of the image.
pub(super) fn canonical(node: &Node<'_>) -> String {
    let Some(verb) = node.verb.filter(|verb| *verb != Verb::Onbuild) else { return line(node) };
    let mut flags: Vec<(&str, String)> = node.flags.iter().map(|it| (it.name.as_str(), flag(it))).collect();
    flags.sort_by_key(|(name, _)| *name);
    let mut text = verb.as_str().to_owned();
    for (_, flag) in &flags {
        text.push_str(flag);
    }
    // With `--parents` what stands in front of `/./` has a meaning.
    let is_copy = matches!(verb, Verb::Copy | Verb::Add) && !flags.iter().any(|(name, _)| *name == "parents");
    let is_list = is_copy || verb == Verb::Volume;
    let words: Option<Vec<String>> = match &node.arguments {
        Arguments::Words(words) => Some(words.iter().map(|word| node.text.string(word.clone())).collect()),
        Arguments::Json(words) => {
            let words: Vec<String> = words.iter().map(|word| word.text.clone()).collect();
            (is_list && words.iter().all(|word| is_plain(word))).then_some(words)
        }
        Arguments::Quoted(_) | Arguments::Text => None,
    };
    let Some(words) = words else { return text + &arguments(node) };
    let destination = words.len().saturating_sub(1);
    for (at, word) in words.iter().enumerate() {
        text.push(' ');
        text.push_str(if is_copy && at < destination { source(word) } else { word });
    }
    text
}

/// A word that is the same in a list of JSON and without, whatever the builder does to either.
fn is_plain(word: &str) -> bool {
    !word.is_empty()
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._/@:+=,~%*?-".contains(&byte))
}

/// A source without what paths of a context do not need.
fn source(word: &str) -> &str {
    if !is_plain(word) {
        return word;
    }
    let mut path = word;
    while let Some(rest) = path.strip_prefix("./").or_else(|| path.strip_prefix('/')) {
        path = rest;
    }
    if path.is_empty() { "." } else { path }
}

/// One instruction that begins with `head` and its here-documents; `source` is the file.
pub(super) fn complete(head: String, instruction: &Instruction, source: &[u8]) -> String {
    let mut text = head;
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

pub(super) fn quoted(value: String) -> String {
    if value.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\\')) {
        return format!("{value:?}");
    }
    value
}
