//! The git executable, for what libgit2 cannot read.

use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};

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

/// Starts `git ARGUMENTS` on the repository in `git_dir`, to be talked to.
pub(super) fn start(git_dir: &Path, arguments: &[&str], action: &'static str) -> Result<Child, Failure> {
    let mut command = Command::new("git");
    command.arg("--git-dir").arg(git_dir).args(arguments);
    prepare(&mut command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().map_err(|error| failure(&error, action))
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
