//! Revisions through the real binary: what `plan` says is what `git log` says about the pathspecs that `inspect`
//! prints, and a commit tag never names two contents. Histories are generated; a seed says which.

mod support;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;
use support::{Checkout, image, keys, names, text, texts};

/// Numbers that look random and are the same in every run of the tests (Knuth's MMIX generator).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % limit as u64).expect("small")
    }

    fn choose<'a, T: ?Sized>(&mut self, some: &[&'a T]) -> &'a T {
        some[self.below(some.len())]
    }
}

/// Images of every kind: own folder, root context, globs, whole context, links, bind mounts, dependencies.
fn first_files(checkout: &Checkout) {
    for (path, text) in [
        ("base/Dockerfile", "FROM busybox\nCOPY etc /etc\n"),
        ("base/etc/conf", "1\n"),
        ("api/Dockerfile", "FROM acme/base\nCOPY src *.txt /srv/\nCOPY --from=acme/tools /x /y\n"),
        ("api/src/a", "1\n"),
        ("api/a.txt", "1\n"),
        ("tools/Dockerfile", "FROM busybox\nRUN --mount=type=bind,source=lib,target=/l true\n"),
        ("tools/lib/x", "1\n"),
        ("whole/Dockerfile", "FROM busybox\nCOPY . /\n"),
        ("whole/one", "1\n"),
        ("deploy/web/Dockerfile", "FROM acme/api\nCOPY pages /srv\nCOPY common/*/x /srv/\n"),
        ("pages/index", "1\n"),
        ("common/a/x", "1\n"),
        ("alone/Dockerfile", "FROM busybox\nRUN true\n"),
        ("README.md", "1\n"),
    ] {
        checkout.write(path, text);
    }
    checkout.commit("first");
}

const PATHS: [&str; 19] = [
    "base/etc/conf",
    "base/etc/more",
    "api/src/a",
    "api/src/deep/b",
    "api/a.txt",
    "api/b.txt",
    "api/unrelated",
    "tools/lib/x",
    "tools/other",
    "whole/one",
    "whole/two/three",
    "pages/index",
    "deploy/web/pages/index",
    "deploy/pages/index",
    "common/a/x",
    "common/b/x",
    "common/b/y",
    "README.md",
    "deploy/web/notes",
];

const IGNORE_FILES: [&str; 6] = [
    ".dockerignore",
    "api/.dockerignore",
    "api/Dockerfile.dockerignore",
    "whole/.dockerignore",
    "deploy/web/Dockerfile.dockerignore",
    "tools/.dockerignore",
];

const IGNORED: [&str; 5] = ["*.txt\n", "**/b\n", "two\n!two/three\n", "# nothing\n", "**/x\n"];

/// One random change of the work tree.
fn change(checkout: &Checkout, numbers: &mut Numbers) {
    let path = numbers.choose(&PATHS);
    let exists = checkout.root.join(path).is_file();
    match numbers.below(20) {
        0..8 => checkout.write(path, format!("{}\n", numbers.below(3))),
        8..11 if exists => checkout.remove(path),
        11 if exists => checkout.make_executable(path),
        12 if exists => {
            let to = numbers.choose(&PATHS);
            let text = std::fs::read(checkout.root.join(path)).expect("text");
            checkout.remove(path);
            checkout.write(to, text);
        }
        13..16 => {
            let path = numbers.choose(&IGNORE_FILES);
            if checkout.root.join(path).is_file() && numbers.below(2) == 0 {
                checkout.remove(path);
            } else {
                checkout.write(path, numbers.choose(&IGNORED));
            }
        }
        16 => {
            let comment = format!("FROM busybox\n# {}\nCOPY . /{}\n", numbers.below(9), numbers.below(2));
            checkout.write("whole/Dockerfile", comment);
        }
        17 => {
            let path = numbers.choose(&[".gitattributes", "api/.gitattributes", "common/b/.gitattributes"]);
            if checkout.root.join(path).is_file() {
                checkout.remove(path);
            } else {
                checkout.write(path, numbers.choose(&["* text eol=crlf\n", "*.png binary\n"]));
            }
        }
        18 => {
            let path = "shipwright.toml";
            if checkout.root.join(path).is_file() {
                checkout.remove(path);
            } else {
                checkout.write(path, format!("namespace = 'acme'\nmetadata = '{}'\n", numbers.below(2)));
            }
        }
        _ => {}
    }
}

/// A history of about thirty commits on several branches, with merges.
fn history(seed: u64) -> Checkout {
    let mut numbers = Numbers(seed);
    let checkout = Checkout::empty();
    checkout.git(&["config", "core.safecrlf", "false"]);
    first_files(&checkout);
    let mut branches = vec!["main".to_owned()];
    for step in 0..26 {
        match numbers.below(8) {
            0 if branches.len() < 4 => {
                let name = format!("b{step}");
                checkout.git(&["switch", "--quiet", "--create", &name]);
                branches.push(name);
            }
            1 => {
                let name = branches[numbers.below(branches.len())].clone();
                checkout.git(&["switch", "--quiet", &name]);
            }
            2 | 3 if branches.len() > 1 => {
                let other = branches[numbers.below(branches.len())].clone();
                let strategy = numbers.choose(&["ours", "theirs"]);
                merge(&checkout, &other, strategy);
            }
            _ => {
                for _ in 0..=numbers.below(3) {
                    change(&checkout, &mut numbers);
                }
                checkout.commit(&format!("step {step}"));
            }
        }
    }
    for name in branches {
        merge(&checkout, &name, "ours");
    }
    checkout
}

/// Merges, and settles whatever git cannot by taking this side.
fn merge(checkout: &Checkout, other: &str, strategy: &str) {
    let merged = std::process::Command::new("git")
        .current_dir(&checkout.root)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .args(["-c", "user.name=A", "-c", "user.email=a@example.com"])
        .args(["merge", "--quiet", "--no-edit", "-X", strategy, other])
        .output()
        .expect("git runs");
    if !merged.status.success() {
        checkout.git(&["reset", "--quiet", "--hard"]);
        checkout.git(&["merge", "--quiet", "--no-edit", "-s", "ours", other]);
    }
}

/// The revision of each image as git gives it, asked with what `inspect` prints for it and its dependencies.
fn by_git(checkout: &Checkout, plan: &Value) -> BTreeMap<String, String> {
    let mut pathspecs: HashMap<String, BTreeSet<String>> = HashMap::new();
    // Build order: dependencies come first.
    for image in plan["images"].as_array().expect("images") {
        let dockerfile = text(&image["dockerfile"]);
        let run = checkout.run(&["inspect", "--format", "json", &dockerfile]).exits(0);
        let mut own: BTreeSet<String> = texts(&run.json()["revision_pathspecs"]).into_iter().collect();
        for dependency in image["dependencies"].as_array().expect("a list") {
            own.extend(pathspecs[&text(&dependency["image"])].iter().cloned());
        }
        pathspecs.insert(text(&image["name"]), own);
    }
    let log = |own: &BTreeSet<String>| {
        let paths: Vec<&str> = own.iter().map(String::as_str).collect();
        checkout.git(&[&["log", "-1", "--format=%H", "HEAD", "--"][..], &paths].concat())
    };
    by_plan(plan).into_keys().map(|name| (name.clone(), log(&pathspecs[&name]))).collect()
}

/// The revision of each image that can be built.
fn by_plan(plan: &Value) -> BTreeMap<String, String> {
    let images = plan["images"].as_array().expect("images");
    let images = images.iter().filter(|image| image["action"] != "blocked");
    images.map(|image| (text(&image["name"]), text(&image["revision"]))).collect()
}

#[test]
fn plan_gives_what_git_log_gives() {
    for seed in 0..6 {
        let checkout = history(seed);
        let commits = checkout.git(&["rev-list", "--topo-order", "HEAD"]);
        for commit in commits.lines().step_by(7) {
            checkout.git(&["checkout", "--quiet", "--detach", commit]);
            // Git leaves files as they are when only the attributes say something new about them.
            std::fs::remove_file(checkout.root.join(".git/index")).expect("an index");
            checkout.git(&["reset", "--quiet", "--hard"]);
            let plan = checkout.plan(&[]);
            assert_eq!(names(&plan).len(), 6, "{plan}");
            assert_eq!(by_plan(&plan), by_git(&checkout, &plan), "seed {seed}, {commit}");
            let read = checkout.plan(&["--rev", commit]);
            assert_eq!((by_plan(&read), keys(&read)), (by_plan(&plan), keys(&plan)), "seed {seed}, {commit}");
        }
    }
}

/// Plans every commit of generated histories: an image's commit tags name the same key wherever they come up.
#[test]
fn a_commit_tag_never_names_two_contents() {
    let mut planned = 0;
    for seed in 100..108 {
        let checkout = history(seed);
        let mut named: HashMap<String, (String, String)> = HashMap::new();
        for commit in checkout.git(&["rev-list", "--topo-order", "HEAD"]).lines() {
            let plan = checkout.plan(&["--rev", commit]);
            for name in names(&plan) {
                let image = image(&plan, &name);
                let key = text(&image["key"]);
                let is_commit =
                    |tag: &String| tag.len() == 12 && tag.bytes().all(|byte| byte.is_ascii_hexdigit());
                for tag in texts(&image["tags"]).into_iter().filter(is_commit) {
                    let full = format!("{name}:{tag}");
                    let (first, at) =
                        named.entry(full.clone()).or_insert_with(|| (key.clone(), commit.to_owned()));
                    assert_eq!(*first, key, "seed {seed}: {full} at {at} and at {commit}");
                }
                planned += usize::from(!key.is_empty());
            }
        }
    }
    assert!(planned > 700, "{planned}");
}

fn revision(checkout: &Checkout, name: &str) -> String {
    text(&image(&checkout.plan(&[]), name)["revision"])[..12].to_owned()
}

/// Asserts that HEAD is the revision of these images and of no others.
#[track_caller]
fn head_is_of(checkout: &Checkout, expected: &[&str]) {
    let plan = checkout.plan(&[]);
    let head = checkout.git(&["rev-parse", "HEAD"]);
    let found: Vec<String> =
        names(&plan).into_iter().filter(|name| image(&plan, name)["revision"] == head.as_str()).collect();
    assert_eq!(found.iter().map(String::as_str).collect::<BTreeSet<_>>(), expected.iter().copied().collect());
    assert_eq!(by_plan(&plan), by_git(checkout, &plan));
}

#[test]
fn an_input_that_is_deleted_again() {
    let checkout = Checkout::empty();
    first_files(&checkout);
    let first = checkout.head();
    checkout.write("api/src/extra", "1\n");
    checkout.commit("added");
    head_is_of(&checkout, &["api", "web"]);
    checkout.remove("api/src/extra");
    checkout.commit("deleted");
    // The content is the first commit's again, but neither that tag nor the second's may come back.
    head_is_of(&checkout, &["api", "web"]);
    checkout.write("api/c.txt", "1\n");
    checkout.commit("matches a glob");
    head_is_of(&checkout, &["api", "web"]);
    checkout.git(&["mv", "api/c.txt", "api/c.md"]);
    checkout.commit("no longer");
    head_is_of(&checkout, &["api", "web"]);
    assert_eq!(revision(&checkout, "base"), first);
}

#[test]
fn an_ignore_file_that_is_deleted() {
    let checkout = Checkout::empty();
    first_files(&checkout);
    for path in ["api/.dockerignore", "api/Dockerfile.dockerignore"] {
        checkout.write(path, "src/*\n");
        checkout.commit("ignored");
        head_is_of(&checkout, &["api", "web"]);
    }
    checkout.write("api/.dockerignore", "# the other one counts\n");
    checkout.commit("without effect");
    head_is_of(&checkout, &[]);
    checkout.remove("api/Dockerfile.dockerignore");
    checkout.commit("deleted");
    head_is_of(&checkout, &["api", "web"]);
    checkout.remove("api/.dockerignore");
    checkout.commit("deleted too");
    head_is_of(&checkout, &["api", "web"]);
    checkout.write("README.md", "2\n");
    checkout.commit("unrelated");
    head_is_of(&checkout, &[]);
}

#[test]
fn settings_that_come_and_go() {
    let checkout = Checkout::empty();
    first_files(&checkout);
    let all = ["alone", "api", "base", "tools", "web", "whole"];
    checkout.write(".shipwright.json", "{\"namespace\": \"acme\"}");
    checkout.commit("json");
    head_is_of(&checkout, &all);
    checkout.write("shipwright.toml", "namespace = 'acme'\n");
    checkout.commit("toml wins");
    head_is_of(&checkout, &all);
    checkout.remove(".shipwright.json");
    checkout.commit("json is gone, which changes nothing");
    head_is_of(&checkout, &[]);
    checkout.remove("shipwright.toml");
    checkout.commit("toml is gone");
    head_is_of(&checkout, &all);
}

/// The folder that a source is found in decides about the context's root.
#[test]
fn a_source_nearer_to_the_dockerfile_that_is_deleted() {
    let checkout = Checkout::empty();
    first_files(&checkout);
    assert_eq!(image(&checkout.plan(&[]), "web")["context"], ".");
    checkout.write("deploy/web/pages/index", "2\n");
    checkout.write("deploy/web/common/a/x", "2\n");
    checkout.commit("nearer");
    assert_eq!(image(&checkout.plan(&[]), "web")["context"], "deploy/web");
    head_is_of(&checkout, &["web"]);
    checkout.git(&["rm", "--quiet", "-r", "deploy/web/pages"]);
    checkout.commit("farther again");
    assert_eq!(image(&checkout.plan(&[]), "web")["context"], ".");
    head_is_of(&checkout, &["web"]);
}

#[cfg(unix)]
#[test]
fn links_on_the_way() {
    let link = |checkout: &Checkout, target: &str, path: &str| {
        std::fs::remove_file(checkout.root.join(path)).ok();
        std::os::unix::fs::symlink(target, checkout.root.join(path)).expect("a link");
    };
    let checkout = Checkout::empty();
    first_files(&checkout);
    checkout.write("docker/one", "FROM busybox\nCOPY data /\n");
    checkout.write("docker/two", "FROM busybox\nCOPY data /two\n");
    checkout.write("linked/real/x", "1\n");
    checkout.write("linked/ignore", "y\n");
    link(&checkout, "../docker/one", "linked/Dockerfile");
    link(&checkout, "real", "linked/data");
    link(&checkout, "ignore", "linked/.dockerignore");
    checkout.commit("links");
    head_is_of(&checkout, &["linked"]);
    for path in ["docker/one", "linked/real/x", "linked/ignore"] {
        checkout.write(path, "FROM busybox\nCOPY data /three\n");
        checkout.commit(path);
        head_is_of(&checkout, &["linked"]);
    }
    link(&checkout, "../docker/two", "linked/Dockerfile");
    checkout.commit("another Dockerfile");
    head_is_of(&checkout, &["linked"]);
    checkout.write("docker/one", "FROM busybox\n");
    checkout.commit("the old one");
    head_is_of(&checkout, &[]);
}

#[test]
fn a_shallow_clone_ends_at_its_boundary() {
    let checkout = Checkout::empty();
    first_files(&checkout);
    checkout.write("api/src/a", "2\n");
    checkout.commit("api");
    checkout.write("README.md", "2\n");
    checkout.commit("unrelated");
    let clone = checkout.beside("clone");
    let from = format!("file://{}", checkout.root.display());
    checkout.git(&["clone", "--quiet", "--depth", "1", &from, &clone.to_string_lossy()]);
    let plan = checkout.run_in(&clone, &["plan", "--offline", "--format", "json"]).exits(0).json();
    assert_eq!(keys(&plan), checkout.keys());
    let head = checkout.git(&["rev-parse", "HEAD"]);
    assert!(by_plan(&plan).values().all(|revision| *revision == head), "{:?}", by_plan(&plan));
}
