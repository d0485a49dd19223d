//! Symbolic links of a build context, followed as `BuildKit` follows those that a source names.

use std::io;

use crate::git::{FileTree, NodeKind};
use crate::limits;
use crate::path::TreePath;

/// The most links on the way to one file; more are a cycle.
const MOST_LINKS: usize = 255;

/// Where a path leads.
#[derive(Debug, Default)]
pub(super) struct Resolution {
    /// The links on the way, relative to the root.
    pub(super) links: Vec<TreePath>,
    /// What is there, if anything, at a path without links in it.
    pub(super) found: Option<(TreePath, NodeKind)>,
}

/// Follows the links in and at the end of `path`, which is relative to `root`.
///
/// A link cannot leave the root: an absolute one starts there and `..` stops there, as `BuildKit` has it,
/// so that nothing outside the build context is ever read. One that `admits` turns down, because the
/// engine does not get to see it, leads nowhere.
pub(super) fn resolve(
    tree: &dyn FileTree,
    root: &TreePath,
    path: &TreePath,
    admits: &mut dyn FnMut(&TreePath) -> bool,
) -> io::Result<Resolution> {
    let mut resolution = Resolution::default();
    let mut path = path.clone();
    loop {
        let (link, rest) = match next_link(tree, root, &path) {
            Step::Nothing => return Ok(resolution),
            Step::There(kind) => {
                resolution.found = Some((path, kind));
                return Ok(resolution);
            }
            Step::Link(link, rest) => (link, rest),
        };
        if resolution.links.len() == MOST_LINKS || !admits(&link) {
            return Ok(resolution);
        }
        let target = tree.read(&root.join(link.as_bytes()), limits::LINK)?;
        let mut next = Vec::new();
        if !target.starts_with(b"/") {
            next.extend_from_slice(link.parent().unwrap_or_default().as_bytes());
            next.push(b'/');
        }
        next.extend_from_slice(&target);
        path = TreePath::clamped(next).join(rest.as_bytes());
        resolution.links.push(link);
    }
}

/// A path of the checkout, the links on its way inside `root`, and what they lead to.
pub(crate) fn path_with_links(tree: &dyn FileTree, root: &TreePath, path: &TreePath) -> Vec<TreePath> {
    let mut way = vec![path.clone()];
    let relative = path.relative_to(root).unwrap_or_default();
    // What cannot be read leads nowhere.
    let found = resolve(tree, root, &relative, &mut |_| true).unwrap_or_default();
    way.extend(found.links.iter().map(|link| root.join(link.as_bytes())));
    way.extend(found.found.map(|(target, _)| root.join(target.as_bytes())));
    way
}

enum Step {
    There(NodeKind),
    Nothing,
    Link(TreePath, TreePath),
}

fn next_link(tree: &dyn FileTree, root: &TreePath, path: &TreePath) -> Step {
    if path.is_root() {
        return Step::There(NodeKind::Folder);
    }
    match tree.kind(&root.join(path.as_bytes())) {
        Some(NodeKind::Link) => return Step::Link(path.clone(), TreePath::root()),
        Some(kind) => return Step::There(kind),
        // No link stands on the way to a folder.
        None if path.parent().is_some_and(|folder| is_folder(tree, &root.join(folder.as_bytes()))) => {
            return Step::Nothing;
        }
        None => {}
    }
    let mut folder = TreePath::root();
    for name in path.components() {
        folder = folder.join(name);
        match tree.kind(&root.join(folder.as_bytes())) {
            Some(NodeKind::Folder) => {}
            Some(NodeKind::Link) => {
                let rest = path.relative_to(&folder).unwrap_or_default();
                return Step::Link(folder, rest);
            }
            _ => return Step::Nothing,
        }
    }
    Step::Nothing
}

fn is_folder(tree: &dyn FileTree, path: &TreePath) -> bool {
    path.is_root() || tree.kind(path) == Some(NodeKind::Folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::memory_tree::MemoryTree;

    fn resolve_in(tree: &MemoryTree, root: &str, path: &str) -> (Vec<String>, Option<String>) {
        let resolution = resolve(tree, &root.into(), &path.into(), &mut |_| true).expect("in memory");
        (
            resolution.links.iter().map(TreePath::to_text).collect(),
            resolution.found.map(|(path, _)| path.to_text()),
        )
    }

    fn links(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn follows_chains_and_links_on_the_way() {
        let tree = MemoryTree::of(&["svc/dir/foo", "svc/dir/deep/x"])
            .link("svc/dir/l1", "foo")
            .link("svc/l2", "dir/l1")
            .link("svc/d", "./dir/../dir");
        assert_eq!(resolve_in(&tree, "svc", "l2"), (links(&["l2", "dir/l1"]), Some("dir/foo".into())));
        assert_eq!(resolve_in(&tree, "svc", "d/deep/x"), (links(&["d"]), Some("dir/deep/x".into())));
        assert_eq!(resolve_in(&tree, "svc", "d/l1"), (links(&["d", "dir/l1"]), Some("dir/foo".into())));
        assert_eq!(resolve_in(&tree, "svc", "dir/foo"), (links(&[]), Some("dir/foo".into())));
        assert_eq!(resolve_in(&tree, "svc", "dir/foo/x"), (links(&[]), None));
    }

    #[test]
    fn cycles_and_dangling_links_lead_nowhere() {
        let tree = MemoryTree::of(&["f"])
            .link("a", "b")
            .link("b", "a")
            .link("self", "self/x")
            .link("gone", "nowhere");
        assert_eq!(resolve_in(&tree, "", "a").1, None);
        assert_eq!(resolve_in(&tree, "", "self").1, None);
        assert_eq!(resolve_in(&tree, "", "gone"), (links(&["gone"]), None));
    }

    #[test]
    fn the_root_cannot_be_left() {
        let tree = MemoryTree::of(&["secret", "svc/x", "svc/inside"])
            .link("svc/up", "../secret")
            .link("svc/abs", "/svc/x")
            .link("svc/abs_inside", "/inside")
            .link("svc/far", "../../../inside");
        assert_eq!(resolve_in(&tree, "svc", "up").1, None);
        assert_eq!(resolve_in(&tree, "svc", "abs").1, None);
        assert_eq!(resolve_in(&tree, "svc", "abs_inside").1, Some("inside".into()));
        assert_eq!(resolve_in(&tree, "svc", "far").1, Some("inside".into()));
        assert_eq!(resolve_in(&tree, "", "svc/up").1, Some("secret".into()));
    }
}
