use std::collections::BTreeMap;

use super::variables::{Room, Variables};
use crate::evidence::yaml::Node;
use crate::evidence::{NamedContext, Place, Said, Text, inside};
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
    /// About how many bytes a copy of it takes.
    pub(super) size: usize,
}

#[derive(Clone)]
pub(super) struct Extends {
    pub(super) service: String,
    /// Another file than this one.
    pub(super) file: Option<TreePath>,
}

#[derive(Clone)]
pub(super) struct Build {
    /// `!override`: nothing of what lies below counts.
    is_alone: bool,
    /// `None` stands for what is no folder of the checkout.
    pub(super) context: Slot<Said<Option<TreePath>>>,
    pub(super) dockerfile: Slot<Said<Text>>,
    pub(super) inline: Slot<()>,
    pub(super) target: Slot<Said<Text>>,
    pub(super) args: Table<Text>,
    pub(super) contexts: Table<Context>,
    pub(super) platforms: Vec<Said<Text>>,
    pub(super) place: Place,
}

/// A build context with a name.
#[derive(Clone)]
pub(super) enum Context {
    /// The image of a service.
    Service(String),
    Given(NamedContext),
}

#[derive(Clone)]
pub(super) struct Table<T> {
    is_alone: bool,
    pub(super) entries: BTreeMap<String, Said<T>>,
}

/// How what a file says is read.
pub(super) struct Scope<'a> {
    pub(super) path: &'a TreePath,
    /// What its paths are relative to.
    pub(super) folder: &'a TreePath,
    pub(super) variables: &'a Variables,
    pub(super) room: Room,
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
        Self { image: self.image.over(below.image), build, size: self.size + below.size, ..self }
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

    /// Leaves out what a development build and another need not share.
    pub(super) fn without_target(&mut self) {
        self.target = Slot::Absent;
        self.args = Table::default();
    }

    fn size(&self) -> usize {
        let args: usize = self.args.entries.iter().map(|(key, value)| key.len() + text_size(value)).sum();
        let contexts = self.contexts.entries.iter().map(|(key, value)| key.len() + context_size(value));
        args + contexts.sum::<usize>() + self.platforms.iter().map(text_size).sum::<usize>()
    }
}

/// What a value takes beside its text.
const ENTRY: usize = 128;

fn text_size(text: &Said<Text>) -> usize {
    ENTRY + text.place.path.as_bytes().len() + text.value.known().map_or(0, |known| known.len())
}

fn context_size(context: &Said<Context>) -> usize {
    let value = match &context.value {
        Context::Service(text) | Context::Given(NamedContext::Elsewhere(text)) => text.len(),
        Context::Given(NamedContext::Folder(path)) => path.as_bytes().len(),
        Context::Given(_) => ENTRY,
    };
    ENTRY + context.place.path.as_bytes().len() + value
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { is_alone: false, entries: BTreeMap::new() }
    }
}

impl<T> Table<T> {
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
    fn place(&self, line: usize) -> Place {
        Place { path: self.path.clone(), line }
    }

    pub(super) fn service(&self, name: &Node, node: &Node) -> Service {
        let image = slot(node.get("image"), |node| self.text(node));
        let build = slot(node.get("build"), |node| Some(self.build(node)));
        let size = ENTRY + build.get().map_or(0, Build::size) + image.get().map_or(0, text_size);
        let extends = node.get("extends").and_then(|node| self.extends(node));
        Service { place: self.place(name.line), image, build, extends, size }
    }

    fn text(&self, node: &Node) -> Option<Said<Text>> {
        Some(self.said(node.text()?, node.line))
    }

    /// A value with its variables put in. One that is a variable alone stands where that is set.
    fn said(&self, text: &str, line: usize) -> Said<Text> {
        let place = self.variables.place(text).cloned().unwrap_or_else(|| self.place(line));
        Said { value: self.variables.expand(text, &self.room), place }
    }

    /// What a text comes to, if that is known.
    pub(super) fn known(&self, node: &Node) -> Option<String> {
        self.variables.expand(node.text()?, &self.room).known()
    }

    fn extends(&self, node: &Node) -> Option<Extends> {
        if let Some(service) = node.text() {
            return Some(Extends { service: service.to_owned(), file: None });
        }
        let file = match node.get("file") {
            Some(file) => Some(inside(self.folder, &self.known(file)?)?),
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
        let contexts = self.table(node.get("additional_contexts"));
        let entries = contexts.entries.into_iter().filter_map(|(name, text)| {
            Some((name, Said { value: self.named(&text.value.known()?)?, place: text.place }))
        });
        Build {
            place: self.place(node.line),
            is_alone: node.tag.as_deref() == Some("!override"),
            context,
            dockerfile: text("dockerfile"),
            inline: slot(node.get("dockerfile_inline"), |_| Some(())),
            target: text("target"),
            args: self.table(node.get("args")),
            contexts: Table { is_alone: contexts.is_alone, entries: entries.collect() },
            platforms: platforms.iter().filter_map(|node| self.text(node)).collect(),
        }
    }

    /// What a build context with a name is, by what is written: paths are relative to the project.
    fn named(&self, value: &str) -> Option<Context> {
        if let Some(service) = value.strip_prefix("service:") {
            return Some(Context::Service(service.to_owned()));
        }
        if let Some(image) = value.strip_prefix("docker-image://") {
            return image.parse().ok().map(|image| Context::Given(NamedContext::Image(image)));
        }
        let folder = if value.contains(':') { None } else { inside(self.folder, value) };
        let elsewhere = || NamedContext::Elsewhere(value.to_owned());
        Some(Context::Given(folder.map_or_else(elsewhere, NamedContext::Folder)))
    }

    /// A mapping, or a list of `key=value`. A key without a value is a variable: compose takes it from where it takes
    /// all of them.
    fn table(&self, node: Option<&Node>) -> Table<Text> {
        let Some(node) = node else { return Table::default() };
        let is_alone = matches!(node.tag.as_deref(), Some("!override" | "!reset"));
        if node.tag.as_deref() == Some("!reset") {
            return Table { is_alone, entries: BTreeMap::new() };
        }
        let variable = |key: &str| {
            let said = self.variables.get(key, &self.room)?;
            Some(Said { value: Text::from(&*said.value), place: said.place })
        };
        let listed = node.items().iter().filter_map(|item| {
            let text = item.text()?;
            match text.split_once('=') {
                Some((key, value)) => Some((key.to_owned(), self.said(value, item.line))),
                None => Some((text.to_owned(), variable(text)?)),
            }
        });
        let mapped = node.entries().filter_map(|(key, value)| {
            let key = key.text()?;
            let said = if value.is_null() { variable(key) } else { self.text(value) };
            Some((key.to_owned(), said?))
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

pub(super) fn folder(path: &TreePath) -> TreePath {
    path.parent().unwrap_or_default()
}
