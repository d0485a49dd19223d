//! Clean, dirty and unversioned images, and which tags follow from that, through the real binary.

mod support;

use support::{Checkout, dirty, image, names, texts};

/// The tags of an image without its key's.
fn tags(plan: &serde_json::Value, name: &str) -> Vec<String> {
    texts(&image(plan, name)["tags"]).into_iter().filter(|tag| !tag.starts_with("src-")).collect()
}

/// Asserts that exactly these images are dirty, and that only clean ones have commit tags.
#[track_caller]
fn are_dirty(shop: &Checkout, expected: &[&str]) {
    let plan = shop.plan(&[]);
    let mut found = dirty(&plan);
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(plan["checkout"]["dirty"], !expected.is_empty());
    for name in names(&plan) {
        let has_commit = tags(&plan, &name).contains(&shop.head());
        assert_eq!(has_commit, !expected.contains(&name.as_str()), "{name}: {:?}", tags(&plan, &name));
    }
}

/// What is built from `shared`.
const SHARED: [&str; 5] = ["reports", "service1", "service1-dev", "service2", "shared"];

#[test]
fn an_own_input_makes_the_image_dirty_and_a_dependency_s_all_dependents() {
    let shop = Checkout::shop();
    are_dirty(&shop, &[]);
    shop.write("motd/motd.txt", "edited\n");
    are_dirty(&shop, &["motd"]);
    shop.write("shared/auth.sh", "edited\n");
    are_dirty(&shop, &[&["motd"][..], &SHARED].concat());
    shop.git(&["checkout", "--quiet", "motd"]);
    are_dirty(&shop, &SHARED);
    shop.commit("edited");
    are_dirty(&shop, &[]);
}

#[test]
fn what_no_image_reads_makes_nothing_dirty() {
    let shop = Checkout::shop();
    shop.write("README.md", "unrelated\n");
    shop.write("notes/new.txt", "unrelated\n");
    shop.write("admin/notes/todo.md", "ignored by docker\n");
    are_dirty(&shop, &[]);
    shop.git(&["add", "--all"]);
    are_dirty(&shop, &[]);
    // The same text in another layout is the same image, as far as the Dockerfile goes.
    shop.write(
        "motd/Dockerfile",
        std::fs::read_to_string(shop.root.join("motd/Dockerfile")).expect("text") + "\n# a comment\n",
    );
    are_dirty(&shop, &[]);
}

#[test]
fn untracked_staged_removed_and_renamed_inputs() {
    let shop = Checkout::with(&[
        ("api/Dockerfile", "FROM busybox\nCOPY src /srv\n"),
        ("api/src/a", "a\n"),
        ("web/Dockerfile", "FROM busybox\nCOPY . /srv\n"),
        ("web/b", "b\n"),
    ]);
    shop.write("api/src/new", "new\n");
    are_dirty(&shop, &["api"]);
    shop.git(&["add", "api/src/new"]);
    are_dirty(&shop, &["api"]);
    shop.remove("api/src/new");
    are_dirty(&shop, &[]);
    shop.git(&["reset", "--quiet", "--hard"]);
    shop.write("web/b", "staged\n");
    shop.git(&["add", "web/b"]);
    are_dirty(&shop, &["web"]);
    // Staged, but on disk as it was: the build sees the disk.
    shop.write("web/b", "b\n");
    are_dirty(&shop, &[]);
    shop.git(&["reset", "--quiet", "--hard"]);
    shop.remove("api/src/a");
    shop.write("api/src/b", "a\n");
    are_dirty(&shop, &["api"]);
    shop.git(&["reset", "--quiet", "--hard"]);
    shop.git(&["clean", "-fdq"]);
    are_dirty(&shop, &[]);
    #[cfg(unix)]
    {
        shop.make_executable("web/b");
        are_dirty(&shop, &["web"]);
    }
}

/// Git has no empty folders, so one that is left on disk is no source: nothing of it would be sent.
#[test]
fn an_empty_folder_is_nowhere_in_both_modes() {
    let checkout =
        Checkout::with(&[("api/Dockerfile", "FROM busybox\nCOPY src /srv\n"), ("api/src/a", "a\n")]);
    checkout.remove("api/src/a");
    std::fs::create_dir(checkout.root.join("api/src/deep")).expect("a folder");
    let plan = checkout.plan(&[]);
    assert_eq!(image(&plan, "api")["action"], "blocked");
    checkout.commit("gone");
    for arguments in [&[][..], &["--rev", "main"]] {
        assert_eq!(image(&checkout.plan(arguments), "api")["action"], "blocked", "{arguments:?}");
    }
}

#[test]
fn flags_of_the_index_hide_no_edit() {
    let shop = Checkout::shop();
    for flag in ["--assume-unchanged", "--skip-worktree"] {
        shop.git(&["update-index", flag, "motd/motd.txt"]);
        shop.write("motd/motd.txt", "hidden from git\n");
        assert_eq!(shop.git(&["status", "--porcelain"]), "");
        are_dirty(&shop, &["motd"]);
        shop.git(&["update-index", &flag.replace("--", "--no-"), "motd/motd.txt"]);
        shop.git(&["reset", "--quiet", "--hard"]);
    }
    shop.git(&["config", "core.fileMode", "false"]);
    are_dirty(&shop, &[]);
}

#[test]
fn ignored_inputs_are_unversioned_and_make_nothing_dirty() {
    let shop = Checkout::with(&[
        (".gitignore", "*.jar\nout/\n"),
        ("api/Dockerfile", "FROM busybox\nCOPY . /srv\n"),
        ("api/main", "main\n"),
        ("user/Dockerfile", "FROM shop/api\n"),
    ]);
    let before = shop.keys();
    shop.write("api/app.jar", "bytes\n");
    shop.write("api/out/deep/x.bin", "bytes\n");
    are_dirty(&shop, &[]);
    let plan = shop.plan(&[]);
    assert_eq!(texts(&image(&plan, "api")["unversioned"]), ["api/app.jar", "api/out/deep/x.bin"]);
    assert_ne!(support::keys(&plan), before, "they are inputs all the same");
    // With an edit beside them it is the edit that makes it dirty.
    shop.write("api/main", "edited\n");
    are_dirty(&shop, &["api", "user"]);
    shop.git(&["add", "--force", "api/app.jar"]);
    shop.write("api/main", "main\n");
    are_dirty(&shop, &["api", "user"]);
    let plan = shop.plan(&[]);
    assert_eq!(texts(&image(&plan, "api")["unversioned"]), ["api/out/deep/x.bin"]);
}

#[test]
fn dockerfiles_and_ignore_files_count_as_what_they_say() {
    let shop = Checkout::shop();
    shop.write("motd/Dockerfile", "FROM acme/base\nCOPY motd.txt /other\n");
    are_dirty(&shop, &["motd"]);
    shop.git(&["reset", "--quiet", "--hard"]);
    shop.write("admin/.dockerignore", "");
    are_dirty(&shop, &["admin"]);
    shop.git(&["reset", "--quiet", "--hard"]);
    shop.write("new/Dockerfile", "FROM acme/motd\n");
    are_dirty(&shop, &["new"]);
    shop.git(&["add", "new"]);
    are_dirty(&shop, &["new"]);
}

/// The commit alone does not give what uncommitted settings make.
#[test]
fn an_edit_of_the_settings_makes_dirty_what_it_changes() {
    let shop = Checkout::with(&[
        ("shipwright.toml", "namespace = \"acme\"\n[image.api]\nargs = { V = \"1\" }\n"),
        ("api/Dockerfile", "FROM busybox\nARG V\nRUN echo $V\n"),
        ("user/Dockerfile", "FROM acme/api\n"),
        ("web/Dockerfile", "FROM busybox\n"),
    ]);
    are_dirty(&shop, &[]);
    shop.write("shipwright.toml", "# unchanged\nnamespace = \"acme\"\n[image.api]\nargs = { V = \"1\" }\n");
    are_dirty(&shop, &[]);
    shop.write("shipwright.toml", "namespace = \"acme\"\n[image.api]\nargs = { V = \"2\" }\n");
    are_dirty(&shop, &["api", "user"]);
    shop.write(
        "shipwright.toml",
        "namespace = \"acme\"\nmetadata = \"x\"\n[image.api]\nargs = { V = \"1\" }\n",
    );
    are_dirty(&shop, &["api", "user", "web"]);
    shop.remove("shipwright.toml");
    are_dirty(&shop, &["api", "user"]);
    shop.git(&["reset", "--quiet", "--hard"]);
    shop.write("shipwright.toml", "namespace = \"acme\"\n[image.api]\nargs = { V = \"3\" }\n");
    shop.commit("3");
    are_dirty(&shop, &[]);
    // Settings of the commit that cannot be read give nothing.
    shop.write("shipwright.toml", "namespace = [\n");
    shop.commit("broken");
    shop.write("shipwright.toml", "namespace = \"acme\"\n");
    are_dirty(&shop, &["api", "user", "web"]);
}

#[test]
fn a_merge_in_progress() {
    let shop = Checkout::shop();
    shop.git(&["switch", "--quiet", "--create", "side"]);
    shop.write("motd/motd.txt", "side\n");
    shop.write("shared/auth.sh", "side\n");
    shop.commit("side");
    shop.git(&["switch", "--quiet", "main"]);
    shop.write("motd/motd.txt", "main\n");
    shop.commit("main");
    let merge = std::process::Command::new("git")
        .args(["-c", "user.name=A", "-c", "user.email=a@example.com", "merge", "--quiet", "side"])
        .current_dir(&shop.root)
        .output()
        .expect("git runs");
    assert!(!merge.status.success(), "a conflict");
    let conflicted = [&["motd"][..], &SHARED].concat();
    are_dirty(&shop, &conflicted);
    let plan = shop.plan(&[]);
    assert_eq!(
        image(&plan, "motd")["inputs"]["files"],
        image(&shop.plan(&["--rev", "HEAD"]), "motd")["inputs"]["files"]
    );
    // Taking one side makes that image what HEAD has.
    shop.git(&["checkout", "--quiet", "--ours", "motd/motd.txt"]);
    are_dirty(&shop, &SHARED);
    shop.git(&["add", "--all"]);
    are_dirty(&shop, &SHARED);
    shop.git(&["commit", "--quiet", "--no-edit"]);
    are_dirty(&shop, &[]);
}

#[test]
fn an_unborn_branch_has_no_commit_tags() {
    let shop = Checkout::empty();
    shop.write("Dockerfile", "FROM busybox\n");
    shop.git(&["add", "--all"]);
    let plan = shop.plan(&[]);
    assert_eq!(
        (dirty(&plan), tags(&plan, "shop")),
        (vec!["shop".to_owned()], vec!["main".to_owned(), "latest".to_owned()])
    );
    shop.run(&["plan", "--offline", "--rev", "main"]).exits(2).says("is not a commit");
}

#[test]
fn other_options_than_the_settings_get_no_commit_tags() {
    let shop = Checkout::with(&[("api/Dockerfile", "ARG V=1\nFROM busybox AS one\nRUN echo $V\nFROM one\n")]);
    shop.git(&["tag", "v1"]);
    let head = shop.head();
    let of = |arguments: &[&str]| tags(&shop.plan(arguments), "api");
    assert_eq!(of(&[]), [&head, "v1", "main", "latest"]);
    for arguments in [
        &["--build-arg", "V=2"][..],
        &["--platform", "linux/riscv64"],
        &["--target", "one", "api"],
        &["--build-arg", "V=2", "--rev", "main"],
    ] {
        assert_eq!(of(arguments), ["main", "latest"], "{arguments:?}");
        assert_eq!(dirty(&shop.plan(arguments)), Vec::<String>::new(), "{arguments:?}");
    }
    assert_eq!(of(&["--unhashed-build-arg", "V=2"]), [&head, "v1", "main", "latest"]);
    assert_eq!(of(&["--build-arg", "V=2", "--rev", "v1"]), Vec::<String>::new());
}

#[test]
fn a_selection_is_dirty_only_by_what_it_holds() {
    let shop = Checkout::shop();
    shop.write("shared/auth.sh", "edited\n");
    for (arguments, expected) in [
        (&["motd"][..], &[][..]),
        (&["service1"], &["shared", "service1"]),
        (&["-x", "shared"], &["reports"]),
    ] {
        let plan = shop.plan(arguments);
        assert_eq!(dirty(&plan), expected, "{arguments:?}");
        assert_eq!(plan["checkout"]["dirty"], !expected.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_dirty_submodule_makes_its_images_dirty() {
    let (shop, library) = (Checkout::shop(), Checkout::empty());
    library.write("lib.txt", "one\n");
    library.commit("first");
    shop.git(&["submodule", "--quiet", "add", &library.root.to_string_lossy(), "lib"]);
    shop.write("user/Dockerfile", "FROM busybox\nCOPY lib /lib\nCOPY user/x /\n");
    shop.write("user/x", "x\n");
    shop.commit("With a library");
    are_dirty(&shop, &[]);
    shop.write("lib/lib.txt", "two\n");
    are_dirty(&shop, &["user"]);
    let lib = shop.root.join("lib");
    support::git_in(&lib, &["commit", "--quiet", "--all", "--message", "two"]);
    are_dirty(&shop, &["user"]);
    shop.git(&["add", "lib"]);
    are_dirty(&shop, &["user"]);
    shop.commit("Taken");
    are_dirty(&shop, &[]);
}
