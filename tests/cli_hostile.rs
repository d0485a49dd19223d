//! Checkouts that lie, change, or hold what is no file, through the real binary.

mod support;

use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;
use std::{fs, thread};

use support::{Checkout, Run, image, texts};

fn context(files: &[(&str, &str)]) -> Checkout {
    let checkout = Checkout::with(&[("api/Dockerfile", "FROM busybox\nCOPY . /api\n"), ("api/a", "1")]);
    for (path, text) in files {
        checkout.write(path, text);
    }
    checkout
}

fn inputs(checkout: &Checkout) -> Vec<String> {
    texts(&checkout.run(&["inspect", "api/Dockerfile", "--format", "json"]).exits(0).json()["inputs"])
}

#[test]
fn links_out_of_the_context_are_entries_and_lead_nowhere() {
    let checkout = context(&[]);
    fs::write(checkout.beside("secret"), "s").expect("a file");
    symlink(checkout.beside("secret"), checkout.root.join("api/absolute")).expect("a link");
    symlink("../..", checkout.root.join("api/up")).expect("a link");
    symlink("loop", checkout.root.join("api/loop")).expect("a link");
    assert_eq!(inputs(&checkout), ["api/Dockerfile", "api/a", "api/absolute", "api/loop", "api/up"]);
    let key = checkout.keys();
    fs::write(checkout.beside("secret"), "other").expect("a file");
    assert_eq!(checkout.keys(), key, "what stands outside is no input");
}

#[test]
fn a_source_that_leads_out_through_a_link_is_nowhere() {
    let checkout = context(&[("api/Dockerfile", "FROM busybox\nCOPY out/secret /s\n")]);
    symlink("../..", checkout.root.join("api/out")).expect("a link");
    fs::write(checkout.beside("secret"), "s").expect("a file");
    checkout.run(&["plan", "--offline", "api"]).exits(2).says("out/secret");
}

#[test]
fn what_is_no_file_is_skipped_with_a_warning() {
    let checkout = context(&[]);
    let made = Command::new("mkfifo").arg(checkout.root.join("api/pipe")).status().expect("mkfifo");
    assert!(made.success());
    let _socket = std::os::unix::net::UnixListener::bind(checkout.root.join("api/socket")).expect("a socket");
    let run = checkout.run_without_hanging(&["plan", "--offline"]).exits(0);
    run.says("left out of the build context").says("api/pipe").says("api/socket");
    assert_eq!(inputs(&checkout), ["api/Dockerfile", "api/a"]);
}

/// Runs as somebody who is not root, whom permissions mean something to.
fn run_as_nobody(checkout: &Checkout, arguments: &[&str]) -> Option<Run> {
    let is_root = Command::new("id").arg("-u").output().expect("id").stdout == b"0\n";
    if !is_root {
        return Some(checkout.run(arguments));
    }
    // The folder of the compiled binary may be root's alone.
    let binary = checkout.beside("shipwright");
    // By another process: one that this one still writes to when a test beside it forks would be "busy".
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_shipwright")).arg(&binary).status();
    assert!(copied.expect("cp runs").success());
    for folder in [binary.parent().expect("a folder"), &checkout.root] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("permissions");
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&binary).args(arguments);
    command.current_dir(&checkout.root).env_clear().env("PATH", std::env::var("PATH").unwrap_or_default());
    fs::write(checkout.beside(".gitconfig"), "[safe]\n\tdirectory = *\n").expect("a file");
    command.env("HOME", binary.parent().expect("a folder"));
    Some(Run::of(&command.output().ok()?))
}

#[test]
fn a_folder_or_file_that_cannot_be_read_is_an_error_that_names_it() {
    for (path, mode) in [("api/closed", 0o000), ("api/file", 0o000)] {
        let checkout = context(&[]);
        if path.ends_with("file") {
            checkout.write(path, "x");
        } else {
            checkout.write(&format!("{path}/b"), "x");
        }
        fs::set_permissions(checkout.root.join(path), fs::Permissions::from_mode(mode)).expect("permissions");
        let run = run_as_nobody(&checkout, &["plan", "--offline"]);
        fs::set_permissions(checkout.root.join(path), fs::Permissions::from_mode(0o755))
            .expect("permissions");
        let Some(run) = run else { return };
        assert_eq!(run.code, 2, "{run:?}");
        run.says(path).says("ermission denied");
    }
}

#[test]
fn a_checkout_that_is_written_to_all_the_time_gives_a_true_key_or_an_error() {
    let checkout = context(&[]);
    let file = checkout.root.join("api/a");
    let known: Vec<String> = ["1111", "2222"]
        .iter()
        .map(|text| {
            fs::write(&file, text).expect("a file");
            checkout.keys()[0].1.clone()
        })
        .collect();
    let running = std::sync::atomic::AtomicBool::new(true);
    thread::scope(|scope| {
        scope.spawn(|| {
            // Renamed into place, so that the file is always one or the other.
            let new = checkout.beside("new");
            for text in ["1111", "2222"].iter().cycle() {
                fs::write(&new, text).expect("a file");
                fs::rename(&new, &file).expect("a rename");
                if !running.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
            }
        });
        for _ in 0..20 {
            let run = checkout.run(&["plan", "--offline", "--format", "json"]);
            if run.code == 0 {
                let key = support::text(&image(&run.json(), "api")["key"]);
                assert!(known.contains(&key), "a key of neither");
            } else {
                run.says("api/a");
            }
        }
        running.store(false, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn a_read_only_checkout_is_planned_and_nothing_is_cached() {
    let checkout = context(&[]);
    let expected = checkout.keys();
    fs::remove_dir_all(checkout.root.join(".git/shipwright")).expect("a cache");
    let Some(run) = run_as_nobody(&checkout, &["plan", "--offline", "--format", "json"]) else { return };
    assert_eq!(support::keys(&run.exits(0).json()), expected);
}
