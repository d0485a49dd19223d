//! What speaks for a folder as the root of a build context.

use std::collections::HashSet;

use super::glob::has_wildcards;
use super::links::resolve;
use super::matching;
use super::reader::Reader;
use crate::dockerfile::{LocalSource, SourcePattern};
use crate::git::{FileTree, NamedIgnores, Node, NodeKind, Tracking};
use crate::path::TreePath;

pub(super) struct Source {
    pattern: SourcePattern,
    /// The path up to the first component that is a pattern.
    literal: TreePath,
    is_glob: bool,
    has_slash: bool,
}

/// The sources that speak for a folder, each once, and the first that says nothing because it copies all of it.
pub(super) fn counted(sources: &[LocalSource]) -> (Vec<Source>, Option<&LocalSource>) {
    let mut seen = HashSet::new();
    let mut counted = Vec::new();
    // What only other builders read decides nothing.
    for source in sources.iter().filter(|source| !source.elsewhere && !copies_all(source)) {
        if seen.insert(&source.pattern) {
            counted.extend(Source::new(&source.pattern));
        }
    }
    let copies_all = sources.iter().find(|source| !source.elsewhere && copies_all(source));
    (counted, copies_all)
}

impl Source {
    fn new(pattern: &SourcePattern) -> Option<Self> {
        let (SourcePattern::Path(text) | SourcePattern::Below(text)) = pattern;
        let is_glob = matches!(pattern, SourcePattern::Path(_))
            && text.split('/').any(|name| has_wildcards(name.as_bytes()));
        let literal: Vec<&str> =
            text.split('/').take_while(|name| !is_glob || !has_wildcards(name.as_bytes())).collect();
        // A variable of the base image alone may be anything.
        (!text.is_empty()).then(|| Self {
            pattern: pattern.clone(),
            literal: TreePath::clamped(literal.join("/")),
            is_glob,
            has_slash: text.contains('/') || matches!(pattern, SourcePattern::Below(_)),
        })
    }
}

/// Looks for the sources of one Dockerfile.
pub(super) struct Evidence<'a> {
    pub(super) tree: &'a dyn FileTree,
    pub(super) ignores: &'a NamedIgnores<'a>,
    /// Sources of one name that Dockerfiles in several folders write.
    pub(super) shared: &'a HashSet<String>,
    pub(super) dockerfile: &'a TreePath,
}

impl Evidence<'_> {
    /// Whether `root` has it, however git sees that.
    pub(super) fn is_there(&self, root: &TreePath, source: &Source) -> bool {
        if source.is_glob {
            !self.matches(root, source).is_empty()
        } else {
            is_there(self.tree, root, &source.literal)
        }
    }

    /// Whether `root` has it in every clone, or will once it is committed, and that says something.
    pub(super) fn is_versioned_there(&self, root: &TreePath, source: &Source) -> bool {
        if source.is_glob {
            let matches = self.matches(root, source);
            return matches.iter().any(|full| self.is_telling(full, source) && self.is_versioned(full));
        }
        if !is_there(self.tree, root, &source.literal) {
            return false;
        }
        let full = locate(self.tree, root, &source.literal);
        full.is_some_and(|full| self.is_telling(&full, source) && self.is_versioned(&full))
    }

    /// Whether `root` has it, or has a place for it: below a submodule that is not checked out, or where `.gitignore`
    /// names what a step before the build makes.
    pub(super) fn speaks_for(&self, root: &TreePath, source: &Source) -> bool {
        let place = root.join(source.literal.as_bytes());
        self.is_versioned_there(root, source)
            || (!source.literal.is_root()
                && (self.tree.absent_submodule(&place).is_some() || self.ignores.is_ignored(&place)))
            || (root.as_bytes() == self.dockerfile.parent().unwrap_or_default().as_bytes()
                && self.is_there(root, source))
    }

    /// A folder around the Dockerfile is in its parent whatever is copied, and a program is often called like the
    /// folder of its source.
    fn is_telling(&self, full: &TreePath, source: &Source) -> bool {
        let is_shared = || matches!(&source.pattern, SourcePattern::Path(name) if self.shared.contains(name));
        !self.dockerfile.is_under(full) || source.has_slash || is_shared()
    }

    /// Git's own folder is in every clone.
    fn is_versioned(&self, full: &TreePath) -> bool {
        let is_in_list = || {
            let beside = self.tree.list(&full.parent().unwrap_or_default(), &mut |_| true);
            let is_it = |node: &Node| node.path == *full && node.tracking != Tracking::Ignored;
            beside.is_ok_and(|beside| beside.iter().any(is_it))
        };
        full.components().any(|name| name == ".git")
            || self.tree.is_tracked(full)
            || self.tree.has_versioned_below(full)
            || is_in_list()
    }

    fn matches(&self, root: &TreePath, source: &Source) -> Vec<TreePath> {
        let mut reader = Reader::new(self.tree, root, None);
        // What cannot be read is not there.
        let found = matching::find(&mut reader, &source.pattern).unwrap_or_default();
        found.targets.into_iter().map(|(path, _)| root.join(path.as_bytes())).collect()
    }
}

/// Whether a source is the whole context, or all that is in it.
pub(super) fn copies_all(source: &LocalSource) -> bool {
    matches!(&source.pattern, SourcePattern::Path(path) if matches!(path.as_str(), "" | "*" | "**"))
}

/// Where a path below `root` leads, links followed.
pub(super) fn locate(tree: &dyn FileTree, root: &TreePath, path: &TreePath) -> Option<TreePath> {
    let (path, _) = resolve(tree, root, path, &mut |_| true).ok()?.found?;
    Some(root.join(path.as_bytes()))
}

/// Whether there is a file or a link, or a folder with one: a clone has no empty folders.
pub(super) fn is_there(tree: &dyn FileTree, root: &TreePath, path: &TreePath) -> bool {
    locate(tree, root, path).is_some_and(|full| {
        let is_empty = || tree.list(&full, &mut |_| false).is_ok_and(|files| files.is_empty());
        tree.kind(&full) != Some(NodeKind::Folder) || tree.is_tracked(&full) || !is_empty()
    })
}
