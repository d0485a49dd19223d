use std::collections::BTreeMap;

use super::variables::Variables;
use crate::evidence::yaml::Node;
use crate::evidence::{Place, Said, Text, inside};
use crate::path::TreePath;

/// What a file says about a field, for files that are laid over others.
#[derive(Clone, Default)]
pub(super) enum Slot<T> {
    #[default]
    Absent,
    /// `!reset`: as if no file said anything.
    Reset,
    Is(T),
}

#[derive(Clone)]
pub(super) struct Service {
    pub(super) place: Place,
    pub(super) image: Slot<Said<Text>>,
    pub(super) build: Slot<Build>,
    pub(super) extends: Option<Extends>,
}

#[derive(Clone)]
pub(super) struct Extends {
    pub(super) service: String,
    /// Another file than this one.
    pub(super) file: Option<TreePath>,
}

#[derive(Clone)]
pub(super) struct Build {
    pub(super) place: Place,
    /// `!override`: nothing of what lies below counts.
    is_alone: bool,
    /// `None` stands for what is no folder of the checkout.
    pub(super) context: Slot<Said<Option<TreePath>>>,
    pub(super) dockerfile: Slot<Said<Text>>,
    pub(super) inline: Slot<()>,
    pub(super) target: Slot<Said<Text>>,
    pub(super) args: Table,
    pub(super) contexts: Table,
    pub(super) platforms: Vec<Said<Text>>,
}

#[derive(Clone, Default)]
pub(super) struct Table {
    is_alone: bool,
    pub(super) entries: BTreeMap<String, Said<Text>>,
}

/// How what a file says is read.
pub(super) struct Scope<'a> {
    pub(super) path: &'a TreePath,
    /// What its paths are relative to.
    pub(super) folder: &'a TreePath,
    pub(super) variables: &'a Variables,
}

impl<T> Slot<T> {
    pub(super) fn get(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::Reset => None,
        }
    }

    fn over(self, below: Self) -> Self {
        if matches!(self, Self::Absent) { below } else { self }
    }
}

impl Service {
    pub(super) fn over(self, below: Self) -> Self {
        let build = match (self.build, below.build) {
            (Slot::Is(build), Slot::Is(below)) => Slot::Is(build.over(below)),
            (build, below) => build.over(below),
        };
        Self { image: self.image.over(below.image), build, ..self }
    }

    /// How many entries a copy of it takes.
    pub(super) fn entries(&self) -> usize {
        let of =
            |build: &Build| build.args.entries.len() + build.contexts.entries.len() + build.platforms.len();
        1 + self.build.get().map_or(0, of)
    }
}

impl Build {
    fn over(self, below: Self) -> Self {
        if self.is_alone {
            return self;
        }
        let platforms = if self.platforms.is_empty() { below.platforms } else { self.platforms };
        Self {
            place: self.place,
            is_alone: false,
            context: self.context.over(below.context),
            dockerfile: self.dockerfile.over(below.dockerfile),
            inline: self.inline.over(below.inline),
            target: self.target.over(below.target),
            args: self.args.over(below.args),
            contexts: self.contexts.over(below.contexts),
            platforms,
        }
    }
}

impl Table {
    fn over(self, below: Self) -> Self {
        if self.is_alone {
            return self;
        }
        let mut entries = below.entries;
        entries.extend(self.entries);
        Self { is_alone: false, entries }
    }
}

impl Scope<'_> {
    pub(super) fn place(&self, line: usize) -> Place {
        Place { path: self.path.clone(), line }
    }

    pub(super) fn service(&self, name: &Node, node: &Node) -> Service {
        Service {
            place: self.place(name.line),
            image: slot(node.get("image"), |node| self.text(node)),
            build: slot(node.get("build"), |node| Some(self.build(node))),
            extends: node.get("extends").and_then(|node| self.extends(node)),
        }
    }

    fn text(&self, node: &Node) -> Option<Said<Text>> {
        Some(Said { value: self.variables.expand(node.text()?), place: self.place(node.line) })
    }

    fn extends(&self, node: &Node) -> Option<Extends> {
        if let Some(service) = node.text() {
            return Some(Extends { service: service.to_owned(), file: None });
        }
        let file = match node.get("file") {
            Some(file) => Some(inside(self.folder, &self.variables.expand(file.text()?).known()?)?),
            None => None,
        };
        Some(Extends { service: node.get("service")?.text()?.to_owned(), file })
    }

    fn context(&self, node: &Node) -> Option<Said<Option<TreePath>>> {
        let text = self.text(node)?;
        let path = text.value.known().filter(|path| !is_remote(path));
        Some(Said { value: path.and_then(|path| inside(self.folder, &path)), place: text.place })
    }

    fn build(&self, node: &Node) -> Build {
        let text = |key| slot(node.get(key), |node| self.text(node));
        let context = match node.text() {
            Some(_) => slot(Some(node), |node| self.context(node)),
            None => slot(node.get("context"), |node| self.context(node)),
        };
        let platforms = node.get("platforms").map(Node::items).unwrap_or_default();
        Build {
            place: self.place(node.line),
            is_alone: node.tag.as_deref() == Some("!override"),
            context,
            dockerfile: text("dockerfile"),
            inline: slot(node.get("dockerfile_inline"), |_| Some(())),
            target: text("target"),
            args: self.table(node.get("args")),
            contexts: self.table(node.get("additional_contexts")),
            platforms: platforms.iter().filter_map(|node| self.text(node)).collect(),
        }
    }

    /// A mapping, or a list of `key=value`. Keys without a value take it from the environment and are left out.
    fn table(&self, node: Option<&Node>) -> Table {
        let Some(node) = node else { return Table::default() };
        let is_alone = matches!(node.tag.as_deref(), Some("!override" | "!reset"));
        if node.tag.as_deref() == Some("!reset") {
            return Table { is_alone, entries: BTreeMap::new() };
        }
        let listed = node.items().iter().filter_map(|item| {
            let (key, value) = item.text()?.split_once('=')?;
            let value = Said { value: self.variables.expand(value), place: self.place(item.line) };
            Some((key.to_owned(), value))
        });
        let mapped = node.entries().filter_map(|(key, value)| {
            let said = if value.is_null() { None } else { self.text(value) };
            Some((key.text()?.to_owned(), said?))
        });
        Table { is_alone, entries: listed.chain(mapped).collect() }
    }
}

fn slot<T>(node: Option<&Node>, read: impl FnOnce(&Node) -> Option<T>) -> Slot<T> {
    match node {
        Some(node) if node.tag.as_deref() == Some("!reset") => Slot::Reset,
        Some(node) if !node.is_null() => read(node).map_or(Slot::Absent, Slot::Is),
        _ => Slot::Absent,
    }
}

/// Whether a context is no folder: what BuildKit takes for a repository or an address.
fn is_remote(context: &str) -> bool {
    context.contains("://") || context.starts_with("git@") || context.starts_with("github.com/")
}
