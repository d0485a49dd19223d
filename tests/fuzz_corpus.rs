//! The inputs that fuzzing kept, `fuzz/corpus`, on the stable compiler. How to fuzz: docs/testing.md.

use std::fs;
use std::path::Path;

#[path = "../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "public to the fuzz targets")]
mod exercise;

fn run_all(target: &str, exercise: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut count = 0;
    for entry in fs::read_dir(&folder).expect("a corpus") {
        exercise(&fs::read(entry.expect("an entry").path()).expect("a file"));
        count += 1;
    }
    assert!(count >= 5, "{count} inputs in {}", folder.display());
}

#[test]
fn dockerfiles() {
    run_all("dockerfile", exercise::dockerfile);
}

#[test]
fn rewriting() {
    run_all("rewriting", exercise::rewriting);
}

#[test]
fn ignore_files() {
    run_all("dockerignore", exercise::dockerignore);
}

#[test]
fn references() {
    run_all("references", exercise::references);
}

#[test]
fn settings() {
    run_all("settings", exercise::settings);
}
