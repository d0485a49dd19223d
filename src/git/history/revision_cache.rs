//! Answers about history that an earlier run found. They never become wrong, since commits never change;
//! what a shallow clone gives depends on where it ends, so that is part of the question.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use sha1::{Digest, Sha1};

use crate::git::CommitId;
use crate::git::history::questions::Questions;
use crate::git::work_tree::stat_cache::{replace_file, sealed, take, unsealed};

/// Changes with the layout, and with what a question means.
const MAGIC: &[u8; 8] = b"swrevs02";

/// How many commits' answers are kept; the youngest first.
const HEADS: usize = 16;

/// More answers than this for one commit are not kept from run to run.
const ANSWERS: usize = 20_000;

type Key = [u8; 20];

type Heads = Vec<(CommitId, HashMap<Key, Option<CommitId>>)>;

/// The cache, seen from one list of queries.
pub(in crate::git) struct RevisionCache {
    path: PathBuf,
    keys: Vec<Key>,
    heads: Heads,
}

pub(in crate::git) struct AnswersAt<'a> {
    keys: &'a [Key],
    answers: &'a HashMap<Key, Option<CommitId>>,
}

impl AnswersAt<'_> {
    /// The answer to a query, if it is known: a commit, or that there is none.
    #[expect(clippy::option_option, reason = "unknown and none are two things")]
    pub(in crate::git) fn answer(&self, query: usize) -> Option<Option<CommitId>> {
        self.answers.get(&self.keys[query]).copied()
    }
}

impl RevisionCache {
    pub(in crate::git) fn open(path: &Path, shallow: &[u8], queries: &Questions) -> Self {
        let shallow: [u8; 20] = Sha1::digest(shallow).into();
        let bytes = std::fs::read(path).ok();
        Self {
            path: path.to_owned(),
            keys: keys(queries, &shallow),
            heads: bytes.and_then(|bytes| decode(&bytes)).unwrap_or_default(),
        }
    }

    pub(in crate::git) fn at(&self, commit: CommitId) -> Option<AnswersAt<'_>> {
        let (_, answers) = self.heads.iter().find(|(head, _)| *head == commit)?;
        Some(AnswersAt { keys: &self.keys, answers })
    }

    /// The answers to all queries, if none is missing.
    pub(in crate::git) fn all(&self, commit: CommitId) -> Option<Vec<Option<CommitId>>> {
        if self.keys.is_empty() {
            return Some(Vec::new());
        }
        let known = self.at(commit)?;
        (0..self.keys.len()).map(|query| known.answer(query)).collect()
    }

    /// Keeps the answers; a failure only costs time.
    pub(in crate::git) fn store(&mut self, commit: CommitId, answers: &[Option<CommitId>]) {
        let position = self.heads.iter().position(|(head, _)| *head == commit);
        let mut known = position.map(|at| self.heads.remove(at).1).unwrap_or_default();
        if known.len() + answers.len() > ANSWERS {
            known.clear();
        }
        known.extend(self.keys.iter().copied().zip(answers.iter().copied()));
        self.heads.insert(0, (commit, known));
        self.heads.truncate(HEADS);
        replace_file(&self.path, &encode(&self.heads));
    }
}

/// What tells questions apart: their parts, in an order that does not depend on how they were numbered.
fn keys(queries: &Questions, shallow: &Key) -> Vec<Key> {
    let parts: Vec<Key> = queries.parts().iter().map(|part| Sha1::digest(part.canonical()).into()).collect();
    let mut sorted: Vec<usize> = (0..parts.len()).collect();
    sorted.sort_by_key(|part| parts[*part]);
    let key = |query: usize| {
        let about = queries.parts_of(query);
        let digest = Sha1::new().chain_update(shallow);
        let own = sorted.iter().filter(|part| about.contains(**part));
        own.fold(digest, |digest, part| digest.chain_update(parts[*part])).finalize().into()
    };
    (0..queries.len()).map(key).collect()
}

fn encode(heads: &[(CommitId, HashMap<Key, Option<CommitId>>)]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for (head, answers) in heads {
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(&(answers.len() as u64).to_le_bytes());
        for (key, answer) in answers {
            bytes.extend_from_slice(key);
            // No commit has this id.
            bytes.extend_from_slice(&answer.map_or([0; 20], |answer| *answer.as_bytes()));
        }
    }
    sealed(bytes)
}

fn decode(bytes: &[u8]) -> Option<Heads> {
    let mut rest = unsealed(bytes, MAGIC)?;
    let mut heads = Vec::new();
    while !rest.is_empty() {
        let head = CommitId::new(take(&mut rest)?);
        let count = u64::from_le_bytes(take(&mut rest)?);
        let mut answers = HashMap::new();
        for _ in 0..count {
            let key = take(&mut rest)?;
            let answer: [u8; 20] = take(&mut rest)?;
            answers.insert(key, (answer != [0; 20]).then(|| CommitId::new(answer)));
        }
        heads.push((head, answers));
    }
    Some(heads)
}
