//! The use cases against an engine and registries in memory: which tag moves where, what is refused, what is asked in
//! which order, and what is not asked at all.

mod build;
mod builders;
mod containers;
mod deploy;
mod ensure;
mod lock;
mod prune_registry;
mod push;
mod release;
mod scripted;

use std::sync::Arc;

use super::{Audience, Config, Error, ImageRequest};
use crate::ci::{CiEvent, CiJob};
use crate::diagnostic::Diagnostic;
use crate::execution::{Event, KEY_LABEL, REVISION_LABEL};
use crate::git::testing::TestRepository;
use crate::graph::Selector;
use scripted::{Content, World};

/// A checkout of two images, `web` on `api`, and whom it can ask.
struct Shop {
    repository: TestRepository,
    world: Arc<World>,
}

/// What the audience was told.
#[derive(Default)]
struct Heard(Vec<String>);

impl Audience for Heard {
    fn finds(&mut self, findings: &[Diagnostic]) {
        self.0.extend(findings.iter().map(|found| found.message.clone()));
    }

    fn event(&mut self, event: &Event) {
        if let Event::Notice { text } = event {
            self.0.push(text.clone());
        }
    }
}

impl Heard {
    fn says(&self, what: &str) -> bool {
        self.0.iter().any(|said| said.contains(what))
    }
}

impl Shop {
    fn new() -> Self {
        let repository = TestRepository::new();
        repository.write("shipwright.toml", "namespace = \"acme\"\nregistry = \"docker.io\"\n");
        repository.write("api/Dockerfile", "FROM scratch\nCOPY file /\n");
        repository.write("api/file", "1");
        repository.write("web/Dockerfile", "FROM acme/api\nCOPY page /\n");
        repository.write("web/page", "1");
        repository.commit("begin");
        Self { repository, world: World::new() }
    }

    fn config(&self) -> Config {
        let folder = self.repository.root().to_owned();
        Config { folder, backends: self.world.backends(), ..Config::default() }
    }

    /// As a job for a pull request from a fork.
    fn config_of_fork(&self) -> Config {
        let commit = self.repository.git(["rev-parse", "HEAD"]);
        let variables = [
            ("CI", "true"),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REF", "refs/pull/7/merge"),
            ("GITHUB_SHA", commit.as_str()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let event = CiEvent { number: Some("7".into()), from_fork: true, ..CiEvent::default() };
        Config { ci: CiJob::new(variables.into(), event), ..self.config() }
    }

    fn commit(&self, path: &str, content: &str) -> String {
        self.repository.write(path, content);
        self.repository.commit(content)
    }

    /// The first twelve digits of HEAD, as a tag has them.
    fn head(&self) -> String {
        self.repository.git(["rev-parse", "--short=12", "HEAD"])
    }
}

/// `api` alone.
fn api() -> ImageRequest {
    let selector = Selector { upto: vec!["api".into()], ..Selector::default() };
    ImageRequest { selector, ..ImageRequest::default() }
}

/// Somebody else's image under a name that could be ours.
fn foreign() -> Content {
    Content::new(200, &[("maintainer", "somebody")])
}

/// An image of Shipwright's, of another key, made from `commit`.
fn of_commit(commit: &str) -> Content {
    let key = "ab".repeat(32);
    Content::new(201, &[(KEY_LABEL, &key), (REVISION_LABEL, commit)])
}

fn message(error: Error) -> String {
    error.into_findings().into_iter().map(|found| found.message).collect::<Vec<_>>().join("\n")
}

/// The tags among some lines, without their repositories: `put main` of `put acme/api:main`.
fn short(lines: &[String]) -> Vec<String> {
    let short = |line: &String| {
        let words: Vec<&str> =
            line.split(' ').map(|word| word.rsplit_once(':').map_or(word, |(_, tag)| tag)).collect();
        words.join(" ")
    };
    lines.iter().map(short).collect()
}
