//! An engine of a test's own that keeps its images as containerd does, and a registry in its network.

#![allow(unreachable_pub, clippy::allow_attributes, reason = "each test file uses a part of it")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::support::{Checkout, Engine, Run};

const ENGINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/engine");
const REGISTRY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/registry");

/// Both, until it is dropped.
pub struct Containerd {
    folder: TempDir,
    host: String,
    /// `127.0.0.1:PORT`, in the engine's network alone.
    pub registry: String,
}

impl Containerd {
    /// Starts them, beside the engine of version 26.1 that tests run on: 20.10 has no such store, and elsewhere nobody can
    /// start one.
    pub fn start() -> Option<Self> {
        Engine::start()?;
        if std::env::var("SHIPWRIGHT_TEST_ENGINE").as_deref() != Ok("26.1") {
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let engine = folder.path().join("engine");
        let started = Command::new(ENGINE)
            .args(["start", "26.1-containerd"])
            .arg(&engine)
            .stdin(Stdio::null())
            .output()
            .expect("bash runs");
        let host = Run::of(&started).exits(0).stdout.trim().to_owned();
        let mut both = Self { folder, host, registry: String::new() };
        let busybox = Command::new(ENGINE).args(["busybox", &both.host]).output().expect("bash runs");
        Run::of(&busybox).exits(0);
        let registry = both.folder.path().join("registry");
        let mut registry = both.inside(Command::new(REGISTRY).arg("start").arg(registry));
        let started = Run::of(&registry.output().expect("bash runs")).exits(0);
        both.registry.push_str(started.stdout.trim());
        Some(both)
    }

    /// A command in the engine's network.
    fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new(ENGINE);
        inside.arg("run").arg(self.engine()).arg(command.get_program()).args(command.get_args());
        inside.stdin(Stdio::null());
        if let Some(folder) = command.get_current_dir() {
            inside.current_dir(folder);
        }
        inside.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        inside
    }

    fn engine(&self) -> PathBuf {
        self.folder.path().join("engine")
    }

    /// Runs the command for a checkout on this engine.
    pub fn run(&self, checkout: &Checkout, arguments: &[&str]) -> Run {
        let command = checkout.command(arguments);
        let mut inside = self.inside(&command);
        // As `checkout.command`: nothing of the caller's environment counts.
        inside.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        inside.env("DOCKER_HOST", &self.host);
        Run::of(&inside.output().expect("the command runs"))
    }

    /// Builds, and gives the events.
    pub fn build(&self, checkout: &Checkout, arguments: &[&str]) -> (Run, Vec<Value>) {
        let file = checkout.beside("events.json");
        let path = file.to_string_lossy().into_owned();
        let run = self.run(checkout, &[&["build", "--events", &path], arguments].concat());
        let lines = fs::read_to_string(&file).unwrap_or_default();
        (run, lines.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect())
    }

    /// Runs docker on this engine and gives its output.
    pub fn docker(&self, arguments: &[&str]) -> String {
        let output = Command::new("docker").args(["-H", &self.host]).args(arguments).output();
        Run::of(&output.expect("docker runs")).exits(0).stdout.trim().to_owned()
    }

    /// The engine is as new: without images but the base, and without its build cache.
    pub fn forget(&self) {
        let images = self.docker(&["images", "--format", "{{.Repository}}:{{.Tag}}"]);
        let images: Vec<&str> = images.lines().filter(|image| !image.starts_with("busybox:")).collect();
        if !images.is_empty() {
            self.docker(&[&["rmi", "--force"][..], &images].concat());
        }
        self.docker(&["builder", "prune", "--all", "--force"]);
    }

    /// What the registry has under a reference, byte for byte.
    pub fn manifest(&self, repository: &str, reference: &str) -> Option<Vec<u8>> {
        let url = format!("http://{}/v2/{repository}/manifests/{reference}", self.registry);
        let kinds = [
            "application/vnd.oci.image.index.v1+json",
            "application/vnd.oci.image.manifest.v1+json",
            "application/vnd.docker.distribution.manifest.list.v2+json",
            "application/vnd.docker.distribution.manifest.v2+json",
        ];
        // The one that the engine's packages bring.
        let mut wget = Command::new("busybox");
        wget.args(["wget", "-q", "-O", "-", "--header", &format!("Accept: {}", kinds.join(", ")), &url]);
        let output = self.inside(&wget).output().expect("busybox runs");
        output.status.success().then_some(output.stdout)
    }
}

impl Containerd {
    /// The digest of what the registry has under a tag.
    pub fn digest(&self, repository: &str, tag: &str) -> String {
        let bytes = self.manifest(repository, tag).unwrap_or_else(|| panic!("no {repository}:{tag}"));
        let hex: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256:{hex}")
    }

    /// Puts an index under a tag.
    pub fn put(&self, repository: &str, tag: &str, index: &[u8]) {
        let file = self.folder.path().join("index.json");
        fs::write(&file, index).expect("a file");
        let url = format!("http://{}/v2/{repository}/manifests/{tag}", self.registry);
        let kind = "Content-Type: application/vnd.oci.image.index.v1+json";
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--fail", "--request", "PUT", "--header", kind, "--data-binary"]);
        curl.arg(format!("@{}", file.display())).arg(&url);
        let output = self.inside(&curl).output().expect("curl runs");
        Run::of(&output).exits(0);
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        let _ = Command::new(REGISTRY).arg("stop").arg(self.folder.path().join("registry")).output();
        let _ = Command::new(ENGINE).arg("stop").arg(self.engine()).output();
    }
}
