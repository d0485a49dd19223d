//! The docker CLI on the engine under test, with buildx.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The CLI for one engine.
#[derive(Clone)]
pub struct Docker {
    host: String,
    /// Whether the builder's own frontend has heredocs.
    pub heredocs: bool,
}

impl Docker {
    /// The CLI for the engine at `host`; buildx has to be there.
    pub fn new(host: &str) -> Self {
        let mut docker = Self { host: host.to_owned(), heredocs: true };
        assert!(
            docker.try_run(["buildx", "version"]).status.success(),
            "the oracle is docker with buildx; `.ci/engine client 26.1` has both, see docs/testing.md"
        );
        let version = docker.run(["version", "--format", "{{.Server.Version}}"]);
        docker.heredocs = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0) >= 23;
        docker
    }

    /// A command that is not started yet.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new("docker");
        command.env("DOCKER_HOST", &self.host).env_remove("DOCKER_CONTEXT").args(arguments);
        command.stdin(Stdio::null());
        command
    }

    /// Runs it, whatever comes of it.
    pub fn try_run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        self.command(arguments).output().expect("docker runs")
    }

    /// Runs it and gives its output.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        String::from_utf8_lossy(&self.bytes(arguments)).trim().to_owned()
    }

    /// Runs it and gives its output as it is.
    pub fn bytes<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Vec<u8> {
        let output = self.try_run(arguments);
        assert!(output.status.success(), "docker: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Builds a Dockerfile in a context by buildx. `output` is a tag, or where a tar file goes: `-` is standard output.
    /// An error is the builder's text.
    pub fn build(&self, dockerfile: &Path, context: &Path, output: &[&str]) -> Result<Vec<u8>, String> {
        let mut command = self.command(["buildx", "build", "--quiet", "--file"]);
        command.arg(dockerfile);
        let output = command.args(output).arg(context).output().expect("docker runs");
        if output.status.success() {
            return Ok(output.stdout);
        }
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!error.contains("Cannot connect"), "the engine is gone: {error}");
        Err(error)
    }
}
