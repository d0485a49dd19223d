//! What the tests of deployments share: containers of their own, a proxy that counts requests, and a count of all that is
//! not theirs.

#![allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "each part uses some of it")]

pub mod proxy;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Engine, Run, command_in};

/// Containers and images of one test, on an engine, and a folder that is no checkout.
pub struct Dock {
    /// What others have is counted, so that one test at a time is at work on an engine.
    _alone: MutexGuard<'static, ()>,
    pub engine: Engine,
    folder: TempDir,
}

static ALONE: Mutex<()> = Mutex::new(());

/// What runs until it is told to stop, and stops at once.
pub const SERVE: &str = r#"CMD ["sh","-c","trap 'exit 0' TERM; echo up; sleep 100000 & wait"]"#;

impl Dock {
    pub fn new() -> Option<Self> {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Self { _alone: alone, engine: Engine::start()?, folder: tempfile::tempdir().expect("a folder") })
    }

    /// A name that is this test's.
    pub fn name(&self, name: &str) -> String {
        format!("{}-{name}", self.engine.namespace)
    }

    /// A reference that is this test's.
    pub fn reference(&self, reference: &str) -> String {
        format!("{}/{reference}", self.engine.namespace)
    }

    /// Builds an image on busybox out of these lines, and gives its reference.
    pub fn image(&self, reference: &str, lines: &str) -> String {
        let context = self.folder.path().join(reference.replace(':', "-"));
        fs::create_dir_all(&context).expect("a folder");
        fs::write(context.join("Dockerfile"), format!("FROM busybox\n{lines}\n")).expect("a file");
        let reference = self.reference(reference);
        self.engine.docker(&["build", "--quiet", "--tag", &reference, &context.display().to_string()]);
        reference
    }

    /// Two images that differ, both serving.
    pub fn images(&self) -> (String, String) {
        (self.image("api:1", &format!("ENV V=1\n{SERVE}")), self.image("api:2", &format!("ENV V=2\n{SERVE}")))
    }

    /// Runs a container of this name.
    pub fn runs(&self, name: &str, flags: &[&str], image: &str) -> String {
        let name = self.name(name);
        self.engine.docker(&[&["run", "--detach", "--name", &name], flags, &[image]].concat())
    }

    /// The command, outside of any checkout.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command_in(self.folder.path(), self.folder.path(), arguments);
        command.env("DOCKER_HOST", self.engine.host());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        Run::of(&self.command(arguments).output().expect("the command runs"))
    }

    /// `deploy NAME IMAGE` without waiting.
    pub fn deploy(&self, name: &str, image: &str, more: &[&str]) -> Run {
        self.run(&[&["deploy", &self.name(name), image, "--grace", "0"][..], more].concat())
    }

    pub fn inspect(&self, name: &str) -> Value {
        self.try_inspect(&self.name(name)).unwrap_or_else(|| panic!("there is no {name}"))
    }

    pub fn try_inspect(&self, name: &str) -> Option<Value> {
        let output = self.engine.try_docker(&["container", "inspect", name]);
        let found: Value = serde_json::from_slice(&output.stdout).ok()?;
        found.get(0).cloned()
    }

    /// Names of all containers that are this test's, each with whether it runs.
    pub fn containers(&self) -> BTreeSet<(String, bool)> {
        let filter = format!("name={}-", self.engine.namespace);
        let format = "{{.Names}} {{.State}}";
        let listed = self.engine.docker(&["ps", "--all", "--filter", &filter, "--format", format]);
        let prefix = format!("{}-", self.engine.namespace);
        let one = |line: &str| {
            let (name, state) = line.split_once(' ')?;
            Some((name.strip_prefix(&prefix)?.to_owned(), state == "running"))
        };
        listed.lines().filter_map(one).collect()
    }

    /// Asserts that these containers are there and run, and none else of this test.
    #[track_caller]
    pub fn only(&self, names: &[&str]) {
        let expected: BTreeSet<_> = names.iter().map(|name| ((*name).to_owned(), true)).collect();
        assert_eq!(self.containers(), expected);
    }

    /// The volumes without a name of their own that containers have.
    pub fn anonymous_volumes(&self, names: &[&str]) -> Vec<String> {
        let names: Vec<String> = names.iter().map(|name| self.name(name)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let output = self.engine.try_docker(&[&["container", "inspect"], &names[..]].concat());
        let found: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let mounts = found.as_array().into_iter().flatten().filter_map(|one| one["Mounts"].as_array());
        let names = mounts.flatten().filter_map(|mount| mount["Name"].as_str());
        names.filter(|name| name.len() == 64).map(str::to_owned).collect()
    }

    /// Removes containers of this test, and volumes.
    pub fn remove(&self, names: &[&str], volumes: &[String]) {
        if names.is_empty() {
            return;
        }
        let volumes = [self.anonymous_volumes(names), volumes.to_vec()].concat();
        let names: Vec<String> = names.iter().map(|name| self.name(name)).collect();
        let arguments = |first: &[&str], more: &[String]| {
            let all = first.iter().copied().chain(more.iter().map(String::as_str));
            self.engine.try_docker(&all.collect::<Vec<_>>())
        };
        arguments(&["rm", "--force", "--volumes"], &names);
        if !volumes.is_empty() {
            arguments(&["volume", "rm", "--force"], &volumes);
        }
    }

    /// Asserts that nothing of others is gone, changed or added.
    #[track_caller]
    pub fn has_left_alone(&self, before: &BTreeSet<String>, context: &str) {
        let now = of_others(&self.engine);
        let changed: Vec<&String> = before.symmetric_difference(&now).collect();
        assert!(changed.is_empty(), "{changed:#?}\n{context}");
    }

    /// The id of the image that a name means.
    pub fn id(&self, reference: &str) -> String {
        self.engine.docker(&["image", "inspect", "--format", "{{.Id}}", reference])
    }
}

impl Drop for Dock {
    fn drop(&mut self) {
        let names: Vec<String> = self.containers().into_iter().map(|(name, _)| name).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.remove(&names, &[]);
        let filter = format!("name={}-", self.engine.namespace);
        for kind in ["network", "volume"] {
            let listed = self.engine.try_docker(&[kind, "ls", "--quiet", "--filter", &filter]);
            for id in String::from_utf8_lossy(&listed.stdout).split_whitespace() {
                self.engine.try_docker(&[kind, "rm", id]);
            }
        }
    }
}

/// Everything on an engine that is not of a test by its name: containers, images, volumes and networks.
pub fn of_others(engine: &Engine) -> BTreeSet<String> {
    let lists: [&[&str]; 4] = [
        &["ps", "--all", "--no-trunc", "--format", "container {{.Names}} {{.ID}} {{.State}}"],
        &["images", "--no-trunc", "--format", "image {{.Repository}}:{{.Tag}} {{.ID}}"],
        &["volume", "ls", "--format", "volume {{.Name}}"],
        &["network", "ls", "--no-trunc", "--format", "network {{.Name}} {{.ID}}"],
    ];
    let is_of_others = |line: &&str| !line.contains("swt-");
    let mut found = BTreeSet::new();
    for list in lists {
        let listed = engine.docker(list);
        found.extend(listed.lines().filter(is_of_others).map(str::to_owned));
    }
    found
}
