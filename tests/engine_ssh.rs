//! An engine behind ssh, with a program in place of ssh that goes nowhere but runs what it is told.

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Checkout, Engine, Run};

macro_rules! engine {
    () => {
        match Engine::start() {
            Some(engine) => engine,
            None => return,
        }
    };
}

/// A folder with an `ssh` in it, which notes its arguments.
struct Ssh {
    folder: tempfile::TempDir,
}

impl Ssh {
    fn new(engine: &Engine) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log");
        let script = format!(
            "#!/bin/sh\necho \"$*\" >>{}\nwhile [ \"$1\" != -- ]; do shift; done\nhost=$2\nshift 2\n\
             case $host in\nclosed) echo 'me@closed: Permission denied (publickey).' >&2; exit 255;;\n\
             without) echo 'sh: docker: not found' >&2; exit 127;;\nmute) exec sleep 300;;\nesac\n\
             DOCKER_HOST={} exec \"$@\"\n",
            log.display(),
            engine.host()
        );
        let program = folder.path().join("ssh");
        std::fs::write(&program, script).expect("a script");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("executable");
        Self { folder }
    }

    fn command(&self, engine: &Engine, checkout: &Checkout, arguments: &[&str]) -> Command {
        let mut command = engine.command(checkout, arguments);
        let path = std::env::var("PATH").expect("a path");
        command.env("PATH", format!("{}:{path}", self.folder.path().display()));
        command
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

fn run(command: &mut Command) -> Run {
    Run::of(&command.output().expect("it runs"))
}

/// Processes that run this program.
fn running(program: &Path) -> usize {
    let is_it = |entry: &PathBuf| {
        let line = std::fs::read(entry.join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&*program.to_string_lossy())
    };
    std::fs::read_dir("/proc").expect("processes").flatten().map(|entry| entry.path()).filter(is_it).count()
}

#[test]
fn builds_tags_and_looks_up_through_ssh() {
    let engine = engine!();
    let ssh = Ssh::new(&engine);
    let shop = Checkout::shop();
    run(ssh.command(&engine, &shop, &["build"]).env("DOCKER_HOST", "ssh://me@build-host:2222")).exits(0);
    assert!(engine.has("service1:main"));
    let log = ssh.log();
    let line = log.lines().next().unwrap_or_default();
    assert!(
        line.starts_with("-l me -p 2222 ") && line.ends_with(" -- build-host docker system dial-stdio"),
        "{line}"
    );
    let again = run(ssh.command(&engine, &shop, &["build"]).env("DOCKER_HOST", "ssh://build-host")).exits(0);
    assert!(again.stdout.is_empty(), "{again:?}");
    assert_eq!(running(&ssh.folder.path().join("ssh")), 0, "every connection ends with the run");

    let classic =
        Checkout::with(&[("api/Dockerfile", &format!("FROM busybox\nRUN echo {}\n", engine.namespace))]);
    let mut command = ssh.command(&engine, &classic, &["build"]);
    run(command.env("DOCKER_HOST", "ssh://build-host").env("DOCKER_BUILDKIT", "0")).exits(0);
    assert!(engine.has("api:main"));
}

#[test]
fn a_context_may_lead_through_ssh_and_a_path_names_the_socket() {
    let engine = engine!();
    let ssh = Ssh::new(&engine);
    let checkout = Checkout::with(&[("api/Dockerfile", "FROM busybox\n")]);
    let config = ssh.folder.path().join("config");
    // `printf remote | sha256sum`
    let meta = config.join("contexts/meta/b71199ebd070b36beab7317920c2c2f1d777df8d05e5527d8458fda57cb17a7a");
    std::fs::create_dir_all(&meta).expect("a folder");
    let host = format!("ssh://me@there{}", engine.host().trim_start_matches("unix://"));
    let text = format!(r#"{{"Name":"remote","Metadata":{{}},"Endpoints":{{"docker":{{"Host":"{host}"}}}}}}"#);
    std::fs::write(meta.join("meta.json"), text).expect("a file");
    let mut command = ssh.command(&engine, &checkout, &["plan"]);
    command.env_remove("DOCKER_HOST").env("DOCKER_CONTEXT", "remote").env("DOCKER_CONFIG", &config);
    run(&mut command).exits(0);
    let socket = engine.host();
    assert!(
        ssh.log().contains(&format!("-- there docker --host {socket} system dial-stdio")),
        "{}",
        ssh.log()
    );
}

#[test]
fn what_ssh_says_is_said() {
    let engine = engine!();
    let ssh = Ssh::new(&engine);
    let checkout = Checkout::with(&[("api/Dockerfile", "FROM busybox\n")]);
    for (host, said) in [
        ("ssh://me@closed", "me@closed: Permission denied (publickey)."),
        ("ssh://without", "sh: docker: not found"),
    ] {
        let run = run(ssh.command(&engine, &checkout, &["build"]).env("DOCKER_HOST", host)).exits(3);
        let run = run.says(said).says(&format!("no container engine answers at {host}"));
        run.says("docker version` works");
    }
    let mut command = ssh.command(&engine, &checkout, &["build"]);
    let missing = command.env("DOCKER_HOST", "ssh://host").env("PATH", ssh.folder.path().join("none"));
    run(missing).exits(3).says("ssh cannot be started: it is not installed");
    let mut command = ssh.command(&engine, &checkout, &["plan"]);
    let wrong = run(command.env("DOCKER_HOST", "ssh://me:hunter2@host")).exits(2);
    assert!(!wrong.stderr.contains("hunter2"), "{}", wrong.stderr);
    wrong.says("a password has no place in it");
}
