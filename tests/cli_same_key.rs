//! The same content gives the same key everywhere, through the real binary: one test for each place or
//! circumstance that must not matter.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Checkout, Run, git_in, keys};

type Keys = Vec<(String, String)>;

const PLAN: [&str; 4] = ["plan", "--offline", "--format", "json"];

/// The shop, with what makes files differ between machines: modes, links, folders, odd names, line ends.
fn shop() -> Checkout {
    let shop = Checkout::shop();
    shop.write("kinds/Dockerfile", "FROM acme/base\nCOPY . /srv\nRUN --mount=type=bind,target=/x true\n");
    shop.write("kinds/run.sh", "#!/bin/sh\n");
    shop.write("kinds/with space and ü", "x\r\ny\n");
    shop.write("kinds/deep/er/file", "$Id$\n");
    shop.write("kinds/empty", "");
    shop.write("kinds/hollow/skipped", "x\n");
    shop.write("kinds/.dockerignore", "hollow/*\ncache/*\n");
    #[cfg(unix)]
    {
        shop.make_executable("kinds/run.sh");
        std::os::unix::fs::symlink("run.sh", shop.root.join("kinds/link")).expect("a link");
        std::os::unix::fs::symlink("nowhere", shop.root.join("kinds/dangling")).expect("a link");
    }
    shop.commit("All kinds of files");
    shop
}

#[track_caller]
fn keys_in(shop: &Checkout, folder: &Path, arguments: &[&str]) -> Keys {
    let run = shop.run_in(folder, &[&PLAN[..], arguments].concat()).exits(0);
    let keys = keys(&run.json());
    assert!(!keys.is_empty() && keys.iter().all(|(_, key)| key.len() == 64), "{keys:?}");
    keys
}

/// The keys of the work tree and of HEAD, which must be the same ones.
#[track_caller]
fn both(shop: &Checkout, folder: &Path) -> Keys {
    let keys = keys_in(shop, folder, &[]);
    assert_eq!(keys_in(shop, folder, &["--rev", "HEAD"]), keys);
    keys
}

fn clone(shop: &Checkout, name: &str, options: &[&str]) -> PathBuf {
    let folder = shop.beside(name);
    let from = format!("file://{}", shop.root.display());
    let to = folder.to_string_lossy().into_owned();
    git_in(&shop.root, &[&["clone", "--quiet"], options, &[&from, &to]].concat());
    folder
}

#[test]
fn the_work_tree_and_its_commit() {
    let shop = shop();
    let keys = both(&shop, &shop.root);
    for rev in ["main", "refs/heads/main", "HEAD~0", &shop.head(), "@"] {
        assert_eq!(keys_in(&shop, &shop.root, &["--rev", rev]), keys, "{rev}");
    }
    let images =
        |arguments: &[&str]| shop.run(&[&["images", "--offline"], arguments].concat()).exits(0).stdout;
    assert_eq!(images(&["--rev", "HEAD"]), images(&[]));
    let old = keys_in(&shop, &shop.root, &["--rev", "HEAD~1"]);
    assert!(old.len() < keys.len() && old.iter().all(|key| keys.contains(key)), "{old:?}");
}

#[test]
fn a_clone_a_shallow_clone_and_a_worktree() {
    let shop = shop();
    shop.write("motd/motd.txt", "Good evening.\n");
    shop.commit("Evening");
    let keys = both(&shop, &shop.root);
    assert_eq!(both(&shop, &clone(&shop, "clone", &[])), keys);
    let shallow = clone(&shop, "shallow", &["--depth", "1"]);
    assert_eq!(git_in(&shallow, &["rev-list", "--count", "HEAD"]), "1");
    assert_eq!(both(&shop, &shallow), keys);
    let worktree = shop.beside("worktree");
    shop.git(&["worktree", "add", "--quiet", "--detach", &worktree.to_string_lossy()]);
    assert_eq!(both(&shop, &worktree), keys);
    let bare = clone(&shop, "bare.git", &["--bare"]);
    assert_eq!(keys_in(&shop, &bare, &["--rev", "main"]), keys);
}

#[test]
fn after_a_revert() {
    let shop = shop();
    let keys = both(&shop, &shop.root);
    shop.write("shared/auth.sh", "exit 1\n");
    shop.remove("kinds/deep/er/file");
    shop.commit("A mistake");
    assert_ne!(both(&shop, &shop.root), keys);
    shop.git(&["revert", "--no-edit", "HEAD"]);
    assert_eq!(both(&shop, &shop.root), keys);
}

#[test]
fn before_and_after_add_and_commit() {
    let shop = shop();
    shop.write("kinds/new", "new\n");
    shop.write("kinds/run.sh", "#!/bin/sh\necho\n");
    shop.remove("kinds/empty");
    let edited = shop.keys();
    assert_ne!(keys_in(&shop, &shop.root, &["--rev", "HEAD"]), edited);
    shop.git(&["add", "--all"]);
    assert_eq!(shop.keys(), edited);
    shop.git(&["commit", "--quiet", "--message", "edited"]);
    assert_eq!(both(&shop, &shop.root), edited);
}

#[cfg(unix)]
#[test]
fn other_masks_times_and_folders() {
    use std::os::unix::fs::PermissionsExt;
    let shop = shop();
    let keys = both(&shop, &shop.root);
    for (mask, mode) in [("077", 0o600), ("000", 0o666), ("027", 0o640)] {
        let folder = shop.beside("at").join(mask).join("else where");
        fs::create_dir_all(folder.parent().expect("a parent")).expect("folders");
        let script = format!("umask {mask} && git clone --quiet '{}' \"$0\"", shop.root.display());
        let status = Command::new("sh").args(["-c", &script]).arg(&folder).status().expect("sh runs");
        assert!(status.success());
        let file = folder.join("motd/motd.txt");
        let permissions = fs::metadata(&file).expect("a file").permissions();
        assert_eq!(permissions.mode() & 0o777, mode, "the mask has worked");
        assert_eq!(both(&shop, &folder), keys, "{mask}");
    }
    for (number, path) in shop.git(&["ls-files"]).lines().enumerate() {
        if fs::symlink_metadata(shop.root.join(path)).is_ok_and(|file| file.is_file()) {
            shop.set_time(path, 86_400 * (1 + number as u64));
        }
    }
    assert_eq!(both(&shop, &shop.root), keys);
}

#[test]
fn other_locales_and_time_zones() {
    let shop = shop();
    let keys = both(&shop, &shop.root);
    for variables in [
        [("LC_ALL", "C"), ("TZ", "Pacific/Kiritimati")],
        [("LC_ALL", "de_DE.UTF-8"), ("TZ", "UTC")],
        [("LC_ALL", "tr_TR.UTF-8"), ("LANGUAGE", "tr")],
        [("LC_ALL", "C.UTF-8"), ("LANG", "ja_JP.eucJP")],
    ] {
        for rev in [&[][..], &["--rev", "HEAD"]] {
            let run = shop.run_with(&variables, &[&PLAN[..], rev].concat()).exits(0);
            assert_eq!(support::keys(&run.json()), keys, "{variables:?}");
        }
    }
}

/// A checkout that was copied as it is: the index holds inodes and times of other files.
#[cfg(unix)]
#[test]
fn another_machine_s_index() {
    let shop = shop();
    shop.keys();
    let keys = both(&shop, &shop.root);
    for (name, options) in [("kept", "-a"), ("young", "-r")] {
        let copy = shop.beside(name);
        let status = Command::new("cp").arg(options).arg(&shop.root).arg(&copy).status().expect("cp runs");
        assert!(status.success());
        assert_eq!(both(&shop, &copy), keys, "{name}");
    }
    // The index says about this file what is true of another one, as far as size and time go.
    let copy = shop.beside("kept");
    let file = copy.join("motd/motd.txt");
    let (text, time) = (fs::read(&file).expect("text"), fs::metadata(&file).expect("a file"));
    fs::write(&file, vec![b'x'; text.len()]).expect("writable");
    let opened = fs::File::options().append(true).open(&file).expect("a file");
    opened.set_modified(time.modified().expect("a time")).expect("a time");
    for settings in [["core.trustctime", "false"], ["core.checkStat", "minimal"]] {
        git_in(&copy, &["config", settings[0], settings[1]]);
        let edited = keys_in(&shop, &copy, &[]);
        assert_ne!(edited, keys, "{settings:?}");
        assert_eq!(keys_in(&shop, &copy, &["--rev", "HEAD"]), keys, "a commit is what it is");
    }
}

#[test]
fn without_an_index_and_with_one_of_another_branch() {
    let shop = shop();
    let keys = both(&shop, &shop.root);
    shop.git(&["switch", "--quiet", "--orphan", "other"]);
    assert_eq!(keys_in(&shop, &shop.root, &["--rev", "main"]), keys);
    fs::remove_file(shop.root.join(".git/index")).ok();
    assert_eq!(keys_in(&shop, &shop.root, &["--rev", "main"]), keys);
}

/// Git knows no folders, so one counts only where a clone would have it as well.
#[test]
fn folders_without_inputs() {
    let shop = shop();
    let keys = both(&shop, &shop.root);
    shop.write(".git/info/exclude", "cache\n");
    shop.write("kinds/cache/x", "x\n");
    fs::create_dir(shop.root.join("kinds/nothing")).expect("a folder");
    shop.write("kinds/hollow/more", "y\n");
    assert_eq!(both(&shop, &shop.root), keys);
    // It is there no more, and then for another file: tracked, untracked and committed are the same.
    fs::remove_dir_all(shop.root.join("kinds/hollow")).expect("a folder");
    let without = shop.keys();
    assert_ne!(without, keys);
    shop.write("kinds/hollow/deep/other", "z\n");
    assert_eq!(shop.keys(), keys);
    shop.commit("Another file that no image sees");
    assert_eq!(both(&shop, &shop.root), keys);
    // A file that git ignores fills it here, but the folder is in every clone without.
    shop.write(".git/info/exclude", "cache\n*.jar\n");
    shop.write("kinds/.dockerignore", "hollow/*\ncache/*\n!hollow/*.jar\n");
    shop.commit("A file of one's own");
    let keys = both(&shop, &shop.root);
    shop.write("kinds/hollow/app.jar", "jar\n");
    assert_ne!(shop.keys(), keys);
    let plan = shop.run(&PLAN).exits(0).json();
    let image =
        plan["images"].as_array().expect("images").iter().find(|image| image["short_name"] == "kinds");
    let image = image.expect("an image");
    assert_eq!((&image["dirty"], &image["unversioned"][0]), (&false.into(), &"kinds/hollow/app.jar".into()));
    let jar = shop.keys();
    shop.git(&["add", "--force", "kinds/hollow/app.jar"]);
    shop.commit("Force");
    assert_eq!(both(&shop, &shop.root), jar);
}

/// `core.fileMode` hides a changed mode from git, where it is set for a disk that does have modes.
#[cfg(unix)]
#[test]
fn a_mode_that_git_does_not_look_at() {
    let shop = shop();
    let keys = both(&shop, &shop.root);
    shop.git(&["config", "core.fileMode", "false"]);
    assert_eq!(both(&shop, &shop.root), keys);
    assert_eq!(both(&shop, &clone(&shop, "clone", &["--config", "core.fileMode=false"])), keys);
    shop.make_executable("kinds/deep/er/file");
    assert_eq!(shop.git(&["status", "--porcelain"]), "");
    assert_ne!(shop.keys(), keys);
    assert_eq!(keys_in(&shop, &shop.root, &["--rev", "HEAD"]), keys);
    shop.git(&["update-index", "--chmod=+x", "kinds/deep/er/file"]);
    let edited = shop.keys();
    shop.git(&["commit", "--quiet", "--message", "The mode as well"]);
    assert_eq!(both(&shop, &shop.root), edited);
}

/// Where attributes alone decide about line endings, every machine has the same files on disk.
#[test]
fn line_endings_by_attribute() {
    let shop = shop();
    shop.write(
        ".gitattributes",
        "*.txt text eol=crlf\n*.sh text eol=lf\nkinds/deep/** ident\n*.bin binary\n*.html text=auto eol=lf\n",
    );
    shop.write("kinds/a.txt", "one\ntwo\n");
    shop.write("kinds/b.bin", "one\r\ntwo\n");
    shop.commit("Attributes");
    shop.git(&["rm", "--quiet", "--cached", "-r", "."]);
    shop.git(&["reset", "--quiet", "--hard"]);
    assert_eq!(fs::read(shop.root.join("kinds/a.txt")).expect("text"), b"one\r\ntwo\r\n");
    assert!(fs::read(shop.root.join("kinds/deep/er/file")).expect("text").starts_with(b"$Id: "));
    let keys = both(&shop, &shop.root);
    for settings in [["core.eol", "lf"], ["core.eol", "crlf"], ["core.autocrlf", "input"]] {
        let name = settings.join("-");
        let clone = clone(&shop, &name, &["--config", &settings.join("=")]);
        assert_eq!(both(&shop, &clone), keys, "{name}");
    }
}

/// Where settings of the machine decide, files differ, but a commit is read as it would be checked out.
#[test]
fn line_endings_by_setting() {
    let shop = shop();
    let crlf = clone(&shop, "crlf", &["--config", "core.autocrlf=true"]);
    assert_eq!(fs::read(crlf.join("motd/motd.txt")).expect("text").last_chunk(), Some(b"\r\n"));
    assert_ne!(both(&shop, &crlf), both(&shop, &shop.root));
    let attributes = crlf.join(".git/info/attributes");
    fs::write(attributes, "* -text\n").expect("writable");
    assert_eq!(keys_in(&shop, &crlf, &["--rev", "HEAD"]), shop.keys());
}

#[test]
fn submodules() {
    let (shop, inner, library) = (shop(), Checkout::empty(), Checkout::empty());
    inner.write("inner.txt", "inner\n");
    inner.commit("first");
    library.write("lib.txt", "one\n");
    library.commit("first");
    add_submodule(&library, &inner, "nested", "deep/nested");
    library.commit("nested");
    add_submodule(&shop, &library, "a name/of its own", "kinds/lib");
    shop.commit("With a library");
    shop.git(&["submodule", "--quiet", "update", "--init", "--recursive"]);
    let keys = both(&shop, &shop.root);
    let clone = clone(&shop, "clone", &["--recurse-submodules"]);
    assert_eq!(both(&shop, &clone), keys);
    let worktree = shop.beside("worktree");
    shop.git(&["worktree", "add", "--quiet", "--detach", &worktree.to_string_lossy()]);
    assert_eq!(keys_in(&shop, &worktree, &["--rev", "HEAD"]), keys, "the main worktree's have the objects");
    git_in(&worktree, &["submodule", "--quiet", "update", "--init", "--recursive"]);
    assert_eq!(both(&shop, &worktree), keys);
    // Nothing of them is on disk any more, but git still has their objects.
    shop.git(&["submodule", "--quiet", "deinit", "--all", "--force"]);
    assert_eq!(keys_in(&shop, &shop.root, &["--rev", "HEAD"]), keys);
    // The older commit of the submodule is read too.
    let lib = shop.root.join("kinds/lib");
    shop.git(&["submodule", "--quiet", "update", "--init"]);
    git_in(&lib, &["checkout", "--quiet", "HEAD~1"]);
    shop.commit("Back");
    let back = both(&shop, &shop.root);
    assert_ne!(back, keys);
    assert_eq!(keys_in(&shop, &shop.root, &["--rev", "HEAD~1"]), keys);
}

fn add_submodule(to: &Checkout, from: &Checkout, name: &str, path: &str) {
    let url = from.root.to_string_lossy().into_owned();
    to.git(&["submodule", "--quiet", "add", "--name", name, &url, path]);
}

/// Keys are made of SHA-1 object ids, so such a repository is refused by name, and never half read.
#[test]
fn sha256_repositories_are_refused() {
    let shop = Checkout::empty();
    fs::remove_dir_all(shop.root.join(".git")).expect("a repository");
    shop.git(&["init", "--quiet", "--object-format=sha256", "--initial-branch=main"]);
    shop.write("Dockerfile", "FROM busybox\n");
    shop.commit("first");
    for arguments in [&["plan", "--offline"][..], &["images", "--offline", "--rev", "main"]] {
        let run: Run = shop.run(arguments).exits(2).says("sha256").says("SHA-1");
        assert_eq!(run.stdout, "");
    }
}

/// References in another format are git's business; the objects are the same.
#[test]
fn reftable_split_index_and_sparse_checkouts() {
    let shop = shop();
    let keys: BTreeMap<_, _> = both(&shop, &shop.root).into_iter().collect();
    let same = |folder: &Path| {
        assert_eq!(both(&shop, folder).into_iter().collect::<BTreeMap<_, _>>(), keys, "{}", folder.display());
    };
    let split = clone(&shop, "split", &["--config", "core.splitIndex=true"]);
    git_in(&split, &["update-index", "--split-index"]);
    same(&split);
    same(&clone(&shop, "reftable", &["--ref-format=reftable"]));
    let sparse = clone(&shop, "sparse", &["--sparse", "--config", "index.sparse=true"]);
    let commit: BTreeMap<_, _> = keys_in(&shop, &sparse, &["--rev", "HEAD"]).into_iter().collect();
    assert_eq!(commit, keys, "a commit is whole");
}
