//! Every way in which a git user may have a checkout, through the real binary. `cli_same_key` has the keys of them.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{Checkout, Run, command_in, git_in, image, keys, names, texts};

const PLAN: [&str; 4] = ["plan", "--offline", "--format", "json"];

fn plan_in(shop: &Checkout, folder: &Path) -> Value {
    shop.run_in(folder, &PLAN).exits(0).json()
}

fn moving(plan: &Value, name: &str) -> Vec<String> {
    let is_moving =
        |tag: &String| !tag.starts_with("src-") && tag.bytes().any(|byte| !byte.is_ascii_hexdigit());
    texts(&image(plan, name)["tags"]).into_iter().filter(is_moving).collect()
}

fn cloned(shop: &Checkout, name: &str, options: &[&str]) -> PathBuf {
    let folder = shop.beside(name);
    let (url, path) = (format!("file://{}", shop.root.display()), folder.to_string_lossy().into_owned());
    git_in(&shop.root, &[&["clone", "--quiet"], options, &[&url, &path]].concat());
    folder
}

#[test]
fn a_worktree_has_its_own_branch_from_any_of_its_folders() {
    let shop = Checkout::shop();
    let folder = shop.beside("a work tree");
    shop.git(&["worktree", "add", "--quiet", "-b", "feature/x", &folder.to_string_lossy()]);
    for inside in ["", "shared", "web/pages"] {
        let plan = plan_in(&shop, &folder.join(inside));
        assert_eq!(plan["checkout"]["branch"], "feature/x", "{inside}");
        assert_eq!(plan["checkout"]["name"], "shop", "the main work tree's name");
        assert_eq!(moving(&plan, "base"), ["feature-x", "latest"]);
        assert_eq!(keys(&plan), shop.keys());
    }
    assert_eq!(shop.plan(&[])["checkout"]["branch"], "main");
}

#[test]
fn a_detached_head_has_no_branch() {
    let shop = Checkout::shop();
    shop.git(&["checkout", "--quiet", "--detach"]);
    let plan = shop.plan(&[]);
    assert_eq!(
        (&plan["checkout"]["branch"], moving(&plan, "base")),
        (&Value::Null, vec!["latest".to_owned()])
    );
    assert!(texts(&image(&plan, "base")["tags"]).contains(&shop.head()));
    assert!(shop.run(&["plan", "--offline"]).exits(0).stdout.starts_with("shop · detached · "));
}

#[test]
fn in_the_middle_of_a_rebase_head_is_detached() {
    let shop = Checkout::shop();
    shop.git(&["switch", "--quiet", "--create", "work"]);
    shop.write("motd/motd.txt", "work\n");
    shop.commit("work");
    shop.git(&["-c", "sequence.editor=sed -i 1s/pick/edit/", "rebase", "--quiet", "--interactive", "HEAD~1"]);
    let plan = shop.plan(&[]);
    assert_eq!(plan["checkout"]["branch"], Value::Null);
    shop.git(&["rebase", "--continue"]);
    assert_eq!(shop.plan(&[])["checkout"]["branch"], "work");
}

#[test]
fn an_unborn_branch_can_be_planned_before_its_first_commit() {
    let shop = Checkout::empty();
    shop.write("api/Dockerfile", "FROM busybox\n");
    let plan = shop.plan(&[]);
    assert_eq!((&plan["checkout"]["head"], names(&plan)), (&Value::Null, vec!["api".to_owned()]));
    shop.run(&["plan", "--offline", "--rev", "HEAD"]).exits(2).says("`HEAD` is not a commit");
}

#[test]
fn a_submodule_that_is_not_checked_out_is_an_empty_folder_and_one_that_is_belongs_to_the_checkout() {
    let library = Checkout::with(&[("lib.sh", "true\n"), ("sub/Dockerfile", "FROM busybox\n")]);
    let shop = Checkout::with(&[("api/Dockerfile", "FROM busybox\nCOPY . /srv\n")]);
    shop.git(&["submodule", "--quiet", "add", &library.root.to_string_lossy(), "api/library"]);
    shop.commit("submodule");
    assert_eq!(image(&shop.plan(&[]), "api")["inputs"]["files"], 3);
    let bare = cloned(&shop, "without", &[]);
    assert_eq!(image(&plan_in(&shop, &bare), "api")["inputs"]["files"], 1);
    // Inside, the submodule is a checkout of its own.
    let inside = plan_in(&shop, &shop.root.join("api/library"));
    assert_eq!(names(&inside), ["sub"]);
    assert_eq!(inside["checkout"]["head"], library.git(&["rev-parse", "HEAD"]));
}

#[test]
fn a_partial_clone_gives_the_same_keys() {
    let shop = Checkout::shop();
    shop.git(&["config", "uploadpack.allowFilter", "true"]);
    shop.write("motd/motd.txt", "second\n");
    shop.commit("second");
    let partial = cloned(&shop, "partial", &["--filter=blob:none"]);
    assert_eq!(keys(&plan_in(&shop, &partial)), shop.keys());
    let old = shop.run_in(&partial, &[&PLAN[..], &["--rev", "HEAD~1"]].concat()).exits(2);
    old.says("is not in this repository").says("git fetch --refetch --no-filter");
}

#[test]
fn a_sparse_checkout_warns_of_inputs_that_are_not_there() {
    let shop = Checkout::with(&[
        ("api/Dockerfile", "FROM busybox\nCOPY . /srv\n"),
        ("api/data/a", "1"),
        ("web/Dockerfile", "FROM busybox\nUSER 1\n"),
        ("off/Dockerfile", "FROM busybox\nCOPY . /srv\n"),
    ]);
    let sparse = cloned(&shop, "sparse", &[]);
    git_in(&sparse, &["sparse-checkout", "set", "--no-cone", "/*", "!/api/data", "!/off"]);
    let run = shop
        .run_in(&sparse, &["plan", "--offline"])
        .exits(0)
        .says("api reads api/data/a, which this sparse checkout leaves out")
        .says("git sparse-checkout add 'api/data'");
    assert!(!run.stderr.contains("off"), "{}", run.stderr);
    let plan = plan_in(&shop, &sparse);
    assert_eq!(image(&plan, "api")["dirty"], true, "it is not what the commit says");
    assert_eq!(image(&plan, "web")["dirty"], false);
    assert_eq!(image(&plan, "web")["key"], image(&shop.plan(&[]), "web")["key"]);
}

/// Root alone may give files away; elsewhere this cannot be tried.
#[test]
#[cfg(unix)]
fn somebody_else_s_repository_is_refused_with_the_line_that_git_needs() {
    let shop = Checkout::shop();
    let given = Command::new("chown").args(["-R", "65534:65534"]).arg(&shop.root).status();
    if !given.expect("chown runs").success() {
        return;
    }
    let root = shop.root.to_string_lossy().into_owned();
    shop.run(&PLAN)
        .exits(2)
        .says("belongs to another user")
        .says(&format!("git config --global --add safe.directory '{root}'"));
    fs::write(shop.beside(".gitconfig"), format!("[safe]\n\tdirectory = {root}\n")).expect("a file");
    assert_eq!(names(&shop.run(&PLAN).exits(0).json()).len(), 12);
}

/// Nothing that is called git is in this PATH.
fn without_git(shop: &Checkout, folder: &Path, arguments: &[&str]) -> Run {
    let home = folder.parent().expect("a folder");
    let mut command = command_in(folder, home, arguments);
    Run::of(&command.env("PATH", shop.beside("nowhere")).output().expect("the command runs"))
}

#[test]
fn no_git_executable_is_needed() {
    let shop = Checkout::shop();
    let expected = shop.keys();
    shop.git(&["switch", "--quiet", "--create", "work"]);
    let bare = cloned(&shop, "shop.git", &["--bare"]);
    let planned = without_git(&shop, &shop.root, &PLAN).exits(0);
    assert_eq!((keys(&planned.json()), planned.stderr.as_str()), (expected.clone(), ""));
    assert_eq!(
        keys(&without_git(&shop, &bare, &[&PLAN[..], &["--rev", "main"]].concat()).exits(0).json()),
        expected
    );
    for arguments in [&["affected", "--since", "main"][..], &["images", "--offline"], &["graph", "--offline"]]
    {
        without_git(&shop, &shop.root, arguments).exits(0);
    }
}

#[test]
fn what_only_git_reads_is_named_where_there_is_no_git() {
    let shop = Checkout::shop();
    let reftable = cloned(&shop, "reftable", &["--ref-format=reftable"]);
    assert_eq!(keys(&plan_in(&shop, &reftable)), shop.keys());
    without_git(&shop, &reftable, &PLAN)
        .exits(2)
        .says("the reftable format")
        .says("install the git executable");
}

#[test]
fn variables_that_git_sets_for_hooks_and_tools_point_nowhere_else() {
    let (shop, other) = (Checkout::shop(), Checkout::with(&[("x/Dockerfile", "FROM busybox\n")]));
    let git = other.root.join(".git");
    let index = git.join("index");
    let variables = [
        ("GIT_DIR", git.to_string_lossy()),
        ("GIT_INDEX_FILE", index.to_string_lossy()),
        ("GIT_WORK_TREE", other.root.to_string_lossy()),
    ];
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, &**value)).collect();
    let plan = shop.run_with(&variables, &PLAN).exits(0).json();
    assert_eq!(keys(&plan), shop.keys());
}
