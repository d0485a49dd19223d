//! Blobs as streams. Libgit2 gives a packed object in one piece only, and keeps the pieces of a pack that it has
//! read mapped for ever; `git cat-file --batch` does neither.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout};
use std::sync::{Arc, Mutex, PoisonError};

use crate::git::repository::executable::{Failure, Git};
use crate::git::{BlobId, CheckoutError};

const READ: &str = "read a file of the commit";

/// Limits on what git keeps in memory: parts of packs, and whole blobs. Larger blobs that are stored as a
/// difference to another one are the exception.
const ARGUMENTS: [&str; 8] = [
    "-c",
    "core.packedGitWindowSize=1m",
    "-c",
    "core.packedGitLimit=16m",
    "-c",
    "core.bigFileThreshold=1m",
    "cat-file",
    "--batch",
];

/// Reads blobs of one repository through git. As many processes run as streams are open at a time; they wait
/// for the next blob until this is dropped.
pub(in crate::git) struct BlobStreams {
    git_dir: PathBuf,
    idle: Arc<Mutex<Vec<Process>>>,
}

impl BlobStreams {
    pub(in crate::git) fn new(git_dir: &Path) -> Self {
        Self { git_dir: git_dir.to_owned(), idle: Arc::default() }
    }

    /// The bytes of a blob; `None` where there is no git executable.
    pub(in crate::git) fn open(&self, blob: BlobId) -> io::Result<Option<BlobStream>> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut process = match idle {
            Some(process) => process,
            None => match Process::start(&self.git_dir) {
                Ok(process) => process,
                Err(Failure::NotInstalled) => return Ok(None),
                Err(Failure::Failed(error)) => return Err(error.into()),
            },
        };
        let left = process.ask(blob)?;
        Ok(Some(BlobStream { process: Some(process), left, idle: self.idle.clone() }))
    }
}

/// One `git cat-file --batch`.
struct Process {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Process {
    fn start(git_dir: &Path) -> Result<Self, Failure> {
        let mut child = Git::bare(git_dir).start(&ARGUMENTS, READ)?;
        let (Some(questions), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure::Failed(CheckoutError::Git { action: READ, message: "no pipe".to_owned() }));
        };
        Ok(Self { child, questions, answers: BufReader::with_capacity(64 << 10, answers) })
    }

    /// Asks for a blob and gives its size; its bytes come next.
    fn ask(&mut self, blob: BlobId) -> io::Result<u64> {
        writeln!(self.questions, "{blob}")?;
        let mut head = String::new();
        self.answers.read_line(&mut head)?;
        let mut words = head.split_whitespace();
        if words.next_back() == Some("missing") {
            return Err(CheckoutError::MissingObject(blob.to_string()).into());
        }
        // `ID blob SIZE`
        let size = head.split_whitespace().nth(2).and_then(|size| size.parse().ok());
        size.ok_or_else(|| io::Error::other(format!("git could not {READ}: {blob}")))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be in the middle of a blob that nobody reads any more. One that has ended cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(in crate::git) struct BlobStream {
    process: Option<Process>,
    left: u64,
    idle: Arc<Mutex<Vec<Process>>>,
}

impl Read for BlobStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(process) = &mut self.process else { return Ok(0) };
        if self.left > 0 {
            let length = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
            let count = process.answers.read(&mut buffer[..length])?;
            if count == 0 && length > 0 {
                return Err(io::Error::other(format!("git could not {READ}")));
            }
            self.left -= count as u64;
            return Ok(count);
        }
        // A line feed ends each answer; then the process is free for the next.
        process.answers.read_exact(&mut [0])?;
        let process = self.process.take();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).extend(process);
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::BlobHasher;
    use crate::git::testing::TestRepository;

    #[test]
    fn one_process_gives_blob_after_blob() {
        let repository = TestRepository::new();
        let texts: Vec<Vec<u8>> = [0, 1, 70_000, 3_000_000].map(|size| vec![b'x'; size]).to_vec();
        for (number, text) in texts.iter().enumerate() {
            repository.write(format!("{number}"), text);
        }
        repository.commit("files");
        let streams = BlobStreams::new(&repository.path(".git"));
        for text in texts.iter().chain(&texts) {
            let mut read = Vec::new();
            let mut stream = streams.open(BlobHasher::hash(text)).expect("readable").expect("git is here");
            stream.read_to_end(&mut read).expect("readable");
            assert!(read == *text);
        }
        assert_eq!(streams.idle.lock().expect("no panic").len(), 1);
        // Two at a time, one of which is given up.
        let mut first = streams.open(BlobHasher::hash(&texts[3])).expect("readable").expect("git is here");
        first.read_exact(&mut [0; 10]).expect("readable");
        let mut second = streams.open(BlobHasher::hash(&texts[1])).expect("readable").expect("git is here");
        drop(first);
        let mut read = Vec::new();
        second.read_to_end(&mut read).expect("readable");
        assert_eq!(read, texts[1]);
    }

    #[test]
    fn a_blob_that_is_not_here_is_an_error() {
        let repository = TestRepository::new();
        let streams = BlobStreams::new(&repository.path(".git"));
        let error = streams.open(BlobHasher::hash(b"nowhere")).err().expect("an error");
        assert!(error.to_string().contains("not in this repository"), "{error}");
    }
}
