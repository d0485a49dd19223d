use std::path::Path;

use crate::git::testing::TestRepository;
use crate::git::{Checkout, CheckoutError, PathPattern, Pathspecs, Questions, Snapshot};

fn error(path: &Path) -> CheckoutError {
    Checkout::discover(path).err().expect("an error")
}

#[test]
fn any_folder_of_the_checkout_finds_it() {
    let repository = TestRepository::new();
    repository.write("a/b/c.txt", "c");
    let checkout = Checkout::discover(&repository.path("a/b")).expect("found");
    assert_eq!(checkout.root(), repository.root());
    assert_eq!(checkout.git_dir(), repository.path(".git"));
    assert_eq!(checkout.name(), "checkout");
    assert_eq!(Checkout::discover(&repository.path(".git")).expect("found").root(), repository.root());
}

/// Git sets these for its hooks; they must not lead anywhere else. The test runs itself with them.
#[test]
fn variables_of_the_environment_do_not_confuse() {
    let name = "checkout::tests::discover::any_folder_of_the_checkout_finds_it";
    let status = std::process::Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", name])
        .env("GIT_DIR", "/nonexistent/.git")
        .env("GIT_WORK_TREE", "/nonexistent")
        .env("GIT_INDEX_FILE", "/nonexistent/index")
        .env("GIT_CEILING_DIRECTORIES", "/")
        .stdout(std::process::Stdio::null())
        .status();
    assert!(status.expect("it runs").success());
}

#[test]
fn checkouts_and_trees_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Checkout>();
    shared::<crate::git::WorkTree>();
    shared::<crate::git::CommitTree>();
}

#[test]
fn a_linked_worktree_is_a_checkout_of_its_own() {
    let repository = TestRepository::new();
    repository.write("a", "a");
    repository.commit("first");
    let other = repository.beside("other");
    repository.git(["worktree", "add", "--quiet", "-b", "feature/x", other.to_str().expect("text")]);
    std::fs::create_dir(other.join("sub")).expect("writable");
    let checkout = Checkout::discover(&other.join("sub")).expect("found");
    assert_eq!(checkout.root(), other);
    assert_eq!(checkout.common_dir(), repository.path(".git"));
    assert_eq!(checkout.git_dir(), repository.path(".git/worktrees/other"));
    assert_eq!(checkout.name(), "checkout", "the main worktree's folder");
    assert_eq!(checkout.head().branch.as_deref(), Some("feature/x"));
    assert_eq!(checkout.work_tree().expect("readable").nodes().len(), 1);
}

#[test]
fn worktrees_of_a_bare_repository_have_its_name() {
    let repository = TestRepository::new();
    repository.write("a", "a");
    repository.commit("first");
    let (bare, tree) = (repository.beside("shop.git"), repository.beside("tree"));
    repository.git(["clone", "--quiet", "--bare", ".", bare.to_str().expect("text")]);
    repository.git_in(&bare, ["remote", "remove", "origin"]);
    repository.git_in(&bare, ["worktree", "add", "--quiet", "-b", "x", tree.to_str().expect("text")]);
    assert_eq!(Checkout::discover(&tree).expect("found").name(), "shop");
    let checkout = Checkout::discover(&bare).expect("commits can be read");
    let head = checkout.head().commit.expect("born");
    assert_eq!(checkout.name(), "shop");
    assert_eq!(checkout.commit_tree(head).expect("objects").nodes().len(), 1);
    let Err(error) = checkout.work_tree() else { panic!("a bare repository has no work tree") };
    assert!(matches!(error, CheckoutError::Bare(_)));
    assert!(error.hint().is_some_and(|hint| hint.contains("--rev")));
}

#[test]
fn inside_a_submodule_the_submodule_is_the_checkout() {
    let repository = TestRepository::new();
    let library = TestRepository::new();
    library.write("lib.c", "c");
    library.commit("library");
    repository.git(["submodule", "--quiet", "add", library.root().to_str().expect("text"), "deps/lib"]);
    let checkout = Checkout::discover(&repository.path("deps/lib")).expect("found");
    assert_eq!(checkout.root(), repository.path("deps/lib"));
}

#[test]
fn errors_have_names_and_hints() {
    let folder = TestRepository::without_git();
    let error = error(folder.root());
    assert!(matches!(error, CheckoutError::NotARepository(_)), "{error}");
    assert!(error.hint().is_some());
    assert!(matches!(super::discover::error(&folder.path("absent")), CheckoutError::Io { .. }));
}

#[cfg(unix)]
#[test]
fn a_repository_of_another_user_is_refused_unless_it_is_safe() {
    let repository = TestRepository::new();
    for path in [repository.path(""), repository.path(".git")] {
        // Only root can give files away.
        if std::os::unix::fs::chown(path, Some(4242), Some(4242)).is_err() {
            return;
        }
    }
    let error = error(repository.root());
    assert!(matches!(&error, CheckoutError::Unsafe(path) if path == repository.root()), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("safe.directory")));
}

#[test]
fn sha256_is_not_supported() {
    let folder = TestRepository::without_git();
    folder.git(["init", "--quiet", "--object-format=sha256"]);
    let error = error(folder.root());
    assert!(matches!(&error, CheckoutError::Unsupported { what, .. } if what.contains("sha256")), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("SHA-1")));
}

#[test]
fn what_libgit2_cannot_open_is_read_with_the_git_executable() {
    let folder = TestRepository::without_git();
    folder.git(["init", "--quiet", "--ref-format=reftable", "-b", "main"]);
    let unborn = folder.checkout();
    assert_eq!((unborn.head().commit, unborn.head().branch.as_deref()), (None, Some("main")));
    folder.write("a/b", "1");
    let first = folder.commit("first");
    folder.git(["tag", "-m", "x", "v1"]);
    folder.write("c", "2");
    let second = folder.commit("second");
    folder.git(["branch", "feature/x"]);
    let checkout = folder.checkout();
    let head = checkout.head().commit.expect("born");
    assert_eq!(head.to_string(), second);
    assert_eq!(checkout.head().default_branch.as_deref(), Some("main"));
    let first = checkout.resolve("v1").map(|commit| (commit, commit.to_string() == first)).expect("resolved");
    assert!(first.1);
    assert_eq!(checkout.tags_at(first.0).expect("tags"), ["v1"]);
    assert!(checkout.is_ancestor(first.0, head).expect("history"));
    assert!(checkout.is_branch("feature/x") && !checkout.is_branch("v1"));
    let query = Pathspecs { paths: vec![PathPattern::Path("a".into())] };
    assert_eq!(checkout.revisions(head, &Questions::new(vec![query])).expect("history"), [Some(first.0)]);
    assert_eq!(checkout.commit_tree(head).expect("tree").nodes().len(), 2);
    assert_eq!(checkout.work_tree().expect("work tree").nodes().len(), 2);
    assert!(matches!(checkout.resolve("nope"), Err(CheckoutError::UnknownRevision(_))));
}

#[test]
fn a_partial_clone_is_read() {
    let origin = TestRepository::new();
    origin.write("a", "1");
    origin.commit("first");
    origin.git(["config", "uploadpack.allowFilter", "true"]);
    let clone = origin.beside("clone");
    let url = format!("file://{}", origin.root().display());
    origin.git(["clone", "--quiet", "--filter=blob:none", &url, clone.to_str().expect("text")]);
    let checkout = Checkout::discover(&clone).expect("found");
    assert_eq!(checkout.name(), "checkout");
    assert_eq!(checkout.head().branch.as_deref(), Some("main"));
    let head = checkout.head().commit.expect("born");
    assert_eq!(checkout.commit_tree(head).expect("trees are here").nodes().len(), 1);
}

#[test]
fn head() {
    let repository = TestRepository::new();
    repository.git(["symbolic-ref", "HEAD", "refs/heads/feature/new"]);
    let head = repository.checkout().head().clone();
    assert_eq!((head.commit, head.branch.as_deref()), (None, Some("feature/new")));
    assert_eq!(head.default_branch, None);

    let first = repository.commit("first");
    repository.git(["branch", "master"]);
    let head = repository.checkout().head().clone();
    assert_eq!(head.commit.map(|commit| commit.to_string()), Some(first));
    assert_eq!(head.default_branch.as_deref(), Some("master"));
    repository.git(["branch", "main"]);
    assert_eq!(repository.checkout().head().default_branch.as_deref(), Some("main"));

    repository.git(["checkout", "--quiet", "--detach"]);
    let head = repository.checkout().head().clone();
    assert_eq!(head.branch, None);
    assert!(head.commit.is_some());

    repository.git(["update-ref", "refs/remotes/origin/trunk", "HEAD"]);
    repository.git(["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk"]);
    assert_eq!(repository.checkout().head().default_branch.as_deref(), Some("trunk"));
}

#[test]
fn origin_gives_the_name_and_loses_its_password() {
    let repository = TestRepository::new();
    repository.git(["remote", "add", "origin", "https://me:secret@example.com/acme/shop.git"]);
    let checkout = repository.checkout();
    assert_eq!(checkout.name(), "shop");
    assert_eq!(checkout.origin_url(), Some("https://example.com/acme/shop.git"));
}

#[test]
fn tags_times_ancestors_and_revisions() {
    let repository = TestRepository::new();
    let first = repository.commit("first").parse().expect("a commit");
    repository.git(["tag", "v1"]);
    repository.git(["tag", "-a", "-m", "annotated", "release/1.0"]);
    repository.git(["tag", "-a", "-m", "of a tag", "twice", "release/1.0"]);
    let second = repository.commit("second").parse().expect("a commit");
    repository.git(["tag", "v2"]);
    for packed in [false, true] {
        if packed {
            repository.git(["pack-refs", "--all"]);
        }
        let checkout = repository.checkout();
        assert_eq!(checkout.tags_at(first).expect("tags"), ["release/1.0", "twice", "v1"]);
        assert_eq!(checkout.tags_at(second).expect("tags"), ["v2"]);
    }
    let checkout = repository.checkout();
    assert!(checkout.is_ancestor(first, second).expect("history"));
    assert!(checkout.is_ancestor(first, first).expect("history"));
    assert!(!checkout.is_ancestor(second, first).expect("history"));
    let unknown = crate::git::CommitId::new([7; 20]);
    assert!(!checkout.is_ancestor(unknown, first).expect("history"));
    assert_eq!(checkout.resolve("HEAD~1").expect("resolved"), first);
    assert_eq!(checkout.resolve("release/1.0").expect("resolved"), first);
    assert!(matches!(checkout.resolve("nope"), Err(CheckoutError::UnknownRevision(_))));
    assert!(matches!(checkout.resolve("HEAD:"), Err(CheckoutError::UnknownRevision(_))), "a tree");
    assert!(checkout.is_branch("main"));
    assert!(!checkout.is_branch("HEAD") && !checkout.is_branch("v1"));
    let time = repository.git(["log", "-1", "--format=%ct"]);
    assert_eq!(checkout.commit_time(second).expect("a commit").to_string(), time);
}
