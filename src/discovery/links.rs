use std::collections::VecDeque;

use bstr::BString;

use crate::checkout::{FileTree, NodeKind};
use crate::path::TreePath;

/// As many as Linux follows.
const MOST: usize = 40;

/// Where a link leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// To a file of the checkout.
    File(TreePath),
    /// To a folder, or anything else that is no file.
    NotAFile,
    /// To nothing, or out of the checkout, or in circles.
    Nowhere,
}

/// The file at a path, or the one that the link there leads to inside the checkout.
pub fn follow_link(tree: &dyn FileTree, path: &TreePath) -> Option<TreePath> {
    match follow(tree, path) {
        Target::File(file) => Some(file),
        Target::NotAFile | Target::Nowhere => None,
    }
}

/// Follows the link at `path`, and those on its way, inside the checkout.
pub(super) fn follow(tree: &dyn FileTree, path: &TreePath) -> Target {
    let mut waiting: VecDeque<BString> = path.components().map(BString::from).collect();
    let mut at = TreePath::root();
    let mut followed = 0;
    while let Some(name) = waiting.pop_front() {
        match &**name {
            b"" | b"." => {}
            b".." => match at.parent() {
                Some(parent) => at = parent,
                None => return Target::Nowhere,
            },
            name => {
                let next = at.join(name);
                match tree.kind(&next) {
                    Some(NodeKind::Folder) => at = next,
                    Some(NodeKind::File) if waiting.is_empty() => return Target::File(next),
                    Some(NodeKind::Link) => {
                        followed += 1;
                        let Ok(target) = tree.read(&next) else { return Target::Nowhere };
                        if followed > MOST || target.starts_with(b"/") {
                            return Target::Nowhere;
                        }
                        for component in target.split(|byte| *byte == b'/').rev() {
                            waiting.push_front(component.into());
                        }
                    }
                    Some(_) => return Target::NotAFile,
                    None => return Target::Nowhere,
                }
            }
        }
    }
    Target::NotAFile
}
