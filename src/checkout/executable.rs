//! The git executable, for what libgit2 cannot read.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::CheckoutError;

/// Why there is no answer.
pub(super) enum Failure {
    NotInstalled,
    Failed(CheckoutError),
}

impl Failure {
    /// Says that `what` of the repository at `path` needs the executable.
    pub(super) fn needed_for(self, path: &Path, what: &str) -> CheckoutError {
        match self {
            Self::NotInstalled => CheckoutError::Unsupported { path: path.to_owned(), what: what.to_owned() },
            Self::Failed(error) => error,
        }
    }
}

/// Variables that would point git at another repository, as they do inside a hook.
pub(super) const REDIRECTIONS: [&str; 9] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_CEILING_DIRECTORIES",
];

/// What `git ARGUMENTS` prints in `folder`.
pub(super) fn run(folder: &Path, arguments: &[&str], action: &'static str) -> Result<Vec<u8>, Failure> {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(arguments);
    prepare(&mut command);
    let output = command.output().map_err(|error| failure(&error, action))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Failure::Failed(CheckoutError::Git { action, message }))
}

fn prepare(command: &mut Command) {
    for name in REDIRECTIONS {
        command.env_remove(name);
    }
    // Nothing of what is asked here needs to write, or to fetch what a partial clone lacks.
    command.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_NO_LAZY_FETCH", "1").env("LC_ALL", "C");
    command.stdin(Stdio::null());
}

fn failure(error: &io::Error, action: &'static str) -> Failure {
    if error.kind() == io::ErrorKind::NotFound {
        Failure::NotInstalled
    } else {
        Failure::Failed(CheckoutError::Git { action, message: error.to_string() })
    }
}

/// The bytes of a blob as git writes them. It keeps none larger than `in_memory` in memory, as long as it is
/// not stored as a difference to another one.
pub(super) fn stream_blob(
    git_dir: &Path,
    blob: &str,
    in_memory: usize,
) -> Result<Box<dyn Read + Send>, Failure> {
    let mut command = Command::new("git");
    command.arg("--git-dir").arg(git_dir).arg("-c").arg(format!("core.bigFileThreshold={in_memory}"));
    command.args(["cat-file", "blob", blob]);
    prepare(&mut command);
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(|e| failure(&e, READ_BLOB))?;
    let Some(output) = child.stdout.take() else {
        return Err(Failure::Failed(CheckoutError::Git { action: READ_BLOB, message: String::new() }));
    };
    Ok(Box::new(BlobStream { child, output }))
}

const READ_BLOB: &str = "read a file of the commit";

struct BlobStream {
    child: Child,
    output: ChildStdout,
}

impl Read for BlobStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.output.read(buffer)?;
        // The end is one only if git says so too.
        if count == 0 && !buffer.is_empty() && !self.child.wait()?.success() {
            return Err(io::Error::other(format!("git could not {READ_BLOB}")));
        }
        Ok(count)
    }
}

impl Drop for BlobStream {
    fn drop(&mut self) {
        // One that has ended cannot be killed any more; nobody waits for what is left of the other.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
