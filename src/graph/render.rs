//! The graph as text, for Graphviz and for Mermaid. Each draws the images it is given, in that order, and
//! the links among them; what is said of an image is its mark.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write;

use super::dag::Graph;
use super::id::ImageId;
use super::link::DependencyKind;
use crate::printable::printable;

/// What is said of images; those that nothing is said of are drawn plain.
pub(crate) type Marks = BTreeMap<ImageId, String>;

/// A tree with dependencies outside and dependents below them. An image with several dependencies has its
/// own dependents shown once, at its first place, so the text is no longer than images and links together.
pub(crate) fn text(graph: &Graph, images: &[ImageId], marks: &Marks) -> String {
    let drawn = Drawn::new(graph, images);
    let mut out = String::new();
    let mut seen = HashSet::new();
    // Where all need each other there is no outermost one: those begin anywhere.
    for root in images.iter().filter(|image| drawn.is_root(**image)).chain(images) {
        if !seen.contains(root) {
            drawn.tree(*root, marks, &mut seen, &mut out);
        }
    }
    out
}

/// The Graphviz language. Edges lead from an image to what is built from it, as the text is read.
pub(crate) fn dot(graph: &Graph, images: &[ImageId], marks: &Marks) -> String {
    let drawn = Drawn::new(graph, images);
    let mut out = String::from("digraph shipwright {\n  rankdir = LR;\n  node [shape = box];\n");
    let mut line = |text: String| {
        out.push_str("  ");
        out.push_str(&text);
        out.push('\n');
    };
    for image in images {
        let style = match (graph.images()[*image].aside, marks.contains_key(image)) {
            (false, false) => "",
            (true, false) => ", style = dashed",
            (false, true) => ", style = filled, fillcolor = gold",
            (true, true) => ", style = \"dashed,filled\", fillcolor = gold",
        };
        line(format!("n{} [label = \"{}\"{style}];", image.0, dot_text(&drawn.label(*image))));
    }
    for ((ImageId(dependent), ImageId(dependency)), kinds) in &drawn.kinds {
        match label(kinds) {
            Some(label) => line(format!("n{dependency} -> n{dependent} [label = \"{label}\"];")),
            None => line(format!("n{dependency} -> n{dependent};")),
        }
    }
    out.push_str("}\n");
    out
}

/// A Mermaid flow chart. Edges lead as in [`dot`].
pub(crate) fn mermaid(graph: &Graph, images: &[ImageId], marks: &Marks) -> String {
    let drawn = Drawn::new(graph, images);
    let mut lines = vec!["flowchart LR".to_owned()];
    for image in images {
        lines.push(format!("  n{}[\"{}\"]", image.0, mermaid_text(&drawn.label(*image))));
    }
    for ((ImageId(dependent), ImageId(dependency)), kinds) in &drawn.kinds {
        lines.push(match label(kinds) {
            Some(label) => format!("  n{dependency} -->|{label}| n{dependent}"),
            None => format!("  n{dependency} --> n{dependent}"),
        });
    }
    let marked: Vec<String> = images
        .iter()
        .filter(|image| marks.contains_key(image))
        .map(|image| format!("n{}", image.0))
        .collect();
    if !marked.is_empty() {
        lines.push("  classDef changed fill:#ffd54a,stroke:#8a6d00,color:#1a1a1a".to_owned());
        lines.push(format!("  class {} changed", marked.join(",")));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// What stands between two images: nothing for FROM alone, which is the rule.
fn label(kinds: &BTreeSet<DependencyKind>) -> Option<String> {
    if kinds.iter().eq([&DependencyKind::From]) {
        return None;
    }
    Some(kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", "))
}

/// In a quoted string of Graphviz a backslash begins an escape.
fn dot_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Mermaid reads markup inside quotes; its own form of entities is safe.
fn mermaid_text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_alphanumeric() || "-_./:@ ".contains(c) {
            safe.push(c);
        } else {
            let _ = write!(safe, "#{};", u32::from(c));
        }
    }
    safe
}

struct Drawn<'a> {
    graph: &'a Graph,
    kinds: BTreeMap<(ImageId, ImageId), BTreeSet<DependencyKind>>,
    dependents: HashMap<ImageId, Vec<ImageId>>,
    needs_some: HashSet<ImageId>,
}

impl<'a> Drawn<'a> {
    fn new(graph: &'a Graph, images: &[ImageId]) -> Self {
        let shown: HashSet<ImageId> = images.iter().copied().collect();
        let mut kinds: BTreeMap<(ImageId, ImageId), BTreeSet<DependencyKind>> = BTreeMap::new();
        for link in graph.all_links() {
            if shown.contains(&link.dependent) && shown.contains(&link.dependency) {
                kinds.entry((link.dependent, link.dependency)).or_default().insert(link.kind);
            }
        }
        let dependents = images
            .iter()
            .map(|image| {
                let all = graph.direct_dependents(*image).into_iter();
                (*image, all.filter(|other| shown.contains(other)).collect())
            })
            .collect();
        let needs_some = kinds.keys().map(|(dependent, _)| *dependent).collect();
        Self { graph, kinds, dependents, needs_some }
    }

    fn is_root(&self, image: ImageId) -> bool {
        !self.needs_some.contains(&image)
    }

    fn label(&self, image: ImageId) -> String {
        printable(&self.graph.images()[image].full).into_owned()
    }

    /// Writes `root` and what depends on it. Without recursion: a chain may be long.
    fn tree(&self, root: ImageId, marks: &Marks, seen: &mut HashSet<ImageId>, out: &mut String) {
        let mut open = vec![Branch { image: root, under: None, indent: String::new(), last: true }];
        while let Some(Branch { image, under, indent, last }) = open.pop() {
            let dependents = self.dependents.get(&image).map_or(&[][..], Vec::as_slice);
            let first = seen.insert(image);
            out.push_str(&indent);
            if under.is_some() {
                out.push_str(if last { "└── " } else { "├── " });
            }
            out.push_str(&self.label(image));
            let kinds = under.and_then(|under| label(self.kinds.get(&(image, under))?));
            let mut remarks: Vec<&str> = kinds.as_deref().into_iter().collect();
            if self.graph.images()[image].aside {
                remarks.push("built only when named");
            }
            if first {
                remarks.extend(marks.get(&image).map(String::as_str));
            } else if !dependents.is_empty() {
                remarks.push("see above");
            }
            if !remarks.is_empty() {
                let _ = write!(out, " ({})", remarks.join("; "));
            }
            out.push('\n');
            if !first {
                continue;
            }
            let indent = match under {
                None => indent,
                Some(_) => indent + if last { "    " } else { "│   " },
            };
            for (at, dependent) in dependents.iter().enumerate().rev() {
                open.push(Branch {
                    image: *dependent,
                    under: Some(image),
                    indent: indent.clone(),
                    last: at + 1 == dependents.len(),
                });
            }
        }
    }
}

struct Branch {
    image: ImageId,
    under: Option<ImageId>,
    indent: String,
    last: bool,
}
