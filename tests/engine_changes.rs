//! Files that change between the plan and the moment that they are sent, on a real engine, through the real binary.

#![cfg(unix)]

mod gate;
mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use gate::run_while_held;
use support::{Checkout, Engine, image, text};

/// What happens to the file of an image between the plan and its build; the image has the name of the case.
struct Change {
    name: &'static str,
    dockerfile: &'static str,
    before: fn(&Path),
    after: fn(&Path),
    /// Which file the failure names, relative to the context.
    path: &'static str,
}

fn write(path: impl AsRef<Path>, text: &str) {
    fs::create_dir_all(path.as_ref().parent().expect("a folder")).expect("folders");
    fs::write(path, text).expect("a file");
}

fn remove(path: impl AsRef<Path>) {
    fs::remove_file(path).expect("a file to remove");
}

fn mode(path: impl AsRef<Path>, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

fn link(target: &str, path: impl AsRef<Path>) {
    symlink(target, path).expect("a link");
}

const CHANGES: &[Change] = &[
    Change {
        name: "link-to-elsewhere",
        dockerfile: "FROM acme/base\nCOPY d /d\n",
        before: |at| {
            write(at.join("d/one"), "1");
            write(at.join("d/two"), "2");
            link("one", at.join("d/l"));
        },
        after: |at| {
            remove(at.join("d/l"));
            link("two", at.join("d/l"));
        },
        path: "d/l",
    },
    Change {
        name: "link-to-file",
        dockerfile: "FROM acme/base\nCOPY d /d\n",
        before: |at| {
            write(at.join("d/one"), "1");
            link("one", at.join("d/l"));
        },
        after: |at| {
            remove(at.join("d/l"));
            write(at.join("d/l"), "one");
        },
        path: "d/l",
    },
    Change {
        name: "link-gone",
        dockerfile: "FROM acme/base\nCOPY d /d\n",
        before: |at| {
            write(at.join("d/one"), "1");
            link("one", at.join("d/l"));
        },
        after: |at| remove(at.join("d/l")),
        path: "d/l",
    },
    Change {
        name: "link-below-a-link",
        dockerfile: "FROM acme/base\nCOPY d /d\n",
        before: |at| {
            write(at.join("d/deep/one"), "1");
            link("one", at.join("d/deep/l"));
        },
        after: |at| {
            fs::rename(at.join("d/deep"), at.join("aside")).expect("moved");
            link("../aside", at.join("d/deep"));
        },
        path: "d/deep/",
    },
    Change {
        name: "file-to-link",
        dockerfile: "FROM acme/base\nCOPY f /f\n",
        before: |at| write(at.join("f"), "the same"),
        after: |at| {
            fs::rename(at.join("f"), at.join("aside")).expect("moved");
            link("aside", at.join("f"));
        },
        path: "f",
    },
    Change {
        name: "file-to-pipe",
        dockerfile: "FROM acme/base\nCOPY f /f\n",
        before: |at| write(at.join("f"), "a pipe soon"),
        after: |at| {
            remove(at.join("f"));
            assert!(Command::new("mkfifo").arg(at.join("f")).status().expect("mkfifo").success());
        },
        path: "f",
    },
    Change {
        name: "file-to-folder",
        dockerfile: "FROM acme/base\nCOPY f /f\n",
        before: |at| write(at.join("f"), "a folder soon"),
        after: |at| {
            remove(at.join("f"));
            fs::create_dir(at.join("f")).expect("a folder");
        },
        path: "f",
    },
    Change {
        name: "file-gone",
        dockerfile: "FROM acme/base\nCOPY f /f\n",
        before: |at| write(at.join("f"), "gone soon"),
        after: |at| remove(at.join("f")),
        path: "f",
    },
    Change {
        name: "made-executable",
        dockerfile: "FROM acme/base\nCOPY f /f\n",
        before: |at| write(at.join("f"), "a program soon"),
        after: |at| mode(at.join("f"), 0o755),
        path: "f",
    },
    Change {
        name: "made-a-text",
        dockerfile: "FROM acme/base\nCOPY f /f\n",
        before: |at| {
            write(at.join("f"), "a text soon");
            mode(at.join("f"), 0o755);
        },
        after: |at| mode(at.join("f"), 0o644),
        path: "f",
    },
    Change {
        name: "other-bytes",
        dockerfile: "FROM acme/base\nCOPY f /f\n",
        before: |at| write(at.join("f"), "before"),
        after: |at| write(at.join("f"), "after!"),
        path: "f",
    },
    Change {
        name: "folder-to-link",
        dockerfile: "FROM acme/base\nCOPY d /d\n",
        before: |at| write(at.join("d/f"), "in a folder that is moved"),
        after: |at| {
            fs::rename(at.join("d"), at.join("aside")).expect("moved");
            link("aside", at.join("d"));
        },
        path: "d/f",
    },
    Change {
        name: "empty-folder-to-link",
        dockerfile: "FROM acme/base\nCOPY d /d\n",
        before: |at| {
            write(at.join("d/out/f"), "left out");
            write(at.join("Dockerfile.dockerignore"), "d/out/f\n");
        },
        after: |at| {
            fs::rename(at.join("d/out"), at.join("aside")).expect("moved");
            link("../aside", at.join("d/out"));
        },
        path: "d/out",
    },
];

/// The image that is built before the others, which begin when it has ended.
const BASE: &str = "base";

fn is_build(first: &str) -> bool {
    first.starts_with("POST") && (first.contains("/session") || first.contains("/build"))
}

/// Whatever is sent is what was planned, or nothing gets a name.
fn changes_are_noticed(variables: &[(&str, &str)]) {
    let Some(engine) = Engine::start() else { return };
    let checkout = Checkout::with(&[
        ("base/Dockerfile", "FROM busybox\nCOPY b /b\n"),
        ("base/b", "b"),
        ("same/Dockerfile", "FROM acme/base\nCOPY d /d\n"),
        ("same/d/f", "f"),
    ]);
    link("f", checkout.root.join("same/d/l"));
    for change in CHANGES {
        let folder = checkout.root.join(change.name);
        write(folder.join("Dockerfile"), change.dockerfile);
        (change.before)(&folder);
    }
    checkout.commit("all of them");
    let plan = engine.run(&checkout, &["plan", "--format", "json"]).exits(0).json();
    let key = |name: &str| {
        text(&image(&plan, name)["reference"]).split_once('/').expect("a namespace").1.to_owned()
    };

    let arguments = ["build", "--progress", "plain"];
    let run = run_while_held(&engine, &checkout, &arguments, variables, is_build, || {
        for change in CHANGES {
            (change.after)(&checkout.root.join(change.name));
        }
    });
    let run = run.exits(1);
    let named: Vec<&str> =
        CHANGES.iter().map(|change| change.name).filter(|name| engine.has(&key(name))).collect();
    assert!(named.is_empty(), "built from something else: {named:?}\n{}", run.stderr);
    for change in CHANGES {
        let said = run
            .stderr
            .lines()
            .any(|line| line.contains(change.path) && line.contains("changed while the image was built"));
        assert!(said, "{}: {}", change.name, run.stderr);
        assert!(!engine.has(&format!("{}:main", change.name)), "{}", change.name);
    }
    for name in [BASE, "same"] {
        assert!(engine.has(&key(name)), "{name} did not change: {}", run.stderr);
        assert!(!engine.has(&format!("{name}:main")), "tags move together or not at all");
    }
}

#[test]
fn what_changed_since_the_plan_ends_the_build() {
    changes_are_noticed(&[]);
}

#[test]
fn what_changed_since_the_plan_ends_a_classic_build() {
    changes_are_noticed(&[("DOCKER_BUILDKIT", "0")]);
}
