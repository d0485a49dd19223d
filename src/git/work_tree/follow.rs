//! Links of a checkout, followed inside it only.

use std::collections::VecDeque;
use std::io;

use bstr::{BString, ByteSlice as _};

use crate::git::{FileTree, NodeKind};
use crate::limits;
use crate::path::TreePath;

/// Where a link leads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LinkTarget {
    File(TreePath),
    /// To a folder, or anything else that is no file.
    NotAFile,
    /// Out of the checkout, or into git's own folder: what is there is not the checkout's to show.
    Outside,
    /// To nothing, or in circles.
    Missing,
}

/// Follows the link at `path`, and those on its way, inside the checkout.
pub(crate) fn follow(tree: &dyn FileTree, path: &TreePath) -> LinkTarget {
    follow_with(&|path| tree.kind(path), &|path| tree.read(path, limits::LINK), path)
}

pub(in crate::git) fn follow_with(
    kind: &dyn Fn(&TreePath) -> Option<NodeKind>,
    link: &dyn Fn(&TreePath) -> io::Result<Vec<u8>>,
    path: &TreePath,
) -> LinkTarget {
    let mut waiting: VecDeque<BString> = path.components().map(BString::from).collect();
    let mut at = TreePath::root();
    let mut followed = 0;
    while let Some(name) = waiting.pop_front() {
        match &**name {
            b"" | b"." => {}
            b".." => match at.parent() {
                Some(parent) => at = parent,
                None => return LinkTarget::Outside,
            },
            // Some file systems do not tell cases apart.
            name if name.eq_ignore_ascii_case(b".git") => return LinkTarget::Outside,
            name => {
                let next = at.join(name);
                match kind(&next) {
                    Some(NodeKind::Folder) => at = next,
                    Some(NodeKind::File) if waiting.is_empty() => return LinkTarget::File(next),
                    Some(NodeKind::Link) => {
                        followed += 1;
                        let Ok(target) = link(&next) else { return LinkTarget::Missing };
                        if followed > limits::LINKS_FOLLOWED {
                            return LinkTarget::Missing;
                        }
                        if is_absolute(&target) {
                            return LinkTarget::Outside;
                        }
                        for component in target.split(|byte| *byte == b'/').rev() {
                            waiting.push_front(component.into());
                        }
                    }
                    Some(_) => return LinkTarget::NotAFile,
                    None => return LinkTarget::Missing,
                }
            }
        }
    }
    LinkTarget::NotAFile
}

fn is_absolute(target: &[u8]) -> bool {
    target.starts_with(b"/")
        || (cfg!(windows) && (target.starts_with(b"\\") || target.find_byte(b':').is_some()))
}
