//! Files that are made to take forever, and machines that have nothing left.

mod support;

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{Checkout, Run};

/// Runs the command, which must end by itself. What takes the square of its input does not.
#[track_caller]
fn ends(mut command: Command) -> Run {
    let out = tempfile::tempfile().expect("a file");
    let err = tempfile::tempfile().expect("a file");
    command.stdout(out.try_clone().expect("a copy")).stderr(err.try_clone().expect("a copy"));
    let mut child = command.spawn().expect("the command runs");
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a state") {
            break status;
        }
        if start.elapsed() > Duration::from_secs(300) {
            child.kill().expect("it can be killed");
            child.wait().expect("it ends");
            panic!("{command:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let read = |mut file: fs::File| {
        use std::io::{Read as _, Seek as _};
        let mut bytes = Vec::new();
        file.rewind().and_then(|()| file.read_to_end(&mut bytes)).expect("what it printed");
        bytes
    };
    Run::of(&std::process::Output { status, stdout: read(out), stderr: read(err) })
}

fn shop(files: &[(&str, &str)]) -> Checkout {
    Checkout::with(&[&[("api/Dockerfile", "FROM busybox\nCOPY . /\n"), ("api/a", "1")], files].concat())
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(|at| line(at) + "\n").collect()
}

#[test]
fn many_findings_are_counted_and_200_are_shown() {
    let bad = format!("FROM busybox\n{}", lines(10_000, |at| format!("CPOY {at} x")));
    for (file, text) in [
        ("b/Dockerfile", bad.clone()),
        ("shipwright.toml", lines(10_000, |at| format!("key{at} = 1"))),
        (".shipwright.json", format!("{{{}\"x\": 1}}", lines(10_000, |at| format!("\"key{at}\": 1,")))),
        (
            "shipwright.lock",
            format!("version = 1\n[bases]\n{}", lines(10_000, |at| format!("\"b{at}\" = 1"))),
        ),
    ] {
        let shop = shop(&[(file, &text)]);
        for ci in ["", "true"] {
            let mut command = shop.command(&["plan", "--offline"]);
            command.env("GITHUB_ACTIONS", ci);
            let run = ends(command).exits(2);
            let shown = run.stderr.matches("--> ").count();
            assert!((1..=200).contains(&shown), "{file}: {shown} are shown");
            let rest = run.stderr.lines().find(|line| line.starts_with("and ") && line.ends_with(" more"));
            assert!(rest.is_some_and(|rest| rest.contains(',')), "{file}: {:.2000}", run.stderr);
        }
    }
    let shop = shop(&[("b/Dockerfile", &bad)]);
    ends(shop.command(&["inspect", "b/Dockerfile"])).says("more");
    ends(shop.command(&["inspect", "b/Dockerfile", "--format", "json"])).exits(2).json();
    ends(shop.command(&["plan", "--offline", "--format", "json"])).exits(2).json();
}

#[test]
fn long_settings_end() {
    for text in [
        format!("[names]\n{}", lines(16_000, |at| format!("\"nowhere{at}\" = \"n{at}\""))),
        format!("[names]\n{}", lines(16_000, |at| format!("\"{{a}}/{at}/{{b}}\" = \"n{at}-{{a}}\""))),
        lines(8_000, |at| format!("[image.i{at}]\ntarget = \"x\"")),
        lines(4_000, |at| format!("[image.i{at}]\ndockerfile = \"api/Dockerfile\"")),
        format!("exclude = [{}]\n", lines(30_000, |at| format!("\"x{at}/**/y\","))),
        format!("follow = [{}]\n", lines(30_000, |at| format!("\"x{at}\","))),
    ] {
        let shop = shop(&[("shipwright.toml", &text)]);
        let run = ends(shop.command(&["plan", "--offline"]));
        assert!(matches!(run.code, 0 | 2), "{:.60}: {:.2000}", text, run.stderr);
    }
}

#[test]
fn deep_and_long_files_end() {
    let deep = |open: &str, close: &str| open.repeat(50_000) + &close.repeat(50_000);
    for (file, text) in [
        ("shipwright.toml", format!("a = {}", deep("[", "]"))),
        ("shipwright.toml", format!("a = {}", deep("{a=", "}"))),
        ("shipwright.toml", format!("{} = 1", "a.".repeat(50_000) + "a")),
        (".shipwright.json", deep("[", "]")),
        (".shipwright.json", deep("{\"a\":", "}")),
        ("shipwright.lock", format!("version = {}", deep("[", "]"))),
    ] {
        let shop = shop(&[(file, &text)]);
        ends(shop.command(&["plan", "--offline"])).exits(2).says(file);
    }
    let nested = |depth: usize| "${A:-".repeat(depth) + "x" + &"}".repeat(depth);
    for text in [
        format!("FROM busybox\nRUN {}\n", "x".repeat(1_000_000)),
        format!("FROM busybox\nRUN {}x\n", "x \\\n".repeat(50_000)),
        format!("FROM {}\n", nested(25_000)),
        format!("FROM busybox\nCOPY {} /\n", nested(25_000)),
        lines(5_000, |at| format!("FROM busybox AS s{at}")) + &lines(1, |_| "COPY --from=s1 / /".to_owned()),
        lines(5_000, |at| {
            if at == 0 { "FROM busybox AS s0".to_owned() } else { format!("FROM s{} AS s{at}", at - 1) }
        }),
        lines(10_000, |at| format!("ARG A{at}=1"))
            + "FROM busybox\n"
            + &lines(10_000, |at| format!("ARG A{at}")),
        format!("FROM busybox\nARG A=x\n{}", lines(30, |_| "ARG A=$A$A$A$A".to_owned())),
        format!("ARG A=x\n{}FROM $A\n", lines(30, |_| "ARG A=$A$A$A$A".to_owned())),
        format!("FROM busybox\n{}", lines(10_000, |at| format!("ENV A{at}=$A{}", at.saturating_sub(1)))),
        format!("FROM busybox\nCOPY {}\n", "a ".repeat(10_000)),
        format!("FROM busybox\nCOPY {}x /\n", "*".repeat(25_000)),
        format!("FROM busybox\n{}", lines(5_000, |at| format!("RUN <<E{at}\nx\nE{at}"))),
        format!("FROM busybox\nRUN <<A <<B\n{}", "x\n".repeat(100_000)),
    ] {
        let shop = shop(&[("b/Dockerfile", &text)]);
        for arguments in [&["plan", "--offline"][..], &["inspect", "b/Dockerfile"]] {
            let run = ends(shop.command(arguments));
            assert!(matches!(run.code, 0 | 2), "{:.60} {arguments:?}: {:.2000}", text, run.stderr);
        }
    }
}

#[test]
fn long_ignore_files_end() {
    let many: Vec<(String, String)> = (0..200).map(|at| (format!("api/f/{at}"), at.to_string())).collect();
    for (file, text) in [
        ("api/.dockerignore", lines(20_000, |at| format!("**/x{at}*y"))),
        ("api/.dockerignore", lines(2_000, |at| format!("!{}{at}", "*a".repeat(40)))),
        (".gitignore", lines(20_000, |at| format!("**/x{at}*y"))),
        (".gitignore", lines(2_000, |at| format!("{}{at}", "*a".repeat(40)))),
        (".gitattributes", lines(20_000, |at| format!("**/x{at}*y text"))),
    ] {
        let shop = shop(&[]);
        for (path, text) in &many {
            shop.write(path, text);
        }
        shop.write(file, &text);
        let run = ends(shop.command(&["plan", "--offline"]));
        assert!(matches!(run.code, 0 | 2), "{file}: {:.2000}", run.stderr);
    }
}

#[test]
fn a_full_disk_is_an_error_and_a_closed_pipe_is_none() {
    let shop = shop(&[]);
    for arguments in [
        &["plan", "--offline"][..],
        &["plan", "--offline", "--format", "json"],
        &["images", "--offline"],
        &["graph", "--offline"],
        &["graph", "--offline", "--format", "json"],
        &["inspect", "api/Dockerfile"],
        &["inspect", "api/Dockerfile", "--format", "json"],
        &["completions", "bash"],
        &["man"],
    ] {
        let mut command = shop.command(arguments);
        command.stdout(fs::File::options().write(true).open("/dev/full").expect("a device"));
        let output = command.stderr(Stdio::piped()).output().expect("the command runs");
        Run::of(&output).exits(1).says("cannot write the result").says("No space left");
        let mut command = shop.command(arguments);
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = command.stdout(writer).stderr(Stdio::piped()).output().expect("the command runs");
        let run = Run::of(&output).exits(0);
        assert!(!run.stderr.contains("ipe"), "{arguments:?}: {run:?}");
    }
}

/// The command under limits of `prlimit`, as a user whom limits mean something to.
fn limited(shop: &Checkout, user: u32, limit: &str, arguments: &[&str]) -> Run {
    let binary = shop.beside("shipwright");
    if !binary.exists() {
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_shipwright")).arg(&binary).status();
        assert!(copied.expect("cp runs").success());
        fs::write(shop.beside(".gitconfig"), "[safe]\n\tdirectory = *\n").expect("a file");
        for folder in [binary.parent().expect("a folder"), &shop.root] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("permissions");
        }
    }
    let mut command = Command::new("setpriv");
    command.args([&format!("--reuid={user}"), "--regid=65534", "--clear-groups", "prlimit", limit]);
    command.arg(&binary).args(arguments).current_dir(&shop.root).env_clear();
    command.env("PATH", std::env::var("PATH").unwrap_or_default());
    command.env("HOME", binary.parent().expect("a folder"));
    ends(command)
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().expect("id").stdout == b"0\n"
}

#[test]
fn without_threads_it_goes_on_with_fewer_or_says_so() {
    if !is_root() {
        return;
    }
    let mut many = String::new();
    for at in 0..50 {
        let _ = writeln!(many, "[image.i{at}]\ndockerfile = \"api/Dockerfile\"");
    }
    let shop = shop(&[("shipwright.toml", &many)]);
    let mut codes = Vec::new();
    for threads in (1..=12).chain([40]) {
        // Processes are counted by user: one that nobody else is.
        let user = 610_000 + std::process::id() % 10_000;
        let run = limited(&shop, user, &format!("--nproc={threads}"), &["plan", "--offline"]);
        assert!(!run.stderr.contains("panicked"), "{threads}: {run:?}");
        match run.code {
            0 => {}
            1 => drop(run.says("no more threads").says("ulimit -u")),
            _ => panic!("{threads}: {run:?}"),
        }
        codes.push(run_code(&shop, user, threads));
    }
    assert_eq!((codes.first(), codes.last()), (Some(&1), Some(&0)), "{codes:?}");
}

fn run_code(shop: &Checkout, user: u32, threads: usize) -> i32 {
    limited(shop, user, &format!("--nproc={threads}"), &["inspect", "api/Dockerfile"]).code
}

#[test]
fn without_memory_it_does_not_panic() {
    if !is_root() {
        return;
    }
    let shop = shop(&[]);
    for megabytes in [60, 80, 100, 130, 160, 200, 300, 500, 1000] {
        let limit = format!("--as={}", megabytes << 20);
        let run = limited(&shop, 65534, &limit, &["plan", "--offline"]);
        assert!(!run.stderr.contains("panicked"), "{megabytes}: {run:?}");
        assert!(run.code == 0 || !run.stderr.is_empty(), "{megabytes}: {run:?}");
    }
}
