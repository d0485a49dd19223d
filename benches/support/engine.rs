//! The engine that the benchmarks may use, and `docker buildx bake` of the same graph.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use futures_util::{StreamExt, stream};
use serde_json::{Map, Value, json};
use shipwright::internals::ImageReference;
use shipwright::internals::{Endpoint, Engine as Client, EngineEnvironment, ImageStore as _};

use crate::support::checkout::{Checkout, NAMESPACE, Shape};
use crate::support::timing::Sample;

/// Bare calls that are under way at once.
const CALLS: usize = 16;

/// An engine that answers, with a client that has buildx.
#[derive(Debug)]
pub(crate) struct Engine {
    host: String,
    /// What we and bake tag: nobody else has images of these names.
    ours: String,
    theirs: String,
}

impl Engine {
    /// The one at `SHIPWRIGHT_TEST_DOCKER_HOST` or `DOCKER_HOST`, or why there is none.
    pub(crate) fn find() -> Result<Self, String> {
        let host = ["SHIPWRIGHT_TEST_DOCKER_HOST", "DOCKER_HOST"]
            .iter()
            .find_map(|variable| std::env::var(variable).ok().filter(|host| !host.is_empty()))
            .ok_or("neither SHIPWRIGHT_TEST_DOCKER_HOST nor DOCKER_HOST names an engine")?;
        let process = std::process::id();
        let engine = Self {
            host,
            ours: format!("shipwright-bench-{process}"),
            theirs: format!("bake-bench-{process}"),
        };
        engine
            .docker(&["version"])
            .map_err(|error| format!("no engine answers at {}: {error}", engine.host))?;
        engine.docker(&["buildx", "version"]).map_err(|error| format!("docker has no buildx: {error}"))?;
        engine
            .docker(&["image", "inspect", "busybox:latest"])
            .map_err(|_| format!("the engine has no busybox: .ci/engine busybox {}", engine.host))?;
        Ok(engine)
    }

    /// Our command in a checkout. RUN steps need no network, and some test engines have none.
    pub(crate) fn shipwright(&self, checkout: &Checkout, arguments: &[&str]) -> Command {
        let mut command = checkout.command(super::SHIPWRIGHT, arguments);
        command.args(["--network", "none", "--progress", "quiet"]);
        command.env("DOCKER_HOST", &self.host).env("SHIPWRIGHT_NAMESPACE", &self.ours);
        command
    }

    /// Bake's command for all images of a checkout; `definition` wrote what it reads.
    pub(crate) fn bake(&self, checkout: &Checkout) -> Command {
        let mut command = checkout.command("docker", &["buildx", "bake", "--progress", "quiet", "--file"]);
        command
            .arg(bake_file(checkout))
            .env("DOCKER_HOST", &self.host)
            .env("BUILDX_NO_DEFAULT_ATTESTATIONS", "1");
        command
    }

    /// Writes the graph as bake's JSON: `contexts` says which image is which target.
    pub(crate) fn write_definition(&self, checkout: &Checkout) -> io::Result<()> {
        let shape = &checkout.shape;
        let mut targets = Map::new();
        for image in 0..shape.images {
            let name = Shape::name(image);
            let tools = Shape::uses_tools(image).then_some(1);
            let contexts: Map<String, Value> = shape
                .parent(image)
                .into_iter()
                .chain(tools)
                .map(Shape::name)
                .map(|from| (format!("{NAMESPACE}/{from}"), format!("target:{from}").into()))
                .collect();
            let definition = json!({
                "context": Shape::folder(image),
                "contexts": contexts,
                "network": "none",
                "tags": [format!("{}/{name}:latest", self.theirs)],
            });
            targets.insert(name, definition);
        }
        let names: Vec<String> = targets.keys().cloned().collect();
        let text = json!({ "group": { "default": { "targets": names } }, "target": targets });
        std::fs::write(bake_file(checkout), text.to_string())
    }

    /// Gives each of our images some tags, with nothing around it. Gives how long that took.
    pub(crate) fn tag_bare(
        &self,
        names: impl Iterator<Item = String>,
        tags: usize,
        round: usize,
    ) -> io::Result<Sample> {
        let reference = |text: String| text.parse::<ImageReference>().map_err(io::Error::other);
        let mut calls = Vec::new();
        for name in names {
            let source = reference(format!("{}/{name}:latest", self.ours))?;
            for tag in 0..tags {
                calls.push((source.clone(), reference(format!("{}/{name}:bare{round}-{tag}", self.ours))?));
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let environment = EngineEnvironment::new(&|_| None);
            let endpoint = Endpoint::resolve(Some(&self.host), &environment).map_err(io::Error::other)?;
            let client =
                Client::connect_with(&endpoint, environment.builder).await.map_err(io::Error::other)?;
            let begun = Instant::now();
            let calls = calls.iter().map(|(source, target)| client.tag(source, target));
            let done: Vec<_> = stream::iter(calls).buffer_unordered(CALLS).collect().await;
            done.into_iter().collect::<Result<(), _>>().map_err(io::Error::other)?;
            Ok(Sample { wall: begun.elapsed(), cpu: None })
        })
    }

    /// Removes the images that the benchmarks made.
    pub(crate) fn clean_up(&self) -> io::Result<()> {
        for namespace in [&self.ours, &self.theirs] {
            let names = self.docker(&[
                "images",
                "--format",
                "{{.Repository}}:{{.Tag}}",
                "--filter",
                &format!("reference={namespace}/*"),
            ])?;
            let names: Vec<&str> =
                names.lines().filter(|name| name.starts_with(namespace.as_str())).collect();
            for some in names.chunks(100) {
                self.docker(&[&["rmi", "--force"], some].concat())?;
            }
        }
        Ok(())
    }

    fn docker(&self, arguments: &[&str]) -> io::Result<String> {
        let output = Command::new("docker")
            .args(["--host", &self.host])
            .args(arguments)
            .stdin(Stdio::null())
            .output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}

fn bake_file(checkout: &Checkout) -> PathBuf {
    checkout.beside("docker-bake.json")
}
