//! The same history seen from other folders: a worktree, a shallow clone, a folder inside.

use std::fs;

use super::history::run_git;
use super::life::Life;

/// Compares in another folder, if this step has one; tells which.
pub fn check(life: &mut Life) -> Option<(String, Result<(), String>)> {
    let root = life.root();
    match life.random.below(20) {
        0 => {
            let folder = life.checkout.beside("worktree");
            let path = folder.to_string_lossy().into_owned();
            let branch = format!("worktree{}", life.random.below(100_000));
            assert!(run_git(&root, &["worktree", "add", "--quiet", "-b", &branch, &path]).0, "a worktree");
            let checked = life.check(&folder, &[]);
            run_git(&root, &["worktree", "remove", "--force", &path]);
            fs::remove_dir_all(&folder).ok();
            run_git(&root, &["worktree", "prune"]);
            run_git(&root, &["branch", "--quiet", "-D", &branch]);
            Some(("a worktree".to_owned(), checked))
        }
        1 => {
            let folder = life.checkout.beside("clone");
            let url = format!("file://{}", root.display());
            let (cloned, _) =
                run_git(&root, &["clone", "--quiet", "--depth=1", &url, &folder.to_string_lossy()]);
            assert!(cloned, "a shallow clone");
            if life.random.percent(50) {
                run_git(&folder, &["submodule", "--quiet", "update", "--init"]);
            }
            let checked = life.check(&folder, &[]);
            fs::remove_dir_all(&folder).expect("it can go");
            Some(("a shallow clone".to_owned(), checked))
        }
        2 => {
            let place = life.random.pick(&life.places).clone();
            let folder = root.join(&place.folder);
            if !folder.is_dir() {
                return None;
            }
            Some((format!("in {}", place.folder), life.check_from(&folder, &root, &[])))
        }
        _ => None,
    }
}
