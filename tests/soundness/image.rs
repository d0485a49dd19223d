//! What an image holds: files and configuration, as far as two builds of the same inputs must agree.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::docker::Docker;
use super::tree::{Name, hex};

/// An image's files and configuration.
#[derive(Debug, PartialEq, Eq)]
pub struct Content {
    /// Kind, mode, owner, and link target or digest, by path.
    files: BTreeMap<Name, String>,
    /// By name, as JSON.
    configuration: BTreeMap<String, String>,
}

const CONFIGURATION: [&str; 11] = [
    "Env",
    "Cmd",
    "Entrypoint",
    "WorkingDir",
    "User",
    "ExposedPorts",
    "Volumes",
    "OnBuild",
    "Healthcheck",
    "Shell",
    "StopSignal",
];

impl Content {
    /// Reads an image of the engine.
    pub fn read(docker: &Docker, id: &str) -> Self {
        let text = docker.run(["image", "inspect", id]);
        let inspected: Value = serde_json::from_str(&text).expect("JSON");
        Self { files: files(docker, id), configuration: configuration(&inspected[0]) }
    }

    /// The first lines of what differs; nothing if they agree.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        let names: BTreeSet<&Name> = self.files.keys().chain(other.files.keys()).collect();
        for name in names {
            let (ours, theirs) = (self.files.get(name), other.files.get(name));
            if ours != theirs {
                lines.push(format!("{}: {ours:?}, from scratch {theirs:?}", String::from_utf8_lossy(name)));
            }
        }
        for (name, theirs) in &other.configuration {
            let ours = &self.configuration[name];
            if ours != theirs {
                lines.push(format!("{name}: {ours}, from scratch {theirs}"));
            }
        }
        lines.truncate(12);
        lines
    }
}

fn files(docker: &Docker, id: &str) -> BTreeMap<Name, String> {
    let container = docker.run(["create", "--network", "none", id, "none"]);
    let archive = docker.bytes(["export", &container]);
    docker.run(["rm", &container]);
    listing(&archive)
}

/// The entries of a tar archive, described; `d` comes first for folders.
pub fn listing(archive: &[u8]) -> BTreeMap<Name, String> {
    let mut described = BTreeMap::new();
    for entry in tar::Archive::new(archive).entries().expect("a tar archive") {
        let mut entry = entry.expect("an entry");
        let path = entry.path_bytes().into_owned();
        let path = path.strip_prefix(b"./").unwrap_or(&path);
        let path = path.strip_suffix(b"/").unwrap_or(path).to_vec();
        let header = entry.header();
        let kind = header.entry_type();
        let mode = header.mode().expect("a mode") & 0o7777;
        let owner = (header.uid().expect("an owner"), header.gid().expect("a group"));
        let mut text = if kind.is_dir() {
            "d".to_owned()
        } else if kind.is_symlink() || kind.is_hard_link() {
            let target = entry.link_name_bytes().expect("a target").into_owned();
            format!("{kind:?} {}", String::from_utf8_lossy(&target))
        } else {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).expect("bytes");
            format!("{kind:?} {} {}", content.len(), &hex(&Sha256::digest(&content))[..16])
        };
        text.push_str(&format!(" {mode:o} {owner:?}"));
        described.insert(path, text);
    }
    described
}

fn configuration(inspected: &Value) -> BTreeMap<String, String> {
    let config = &inspected["Config"];
    let mut found: BTreeMap<String, String> = CONFIGURATION
        .iter()
        .map(|name| {
            let value = &config[*name];
            // Absent and empty are the same to an engine.
            let empty = value.as_array().is_some_and(Vec::is_empty)
                || value.as_object().is_some_and(serde_json::Map::is_empty)
                || value == "";
            ((*name).to_owned(), if empty { "null".to_owned() } else { value.to_string() })
        })
        .collect();
    let mut labels: BTreeMap<String, Value> =
        serde_json::from_value(config["Labels"].clone()).unwrap_or_default();
    labels.retain(|name, _| {
        !name.starts_with("io.shipwright.") && !name.starts_with("org.opencontainers.image.")
    });
    found.insert("Labels".to_owned(), format!("{labels:?}"));
    found.insert("Platform".to_owned(), format!("{} {}", inspected["Os"], inspected["Architecture"]));
    found
}
