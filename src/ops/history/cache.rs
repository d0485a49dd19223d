//! Records of commits that an earlier run made. They never become wrong; what else decides them than the commit is part of
//! the question. A damaged file is as good as none.

use std::collections::HashMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::record::CommitRecord;
use crate::git::{LineCommit, read_own, replace_file, sealed, unsealed};
use crate::ops::workspace::Workspace;
use crate::printable::hex;
use crate::settings::Choices;

/// Changes with the layout, and with what a record means.
const MAGIC: &[u8; 8] = b"swhist01";

/// More than this, and those that were asked about longest ago are forgotten.
const MOST: usize = 20_000;
const LARGEST: usize = 64 << 20;

pub(super) struct Cache {
    path: PathBuf,
    /// What decides records besides commits.
    facts: String,
    known: HashMap<String, CommitRecord>,
    /// Commits in the order in which they were asked about.
    asked: Vec<String>,
    is_new: bool,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    key: String,
    record: CommitRecord,
}

impl Cache {
    pub(super) fn open(workspace: &Workspace, choices: &Choices) -> Self {
        let checkout = &workspace.checkout;
        let path = checkout.common_dir().join("shipwright").join("history");
        let Choices {
            namespace, platform, default_platform, build_args, unhashed_build_args, target, ..
        } = choices;
        let facts = format!(
            "{namespace:?} {platform:?} {default_platform:?} {build_args:?} {:?} {target:?} {:?} {:?} {:?} {} {}",
            unhashed_build_args.keys(),
            checkout.name(),
            checkout.origin_url(),
            checkout.conversion_facts(),
            env!("CARGO_PKG_VERSION"),
            std::env::consts::ARCH,
        );
        let facts = hex(&Sha256::digest(facts)[..8]);
        let known = read_own(&path, LARGEST as u64 + 64).ok().flatten().and_then(|bytes| decode(&bytes));
        let known = known.unwrap_or_default().into_iter().map(|kept| (kept.key, kept.record)).collect();
        Self { path, facts, known, asked: Vec::new(), is_new: false }
    }

    pub(super) fn get(&mut self, commit: &LineCommit) -> Option<CommitRecord> {
        let key = self.key(commit);
        let found = self.known.get(&key).cloned()?;
        self.asked.push(key);
        Some(found)
    }

    pub(super) fn put(&mut self, commit: &LineCommit, record: &CommitRecord) {
        let key = self.key(commit);
        self.known.insert(key.clone(), record.clone());
        self.asked.push(key);
        self.is_new = true;
    }

    /// The parent is part of it: grafts and the end of a shallow clone give a commit another one.
    fn key(&self, commit: &LineCommit) -> String {
        let parent = commit.parent.map(|parent| parent.short()).unwrap_or_default();
        format!("{} {} {parent}", self.facts, commit.id)
    }

    /// Writes what is new; a failure only costs time.
    pub(super) fn keep(&mut self) {
        if !std::mem::take(&mut self.is_new) {
            return;
        }
        let asked: std::collections::HashSet<&String> = self.asked.iter().collect();
        let others = self.known.keys().filter(|key| !asked.contains(key));
        let order = self.asked.iter().rev().chain(others).take(MOST);
        let mut bytes = MAGIC.to_vec();
        for key in order {
            let Some(record) = self.known.get(key) else { continue };
            let kept = Kept { key: key.clone(), record: record.clone() };
            let Ok(line) = serde_json::to_vec(&kept) else { continue };
            if bytes.len() + line.len() >= LARGEST {
                break;
            }
            bytes.extend_from_slice(&line);
            bytes.push(b'\n');
        }
        replace_file(&self.path, &sealed(bytes));
    }
}

fn decode(bytes: &[u8]) -> Option<Vec<Kept>> {
    let lines = unsealed(bytes, MAGIC)?;
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).ok()).collect()
}
