//! What cannot be read whole is an error that names it, through the real binary: never an answer from half of the facts.

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use sha1::{Digest, Sha1};
use support::{Checkout, dirty, image, keys, texts};

const PLAN: [&str; 4] = ["plan", "--offline", "--format", "json"];

/// `api` is built from `base`; `web` from neither.
fn family() -> Checkout {
    Checkout::with(&[
        ("shipwright.toml", "namespace = \"acme\"\n"),
        ("base/Dockerfile", "FROM busybox\n"),
        ("api/Dockerfile", "FROM acme/base\n"),
        ("web/Dockerfile", "FROM busybox\nUSER 1\n"),
    ])
}

fn shell(checkout: &Checkout, script: &str) {
    let status = Command::new("bash").args(["-ec", script]).current_dir(&checkout.root).status();
    assert!(status.expect("bash runs").success(), "{script}");
}

#[track_caller]
fn assert_blocks(checkout: &Checkout, arguments: &[&str], what: &str) {
    let run = checkout.run_without_hanging(&[&PLAN[..], arguments].concat());
    assert_eq!(run.code, 2, "{what}: {run:?}");
    let plan = run.json();
    for name in ["base", "api"] {
        assert_eq!(image(&plan, name)["action"], "blocked", "{what}: {plan:#}");
    }
    let reasons = image(&plan, "api")["reasons"].to_string();
    assert!(reasons.contains("acme/base"), "{what}: {reasons}");
    let web = image(&plan, "web");
    assert_eq!((&web["action"], &web["dirty"]), (&Value::from("build"), &Value::from(false)), "{what}");
    let said = plan["diagnostics"].to_string() + &run.stderr;
    assert!(said.contains("base/Dockerfile"), "{what}: {said}");
}

#[test]
fn a_dockerfile_that_cannot_be_read_blocks_what_is_built_from_it() {
    let kinds = [
        ("a dangling link", "ln -s nowhere Dockerfile", true),
        ("a loop", "ln -s other Dockerfile; ln -s Dockerfile other", true),
        ("a link to itself", "ln -s Dockerfile Dockerfile", true),
        (
            "a link out of the checkout",
            "ln -s ../../Dockerfile Dockerfile; echo FROM busybox > ../../Dockerfile",
            true,
        ),
        ("an absolute link", "ln -s /etc/hostname Dockerfile", true),
        ("a link to a folder", "mkdir f; touch f/x; ln -s f Dockerfile", true),
        ("a link to a pipe", "mkfifo pipe; ln -s pipe Dockerfile", false),
        ("a pipe", "mkfifo Dockerfile", false),
        ("a socket", "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"Dockerfile\")'", false),
        ("one that is too long", "(echo FROM busybox; head -c 17000000 /dev/zero) > Dockerfile", true),
    ];
    for (what, script, can_be_committed) in kinds {
        let checkout = family();
        shell(&checkout, &format!("cd base; rm Dockerfile; {script}"));
        assert_blocks(&checkout, &[], what);
        if can_be_committed {
            checkout.commit(what);
            assert_blocks(&checkout, &[], what);
            assert_blocks(&checkout, &["--rev", "HEAD"], what);
        }
    }
}

/// The file of a loose object.
fn loose(checkout: &Checkout, object: &str) -> PathBuf {
    let id = checkout.git(&["rev-parse", object]);
    checkout.root.join(".git/objects").join(&id[..2]).join(&id[2..])
}

/// Puts another object's bytes in an object's place: what they are is no more what the id says.
fn swap(checkout: &Checkout, object: &str, other: &str) {
    let (path, other) = (loose(checkout, object), loose(checkout, other));
    fs::remove_file(&path).expect("a loose object");
    fs::copy(other, path).expect("a copy");
}

#[test]
fn a_commit_without_or_with_another_dockerfile_blocks_what_is_built_from_it() {
    let checkout = family();
    fs::remove_file(loose(&checkout, "HEAD:base/Dockerfile")).expect("a loose object");
    assert_blocks(&checkout, &["--rev", "HEAD"], "a blob that is not here");
    let checkout = family();
    swap(&checkout, "HEAD:base/Dockerfile", "HEAD:web/Dockerfile");
    assert_blocks(&checkout, &["--rev", "HEAD"], "another blob in its place");
}

/// An object of any bytes, which git itself would not write.
fn forge(checkout: &Checkout, kind: &str, bytes: &[u8]) -> String {
    let path = checkout.beside("object");
    fs::write(&path, bytes).expect("a file");
    checkout.git(&["hash-object", "-t", kind, "--literally", "-w", &path.to_string_lossy()])
}

fn entry(mode: &str, name: &str, id: &str) -> Vec<u8> {
    let id = (0..40).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).expect("hex"));
    [mode.as_bytes(), b" ", name.as_bytes(), b"\0"].concat().into_iter().chain(id).collect()
}

#[test]
fn a_damaged_tree_is_an_error_that_names_it() {
    let checkout = family();
    let tree = |path: &str| checkout.git(&["rev-parse", &format!("HEAD:{path}")]);
    let (api, base, blob) = (tree("api"), tree("base"), tree("base/Dockerfile"));
    let good = [entry("40000", "api", &api), entry("40000", "base", &base)].concat();
    let cases: [(&str, Vec<u8>); 8] = [
        ("cut", good[..good.len() - 5].to_vec()),
        ("rubbish behind it", [&good[..], b"x"].concat()),
        ("no mode", [&good[..], &entry("9x", "z", &blob)].concat()),
        ("a way out", [&entry("40000", "..", &base)[..], &good].concat()),
        ("a path", [&good[..], &entry("100644", "x/y", &blob)].concat()),
        ("git's own", [&entry("40000", ".git", &base)[..], &good].concat()),
        ("not in order", [entry("40000", "base", &base), entry("40000", "api", &api)].concat()),
        ("twice", [entry("40000", "api", &api), entry("40000", "api", &base)].concat()),
    ];
    for (what, bytes) in cases {
        let tree = forge(&checkout, "tree", &bytes);
        let commit = checkout.git(&["commit-tree", &tree, "-p", "HEAD", "-m", what]);
        let run = checkout.run(&["plan", "--offline", "--rev", &commit]);
        assert_eq!(run.code, 2, "{what}: {run:?}");
        assert!(run.stderr.contains(&tree) && run.stderr.contains("damaged"), "{what}: {run:?}");
        // History that has it.
        let next = checkout.git(&["commit-tree", "HEAD^{tree}", "-p", &commit, "-m", "next"]);
        let run = checkout.run(&["plan", "--offline", "--rev", &next]);
        assert_eq!(run.code, 2, "{what}: {run:?}");
        assert!(run.stderr.contains(&tree), "{what}: {run:?}");
    }
}

#[test]
fn an_object_in_another_s_place_is_an_error_that_names_it() {
    for (object, other) in
        [("HEAD:base", "HEAD:web"), ("HEAD^{tree}", "HEAD~1^{tree}"), ("HEAD^{commit}", "HEAD~1^{commit}")]
    {
        let checkout = family();
        checkout.write("web/new", "");
        checkout.commit("second");
        let (id, head) = (checkout.git(&["rev-parse", object]), checkout.git(&["rev-parse", "HEAD"]));
        swap(&checkout, object, other);
        // It knows the trees of HEAD, so that they need not be read.
        checkout.remove(".git/index");
        let run = checkout.run(&["plan", "--offline", "--rev", &head]);
        assert_eq!(run.code, 2, "{object}: {run:?}");
        assert!(run.stderr.contains(&id), "{object}: {run:?}");
    }
}

#[test]
fn a_damaged_index_is_an_error_and_no_matter_of_a_commit() {
    let checkout = family();
    let expected = keys(&checkout.run(&[&PLAN[..], &["--rev", "HEAD"]].concat()).exits(0).json());
    let path = checkout.root.join(".git/index");
    let whole = fs::read(&path).expect("an index");
    // An id, a mode, a path, a cached tree, the hash.
    for at in [12 + 40, 12 + 26, 12 + 63, whole.len() - 25, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&path, &bytes).expect("a file");
        checkout.run(&PLAN).exits(2).says("index").says("damaged");
        let run = checkout.run(&[&PLAN[..], &["--rev", "HEAD"]].concat()).exits(0);
        assert_eq!(keys(&run.json()), expected, "{at}");
        // The same with a hash that fits: then it is what somebody has added, but no word about the commit.
        let end = bytes.len() - 20;
        let hash = Sha1::digest(&bytes[..end]);
        bytes[end..].copy_from_slice(&hash);
        fs::write(&path, &bytes).expect("a file");
        let run = checkout.run(&[&PLAN[..], &["--rev", "HEAD"]].concat());
        assert_eq!(keys(&run.exits(0).json()), expected, "{at}");
    }
}

/// Deeper than any path that can be opened, so not even root can list it.
const ABYSS: &str =
    "mkdir -p deep; cd deep; n=$(printf 'd%.0s' {1..200}); for i in {1..25}; do mkdir $n; cd ./$n; done";

#[test]
fn a_folder_that_cannot_be_listed_is_named_and_blocks_what_may_be_built_in_it() {
    let checkout = family();
    shell(&checkout, ABYSS);
    checkout
        .run(&["plan", "--offline"])
        .exits(0)
        .says("cannot list deep/")
        .says("Dockerfiles in there are not known");
    checkout.write("api/Dockerfile", "FROM acme/elsewhere\n");
    let run = checkout.run(&PLAN);
    assert_eq!(run.code, 2, "{run:?}");
    let plan = run.json();
    assert_eq!(image(&plan, "api")["action"], "blocked");
    assert_eq!(image(&plan, "web")["action"], "build");
    assert!(plan["diagnostics"].to_string().contains("acme/elsewhere may be built"), "{plan:#}");
    // A context that has it cannot be known either.
    let checkout = family();
    shell(&checkout, &format!("cd web; echo COPY . /web >> Dockerfile; {ABYSS}"));
    checkout.run(&PLAN).exits(2).says("web/deep");
}

#[test]
fn links_that_git_writes_as_files_are_what_stands_on_disk_and_no_edits() {
    let checkout = Checkout::with(&[("api/Dockerfile", "FROM busybox\nCOPY . /api\n"), ("api/a", "1\n")]);
    symlink("a\nb", checkout.root.join("api/link")).expect("a link");
    checkout.write(".gitattributes", "link text eol=crlf\n");
    checkout.commit("link");
    let linked = checkout.keys();
    // The setting alone changes no file.
    checkout.git(&["config", "core.symlinks", "false"]);
    assert_eq!((dirty(&checkout.plan(&[])), checkout.keys()), (vec![], linked.clone()));
    checkout.remove("api/link");
    checkout.git(&["checkout", "--", "api/link"]);
    assert!(!checkout.root.join("api/link").is_symlink());
    let plan = checkout.plan(&[]);
    assert_eq!(dirty(&plan), [""; 0], "git says that nothing has changed");
    assert_ne!(keys(&plan), linked, "a build sees a file");
    assert!(texts(&image(&plan, "api")["tags"]).contains(&checkout.head()));
    let committed = checkout.run(&[&PLAN[..], &["--rev", "HEAD"]].concat()).exits(0).json();
    assert_eq!(keys(&committed), keys(&plan), "what git would write here");
    // What git says is changed is.
    checkout.write("api/link", "b");
    assert_eq!(dirty(&checkout.plan(&[])), ["api"]);
}
