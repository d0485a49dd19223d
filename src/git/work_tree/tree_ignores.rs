use bstr::ByteSlice;

use crate::git::FileTree;
use crate::git::work_tree::ignores::{compile, verdict};
use crate::limits;
use crate::path::TreePath;

/// Whether the `.gitignore` files of a tree name `path`, or a folder around it. What stands there need not
/// exist, and counts as a folder.
pub(crate) fn is_named_ignored(tree: &dyn FileTree, path: &TreePath) -> bool {
    let ends = path.as_bytes().find_iter(b"/").chain([path.as_bytes().len()]);
    ends.map(|end| TreePath::new(&path.as_bytes()[..end])).any(|path| is_ignored_itself(tree, &path))
}

/// The rules of the nearest folder that say anything count.
fn is_ignored_itself(tree: &dyn FileTree, path: &TreePath) -> bool {
    let folders = std::iter::successors(path.parent(), TreePath::parent);
    let verdicts = folders.into_iter().filter_map(|folder| {
        let text = tree.read(&folder.join(".gitignore"), limits::GIT_FILE).ok()?;
        let relative = path.relative_to(&folder)?;
        verdict(&compile(&text, false), relative.as_bytes(), true)
    });
    verdicts.into_iter().next().unwrap_or(false)
}
