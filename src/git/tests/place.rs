//! Which folder is the work tree: wherever a checkout was copied, moved or mounted, the one that git would name.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::git::repository::executable;
use crate::git::testing::TestRepository;
use crate::git::{Checkout, FileTree, Snapshot};

/// `git rev-parse --show-toplevel`.
fn asked(folder: &Path) -> PathBuf {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(["rev-parse", "--show-toplevel"]);
    for name in executable::REDIRECTIONS {
        command.env_remove(name);
    }
    let output = command.env("GIT_CONFIG_GLOBAL", "/dev/null").output().expect("git runs");
    assert!(output.status.success(), "{folder:?}: {}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8(output.stdout).expect("text").trim_end())
}

fn shell(repository: &TestRepository, script: &str) {
    let beside = repository.beside("");
    let mut command = Command::new("sh");
    command.args(["-ec", script]).current_dir(&beside);
    for name in executable::REDIRECTIONS {
        command.env_remove(name);
    }
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_COUNT", "1");
    command.env("GIT_CONFIG_KEY_0", "protocol.file.allow").env("GIT_CONFIG_VALUE_0", "always");
    let output = command.output().expect("sh runs");
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Two commits, the second of which is not in the linked work tree `wt` beside the repository.
fn repository() -> TestRepository {
    let repository = TestRepository::new();
    repository.write("sub/file", "first");
    repository.commit("first");
    shell(&repository, "git -C checkout worktree add --quiet -b side ../wt");
    repository
}

/// What is done beside the checkout, and where the command is run then.
const PLACES: [(&str, &str, &str); 22] = [
    ("the main work tree", "true", "checkout/sub"),
    ("a linked one", "true", "wt/sub"),
    ("a copy of a linked one", "cp -a wt copy", "copy/sub"),
    ("a copy whose first is gone", "cp -a wt copy; rm -r wt", "copy"),
    ("a moved one", "mv wt moved", "moved/sub"),
    ("a moved one, and another in its place", "mv wt moved; mkdir wt; cp moved/.git wt", "moved/sub"),
    ("a copy inside of the main one", "cp -a wt checkout/inside", "checkout/inside/sub"),
    ("a copy of the main one", "cp -a checkout copy", "copy/sub"),
    ("a moved main one", "mv checkout moved", "moved/sub"),
    ("a link to a linked one", "ln -s wt link", "link/sub"),
    ("relative pointers", "echo gitdir: ../checkout/.git/worktrees/wt > wt/.git", "wt/sub"),
    (
        "relative pointers both ways",
        "echo gitdir: ../checkout/.git/worktrees/wt > wt/.git
         echo ../../../../wt/.git > checkout/.git/worktrees/wt/gitdir",
        "wt/sub",
    ),
    (
        "relative pointers, all of it moved",
        "echo gitdir: ../checkout/.git/worktrees/wt > wt/.git
         echo ../../../../wt/.git > checkout/.git/worktrees/wt/gitdir
         mkdir all; mv checkout wt all",
        "all/wt/sub",
    ),
    ("a git folder elsewhere", "mv checkout/.git git; echo gitdir: ../git > checkout/.git", "checkout/sub"),
    ("a link for a git folder", "mv checkout/.git git; ln -s ../git checkout/.git", "checkout/sub"),
    (
        "a work tree by configuration",
        "mkdir -p tree/sub; git -C checkout config core.worktree ../../tree",
        "checkout/sub",
    ),
    (
        "a work tree by configuration, not for linked ones",
        "mkdir tree; git -C checkout config core.worktree ../../tree",
        "wt/sub",
    ),
    (
        "a work tree by the configuration of a linked one",
        "mkdir tree; git -C checkout config extensions.worktreeConfig true
         git -C wt config --worktree core.worktree \"$PWD/tree\"",
        "wt/sub",
    ),
    (
        "a submodule",
        "git clone --quiet checkout lib; git -C checkout submodule --quiet add ../lib deps/lib",
        "checkout/deps/lib/sub",
    ),
    (
        "a submodule of a copy",
        "git clone --quiet checkout lib; git -C checkout submodule --quiet add ../lib deps/lib; cp -a checkout copy",
        "copy/deps/lib/sub",
    ),
    (
        "a submodule of a moved checkout",
        "git clone --quiet checkout lib; git -C checkout submodule --quiet add ../lib deps/lib; mv checkout moved",
        "moved/deps/lib/sub",
    ),
    (
        "a linked one of a bare repository",
        "git clone --quiet --bare checkout bare; git -C bare worktree add --quiet ../of; cp -a of copy",
        "copy/sub",
    ),
];

#[test]
fn the_work_tree_is_the_one_that_git_names() {
    for (what, script, start) in PLACES {
        let repository = repository();
        shell(&repository, script);
        let start = repository.beside(start);
        let expected = asked(&start);
        let checkout = Checkout::discover(&start).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(checkout.root(), expected, "{what}");
    }
}

#[test]
fn a_copied_worktree_has_the_files_that_stand_in_it() {
    let repository = repository();
    shell(&repository, "cp -a wt copy; echo other > copy/sub/file; echo new > copy/new; echo x > wt/x");
    let checkout = Checkout::discover(&repository.beside("copy")).expect("found");
    let tree = checkout.work_tree().expect("readable");
    let paths: Vec<String> = tree.nodes().iter().map(|node| node.path.to_text()).collect();
    assert_eq!(paths, ["new", "sub/file"]);
    assert_eq!(tree.read(&"sub/file".into(), u64::MAX).expect("readable"), b"other\n");
    assert_eq!(checkout.head().branch.as_deref(), Some("side"));
}

#[test]
fn relative_pointers_that_need_a_new_git_are_read() {
    let repository = repository();
    shell(
        &repository,
        "echo gitdir: ../checkout/.git/worktrees/wt > wt/.git
         echo ../../../../wt/.git > checkout/.git/worktrees/wt/gitdir
         git -C checkout config core.repositoryFormatVersion 1
         git -C checkout config extensions.relativeWorktrees true; cp -a wt copy",
    );
    for folder in ["wt", "copy"] {
        let folder = repository.beside(folder);
        assert_eq!(Checkout::discover(&folder.join("sub")).expect("found").root(), folder);
    }
}

#[test]
fn from_the_folder_of_a_worktree_in_git_s_own_the_work_tree_is_found_only_if_it_leads_back() {
    let repository = repository();
    let inside = repository.path(".git/worktrees/wt");
    assert_eq!(Checkout::discover(&inside).expect("found").root(), repository.beside("wt"));
    shell(&repository, "mv wt moved; mkdir wt");
    let checkout = Checkout::discover(&inside).expect("found");
    assert!(checkout.work_tree().is_err(), "it is not known where");
}

#[test]
fn a_bare_repository_in_a_work_tree_is_not_entered() {
    for settings in ["core.bare true", "core.bare false", "core.worktree /"] {
        let repository = repository();
        shell(
            &repository,
            &format!(
                "git clone --quiet --bare checkout checkout/docs; git --git-dir checkout/docs config {settings}"
            ),
        );
        for inside in ["docs", "docs/objects", "docs/refs/heads"] {
            let checkout = Checkout::discover(&repository.path(inside)).expect("found");
            assert_eq!(checkout.root(), repository.root(), "{settings} in {inside}");
        }
    }
    // Git's own folder is no such folder.
    let repository = repository();
    let inside = repository.path(".git/objects");
    assert_eq!(Checkout::discover(&inside).expect("found").git_dir(), repository.path(".git"));
}

/// The variables of a hook are no answer where a folder has its own repository, and the only one where it has none.
/// The test runs itself with them.
#[test]
fn variables_name_the_work_tree_where_there_is_no_other() {
    let repository = repository();
    shell(&repository, "mkdir -p tree/sub; mv checkout/.git git");
    let (git, tree) = (repository.beside("git"), repository.beside("tree"));
    let user = crate::git::UserFolders {
        repository: Some((git.clone(), tree.clone())),
        ..crate::git::UserFolders::default()
    };
    let find = |folder: &Path| Checkout::discover_for(folder, user.clone());
    let checkout = find(&tree.join("sub")).expect("found");
    assert_eq!((checkout.root(), checkout.git_dir()), (tree.as_path(), git.as_path()));
    assert_eq!(
        find(&repository.beside("wt")).map(|found| found.root().to_owned()).ok(),
        None,
        "a broken one"
    );
    shell(&repository, "rm wt/.git; git init --quiet wt");
    assert_eq!(find(&repository.beside("wt")).expect("found").root(), repository.beside("wt"));
    assert!(find(&repository.beside("checkout")).is_err(), "the variables mean another folder");
}
