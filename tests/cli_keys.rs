//! The keys of known checkouts, through the real binary, beside those of earlier versions in `tests/keys/keys.txt`.
//!
//! Another version that gives other keys makes all of its users build everything anew. So that file changes only
//! together with the version of the encoding (`DOMAIN` in `src/inputs/material.rs`), or where a key was wrong because it
//! left something out (docs/content-keys.md lists what enters); both belong in CHANGELOG.md. It grows where a fixture
//! does. `SNAPSHOTS=overwrite cargo test --test cli_keys` writes it.

#[path = "../benches/support/checkout.rs"]
#[allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "the benchmarks use the rest")]
mod large;
mod support;

use std::process::Stdio;

use serde_json::Value;
use snapbox::{assert_data_eq, file};
use support::{Checkout, Run, text};

/// The platform of the machine is part of every key.
const PLAN: [&str; 6] = ["plan", "--offline", "--platform", "linux/amd64", "--format", "json"];

/// Name and key of each image, by name.
fn keys(what: &str, plan: &Value) -> String {
    let images = plan["images"].as_array().expect("images").iter();
    let key = |image: &Value| image["key"].as_str().map_or("none".to_owned(), str::to_owned);
    let line = |image: &Value| format!("{what}  {}  {}\n", text(&image["name"]), key(image));
    let mut lines: Vec<String> = images.map(line).collect();
    assert!(!lines.is_empty(), "{what}: {plan}");
    lines.sort();
    lines.concat()
}

fn planned(what: &str, checkout: &Checkout) -> String {
    keys(what, &checkout.run(&PLAN).json())
}

/// What decides about keys beside Dockerfiles and plain files: settings, the lock, kinds of files.
fn everything() -> Checkout {
    let shop = Checkout::shop();
    shop.write("kinds/Dockerfile", "FROM acme/base\nCOPY . /srv\nRUN --mount=type=bind,target=/x true\n");
    shop.write("kinds/run.sh", "#!/bin/sh\n");
    shop.write("kinds/with space and ü", "x\r\ny\n");
    shop.write("kinds/empty", "");
    shop.write("kinds/hollow/skipped", "x\n");
    shop.write("kinds/.dockerignore", "hollow/*\n");
    shop.write("ages/Dockerfile", "FROM php:8.3\nARG MODE\nRUN echo $MODE\n");
    shop.write("on/Dockerfile", "FROM busybox\nONBUILD ARG LEVEL=1\nONBUILD COPY on.txt /\n");
    shop.write("carries/Dockerfile", "FROM acme/on AS one\nRUN echo $LEVEL\nFROM one\n");
    shop.write("carries/on.txt", "on\n");
    shop.write(
        "shipwright.toml",
        "metadata = \"2\"\n\n[image.ages]\nargs = { MODE = \"slow\" }\n\n[image.one]\ndockerfile = \"carries/Dockerfile\"\n\
         target = \"one\"\n\n[image.all]\ndockerfile = \"kinds/Dockerfile\"\nwhole_context = true\n",
    );
    shop.write(
        "shipwright.lock",
        format!("version = 1\n\n[bases]\n\"php:8.3\" = \"sha256:{}\"\n", "1".repeat(64)),
    );
    #[cfg(unix)]
    {
        shop.make_executable("kinds/run.sh");
        std::os::unix::fs::symlink("run.sh", shop.root.join("kinds/link")).expect("a link");
        std::os::unix::fs::symlink("nowhere", shop.root.join("kinds/dangling")).expect("a link");
    }
    shop.commit("What decides");
    shop
}

/// The valid ones of the 161 Dockerfiles, each in a folder that holds what any of them copies.
fn cases() -> Checkout {
    const FILES: [&str; 18] = [
        "a",
        "a b",
        "a.txt",
        "b",
        "c/x.txt",
        "x",
        "z",
        "s",
        "go.mod",
        "l.tar",
        "local.txt",
        "real",
        "app.txt",
        "app/bin",
        "pkg/main.go",
        "src/a",
        "rootfs.tar.gz",
        "é/ü.txt",
    ];
    let cases: Vec<Value> = serde_json::from_str(include_str!("../fixtures/dockerfiles.json")).expect("JSON");
    let checkout = Checkout::empty();
    for case in cases.iter().filter(|case| case["valid"] == true) {
        let name = text(&case["name"]);
        checkout.write(&format!("{name}/Dockerfile"), text(&case["dockerfile"]));
        for file in FILES {
            checkout.write(&format!("{name}/{file}"), format!("{file}\n"));
        }
    }
    checkout.commit("Cases");
    checkout
}

/// A checkout as the benchmarks make it: ignore files, three levels of bases, shared files, merges in its history.
fn large() -> Value {
    let shape = large::Shape { images: 60, files: 1_500, commits: 8, seed: "keys".to_owned() };
    let large = large::Checkout::make(shape).expect("git makes it");
    let mut command = large.command(env!("CARGO_BIN_EXE_shipwright"), &PLAN);
    Run::of(&command.stdout(Stdio::piped()).output().expect("it runs")).exits(0).json()
}

#[cfg(unix)]
#[test]
fn keys_are_those_of_earlier_versions() {
    let everything = everything();
    let keys = [
        planned("shop", &Checkout::shop()),
        planned("everything", &everything),
        keys(
            "arguments",
            &everything.run(&[&PLAN[..], &["--build-arg", "LEVEL=2"]].concat()).exits(0).json(),
        ),
        planned("cases", &cases()),
        keys("large", &large()),
    ];
    assert_data_eq!(keys.concat(), file!["keys/keys.txt"].raw());
}
