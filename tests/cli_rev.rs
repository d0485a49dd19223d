//! Commit mode (`--rev`): everything comes from git objects, nothing from the work tree.

mod support;

use std::fs;

use serde_json::Value;
use support::{Checkout, dirty, git_in, image, keys, names, text, texts};

const PLAN: [&str; 4] = ["plan", "--offline", "--format", "json"];

fn planned(shop: &Checkout, rev: &str) -> Value {
    shop.plan(&["--rev", rev])
}

fn tags(plan: &Value, name: &str) -> Vec<String> {
    texts(&image(plan, name)["tags"]).into_iter().filter(|tag| !tag.starts_with("src-")).collect()
}

#[test]
fn dockerfiles_settings_ignore_files_and_attributes_are_the_commit_s() {
    let shop = Checkout::with(&[
        ("shipwright.toml", "namespace = \"acme\"\n[names]\n\"api\" = \"server\"\n"),
        ("api/Dockerfile", "FROM busybox\nCOPY . /srv\n"),
        ("api/.dockerignore", "*.log\n"),
        ("api/main.sh", "#!/bin/sh\n"),
        ("api/old.log", "log\n"),
        (".gitattributes", "*.sh eol=crlf\n"),
    ]);
    shop.git(&["rm", "--quiet", "--cached", "-r", "."]);
    shop.git(&["reset", "--quiet", "--hard"]);
    let clean = shop.plan(&[]);
    assert_eq!(image(&clean, "server")["inputs"]["files"], 3);
    for (path, text) in [
        ("shipwright.toml", "namespace = [broken"),
        ("api/Dockerfile", "FROM busybox\nCOPY main.sh /srv\n"),
        ("api/.dockerignore", "*\n"),
        ("api/more", "more\n"),
        (".gitattributes", "*.sh eol=lf\n"),
    ] {
        shop.write(path, text);
        assert_eq!(keys(&planned(&shop, "main")), keys(&clean), "{path}");
    }
    shop.run(&PLAN).exits(2);
    for path in ["shipwright.toml", "api/Dockerfile", "api/.dockerignore", "api/main.sh", ".gitattributes"] {
        shop.remove(path);
    }
    fs::write(shop.root.join("shipwright.toml"), "nonsense").expect("writable");
    let plan = planned(&shop, "main");
    assert_eq!(keys(&plan), keys(&clean));
    assert_eq!((names(&plan), dirty(&plan)), (names(&clean), Vec::new()));
    assert_eq!(plan["checkout"]["dirty"], false);
}

#[test]
fn a_settings_file_that_is_a_link_is_followed() {
    let shop = Checkout::with(&[
        ("conf/settings.toml", "namespace = \"linked\"\n"),
        ("Dockerfile", "FROM busybox\n"),
    ]);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("conf/settings.toml", shop.root.join("shipwright.toml")).expect("a link");
        shop.commit("linked");
        assert_eq!(shop.plan(&[])["namespace"]["value"], "linked");
        assert_eq!(planned(&shop, "HEAD")["namespace"]["value"], "linked");
    }
}

#[test]
fn only_a_branch_s_name_moves_tags() {
    let shop = Checkout::shop();
    shop.git(&["switch", "--quiet", "--create", "feature/login"]);
    shop.write("shared/auth.sh", "true\n");
    shop.commit("Login");
    shop.git(&["tag", "v1.0"]);
    shop.git(&["tag", "--annotate", "--message", "x", "v1.1"]);
    let login = shop.head();
    shop.git(&["switch", "--quiet", "main"]);
    shop.write("motd/motd.txt", "not committed\n");
    let full = shop.git(&["rev-parse", "feature/login"]);

    let plan = planned(&shop, "feature/login");
    assert_eq!(
        (&plan["checkout"]["branch"], &plan["checkout"]["head"]),
        (&"feature/login".into(), &full.as_str().into())
    );
    assert_eq!(tags(&plan, "shared"), [&login, "v1.0", "v1.1", "feature-login", "latest"]);
    assert_eq!(dirty(&plan), Vec::<String>::new());
    let main = shop.head();
    assert_eq!(tags(&plan, "motd"), [&main, &login, "v1.0", "v1.1", "feature-login", "latest"]);
    for rev in ["v1.0", "v1.1", &login, &full, "feature/login~0", "feature/login^{commit}"] {
        let plan = planned(&shop, rev);
        assert_eq!(tags(&plan, "shared"), [&login, "v1.0", "v1.1"], "{rev}");
        assert_eq!(plan["checkout"]["branch"], Value::Null, "{rev}");
    }
    assert_eq!(tags(&planned(&shop, "HEAD"), "motd"), [main.as_str()], "HEAD is no branch's name");
    assert_eq!(
        tags(&shop.plan(&["--rev", "v1.0", "-t", "edge"]), "shared"),
        [&login, "v1.0", "v1.1", "edge"]
    );
    let detached = shop.plan(&["--rev", "feature/login", "-t", "edge"]);
    assert_eq!(tags(&detached, "shared"), [&login, "v1.0", "v1.1", "feature-login", "edge"]);
    // The CI's word is about what is checked out.
    let ci = [
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_REF_TYPE", "branch"),
        ("GITHUB_REF_NAME", "main"),
        ("GITHUB_SHA", &full),
    ];
    let run = shop.run_with(&ci, &[&PLAN[..], &["--rev", &full]].concat()).exits(0);
    assert_eq!(tags(&run.json(), "shared"), [&login, "v1.0", "v1.1"]);
}

/// Git takes a tag before a branch of the same name, so the branch's tag must not land on the tag's content.
#[test]
fn a_git_tag_with_a_branch_s_name_is_no_branch() {
    let shop = Checkout::shop();
    shop.git(&["tag", "release"]);
    shop.git(&["branch", "later"]);
    shop.write("motd/motd.txt", "Later.\n");
    shop.commit("Later");
    shop.git(&["branch", "release"]);
    let plan = planned(&shop, "release");
    assert_eq!(plan["checkout"]["head"], shop.git(&["rev-parse", "refs/tags/release"]).as_str());
    assert_eq!(plan["checkout"]["branch"], Value::Null);
    let plan = planned(&shop, "heads/release");
    assert_eq!(
        (text(&plan["checkout"]["branch"]), text(&plan["checkout"]["head"])[..12].to_owned()),
        ("release".to_owned(), shop.head())
    );
}

#[test]
fn a_revision_that_is_none_is_an_error() {
    let shop = Checkout::shop();
    shop.run(&["plan", "--offline", "--rev="]).exits(2).says("it is empty");
    for rev in ["nope", "main:base", "main:base/Dockerfile", "-x", "a..b", "deadbeef", "main@{99}x"] {
        let run = shop.run(&["plan", "--offline", &format!("--rev={rev}")]).exits(2);
        assert!(run.stderr.contains("is not a commit of this repository"), "{rev}: {}", run.stderr);
        assert_eq!(run.stdout, "");
    }
}

#[test]
fn every_command_that_reads_the_images_takes_it() {
    let shop = Checkout::shop();
    let listed = shop.run(&["images", "--offline"]).exits(0).stdout;
    let graph = shop.run(&["graph", "--offline"]).exits(0).stdout;
    for folder in fs::read_dir(&shop.root).expect("a folder") {
        let path = folder.expect("an entry").path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != ".git") {
            fs::remove_dir_all(path).expect("a folder");
        }
    }
    assert_eq!(shop.run(&["images", "--offline", "--rev", "main"]).exits(0).stdout, listed);
    assert_eq!(shop.run(&["graph", "--offline", "--rev", "main"]).exits(0).stdout, graph);
    assert_eq!(shop.run(&["--rev", "main", "graph", "--offline"]).exits(0).stdout, graph);
    let of_one = shop.run(&["images", "--offline", "--rev", "main", "base/Dockerfile"]).exits(0).stdout;
    assert_eq!(of_one.lines().count(), 1);
    assert_eq!(shop.git(&["diff", "--cached", "--name-only"]), "");
    assert_eq!(shop.git(&["ls-files", "--others"]), "");
}

#[test]
fn excerpts_show_the_commit_s_text() {
    let shop = Checkout::with(&[("api/Dockerfile", "FROM busybox\nFORM nowhere\n")]);
    shop.write("api/Dockerfile", "# everything\n# is\n# different\n");
    let run = shop.run(&["plan", "--offline", "--rev", "main"]).exits(2);
    assert!(run.stderr.contains("FORM nowhere"), "{}", run.stderr);
    assert!(!run.stderr.contains("different"), "{}", run.stderr);
}

#[test]
fn a_bare_repository_has_commits_only() {
    let shop = Checkout::shop();
    let bare = shop.beside("shop.git");
    shop.git(&["clone", "--quiet", "--bare", ".", &bare.to_string_lossy()]);
    git_in(&bare, &["remote", "remove", "origin"]);
    for folder in [bare.clone(), bare.join("refs")] {
        let run = shop.run_in(&folder, &[&PLAN[..], &["--rev", "main"]].concat()).exits(0);
        assert_eq!((keys(&run.json()), &run.json()["checkout"]["name"]), (shop.keys(), &"shop".into()));
        shop.run_in(&folder, &PLAN).exits(2).says("bare repository").says("--rev BRANCH");
    }
}

#[test]
fn lfs_pointers_say_what_to_do_and_stop_only_their_image() {
    let pointer = "version https://git-lfs.github.com/spec/v1\n\
                   oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
    let shop = Checkout::with(&[
        (".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n"),
        ("model/Dockerfile", "FROM busybox\nCOPY . /model\n"),
        ("model/weights.bin", pointer),
        ("model/more.bin", pointer),
        ("user/Dockerfile", "FROM shop/model\n"),
        ("api/Dockerfile", "FROM busybox\nCOPY main /\n"),
        ("api/main", "main\n"),
    ]);
    let run = shop.run(&["plan", "--offline", "--rev", "main"]).exits(2);
    for part in ["model/more.bin", "1 more", "Git LFS", "git lfs pull", "git worktree add"] {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
    let plan = planned(&shop, "main");
    assert_eq!(image(&plan, "model")["action"], "blocked");
    assert_eq!(image(&plan, "api")["key"], image(&shop.plan(&[]), "api")["key"]);
    shop.run(&["plan", "--offline", "--rev", "main", "api"]).exits(0);
    shop.run(&["plan", "--offline", "--rev", "main", "user"]).exits(2);
}

/// A file that only a filter of the user's can write is the same kind of problem; where the filter has no
/// program, git writes the blob as it is.
#[test]
fn files_that_a_program_makes() {
    let shop = Checkout::with(&[
        (".gitattributes", "*.enc filter=secret\n"),
        ("api/Dockerfile", "FROM busybox\nCOPY . /\n"),
        ("api/key.enc", "abc\n"),
    ]);
    assert_eq!(keys(&planned(&shop, "main")), shop.keys());
    shop.git(&["config", "filter.secret.smudge", "tr a-z A-Z"]);
    let run = shop.run(&["plan", "--offline", "--rev", "main"]).exits(2);
    assert!(
        run.stderr.contains("the filter `secret`") && run.stderr.contains("api/key.enc"),
        "{}",
        run.stderr
    );
    // In the work tree nothing of this is a problem, whether something else is dirty or not.
    shop.git(&["config", "filter.secret.clean", "tr A-Z a-z"]);
    shop.git(&["rm", "--quiet", "--cached", "-r", "."]);
    shop.git(&["reset", "--quiet", "--hard"]);
    assert_eq!(fs::read(shop.root.join("api/key.enc")).expect("text"), b"ABC\n");
    // What the repository alone sets is not run, so nothing says that the file is git's.
    assert_eq!(dirty(&shop.plan(&[])), ["api"]);
    let users = "[filter \"secret\"]\nsmudge = tr a-z A-Z\nclean = tr A-Z a-z\n";
    fs::write(shop.beside(".gitconfig"), users).expect("the user's configuration");
    assert_eq!(dirty(&shop.plan(&[])), Vec::<String>::new());
    shop.write("other/Dockerfile", "FROM busybox\n");
    assert_eq!(dirty(&shop.plan(&[])), ["other"]);
    shop.write("api/key.enc", "DEF\n");
    assert_eq!(dirty(&shop.plan(&[])), ["api", "other"]);
}

#[test]
fn a_submodule_that_is_not_here_is_named_where_it_is_needed() {
    let (shop, library) = (Checkout::shop(), Checkout::empty());
    library.write("lib.txt", "one\n");
    library.write("Dockerfile", "FROM busybox\n");
    library.commit("first");
    shop.git(&["submodule", "--quiet", "add", &library.root.to_string_lossy(), "motd/lib"]);
    shop.write("user/Dockerfile", "FROM busybox\nCOPY motd/lib/lib.txt /\nCOPY user/x /\n");
    shop.write("user/x", "x\n");
    shop.write("all/Dockerfile", "FROM busybox\nCOPY motd /\n");
    shop.write("all/Dockerfile.dockerignore", "motd/lib\n");
    shop.commit("With a library");
    let keys_here = shop.keys();
    let clone = shop.beside("clone");
    shop.git(&["clone", "--quiet", ".", &clone.to_string_lossy()]);
    let run = shop.run_in(&clone, &["plan", "--offline", "--rev", "HEAD"]).exits(2);
    for part in ["motd/lib", "submodule", "git submodule update --init 'motd/lib'"] {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
    let plan = shop.run_in(&clone, &[&PLAN[..], &["--rev", "HEAD"]].concat()).json();
    assert_eq!(
        image(&plan, "base")["key"].as_str(),
        keys_here.iter().find(|(name, _)| name == "base").map(|(_, key)| key.as_str())
    );
    let notes: Vec<String> =
        plan["diagnostics"].as_array().expect("a list").iter().map(|d| text(&d["message"])).collect();
    assert!(notes.iter().any(|note| note.contains("its Dockerfiles are not seen")), "{notes:?}");
    // What is ignored is not needed.
    assert_ne!(image(&plan, "all")["action"], "blocked");
    assert_eq!(image(&plan, "user")["action"], "blocked");
    shop.run_in(&clone, &["plan", "--offline", "--rev", "HEAD", "base", "all"]).exits(0);
    git_in(&clone, &["submodule", "--quiet", "update", "--init"]);
    let plan = shop.run_in(&clone, &[&PLAN[..], &["--rev", "HEAD"]].concat()).exits(0).json();
    assert_eq!(keys(&plan), keys_here);
}
