use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::git::work_tree::whole::read_own;
use crate::limits;

/// Git follows no more alternates of alternates either.
const DEEPEST: usize = 5;

/// The folder of a repository's objects, and those that it borrows from (`objects/info/alternates`).
pub(in crate::git) fn object_folders(common_dir: &Path) -> Vec<PathBuf> {
    let mut folders = vec![common_dir.join("objects")];
    let mut seen: HashSet<PathBuf> = HashSet::new();
    let (mut from, mut depth) = (0, 0);
    while from < folders.len() && depth < DEEPEST {
        let level = folders[from..].to_vec();
        from = folders.len();
        depth += 1;
        for folder in level {
            let file = read_own(&folder.join("info").join("alternates"), limits::GIT_FILE);
            let text = file.ok().flatten().and_then(|text| String::from_utf8(text).ok()).unwrap_or_default();
            let named = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
            folders.extend(named.map(|line| folder.join(line)).filter(|folder| seen.insert(folder.clone())));
        }
    }
    folders
}
