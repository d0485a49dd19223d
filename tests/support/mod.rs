//! What the tests through the real binary share: checkouts made out of fixtures, the command, an engine.

#![allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "each test file uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use tempfile::TempDir;

/// A git repository in a temporary folder, with a fixed identity and time.
pub struct Checkout {
    folder: TempDir,
    /// The root of the work tree.
    pub root: PathBuf,
    /// When all commits are made. Each checkout has its own time: so no two have a commit, and with it an
    /// image, in common, and a test can remove what it made while others run.
    date: String,
}

static CHECKOUTS: AtomicUsize = AtomicUsize::new(0);

impl Checkout {
    /// An empty repository on the branch `main`.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().join("shop");
        fs::create_dir(&root).expect("a folder");
        let number = CHECKOUTS.fetch_add(1, Ordering::Relaxed);
        let seconds = 1_700_000_000 + 1_000 * u64::from(std::process::id()) + number as u64;
        let checkout = Self { folder, root, date: format!("@{seconds} +0000") };
        checkout.git(&["init", "--quiet", "--initial-branch=main"]);
        checkout
    }

    /// `fixtures/shop` with one commit.
    pub fn shop() -> Self {
        let checkout = Self::empty();
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/shop"), &checkout.root);
        checkout.commit("The shop");
        checkout
    }

    /// A repository with these files, committed.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let checkout = Self::empty();
        for (path, text) in files {
            checkout.write(path, text);
        }
        checkout.commit("first");
        checkout
    }

    /// Writes a file and the folders around it.
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, text).expect("a file");
    }

    /// Removes a file.
    pub fn remove(&self, path: &str) {
        fs::remove_file(self.root.join(path)).expect("a file to remove");
    }

    /// Makes a file executable.
    #[cfg(unix)]
    pub fn make_executable(&self, path: &str) {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(self.root.join(path), fs::Permissions::from_mode(0o755)).expect("a mode");
    }

    /// Gives a file this time of its last change, in seconds since 1970.
    pub fn set_time(&self, path: &str, seconds: u64) {
        let file = fs::File::options().write(true).open(self.root.join(path)).expect("a file");
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).expect("a time");
    }

    /// Adds everything and commits it.
    pub fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
    }

    /// Runs git and gives its output.
    pub fn git(&self, arguments: &[&str]) -> String {
        git_at(&self.date, &self.root, arguments)
    }

    /// The first 12 digits of HEAD.
    pub fn head(&self) -> String {
        self.git(&["rev-parse", "--short=12", "HEAD"])
    }

    /// A folder beside the work tree that is removed with it.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command in the root of the work tree, with an environment of its own.
    pub fn command(&self, arguments: &[&str]) -> Command {
        command_in(&self.root, self.folder.path(), arguments)
    }

    /// Runs the command.
    pub fn run(&self, arguments: &[&str]) -> Run {
        Run::of(&self.command(arguments).output().expect("the command runs"))
    }

    /// Runs the command with these variables in its environment.
    pub fn run_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        Run::of(&command.output().expect("the command runs"))
    }

    /// Runs the command in another folder, such as a clone beside the work tree.
    pub fn run_in(&self, folder: &Path, arguments: &[&str]) -> Run {
        Run::of(&command_in(folder, self.folder.path(), arguments).output().expect("the command runs"))
    }

    /// Runs the command, which must end by itself within ten seconds.
    pub fn run_without_hanging(&self, arguments: &[&str]) -> Run {
        let mut command = self.command(arguments);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command runs");
        let start = Instant::now();
        while child.try_wait().expect("a state").is_none() {
            if start.elapsed() > Duration::from_secs(10) {
                child.kill().expect("it can be killed");
                child.wait().expect("it ends");
                panic!("{arguments:?} hangs");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Run::of(&child.wait_with_output().expect("its output"))
    }

    /// The plan without an engine, as JSON.
    pub fn plan(&self, arguments: &[&str]) -> Value {
        let run = self.run(&[&["plan", "--offline", "--format", "json"], arguments].concat());
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
    }

    /// The key of each image, by name.
    pub fn keys(&self) -> Vec<(String, String)> {
        keys(&self.plan(&[]))
    }
}

/// The key of each image of a plan, by short name.
pub fn keys(plan: &Value) -> Vec<(String, String)> {
    let images = plan["images"].as_array().expect("images");
    images.iter().map(|image| (text(&image["short_name"]), text(&image["key"]))).collect()
}

/// Short names of the images of a plan, in build order.
pub fn names(plan: &Value) -> Vec<String> {
    let images = plan["images"].as_array().expect("images");
    images.iter().map(|image| text(&image["short_name"])).collect()
}

/// The texts of a JSON list.
pub fn texts(value: &Value) -> Vec<String> {
    value.as_array().expect("a list").iter().map(text).collect()
}

/// Short names of the dirty images of a plan, in build order.
pub fn dirty(plan: &Value) -> Vec<String> {
    let images = plan["images"].as_array().expect("images");
    images.iter().filter(|image| image["dirty"] == true).map(|image| text(&image["short_name"])).collect()
}

/// One image of a plan.
pub fn image<'a>(plan: &'a Value, short_name: &str) -> &'a Value {
    let images = plan["images"].as_array().expect("images");
    images.iter().find(|image| image["short_name"] == short_name).unwrap_or_else(|| panic!("no {short_name}"))
}

/// A JSON string's text; empty for anything else.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Runs git in a folder.
pub fn git_in(folder: &Path, arguments: &[&str]) -> String {
    git_at("@1700000000 +0000", folder, arguments)
}

fn git_at(date: &str, folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .envs([
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_AUTHOR_NAME", "Ada"),
            ("GIT_AUTHOR_EMAIL", "ada@example.com"),
            ("GIT_AUTHOR_DATE", date),
            ("GIT_COMMITTER_NAME", "Ada"),
            ("GIT_COMMITTER_EMAIL", "ada@example.com"),
            ("GIT_COMMITTER_DATE", date),
        ])
        .args(["-c", "protocol.file.allow=always"])
        .args(arguments)
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The command in `folder`; nothing of the caller's environment but PATH reaches it.
pub fn command_in(folder: &Path, home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shipwright"));
    command
        .current_dir(folder)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("HOME", home)
        .args(arguments);
    command
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub struct Run {
    /// The exit code; -1 for a signal.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Run {
    /// Takes what the process left.
    pub fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Asserts on the exit code and shows everything if it is another.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// Asserts that no control character but the line's end is in what a terminal would show.
    #[track_caller]
    pub fn shows_nothing_raw(self) -> Self {
        for stream in [&self.stdout, &self.stderr] {
            let raw: Vec<char> = stream.chars().filter(|c| c.is_control() && *c != '\n').collect();
            assert!(raw.is_empty(), "{raw:?} in {stream}");
        }
        self
    }

    /// Asserts that standard error has this text.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no `{text}` in:\n{}", self.stderr);
        self
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            fs::create_dir_all(&target).expect("a folder");
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("a copy");
        }
    }
}

/// A real engine, and a namespace on it that no other test has. Its images go when it is dropped.
pub struct Engine {
    host: String,
    /// The namespace.
    pub namespace: String,
}

static ENGINES: AtomicUsize = AtomicUsize::new(0);

impl Engine {
    /// The engine that `SHIPWRIGHT_TEST_DOCKER_HOST` names. Without one the test cannot run: in CI that is a
    /// failure, elsewhere it is said.
    pub fn start() -> Option<Self> {
        let Ok(host) = std::env::var("SHIPWRIGHT_TEST_DOCKER_HOST") else {
            assert!(std::env::var_os("CI").is_none(), "SHIPWRIGHT_TEST_DOCKER_HOST names no engine");
            #[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
            {
                eprintln!("not run: SHIPWRIGHT_TEST_DOCKER_HOST names no engine");
            }
            return None;
        };
        let number = ENGINES.fetch_add(1, Ordering::Relaxed);
        Some(Self { host, namespace: format!("swt-{}-{number}", std::process::id()) })
    }

    /// The engine's address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The command for a checkout on this engine and namespace.
    pub fn command(&self, checkout: &Checkout, arguments: &[&str]) -> Command {
        let mut command = checkout.command(arguments);
        command.env("DOCKER_HOST", &self.host).env("SHIPWRIGHT_NAMESPACE", &self.namespace);
        command
    }

    /// Runs the command for a checkout.
    pub fn run(&self, checkout: &Checkout, arguments: &[&str]) -> Run {
        Run::of(&self.command(checkout, arguments).output().expect("the command runs"))
    }

    /// Builds, and gives the events.
    pub fn build(&self, checkout: &Checkout, arguments: &[&str]) -> (Run, Vec<Value>) {
        let file = checkout.beside("events.json");
        let path = file.to_string_lossy().into_owned();
        let run = self.run(checkout, &[&["build", "--events", &path], arguments].concat());
        let lines = fs::read_to_string(&file).unwrap_or_default();
        let events = lines.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect();
        (run, events)
    }

    /// Runs docker on this engine and gives its output.
    pub fn docker(&self, arguments: &[&str]) -> String {
        let output = self.try_docker(arguments);
        assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Whether the engine has an image of this name.
    pub fn has(&self, name: &str) -> bool {
        self.try_docker(&["image", "inspect", &format!("{}/{name}", self.namespace)]).status.success()
    }

    /// The image's id.
    pub fn id(&self, name: &str) -> String {
        self.docker(&["image", "inspect", "--format", "{{.Id}}", &format!("{}/{name}", self.namespace)])
    }

    /// A label of an image.
    pub fn label(&self, name: &str, label: &str) -> String {
        let format = format!("{{{{index .Config.Labels \"{label}\"}}}}");
        self.docker(&["image", "inspect", "--format", &format, &format!("{}/{name}", self.namespace)])
    }

    /// What a command prints in a container of an image.
    pub fn in_image(&self, name: &str, command: &[&str]) -> String {
        if let ["cat", paths @ ..] = command {
            return self.files_of_image(name, paths).trim().to_owned();
        }
        let image = format!("{}/{name}", self.namespace);
        self.docker(&[&["run", "--rm", "--network", "none", &image], command].concat())
    }

    /// The text of files of an image, one after the other.
    fn files_of_image(&self, name: &str, paths: &[&str]) -> String {
        let mut text = String::new();
        for (path, archive) in paths.iter().zip(self.copied_out(name, paths)) {
            for entry in tar::Archive::new(archive.as_slice()).entries().expect("an archive") {
                let mut entry = entry.expect("an entry");
                assert!(entry.header().entry_type().is_file(), "{name}: {path} is no file");
                std::io::Read::read_to_string(&mut entry, &mut text).expect("text");
            }
        }
        text
    }

    /// The paths of an image as archives. That takes a third of the time of a container that runs.
    pub fn copied_out(&self, name: &str, paths: &[&str]) -> Vec<Vec<u8>> {
        let container = self.docker(&["create", &format!("{}/{name}", self.namespace), "nothing"]);
        let copy = |path: &&str| self.try_docker(&["cp", "-L", &format!("{container}:{path}"), "-"]);
        let copied: Vec<Output> = paths.iter().map(copy).collect();
        self.docker(&["rm", "--volumes", &container]);
        let archive = |output: Output| {
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name}: {paths:?}: {error}");
            output.stdout
        };
        copied.into_iter().map(archive).collect()
    }

    /// Runs docker on this engine, whatever comes of it.
    pub fn try_docker(&self, arguments: &[&str]) -> Output {
        Command::new("docker").args(["-H", &self.host]).args(arguments).output().expect("docker runs")
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let format = "{{.Repository}}:{{.Tag}}";
        let listed = self.try_docker(&[
            "images",
            "--format",
            format,
            "--filter",
            &format!("reference={}/*", self.namespace),
        ]);
        let images = String::from_utf8_lossy(&listed.stdout).into_owned();
        let images: Vec<&str> = images.lines().filter(|line| line.starts_with(&self.namespace)).collect();
        if !images.is_empty() {
            self.try_docker(&[&["rmi", "--force"][..], &images].concat());
        }
    }
}

/// Which of many cases are tried on an engine: the two of CI share what takes minutes, any other one has all.
#[derive(Clone, Copy, Debug)]
pub enum Share {
    All,
    Odd,
    Even,
}

impl Share {
    pub fn of_this_engine() -> Self {
        match std::env::var("SHIPWRIGHT_TEST_ENGINE").as_deref() {
            Ok("20.10") => Self::Odd,
            Ok("26.1") => Self::Even,
            _ => Self::All,
        }
    }

    pub fn has(self, number: usize) -> bool {
        match self {
            Self::All => true,
            Self::Odd => number % 2 == 1,
            Self::Even => number.is_multiple_of(2),
        }
    }
}

/// A command that runs while the test does something else.
pub struct Running(pub Child);

impl Running {
    /// Starts the command for a checkout, with the engine at `host`, such as a gate before it.
    pub fn start(engine: &Engine, checkout: &Checkout, host: &str, arguments: &[&str]) -> Self {
        Self::of(engine.command(checkout, arguments).env("DOCKER_HOST", host))
    }

    /// Starts a command.
    pub fn of(command: &mut Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().expect("the command runs"))
    }

    /// What it has printed when it ends.
    pub fn end(self) -> Run {
        Run::of(&self.0.wait_with_output().expect("it ends"))
    }
}

/// Names of the images whose event of this kind was seen.
pub fn images_of(events: &[Value], kind: &str) -> Vec<String> {
    let mut names: Vec<String> = events
        .iter()
        .filter(|event| event["event"] == kind)
        .map(|event| text(&event["image"]).rsplit('/').next().unwrap_or_default().to_owned())
        .collect();
    names.sort();
    names
}
