//! A checkout, an engine and a registry: what tests of pushing and pulling live with.

#![allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;

use shipwright::internals::{ImageReference, Registry as _, Tag};

use crate::registry::server::{Server, anonymous};
use crate::support::{Checkout, Engine, Run, images_of};

/// An engine and a registry that it can reach.
pub fn machines(kind: &[&str]) -> Option<(Engine, Server)> {
    let engine = Engine::start()?;
    Some((engine, Server::start(kind)?))
}

/// A checkout with an engine and a registry.
pub struct Story {
    pub engine: Engine,
    pub server: Server,
    /// Where to push: the registry, or a proxy in front of it.
    pub address: String,
    pub checkout: Checkout,
}

impl Story {
    pub fn push(&self, arguments: &[&str]) -> (Run, Vec<String>) {
        self.push_from(&self.checkout, arguments)
    }

    /// Pushes, and gives the images that were built.
    pub fn push_from(&self, checkout: &Checkout, arguments: &[&str]) -> (Run, Vec<String>) {
        let file = checkout.beside("push.json");
        let path = file.to_string_lossy().into_owned();
        let _ = std::fs::remove_file(&file);
        let all = [&["push", "--registry", &self.address, "--events", &path], arguments].concat();
        let run = self.engine.run(checkout, &all);
        let lines = std::fs::read_to_string(&file).unwrap_or_default();
        let events: Vec<_> =
            lines.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect();
        (run, images_of(&events, "build-started"))
    }

    /// What stands under a tag, by image.
    pub fn digests(&self, names: &[&str], tag: &str) -> BTreeMap<String, Option<String>> {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let client = anonymous();
        let of = |name: &&str| {
            let repository = self.server.repository(&format!("{}/{name}", self.engine.namespace));
            let reference: ImageReference = repository.with_tag(Tag::new(tag).expect("a tag"));
            let found = runtime.block_on(client.head(&reference)).expect("an answer");
            ((*name).to_owned(), found.map(|found| found.digest.to_string()))
        };
        names.iter().map(of).collect()
    }

    /// Takes all images of the checkout off the engine.
    pub fn forget(&self) {
        let listed = self.engine.docker(&["images", "--format", "{{.Repository}}:{{.Tag}}"]);
        let ours = format!("{}/", self.engine.namespace);
        for name in listed.lines().filter(|name| name.starts_with(&ours)) {
            self.engine.docker(&["rmi", "--force", name]);
        }
    }
}

/// Its images: api is built from base.
pub const CHAIN: [&str; 3] = ["base", "api", "tool"];

/// The checkout of most tests, with a registry that everybody may write to.
pub fn story() -> Option<Story> {
    story_with(&[])
}

/// The same with a registry of another kind, as of `.ci/registry`.
pub fn story_with(kind: &[&str]) -> Option<Story> {
    let (engine, server) = machines(kind)?;
    let checkout = Checkout::with(&[
        ("base/Dockerfile", "FROM busybox\nCOPY a /a\n"),
        ("base/a", "1"),
        ("api/Dockerfile", "FROM acme/base\nCOPY b /b\n"),
        ("api/b", "1"),
        ("tool/Dockerfile", "FROM busybox\nCOPY t /t\n"),
        ("tool/t", "1"),
    ]);
    let address = server.address.clone();
    Some(Story { engine, server, address, checkout })
}

/// The story, or the end of a test that cannot run here.
#[macro_export]
macro_rules! story {
    () => {
        match $crate::story::story() {
            Some(story) => story,
            None => return,
        }
    };
}
