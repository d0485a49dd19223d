//! `shipwright hook` with real pushes to a real bare repository, and real branch switches. What needs an engine is in
//! `engine_hook.rs`.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Parser;
use shipwright::internals::Cli;
use support::{Checkout, Run};

/// A checkout with a remote, and git with `shipwright` in its PATH.
struct Story {
    shop: Checkout,
    remote: PathBuf,
}

impl Story {
    fn new(files: &[(&str, &str)]) -> Self {
        let shop = Checkout::with(files);
        let remote = shop.beside("the remote.git");
        let path = remote.to_string_lossy().into_owned();
        shop.git(&["init", "--quiet", "--bare", "--initial-branch=main", &path]);
        shop.git(&["remote", "add", "origin", &path]);
        Self { shop, remote }
    }

    /// Two images, one from the other, pushed; the hook is installed.
    fn pushed() -> Self {
        let story = Self::new(&[
            ("base/Dockerfile", "FROM busybox\nCOPY a /a\n"),
            ("base/a", "1"),
            ("api/Dockerfile", "FROM acme/base\nCOPY b /b\n"),
            ("api/b", "1"),
            ("tool/Dockerfile", "FROM acme/base\n"),
        ]);
        story.shop.git(&["push", "--quiet", "origin", "main"]);
        story.shop.run(&["hook", "install"]).exits(0);
        story
    }

    fn command(&self, folder: &Path, arguments: &[&str]) -> Command {
        let ours = Path::new(env!("CARGO_BIN_EXE_shipwright")).parent().expect("a folder");
        let path = std::env::var("PATH").expect("a PATH");
        let mut command = Command::new("git");
        command
            .current_dir(folder)
            .env_clear()
            .env("PATH", format!("{}:{path}", ours.display()))
            .env("HOME", self.shop.beside(""))
            .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@example.com")])
            .envs([("GIT_COMMITTER_NAME", "Ada"), ("GIT_COMMITTER_EMAIL", "ada@example.com")])
            .args(["-c", "init.defaultBranch=main"])
            .args(arguments);
        command
    }

    /// Git, with hooks that find `shipwright`.
    fn git(&self, arguments: &[&str]) -> Run {
        self.git_in(&self.shop.root, arguments)
    }

    fn git_in(&self, folder: &Path, arguments: &[&str]) -> Run {
        Run::of(&self.command(folder, arguments).output().expect("git runs"))
    }

    /// What a ref of the remote is on.
    fn at(&self, name: &str) -> Option<String> {
        let run = self.git_in(&self.remote, &["rev-parse", "--quiet", "--verify", name]);
        (run.code == 0).then(|| run.stdout.trim().to_owned())
    }

    fn commit(&self, files: &[(&str, &str)]) {
        for (path, text) in files {
            self.shop.write(path, text);
        }
        self.shop.commit("change");
    }

    fn hook(&self, name: &str) -> PathBuf {
        self.shop.root.join(".git/hooks").join(name)
    }

    /// An executable hook of somebody else.
    fn other_hook(&self, name: &str, body: &str) {
        let path = format!(".git/hooks/{name}");
        self.shop.write(&path, format!("#!/bin/sh\n{body}\n"));
        self.shop.make_executable(&path);
    }
}

#[test]
fn a_mistake_is_refused_with_its_place_until_it_is_mended() {
    let story = Story::pushed();
    let before = story.at("main");
    story.commit(&[("api/Dockerfile", "FROM acme/base\nCOPY b /b\nFORM x\n")]);
    let run = story.git(&["push", "origin", "main"]).exits(1);
    for part in ["unknown instruction: FORM", "api/Dockerfile:3:1", "3 | FORM x", "git push --no-verify"] {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
    assert_eq!(story.at("main"), before);
    story.commit(&[("api/Dockerfile", "FROM acme/base\nCOPY b /b\n")]);
    let run = story.git(&["push", "--quiet", "origin", "main"]).exits(0);
    assert_eq!(
        (run.stdout.as_str(), run.stderr.as_str()),
        ("", ""),
        "nobody notices a push without mistakes"
    );
    assert_ne!(story.at("main"), before);
}

#[test]
fn all_kinds_of_mistakes_are_found() {
    let cases: [(&[(&str, &str)], &str); 6] = [
        (&[("api/Dockerfile", "FROM acme/bsae\n")], "no Dockerfile here builds it"),
        (&[("api/Dockerfile", "FROM acme/base\nCOPY gone /\n")], "there is no `gone`"),
        (&[("api/.dockerignore", "b\n")], "`b` is left out by api/.dockerignore"),
        (&[("base/Dockerfile", "FROM acme/api\n")], "in a loop"),
        (&[("shipwright.toml", "nmespace = 'x'\n")], "did you mean `namespace`"),
        (
            &[
                ("x/web/Dockerfile", "FROM a\n"),
                ("y/web/Dockerfile", "FROM a\n"),
                ("z/Dockerfile", "FROM acme/web\n"),
            ],
            "z/Dockerfile:1",
        ),
    ];
    for (files, expected) in cases {
        let story = Story::pushed();
        story.commit(files);
        story.git(&["push", "origin", "main"]).exits(1).says(expected).says("not pushed: main at");
    }
}

/// Nothing in the pushed commit says any more what the namespace is, but what it begins from does.
#[test]
fn the_only_reference_of_a_checkout_may_be_mistyped() {
    let files = [
        ("base/Dockerfile", "FROM busybox\n"),
        ("api/Dockerfile", "FROM acme/base\n"),
        ("tool/Dockerfile", "FROM busybox\n"),
    ];
    let story = || {
        let story = Story::new(&files);
        story.shop.git(&["push", "--quiet", "origin", "main"]);
        story.shop.run(&["hook", "install"]).exits(0);
        story
    };
    let mistyped = story();
    mistyped.commit(&[("api/Dockerfile", "FROM acme/bsae\n")]);
    let run = mistyped.git(&["push", "origin", "main"]).exits(1).says("api/Dockerfile:1:6").says("acme/base");
    assert!(run.stderr.contains("not pushed: main at"), "{}", run.stderr);
    mistyped.git(&["push", "--no-verify", "--quiet", "origin", "main"]).exits(0);
    mistyped.commit(&[("x", "")]);
    mistyped.git(&["push", "origin", "main"]).exits(0);
    // An image that is built elsewhere from now on, somebody else's, and a published one.
    for reference in ["acme/base", "other/bsae", "acme/bsae:1.2"] {
        let story = story();
        if reference == "acme/base" {
            story.shop.remove("base/Dockerfile");
        }
        story.commit(&[("api/Dockerfile", &format!("FROM {reference}\n"))]);
        story.git(&["push", "origin", "main"]).exits(0);
    }
}

#[test]
fn what_is_no_mistake_of_a_commit_is_not_refused() {
    for files in [
        // Made by a build step.
        [("api/Dockerfile", "FROM acme/base\nCOPY target/app.jar /\n"), (".gitignore", "target\n")],
        // A published image of the same owner.
        [("api/Dockerfile", "FROM acme/other:1.2\n"), ("x", "")],
        // Somebody has to give a value.
        [("api/Dockerfile", "ARG BASE\nFROM $BASE\n"), ("x", "")],
    ] {
        let story = Story::pushed();
        story.commit(&files);
        story.git(&["push", "origin", "main"]).exits(0);
    }
}

#[test]
fn the_pushed_commit_counts_and_not_the_work_tree() {
    let story = Story::pushed();
    story.shop.git(&["switch", "--quiet", "--create", "bad"]);
    story.commit(&[("api/Dockerfile", "FROM\n")]);
    story.shop.git(&["switch", "--quiet", "main"]);
    story.git(&["push", "origin", "bad"]).exits(1).says("api/Dockerfile:1");
    story.shop.write("api/Dockerfile", "NONSENSE\n");
    story.shop.write("new/Dockerfile", "FROM\n");
    story.shop.git(&["commit", "--quiet", "--allow-empty", "--message", "nothing"]);
    story.git(&["push", "origin", "main"]).exits(0);
}

#[test]
fn what_files_say_about_images_is_read_at_the_pushed_commit() {
    let compose = |context: &str| {
        let build = format!(
            "{{context: {context}, dockerfile: {}}}",
            if context == "code" { "../deploy/api/Dockerfile" } else { "Dockerfile" }
        );
        format!("services:\n  api:\n    image: acme/api\n    build: {build}\n")
    };
    let story = Story::new(&[
        ("compose.yaml", &compose("code")),
        ("deploy/api/Dockerfile", "FROM busybox\nCOPY src /src\n"),
        ("code/src/a", "1"),
        ("deploy/src/b", "1"),
    ]);
    story.shop.run(&["hook", "install"]).exits(0);
    story.git(&["push", "origin", "main"]).exits(0);
    // In this commit the context has no such source, whatever the work tree says by now.
    story.commit(&[("compose.yaml", &compose("deploy/api"))]);
    story.shop.write("compose.yaml", compose("code"));
    story.git(&["push", "origin", "main"]).exits(1).says("`src` is not in the build context deploy/api");
    // And the other way round.
    story.commit(&[("compose.yaml", &compose("code"))]);
    story.shop.remove("compose.yaml");
    story.git(&["push", "origin", "main"]).exits(0);
}

#[test]
fn what_the_remote_has_already_is_a_note() {
    let story = Story::pushed();
    story.commit(&[("api/Dockerfile", "FROM acme/base\nCOPY gone /\n")]);
    story.git(&["push", "--no-verify", "--quiet", "origin", "main"]).exits(0);
    story.commit(&[("api/Dockerfile", "# moved\nFROM acme/base\nCOPY gone /\n"), ("api/b", "2")]);
    let run = story.git(&["push", "--quiet", "origin", "main"]).exits(0);
    assert!(run.stderr.contains("an error was there before this push: api/Dockerfile:3"), "{}", run.stderr);

    // A new branch is compared with what the remote's branches have.
    story.shop.git(&["switch", "--quiet", "--create", "feature"]);
    story.commit(&[("api/b", "3")]);
    story.git(&["push", "--quiet", "origin", "feature"]).exits(0).says("there before");
    story.commit(&[("base/Dockerfile", "FROM\n")]);
    let run = story.git(&["push", "--quiet", "origin", "feature"]).exits(1);
    assert!(
        run.stderr.contains("base/Dockerfile:1:1") && !run.stderr.contains("`COPY gone`"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_merge_brings_nothing_that_another_branch_of_the_remote_has() {
    let story = Story::pushed();
    story.shop.git(&["switch", "--quiet", "--create", "feature"]);
    story.commit(&[("api/b", "2")]);
    story.git(&["push", "--quiet", "origin", "feature"]).exits(0);
    story.shop.git(&["switch", "--quiet", "main"]);
    story.commit(&[("old/Dockerfile", "FROM\n")]);
    story.git(&["push", "--no-verify", "--quiet", "origin", "main"]).exits(0);
    story.shop.git(&["switch", "--quiet", "feature"]);
    story.shop.git(&["merge", "--quiet", "--no-edit", "main"]);
    story
        .git(&["push", "--quiet", "origin", "feature"])
        .exits(0)
        .says("there before this push: old/Dockerfile:1");
}

#[test]
fn a_first_push_has_to_be_right_as_a_whole() {
    let story = Story::new(&[("api/Dockerfile", "FROM\n")]);
    story.shop.run(&["hook", "install"]).exits(0);
    story.git(&["push", "origin", "main"]).exits(1).says("api/Dockerfile:1");
    assert_eq!(story.at("main"), None);
}

#[test]
fn tags_are_peeled_and_what_is_no_commit_is_ignored() {
    let story = Story::pushed();
    let blob = story.shop.git(&["rev-parse", "HEAD:api/b"]);
    let tree = story.shop.git(&["rev-parse", "HEAD:api"]);
    story.shop.git(&["tag", "blob", &blob]);
    story.shop.git(&["tag", "tree", &tree]);
    story.shop.git(&["tag", "--annotate", "good", "--message", "good"]);
    story.git(&["push", "origin", "blob", "tree", "good"]).exits(0);
    story.git(&["push", "origin", "--delete", "blob", "tree"]).exits(0);
    story.commit(&[("api/Dockerfile", "FROM\n")]);
    story.shop.git(&["tag", "--annotate", "bad", "--message", "bad"]);
    let run = story.git(&["push", "origin", "bad", "main"]).exits(1);
    assert_eq!(
        run.stderr.matches("api/Dockerfile:1:1").count(),
        1,
        "one commit is looked at once: {}",
        run.stderr
    );
    assert!(
        run.stderr.contains("not pushed: main, bad at") || run.stderr.contains("not pushed: bad, main at")
    );
    // What is there is left alone; the rest goes.
    story.git(&["push", "origin", "--delete", "good"]).exits(0);
}

#[test]
fn two_branches_of_one_image_tag_are_refused_while_one_is_new() {
    let story = Story::pushed();
    story.shop.git(&["branch", "a-b"]);
    story.git(&["push", "origin", "main:a/b"]).exits(1).says("same tag, a-b").says("--no-verify");
    story.git(&["push", "--no-verify", "--quiet", "origin", "main:a/b"]).exits(0);
    story.commit(&[("api/b", "2")]);
    story.git(&["push", "origin", "main:a/b"]).exits(0).says("note: images of a/b and of a-b");
    story.shop.git(&["branch", "--quiet", "-D", "a-b"]);
    story.git(&["push", "origin", ":a/b", "main:a-b"]).exits(0);
}

#[test]
fn a_checkout_without_images_is_left_in_peace() {
    let story = Story::new(&[("readme", "")]);
    story.shop.run(&["hook", "install"]).exits(0);
    story.shop.git(&["branch", "a-b"]);
    let run = story.git(&["push", "--quiet", "origin", "main", "main:a/b"]).exits(0);
    assert_eq!(run.stderr, "");
}

#[test]
fn from_subfolders_worktrees_and_programs_that_set_git_s_variables() {
    let story = Story::pushed();
    let tree = story.shop.beside("a work tree");
    let path = tree.to_string_lossy().into_owned();
    story.shop.git(&["worktree", "add", "--quiet", "-b", "other", &path]);
    fs::write(tree.join("api/Dockerfile"), "FROM\n").expect("written");
    story.git_in(&tree, &["commit", "--quiet", "--all", "--message", "bad"]).exits(0);
    story.git_in(&tree.join("api"), &["push", "origin", "other"]).exits(1).says("api/Dockerfile:1:1");

    let git_dir = story.shop.root.join(".git");
    let index = story.shop.beside("another index");
    let mut command = story.command(&story.shop.beside(""), &["push", "origin", "other"]);
    command.env("GIT_DIR", &git_dir).env("GIT_WORK_TREE", &story.shop.root).env("GIT_INDEX_FILE", &index);
    Run::of(&command.output().expect("git runs")).exits(1).says("api/Dockerfile:1:1");
    let mut command = story.command(&story.shop.root.join("api"), &["push", "--quiet", "origin", "main"]);
    command.env("GIT_DIR", &git_dir).env("GIT_INDEX_FILE", &index).env("GIT_PREFIX", "api/");
    Run::of(&command.output().expect("git runs")).exits(0);

    // A repository that is not around the current folder, which is in another one.
    let elsewhere = Story::new(&[("readme", "")]);
    let git_dir = format!("--git-dir={}", git_dir.display());
    let arguments = [&git_dir, "--work-tree=.", "push", "origin", "other"];
    story.git_in(&elsewhere.shop.root, &arguments).exits(1).says("api/Dockerfile:1:1");
}

#[test]
fn a_hook_that_was_there_is_called_first_and_comes_back_as_it_was() {
    use std::os::unix::fs::PermissionsExt;
    let story = Story::new(&[("readme", "")]);
    let seen = story.shop.beside("what it saw");
    let body = format!("echo \"$# $1 $2\" >'{0}'\ncat >>'{0}'\nexit $(cat '{0}.code')", seen.display());
    story.other_hook("pre-push", &body);
    fs::set_permissions(story.hook("pre-push"), fs::Permissions::from_mode(0o710)).expect("a mode");
    let before = fs::read(story.hook("pre-push")).expect("its bytes");
    let code = story.shop.beside("what it saw.code");
    fs::write(&code, "0").expect("written");
    story.shop.run(&["hook", "install"]).exits(0).says("pre-push.before-shipwright");
    story.shop.run(&["hook", "install", "--mode", "check"]).exits(0).says("installed already");

    story.commit(&[("api/Dockerfile", "FROM\n")]);
    story.git(&["push", "origin", "main"]).exits(1).says("api/Dockerfile:1");
    let head = story.shop.git(&["rev-parse", "HEAD"]);
    let zeros = "0".repeat(40);
    let remote = story.remote.display();
    let expected = format!("2 origin {remote}\nrefs/heads/main {head} refs/heads/main {zeros}\n");
    assert_eq!(fs::read_to_string(&seen).expect("seen"), expected);

    fs::write(&code, "7").expect("written");
    story.commit(&[("api/Dockerfile", "FROM busybox\n")]);
    story.git(&["push", "origin", "main"]).exits(1);
    assert_eq!(story.at("main"), None, "its word still counts");

    story.shop.run(&["hook", "uninstall"]).exits(0).says("is back");
    assert_eq!(fs::read(story.hook("pre-push")).expect("its bytes"), before);
    let mode = fs::metadata(story.hook("pre-push")).expect("its mode").permissions().mode();
    assert_eq!(mode & 0o777, 0o710);
    assert!(!story.hook("pre-push.before-shipwright").exists());
}

/// The manager's script of all hooks looks for the user's under the name that it is called by.
#[test]
fn a_hook_that_goes_by_its_own_name_keeps_it() {
    let dispatch = "user=${0%/*}/../$(basename \"$0\")\n[ ! -f \"$user\" ] || sh -e \"$user\" \"$@\"\n";
    let wrapper = "#!/usr/bin/env sh\n. \"$(dirname \"$0\")/h\"";
    let guarded = "#!/bin/bash\nif [[ ${BASH_SOURCE[0]} == \"$0\" ]]; then sh \"${0%/*}/../pre-push\"; fi";
    for script in [wrapper, guarded] {
        let story = Story::new(&[("base/Dockerfile", "FROM busybox\n"), (".husky/_/.gitignore", "*\n")]);
        story.shop.write(".husky/_/h", dispatch);
        story.shop.write(".husky/_/pre-push", script);
        story.shop.make_executable(".husky/_/pre-push");
        story.shop.write(".husky/pre-push", "echo theirs >&2\nexit 3\n");
        story.shop.git(&["config", "core.hooksPath", ".husky/_"]);
        story.git(&["push", "origin", "main"]).exits(1).says("theirs");
        story.shop.run(&["hook", "install"]).exits(0).says("husky writes .husky/_ anew");
        story.git(&["push", "origin", "main"]).exits(1).says("theirs");
        story.commit(&[(".husky/pre-push", "cat >&2\n"), ("base/Dockerfile", "FROM\n")]);
        let run = story.git(&["push", "origin", "main"]).exits(1).says("base/Dockerfile:1");
        assert!(run.stderr.contains("refs/heads/main"), "{}", run.stderr);
        assert_eq!(story.at("main"), None);
    }
}

#[test]
fn a_hook_that_git_would_not_run_is_kept_and_not_run() {
    let story = Story::new(&[("readme", "")]);
    fs::create_dir_all(story.shop.root.join(".git/hooks")).expect("a folder");
    fs::write(story.hook("pre-push"), "#!/bin/sh\nexit 1\n").expect("written");
    story.shop.run(&["hook", "install"]).exits(0);
    story.git(&["push", "--quiet", "origin", "main"]).exits(0);
    story.shop.run(&["hook", "uninstall"]).exits(0);
    assert_eq!(fs::read_to_string(story.hook("pre-push")).expect("text"), "#!/bin/sh\nexit 1\n");
}

#[test]
fn install_renews_modes_and_leaves_what_the_user_changed() {
    let story = Story::new(&[("readme", "")]);
    story.shop.run(&["hook", "status"]).exits(1);
    story.shop.run(&["hook", "install", "pre-push", "post-checkout"]).exits(0);
    let run = story.shop.run(&["hook", "status"]).exits(0);
    assert!(run.stdout.contains("pre-push        installed in .git/hooks, --mode check\n"), "{}", run.stdout);
    story.shop.run(&["hook", "install", "--mode", "push"]).exits(0).says("--mode push");
    story.shop.run(&["hook", "install"]).exits(0).says("already in .git/hooks, --mode push");
    story.shop.run(&["hook", "install", "post-checkout", "--mode", "push"]).exits(2);

    let mut text = fs::read_to_string(story.hook("pre-push")).expect("a script");
    text.push_str("echo mine\n");
    fs::write(story.hook("pre-push"), &text).expect("written");
    story.shop.run(&["hook", "status"]).exits(1);
    story.shop.run(&["hook", "install", "--mode", "check"]).exits(2).says("was changed").says("--force");
    story.shop.run(&["hook", "uninstall"]).exits(2).says("was changed");
    assert_eq!(fs::read_to_string(story.hook("pre-push")).expect("a script"), text);
    story.shop.run(&["hook", "install", "--force"]).exits(0);
    story.shop.run(&["hook", "uninstall"]).exits(0);
    assert!(!story.hook("pre-push").exists() && !story.hook("post-checkout").exists());
}

#[test]
fn hooks_are_where_git_looks_for_them() {
    let story = Story::new(&[("readme", "")]);
    let shop = &story.shop;
    let tree = shop.beside("tree");
    shop.git(&["worktree", "add", "--quiet", &tree.to_string_lossy()]);
    let installed_in = |folder: &Path| {
        let run = shop.run_in(folder, &["hook", "install"]);
        if run.code != 0 {
            return None;
        }
        let found = story.git_in(folder, &["rev-parse", "--git-path", "hooks/pre-push"]).exits(0);
        let path = folder.join(found.stdout.trim());
        assert!(path.exists(), "{} has none: {run:?}", path.display());
        shop.run_in(folder, &["hook", "uninstall"]).exits(0);
        Some(path)
    };
    let common = installed_in(&shop.root).expect("installed");
    assert_eq!(installed_in(&tree), Some(common), "worktrees share their hooks");
    shop.git(&["config", "core.hooksPath", ".githooks"]);
    assert_eq!(installed_in(&shop.root), Some(shop.root.join(".githooks/pre-push")));
    assert_eq!(installed_in(&tree), Some(tree.join(".githooks/pre-push")));
    shop.git(&["config", "core.hooksPath", "~/shop/in home"]);
    assert_eq!(installed_in(&shop.root), Some(shop.root.join("in home/pre-push")));
    shop.git(&["config", "extensions.worktreeConfig", "true"]);
    story.git_in(&tree, &["config", "--worktree", "core.hooksPath", "own"]).exits(0);
    assert_eq!(installed_in(&tree), Some(tree.join("own/pre-push")));
    for outside in ["~/global", "../shop-hooks", "/dev/null"] {
        shop.git(&["config", "core.hooksPath", outside]);
        assert_eq!(installed_in(&shop.root), None, "{outside}");
        shop.run(&["hook", "install"])
            .exits(2)
            .says("other repositories")
            .says("shipwright hook run pre-push");
    }
}

#[test]
fn without_shipwright_only_images_that_must_be_pushed_stop_a_push() {
    let story = Story::pushed();
    let bare = |arguments: &[&str]| {
        let mut command = story.command(&story.shop.root, arguments);
        command.env("PATH", std::env::var("PATH").expect("a PATH"));
        Run::of(&command.output().expect("git runs"))
    };
    story.shop.run(&["hook", "install", "pre-push", "post-checkout"]).exits(0);
    bare(&["switch", "--create", "feature"]).exits(0).says("shipwright is not in PATH");
    story.commit(&[("api/b", "2")]);
    bare(&["push", "origin", "feature"]).exits(0).says("not in PATH: the pushed commits are not checked");
    story.shop.run(&["hook", "install", "--mode", "push"]).exits(0);
    story.commit(&[("api/b", "3")]);
    bare(&["push", "origin", "feature"]).exits(1).says("git push --no-verify");
}

fn with_input(mut command: Command, input: &str) -> Run {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it runs");
    child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("written");
    Run::of(&child.wait_with_output().expect("it ends"))
}

#[test]
fn under_pre_commit_the_environment_tells_what_is_pushed() {
    let story = Story::pushed();
    let from = story.shop.git(&["rev-parse", "HEAD"]);
    story.commit(&[("api/Dockerfile", "FROM\n")]);
    let to = story.shop.git(&["rev-parse", "HEAD"]);
    let common = [
        ("PRE_COMMIT", "1"),
        ("PRE_COMMIT_REMOTE_NAME", "origin"),
        ("PRE_COMMIT_REMOTE_BRANCH", "refs/heads/main"),
    ];
    let run = |more: &[(&str, &str)]| {
        story.shop.run_with(&[&common[..], more].concat(), &["hook", "run", "pre-push"])
    };
    run(&[("PRE_COMMIT_FROM_REF", &from), ("PRE_COMMIT_TO_REF", &to)]).exits(1).says("not pushed: main at");
    run(&[("PRE_COMMIT_FROM_REF", &to), ("PRE_COMMIT_TO_REF", &to)]).exits(0).says("there before");
    run(&[("PRE_COMMIT_LOCAL_BRANCH", "refs/heads/main")]).exits(1);
    // A push of a hook of pre-commit's is git's own again.
    let mut command = story.shop.command(&["hook", "run", "pre-push", "--", "origin", "url"]);
    command.envs(common).env("PRE_COMMIT_TO_REF", &to);
    with_input(command, &format!("refs/heads/main {from} refs/heads/main {}\n", "0".repeat(40))).exits(0);

    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".pre-commit-hooks.yaml"));
    let manifest = manifest.expect("a manifest");
    for line in ["language: system", "stages: [pre-push]", "pass_filenames: false", "always_run: true"] {
        assert!(manifest.contains(line), "{line}");
    }
    let entry = manifest.lines().find_map(|line| line.trim().strip_prefix("entry: ")).expect("an entry");
    Cli::try_parse_from(entry.split(' ')).expect("a command line");
}

#[test]
fn what_git_would_not_say_is_a_mistake_of_the_caller() {
    let story = Story::pushed();
    let command = || story.shop.command(&["hook", "run", "pre-push", "origin", "url"]);
    with_input(command(), "\u{1b}[31m nonsense\n").exits(2).says("is not a line").shows_nothing_raw();
    with_input(command(), "").exits(0);
}

#[test]
fn what_cannot_be_read_stops_no_push() {
    let story = Story::pushed();
    story.commit(&[("api/Dockerfile", "FROM\n")]);
    let tree = story.shop.git(&["rev-parse", "HEAD:api"]);
    let object = story.shop.root.join(".git/objects").join(&tree[..2]).join(&tree[2..]);
    fs::remove_file(&object).expect("an object");
    // It knows trees too.
    story.shop.remove(".git/index");
    let id = story.shop.git(&["rev-parse", "HEAD"]);
    let line = format!("refs/heads/main {id} refs/heads/main {}\n", "0".repeat(40));
    let command =
        |mode| story.shop.command(&["hook", "run", "pre-push", "--mode", mode, "--", "origin", "url"]);
    with_input(command("check"), &line).exits(0).says("warning: ").says("not checked");
    assert_ne!(with_input(command("build"), &line).code, 0);
}

#[test]
fn a_branch_switch_succeeds_with_a_line_at_most() {
    let story = Story::pushed();
    story.shop.run(&["hook", "install", "post-checkout"]).exits(0);
    let quiet = |arguments: &[&str]| {
        let run = story.git(arguments).exits(0);
        assert_eq!(run.stderr, "", "{arguments:?}");
    };
    let run = story.git(&["switch", "--quiet", "--create", "feature"]).exits(0);
    assert!(run.stderr.starts_with("shipwright: no image tag is moved: "), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    quiet(&["switch", "--quiet", "feature"]);
    quiet(&["checkout", "--quiet", "HEAD", "--", "api/b"]);
    quiet(&["checkout", "--quiet", "--detach"]);
    quiet(&["worktree", "add", "--quiet", "../another"]);
    let hooks = format!("core.hooksPath={}", story.hook("").display());
    quiet(&["clone", "--quiet", "--config", &hooks, ".", "../clone"]);
    story.commit(&[("api/Dockerfile", "FROM\n")]);
    story.shop.git(&["branch", "broken"]);
    let run = story.git(&["switch", "--quiet", "broken"]).exits(0);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    quiet(&["rebase", "--quiet", "main"]);
}

/// An engine that takes connections and says `answer` to each, then nothing more. Gives where it listens.
fn silent_engine(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for mut stream in listener.incoming().flatten() {
            // The rest of the request does not matter.
            let _ = stream.read(&mut [0; 1024]).and_then(|_| stream.write_all(answer.as_bytes()));
            open.push(stream);
        }
    });
    format!("tcp://{address}")
}

#[test]
fn an_engine_that_says_nothing_holds_no_switch_up() {
    let version = r#"{"Version":"26.1.5","ApiVersion":"1.45","Os":"linux","Arch":"amd64"}"#;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length:";
    let version = format!("{head} {}\r\n\r\n{version}", version.len());
    let asked = [(String::new(), "to say its version"), (version, "to inspect acme/")];
    let switches = asked.map(|(answer, question)| {
        std::thread::spawn(move || {
            let story = Story::pushed();
            story.shop.run(&["hook", "install", "post-checkout"]).exits(0);
            let mut command = story.command(&story.shop.root, &["switch", "--quiet", "--create", "feature"]);
            command.env("DOCKER_HOST", silent_engine(answer));
            let run = Run::of(&command.output().expect("git runs")).exits(0);
            let said = format!(
                "shipwright: no image tag is moved: the engine did not answer for 10 s when asked {question}"
            );
            assert!(run.stderr.starts_with(&said) && run.stderr.lines().count() == 1, "{}", run.stderr);
        })
    });
    for switch in switches {
        switch.join().expect("it is not held up");
    }
}

#[test]
fn a_hook_that_fails_after_a_switch_keeps_its_word() {
    let story = Story::pushed();
    story.other_hook("post-checkout", "exit 5");
    let alone = story.git(&["switch", "--quiet", "--create", "one"]);
    assert_ne!(alone.code, 0);
    story.shop.run(&["hook", "install", "post-checkout"]).exits(0);
    story.git(&["switch", "--quiet", "--create", "two"]).exits(alone.code);
}

/// Git calls the hook: its user can commit something, and cannot add an option.
#[test]
fn what_the_hook_says_to_do_can_be_done_in_a_hook() {
    let story = Story::pushed();
    story.shop.run(&["hook", "install", "--mode", "push"]).exits(0);
    story.shop.write("base/a", "2");
    story.shop.commit("change");
    let run = story.git(&["push", "origin", "main"]).exits(1).says("nothing says which registry");
    let run =
        run.says("commit `registry = \"HOST\"` in shipwright.toml").says("push again when that is fixed");
    assert!(!run.stderr.contains("--registry"), "{}", run.stderr);
    story.shop.run(&["push"]).exits(2).says("or --registry HOST");

    let guessed = Story::new(&[("api/Dockerfile", "FROM busybox\n")]);
    guessed.shop.write("shipwright.toml", "registry = [\"127.0.0.1:1\"]\n");
    guessed.shop.commit("a registry");
    guessed.shop.run(&["hook", "install", "--mode", "push"]).exits(0);
    let run = guessed.git(&["push", "origin", "main"]).exits(1).says("which namespace to publish under");
    let run = run.says("commit `namespace = ");
    assert!(!run.stderr.contains("--namespace"), "{}", run.stderr);
}
