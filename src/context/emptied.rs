//! Folders of which an ignore file leaves nothing but themselves. Docker sends a folder that its rules leave
//! in, whatever they say of the files in it; and COPY of an empty folder makes one.

use std::collections::BTreeSet;
use std::ops::Bound;

use crate::git::{FileTree, Node, Tracking};
use crate::path::TreePath;

/// Of `folders`, all of them left in, the innermost that hold a file which git has, or could have, but none of
/// the sorted `nodes`. A folder that holds only what git ignores is not there in a clone, so it does not count;
/// nor does a node of that kind, without which the clone's folder is empty.
pub(super) fn emptied(tree: &dyn FileTree, folders: Vec<TreePath>, nodes: &[Node]) -> Vec<TreePath> {
    let is_empty = |folder: &TreePath| {
        let mut below = nodes_below(nodes, folder);
        below.all(|node| node.tracking == Tracking::Ignored) && tree.has_versioned_below(folder)
    };
    let empty: BTreeSet<TreePath> = folders.into_iter().filter(is_empty).collect();
    let is_innermost = |folder: &&TreePath| {
        let mut after = empty.range((Bound::Excluded(first_below(folder)), Bound::Unbounded));
        after.next().is_none_or(|next| !next.is_under(folder))
    };
    empty.iter().filter(is_innermost).cloned().collect()
}

/// Those of some sorted nodes that are below a folder.
pub(crate) fn nodes_below<'n>(nodes: &'n [Node], folder: &TreePath) -> impl Iterator<Item = &'n Node> {
    let start = first_below(folder);
    let from = nodes.partition_point(|node| node.path < start);
    nodes[from..].iter().take_while(move |node| node.path.is_under(folder))
}

/// The smallest text that sorts before everything below a folder and after the folder. What is below `a` does
/// not follow `a` at once: `a.b` sorts in front of `a/b`.
pub(super) fn first_below(folder: &TreePath) -> TreePath {
    folder.join("\0")
}
