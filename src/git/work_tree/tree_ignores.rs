use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bstr::ByteSlice;
use ignore::gitignore::Gitignore;

use crate::git::FileTree;
use crate::git::work_tree::ignores::{compile, verdict};
use crate::limits;
use crate::path::TreePath;

/// What the `.gitignore` files of a tree say about paths, whether or not anything stands there. Each file is read
/// once, when a path below it is asked about.
pub(crate) struct NamedIgnores<'t> {
    tree: &'t dyn FileTree,
    known: Mutex<HashMap<TreePath, Option<Arc<Gitignore>>>>,
}

impl<'t> NamedIgnores<'t> {
    pub(crate) fn new(tree: &'t dyn FileTree) -> Self {
        Self { tree, known: Mutex::default() }
    }

    /// Whether the `.gitignore` files name `path`, or a folder around it. What stands there counts as a folder. Of
    /// each, the rules of the nearest folder that say anything count.
    pub(crate) fn is_ignored(&self, path: &TreePath) -> bool {
        let folders = std::iter::successors(path.parent(), TreePath::parent);
        let nearest: Vec<_> = folders.filter_map(|folder| Some((self.rules(&folder)?, folder))).collect();
        if nearest.is_empty() {
            return false;
        }
        let ends = path.as_bytes().find_iter(b"/").chain([path.as_bytes().len()]);
        ends.map(|end| TreePath::new(&path.as_bytes()[..end])).any(|path| {
            let mut around = nearest.iter().filter(|(_, folder)| folder != &path);
            let verdict =
                around.find_map(|(rules, folder)| verdict(rules, path.relative_to(folder)?.as_bytes(), true));
            verdict.unwrap_or(false)
        })
    }

    fn rules(&self, folder: &TreePath) -> Option<Arc<Gitignore>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rules) = known.get(folder) {
            return rules.clone();
        }
        let text = self.tree.read(&folder.join(".gitignore"), limits::GIT_FILE).ok();
        let rules = text.map(|text| Arc::new(compile(&text, false)));
        known.insert(folder.clone(), rules.clone());
        rules
    }
}

/// Whether the `.gitignore` files of a tree name `path`, or a folder around it. What stands there need not
/// exist, and counts as a folder.
pub(crate) fn is_named_ignored(tree: &dyn FileTree, path: &TreePath) -> bool {
    NamedIgnores::new(tree).is_ignored(path)
}
