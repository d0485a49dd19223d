use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::{Node, Style, Value, YamlError};
use crate::limits;

/// Reads all documents of a text. Aliases and merge keys are resolved; what they may add has a limit, and so has depth.
pub(crate) fn parse(text: &str) -> Result<Vec<Node>, YamlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // A closing bracket no deeper than its key is not YAML 1.2, but Go's reader takes it, and so people write it.
    strict(text).or_else(|error| strict(&with_brackets_deeper(text)).map_err(|_| error))
}

fn with_brackets_deeper(text: &str) -> String {
    let deeper = |line: &str| {
        let is_closing = line.trim_start_matches(' ').starts_with([']', '}']);
        format!("{}{line}", if is_closing { " ".repeat(16) } else { String::new() })
    };
    text.split_inclusive('\n').map(deeper).collect()
}

fn strict(text: &str) -> Result<Vec<Node>, YamlError> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| YamlError {
            line: error.marker().line().max(1),
            why: format!("it is not valid YAML ({})", error.info()),
        })?;
        builder.take(event, span)?;
    }
    Ok(builder.documents)
}

#[derive(Default)]
struct Builder {
    documents: Vec<Node>,
    /// Collections that have not ended, the innermost last.
    open: Vec<Open>,
    /// What an anchor's number stands for, and how deep that is.
    anchors: HashMap<usize, (Node, usize)>,
    /// Bytes that aliases have added.
    copied: usize,
}

struct Open {
    node: Node,
    anchor: usize,
    /// A key that waits for its value.
    key: Option<Node>,
    /// Levels below.
    depth: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        let line = span.start.line().max(1);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = Value::Scalar { text: text.into_owned(), style: style_of(style) };
                let node = Node { value, line, tag: tag.as_deref().map(written) };
                self.add(node, anchor, 0)
            }
            Event::SequenceStart(anchor, tag) => {
                self.begin(Value::Sequence(Vec::new()), line, anchor, tag.as_deref())
            }
            Event::MappingStart(anchor, tag) => {
                self.begin(Value::Mapping(Vec::new()), line, anchor, tag.as_deref())
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { mut node, anchor, depth, .. }) => {
                    if let Value::Mapping(entries) = &mut node.value {
                        merge(entries);
                    }
                    self.add(node, anchor, depth + 1)
                }
                None => Ok(()),
            },
            Event::Alias(anchor) => self.alias(anchor, line),
            Event::DocumentStart(_) => {
                self.anchors.clear();
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(
        &mut self,
        value: Value,
        line: usize,
        anchor: usize,
        tag: Option<&Tag>,
    ) -> Result<(), YamlError> {
        if self.open.len() >= limits::YAML_DEPTH {
            return Err(too_deep(line));
        }
        let node = Node { value, line, tag: tag.map(written) };
        self.open.push(Open { node, anchor, key: None, depth: 0 });
        Ok(())
    }

    fn alias(&mut self, anchor: usize, line: usize) -> Result<(), YamlError> {
        // One that is still open would hold itself.
        let Some((node, depth)) = self.anchors.get(&anchor) else {
            return Err(YamlError { line, why: "an alias stands for what contains it".into() });
        };
        let (depth, open) = (*depth, self.open.len());
        if open + depth > limits::YAML_DEPTH {
            return Err(too_deep(line));
        }
        let room = limits::YAML_COPIES - self.copied;
        let Some(size) = size_within(node, room) else {
            return Err(YamlError { line, why: "its aliases make too much of it".into() });
        };
        let copy = node.clone();
        self.copied += size;
        self.add(copy, 0, depth)
    }

    fn add(&mut self, node: Node, anchor: usize, depth: usize) -> Result<(), YamlError> {
        if anchor != 0 {
            // A copy too: anchors within anchors would otherwise make it quadratic.
            let room = limits::YAML_COPIES - self.copied;
            let Some(size) = size_within(&node, room) else {
                return Err(YamlError { line: node.line, why: "its anchors make too much of it".into() });
            };
            self.copied += size;
            self.anchors.insert(anchor, (node.clone(), depth));
        }
        let Some(open) = self.open.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        open.depth = open.depth.max(depth);
        match &mut open.node.value {
            Value::Sequence(items) => items.push(node),
            Value::Mapping(entries) => match open.key.take() {
                Some(key) => entries.push((key, node)),
                None => open.key = Some(node),
            },
            Value::Scalar { .. } => {}
        }
        Ok(())
    }
}

/// How many bytes a copy takes; `None` if more than `room`. Stops there.
fn size_within(node: &Node, room: usize) -> Option<usize> {
    let mut size = 0;
    let mut left = vec![node];
    while let Some(node) = left.pop() {
        size += size_of::<Node>() + node.text().map_or(0, str::len);
        if size > room {
            return None;
        }
        left.extend(node.items());
        left.extend(node.entries().flat_map(|(key, value)| [key, value]));
    }
    Some(size)
}

/// Takes in what `<<` names: a mapping or several. Keys that are there stay, and of several mappings the first wins.
fn merge(entries: &mut Vec<(Node, Node)>) {
    let is_merge =
        |node: &Node| matches!(&node.value, Value::Scalar { text, style: Style::Plain } if text == "<<");
    if !entries.iter().any(|(key, _)| is_merge(key)) {
        return;
    }
    let (merged, own): (Vec<_>, Vec<_>) =
        std::mem::take(entries).into_iter().partition(|(key, _)| is_merge(key));
    let mut known: HashSet<String> =
        own.iter().filter_map(|(key, _)| key.text().map(str::to_owned)).collect();
    *entries = own;
    let sources = merged.into_iter().flat_map(|(_, source)| match source.value {
        Value::Sequence(sources) => sources,
        value => vec![Node { value, ..source }],
    });
    for source in sources {
        let Value::Mapping(more) = source.value else { continue };
        for (key, value) in more {
            if key.text().is_none_or(|text| known.insert(text.to_owned())) {
                entries.push((key, value));
            }
        }
    }
}

fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    }
}

fn written(tag: &Tag) -> String {
    format!("{}{}", tag.handle, tag.suffix)
}

fn too_deep(line: usize) -> YamlError {
    YamlError { line, why: format!("it is nested more than {} deep", limits::YAML_DEPTH) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(text: &str) -> Node {
        parse(text).expect("it is there").remove(0)
    }

    fn at(node: &Node, path: &str) -> Option<(String, usize)> {
        let found = path.split('.').try_fold(node, |node, key| match key.parse::<usize>() {
            Ok(index) => node.items().get(index),
            Err(_) => node.get(key),
        });
        found.and_then(|node| Some((node.text()?.to_owned(), node.line)))
    }

    #[expect(clippy::unnecessary_wraps, reason = "as `at` gives it")]
    fn is(text: &str, line: usize) -> Option<(String, usize)> {
        Some((text.to_owned(), line))
    }

    #[test]
    fn nodes_know_their_lines() {
        let node =
            one("a: 1\nb:\n  - x\n  - 'y'\nc: {d: \"e\"}\nrun: |\n  one\n  two\nf: >-\n  one\n  two\n");
        assert_eq!(at(&node, "a"), is("1", 1));
        assert_eq!(at(&node, "b.1"), is("y", 4));
        assert_eq!(at(&node, "c.d"), is("e", 5));
        assert_eq!(at(&node, "run"), is("one\ntwo\n", 7));
        assert_eq!(at(&node, "f"), is("one two", 10));
        assert_eq!(node.entries().map(|(key, _)| key.line).collect::<Vec<_>>(), [1, 2, 5, 6, 9]);
        let styles: Vec<_> =
            ["a", "run", "f"].iter().map(|key| &node.get(key).expect("it is there").value).collect();
        assert!(matches!(styles[0], Value::Scalar { style: Style::Plain, .. }));
        assert!(matches!(styles[1], Value::Scalar { style: Style::Literal, .. }));
        assert!(matches!(styles[2], Value::Scalar { style: Style::Folded, .. }));
    }

    #[test]
    fn aliases_and_merge_keys_are_resolved() {
        let node =
            one("x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz:\n  <<: [*x, *y]\n  a: 0\nw: *x\nq: {'<<': *x}\n");
        assert_eq!(at(&node, "z.a"), is("0", 5));
        assert_eq!(at(&node, "z.b"), is("2", 1));
        assert_eq!(at(&node, "z.c"), is("4", 2));
        assert_eq!(at(&node, "w.b"), is("2", 1));
        assert_eq!(at(&node, "q.a"), None);
    }

    #[test]
    fn tags_and_documents_are_kept() {
        let documents =
            parse("a: !reset []\nb: !override {c: 1}\n---\nd: ~\ne: 'null'\n---\n").expect("it is there");
        assert_eq!(documents.len(), 3);
        assert_eq!(documents[0].get("a").expect("it is there").tag.as_deref(), Some("!reset"));
        assert_eq!(documents[0].get("b").expect("it is there").tag.as_deref(), Some("!override"));
        assert!(documents[1].get("d").expect("it is there").is_null());
        assert!(!documents[1].get("e").expect("it is there").is_null());
        assert!(documents[2].is_null());
    }

    #[test]
    fn brackets_may_close_where_their_key_stands() {
        let node = one("a:\n  b: [\n    x,\n  ]\n  c: {\n    d: 1\n  }\n  e: 2\n");
        assert_eq!(at(&node, "a.b.0"), is("x", 3));
        assert_eq!(at(&node, "a.e"), is("2", 8));
    }

    #[test]
    fn mistakes_are_errors_with_their_line() {
        assert_eq!(parse("a: 1\nb: [\n").expect_err("broken").line, 3);
        assert_eq!(parse("a: 1\nb: *none\n").expect_err("broken").line, 2);
        assert_eq!(parse("a: &a\n  - *a\n").expect_err("broken").line, 2);
    }

    #[test]
    fn bombs_end() {
        let mut laughs = "a0: &a0 [lol,lol,lol,lol,lol,lol,lol,lol,lol]\n".to_owned();
        for level in 1..12 {
            let previous = format!("*a{},", level - 1).repeat(9);
            laughs += &format!("a{level}: &a{level} [{previous}]\n");
        }
        assert!(parse(&laughs).expect_err("broken").why.contains("too much"));
        let long = format!("a: &a {}\nb:\n{}", "x".repeat(100_000), "  - *a\n".repeat(100_000));
        assert!(parse(&long).expect_err("broken").why.contains("too much"));
        let anchors =
            (0..90).map(|n| format!("{}&b{n}\n{0}a:\n", " ".repeat(n))).collect::<Vec<_>>().concat();
        let wide = format!("{anchors}{}- {}", " ".repeat(90), "x".repeat(900_000));
        assert!(parse(&wide).is_err());
        let mut chain = "a0: &a0 [x]\n".to_owned();
        for level in 1..500 {
            chain += &format!("a{level}: &a{level} [*a{}]\n", level - 1);
        }
        assert!(parse(&chain).expect_err("broken").why.contains("deep"));
        let merge = |n| format!("m{n}: &m{n}\n  <<: [*m{0}, *m{0}]\n  k{n}: 1\n", n - 1);
        let merges = (1..30).map(merge).collect::<Vec<_>>().concat();
        assert!(parse(&format!("m0: &m0 {{k: 1}}\n{merges}")).is_ok());
        for opening in ["[", "{a: ", "- ", "? ", "[{", "!x [", "&a [", "{a: ["] {
            assert!(parse(&opening.repeat(200_000)).is_err(), "{opening}");
        }
    }

    #[test]
    fn time_is_in_proportion_to_the_text() {
        for unit in [
            "a\n", "a: b\n", "\n", "# c\n", "- a\n", "'", "\"", "|\n", " a", "*a ", "&a ", "---\n", "%a\n",
            "\t", "a:\n ",
        ] {
            let _ = parse(&unit.repeat((1 << 17) / unit.len()));
            let _ = parse(&format!("a: {}", unit.repeat((1 << 17) / unit.len())));
            let _ = parse(&format!("a: |\n{}", unit.repeat((1 << 17) / unit.len())));
            let _ = parse(&format!("a: \"{}", unit.repeat((1 << 17) / unit.len())));
            let _ = parse(&format!("[{}", unit.repeat((1 << 17) / unit.len())));
        }
    }

    proptest! {
        #[test]
        fn anything_ends(text in "([a-c]|[-:?,\\[\\]{}#&*!|>'\"%@` \n\t<\\\\~]|\r\n|: |- |<<: |\\*a|&a |!r |---\n|\\PC){0,60}") {
            let _ = parse(&text);
        }
    }
}
