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

/// The files of a checkout that are read whole, but for Dockerfiles.
const READ_WHOLE: [&str; 3] = ["shipwright.toml", ".shipwright.json", "shipwright.lock"];

#[test]
fn a_file_of_the_checkout_that_leads_out_of_it_is_not_read() {
    for name in READ_WHOLE {
        for form in ["absolute", "relative", "folder", "git", "chain"] {
            let checkout = context(&[("ci/keep", "")]);
            fs::write(checkout.beside("credentials"), "[default]\naws_secret = hunter2\n").expect("a file");
            fs::create_dir(checkout.beside("aws")).expect("a folder");
            fs::write(checkout.beside("aws/credentials"), "aws_secret = hunter2\n").expect("a file");
            fs::write(checkout.root.join(".git/token"), "aws_secret = hunter2\n").expect("a file");
            match form {
                "absolute" => symlink(checkout.beside("credentials"), checkout.root.join(name)),
                "relative" => symlink("../credentials", checkout.root.join(name)),
                "folder" => symlink("../../aws", checkout.root.join("ci/out"))
                    .and_then(|()| symlink("ci/out/credentials", checkout.root.join(name))),
                "git" => symlink(".git/token", checkout.root.join(name)),
                _ => symlink("../../credentials", checkout.root.join("ci/out"))
                    .and_then(|()| symlink("ci/out", checkout.root.join(name))),
            }
            .expect("a link");
            checkout.commit("a link");
            for arguments in [
                &["plan", "--offline"][..],
                &["plan", "--offline", "--rev", "HEAD"],
                &["images", "--offline"],
                &["graph", "--offline"],
                &["affected", "--since", "HEAD"],
                &["lock", "--check"],
            ] {
                let run = checkout.run_without_hanging(arguments);
                let told = format!("{}{}", run.stdout, run.stderr);
                assert!(!told.contains("hunter2") && !told.contains("aws_secret"), "{form} {name}: {told}");
                assert_eq!(run.code, 2, "{form} {name} {arguments:?}: {run:?}");
                run.says(name).says("leads out of the checkout");
            }
        }
    }
}

#[test]
fn a_link_inside_the_checkout_is_followed() {
    let checkout = context(&[("ci/settings.toml", "namespace = \"inside\"\n"), ("ci/real/x", "")]);
    symlink("real", checkout.root.join("ci/link")).expect("a link");
    symlink("../settings.toml", checkout.root.join("ci/real/s")).expect("a link");
    symlink("ci/link/s", checkout.root.join("shipwright.toml")).expect("a link");
    checkout.commit("links");
    for arguments in [&["images", "--offline"][..], &["images", "--offline", "--rev", "HEAD"]] {
        assert!(checkout.run(arguments).exits(0).stdout.starts_with("inside/api:"));
    }
    checkout.write("ci/settings.toml", "namespac = \"inside\"\n");
    // The line shown is the target's, not the text of the link.
    checkout.run(&["plan", "--offline"]).exits(2).says("1 | namespac = \"inside\"");
}

#[test]
fn a_file_of_the_checkout_that_is_no_file_is_an_error_at_once() {
    for name in READ_WHOLE {
        for form in ["pipe", "link to a pipe", "device", "folder", "nothing"] {
            let checkout = context(&[]);
            let path = checkout.root.join(name);
            let fifo = |path: &std::path::Path| Command::new("mkfifo").arg(path).status().map(|_| ());
            match form {
                "pipe" => fifo(&path),
                "link to a pipe" => fifo(&checkout.root.join("pipe")).and_then(|()| symlink("pipe", &path)),
                "device" => symlink("/dev/zero", &path),
                "folder" => fs::create_dir_all(path.join("x")),
                _ => symlink("nowhere", &path),
            }
            .expect("made");
            let run = checkout.run_without_hanging(&["plan", "--offline"]);
            assert_eq!(run.code, 2, "{form} {name}: {run:?}");
            run.says(name).says("cannot be read");
        }
    }
}

#[test]
fn a_file_of_the_checkout_that_is_too_long_is_an_error_that_says_so() {
    let long = || "# filler\n".repeat(3 << 20);
    for name in ["shipwright.toml", ".shipwright.json", "shipwright.lock", "api/.dockerignore"] {
        let checkout = context(&[(name, &long())]);
        checkout.commit("long");
        for rev in [&[][..], &["--rev", "HEAD"]] {
            let run = checkout.run_without_hanging(&[&["plan", "--offline"], rev].concat());
            assert_eq!(run.code, 2, "{name}: {run:?}");
            run.says(name).says("longer than");
        }
    }
    for name in [".gitignore", ".gitattributes", "api/.gitattributes"] {
        let checkout = context(&[(name, &long())]);
        if name != ".gitignore" {
            checkout.commit("long");
        }
        let run = checkout.run_without_hanging(&["plan", "--offline"]);
        assert_eq!(run.code, 2, "{name}: {run:?}");
        run.says(name).says("longer than");
    }
    let checkout = context(&[(".gitattributes", &long())]);
    checkout.commit("long");
    checkout.run_without_hanging(&["plan", "--offline", "--rev", "HEAD"]).exits(2).says("longer than");
}

#[test]
fn git_does_not_follow_its_own_files_through_links_and_neither_do_we() {
    let checkout = context(&[]);
    // A reader of links would take the link's own text for a pattern: it ignores everything.
    symlink("*", checkout.root.join(".gitignore")).expect("a link");
    symlink("* filter=x", checkout.root.join("api/.gitattributes")).expect("a link");
    assert_eq!(inputs(&checkout), ["api/.gitattributes", "api/Dockerfile", "api/a"]);
    let unversioned = checkout.plan(&[])["images"][0]["unversioned"].clone();
    assert_eq!(texts(&unversioned), [""; 0]);
}

#[test]
fn a_dockerfile_that_leads_out_of_the_checkout_is_an_error_and_not_read() {
    for target in ["../../secret", "/etc/passwd", "../.git/config", "/dev/zero", "../out/secret"] {
        let checkout = context(&[("b/keep", "")]);
        fs::write(checkout.beside("secret"), "FROM hunter2\n").expect("a file");
        symlink("..", checkout.root.join("out")).expect("a link");
        symlink(target, checkout.root.join("b/Dockerfile")).expect("a link");
        checkout.commit("a link");
        for arguments in [&["plan", "--offline", "-v"][..], &["plan", "--offline", "-v", "--rev", "HEAD"]] {
            let run = checkout.run_without_hanging(arguments).exits(2);
            assert!(!format!("{run:?}").contains("hunter2"), "{target}: {run:?}");
            run.says("b/Dockerfile is a link to nothing inside the checkout, so it cannot be read");
        }
    }
}

#[test]
fn a_lock_is_never_written_into_git_s_own_folder_or_out_of_the_checkout() {
    for target in [".git/config", "../outside"] {
        let checkout = Checkout::with(&[("api/Dockerfile", "FROM scratch\n")]);
        fs::write(checkout.beside("outside"), "mine").expect("a file");
        let before = fs::read(checkout.root.join(target)).expect("a file");
        symlink(target, checkout.root.join("shipwright.lock")).expect("a link");
        checkout.run_without_hanging(&["lock"]).exits(2).says("leads out of the checkout");
        assert_eq!(fs::read(checkout.root.join(target)).expect("a file"), before);
    }
}

#[test]
fn the_source_of_a_finding_is_read_through_the_same_door() {
    let checkout = context(&[("b/build.df", "FROM busybox\nCPOY a b\n")]);
    symlink("build.df", checkout.root.join("b/Dockerfile")).expect("a link");
    checkout.run(&["plan", "--offline"]).says("b/Dockerfile").says("2 | CPOY a b");
}
