//! The git executable, for what libgit2 cannot read. This is the only place that starts it.
//!
//! A checkout's own configuration can name programs, and a checkout may be anybody's. So git is told which repository
//! is meant instead of looking for one, and whatever would run a program is turned off for each call. The one
//! exception are the filters of the *user's* configuration, where [`Git::with_user_filters`] asks for them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::git::CheckoutError;

/// Why there is no answer.
pub(in crate::git) enum Failure {
    NotInstalled,
    Failed(CheckoutError),
}

impl Failure {
    /// Says that `what` of the repository at `path` needs the executable.
    pub(in crate::git) fn needed_for(self, path: &Path, what: &str) -> CheckoutError {
        match self {
            Self::NotInstalled => CheckoutError::Unsupported { path: path.to_owned(), what: what.to_owned() },
            Self::Failed(error) => error,
        }
    }
}

/// Variables that would point git at another repository, as they do inside a hook.
pub(in crate::git) const REDIRECTIONS: [&str; 9] = [
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

/// Settings that name programs, or make git start some, with the values that keep it from that. Transports are
/// forbidden by a variable as well, which no setting of the repository outweighs.
const NO_PROGRAMS: [&str; 14] = [
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "core.editor=false",
    "core.sshCommand=false",
    "core.gitProxy=",
    "core.askPass=",
    "core.alternateRefsCommand=",
    "credential.helper=",
    "diff.external=",
    "gpg.program=false",
    "protocol.allow=never",
    "gc.auto=0",
    "maintenance.auto=false",
];

/// Variables for every call. Nothing of what is asked here needs to write, to fetch what a partial clone lacks, or to
/// ask the user; and libgit2, which reads the same objects, knows no replacements of them.
const ENVIRONMENT: [(&str, &str); 6] = [
    ("GIT_ALLOW_PROTOCOL", ""),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("LC_ALL", "C"),
];

/// Where programs of the user's may be named: not in the repository, nor in what it includes.
const TRUSTED: [&str; 3] = ["system", "global", "command"];

pub(in crate::git) struct Git {
    directory: PathBuf,
    folder: PathBuf,
    bare: bool,
}

impl Git {
    pub(in crate::git) fn bare(git_dir: &Path) -> Self {
        Self { directory: git_dir.to_owned(), folder: git_dir.to_owned(), bare: true }
    }

    pub(in crate::git) fn with_work_tree(git_dir: &Path, work_tree: &Path) -> Self {
        Self { directory: git_dir.to_owned(), folder: work_tree.to_owned(), bare: false }
    }

    pub(in crate::git) fn git_dir(&self) -> &Path {
        &self.directory
    }

    /// What `git ARGUMENTS` prints.
    pub(in crate::git) fn run(&self, arguments: &[&str], action: &'static str) -> Result<Vec<u8>, Failure> {
        output(self.command().args(arguments), action)
    }

    /// Starts `git ARGUMENTS`, to be talked to.
    pub(in crate::git) fn start(&self, arguments: &[&str], action: &'static str) -> Result<Child, Failure> {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().map_err(|error| failure(&error, action))
    }

    /// The same as [`Git::run`] for what looks at files on disk: with the filters that the user's own configuration
    /// has (`git lfs install`), and none that the repository has.
    pub(in crate::git) fn with_user_filters(
        &self,
        arguments: &[&str],
        action: &'static str,
    ) -> Result<Vec<u8>, Failure> {
        let settings = self.run(&["config", "--list", "--show-scope", "-z"], action)?;
        let Some(overrides) = filter_overrides(&settings) else {
            let message = "the repository's configuration has filters that cannot be turned off".to_owned();
            return Err(Failure::Failed(CheckoutError::Git { action, message }));
        };
        let mut command = self.command();
        for setting in overrides {
            command.arg("-c").arg(setting);
        }
        output(command.args(arguments), action)
    }

    fn command(&self) -> Command {
        let mut command = command(&self.folder);
        command.arg("--git-dir").arg(&self.directory);
        if !self.bare {
            command.arg("--work-tree").arg(&self.folder);
        }
        command
    }
}

/// What `git ARGUMENTS` prints in `folder`, where git looks for the repository itself, and refuses somebody else's.
pub(in crate::git) fn find(
    folder: &Path,
    arguments: &[&str],
    action: &'static str,
) -> Result<Vec<u8>, Failure> {
    output(command(folder).args(arguments), action)
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(["--no-pager", "--literal-pathspecs"]);
    for setting in NO_PROGRAMS {
        command.args(["-c", setting]);
    }
    for name in REDIRECTIONS.iter().chain(&["GIT_EXTERNAL_DIFF"]) {
        command.env_remove(name);
    }
    command.envs(ENVIRONMENT).stdin(Stdio::null());
    command
}

fn output(command: &mut Command, action: &'static str) -> Result<Vec<u8>, Failure> {
    let output = command.output().map_err(|error| failure(&error, action))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Failure::Failed(CheckoutError::Git { action, message }))
}

fn failure(error: &io::Error, action: &'static str) -> Failure {
    if error.kind() == io::ErrorKind::NotFound {
        Failure::NotInstalled
    } else {
        Failure::Failed(CheckoutError::Git { action, message: error.to_string() })
    }
}

/// What gives each filter that the repository has settings for the user's values back, or none. `settings` is what
/// `git config --list --show-scope -z` prints: `SCOPE\0NAME\nVALUE\0`, the last value of a name being the one that
/// counts. None if a name cannot be written on a command line.
fn filter_overrides(settings: &[u8]) -> Option<Vec<String>> {
    let mut trusted: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    let mut suspects: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut fields = settings.split(|byte| *byte == 0);
    while let (Some(scope), Some(entry)) = (fields.next(), fields.next()) {
        let Some(entry) = entry.strip_prefix(b"filter.") else { continue };
        let entry = std::str::from_utf8(entry).ok()?;
        // A name without a value means "true".
        let (name, value) = entry.split_once('\n').unwrap_or((entry, "true"));
        let Some((filter, variable)) = name.rsplit_once('.') else { continue };
        if TRUSTED.iter().any(|trusted| trusted.as_bytes() == scope) {
            trusted.insert((filter, variable), value);
        } else {
            suspects.insert((filter, variable));
        }
    }
    // Everything up to the first `=` would be the name.
    if suspects.iter().any(|(filter, _)| filter.contains('=')) {
        return None;
    }
    // Only what the repository sets: an empty `process` would be one that is there, and keep `clean` from running.
    let overrides = suspects.iter().map(|name| {
        let nothing = if name.1 == "required" { "false" } else { "" };
        let value = trusted.get(name).unwrap_or(&nothing);
        format!("filter.{}.{}={value}", name.0, name.1)
    });
    Some(overrides.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_s_filters_stay_and_the_repository_s_go() {
        let listing = b"global\0filter.lfs.clean\ngit-lfs clean -- %f\0global\0filter.own.clean\nown\0\
            local\0core.bare\nfalse\0local\0filter.lfs.clean\ntrap\0worktree\0filter.x.y.process\ntrap\0\
            local\0filter.z.required\0";
        let overrides = filter_overrides(listing).expect("names without `=`");
        assert_eq!(
            overrides,
            ["filter.lfs.clean=git-lfs clean -- %f", "filter.x.y.process=", "filter.z.required=false",]
        );
        assert_eq!(filter_overrides(b"global\0filter.a=b.clean\nx\0"), Some(Vec::new()));
        assert_eq!(filter_overrides(b"local\0filter.a=b.clean\nx\0"), None);
    }
}
