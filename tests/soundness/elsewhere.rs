//! The same history seen from elsewhere: a worktree, a shallow clone, a folder inside, a commit without its files.

use std::fs;

use super::history::{SUBMODULE, git_output, run_git};
use super::life::Life;
use super::tree::Files;

/// Compares in another folder, if this step has one; tells which.
pub fn check(life: &mut Life) -> Option<(String, Result<(), String>)> {
    let root = life.root();
    match life.random.below(22) {
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
        3 | 4 => commit(life),
        _ => None,
    }
}

/// Some commit, built out of git's objects while the work tree is as it is.
fn commit(life: &mut Life) -> Option<(String, Result<(), String>)> {
    let root = life.root();
    let branches = run_git(&root, &["branch", "--format=%(refname:short)"]).1;
    let branches: Vec<&str> = branches.lines().filter(|name| !name.starts_with('(')).collect();
    let branch = *life.random.pick(&branches);
    let rev = (*life.random.pick(&["HEAD", "HEAD", "HEAD~1", branch])).to_owned();
    let tree = archived(life, &rev)?;
    let names = tree.0.keys().cloned().collect();
    let checked = life.check_tree(&root, &tree, &names, &["--rev", &rev]);
    Some((format!("commit {rev}"), checked))
}

/// The files of a commit as git gives them out, submodules included. None if it lacks files without which
/// another folder would be taken for a context.
fn archived(life: &Life, rev: &str) -> Option<Files> {
    let root = life.root();
    let archive = git_output(&root, &["archive", "--format=tar", rev]);
    if !archive.status.success() {
        return None;
    }
    let folder = life.checkout.beside("archive");
    tar::Archive::new(archive.stdout.as_slice()).unpack(&folder).expect("an archive");
    let commit = run_git(&root, &["rev-parse", "--verify", "--quiet", &format!("{rev}:{SUBMODULE}")]).1;
    let inside = root.join(".git/modules").join(SUBMODULE);
    if !commit.is_empty() && inside.exists() {
        let archive = git_output(&inside, &["archive", "--format=tar", &commit]);
        let archive = archive.status.success().then_some(archive.stdout)?;
        tar::Archive::new(archive.as_slice()).unpack(folder.join(SUBMODULE)).expect("an archive");
    }
    let tree = Files::read(&folder);
    fs::remove_dir_all(&folder).expect("it can go");
    life.is_laid_out(&tree).then_some(tree)
}
