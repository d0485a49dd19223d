use std::path::{Path, PathBuf};
use std::time::Duration;

use super::environment::Environment;
use crate::ci::{CiEvent, System};
use crate::git::read_own;
use crate::limits;
use crate::path::TreePath;
use crate::report::CiLog;

/// What a CI system can do with the output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CiOutput {
    /// How its log is structured.
    pub log: Option<CiLog>,
    /// Where the summary of the job is collected.
    pub summary: Option<PathBuf>,
    /// The checkout's place in the workspace, with a slash at its end, or nothing.
    pub folder: String,
}

/// Finds out where the output goes. `start` is where the command works, `now` the time since 1970.
pub(super) fn ci_output(environment: &Environment, start: &Path, now: Duration) -> CiOutput {
    let Some(system) = system(environment) else { return CiOutput::default() };
    CiOutput {
        log: system.log.map(|form| CiLog::new(form, now)),
        summary: environment.get(system.summary_file).map(PathBuf::from),
        folder: environment.get(system.workspace).map(|at| folder(Path::new(at), start)).unwrap_or_default(),
    }
}

fn system(environment: &Environment) -> Option<&'static System> {
    System::of(&|name| environment.get(name).map(ToOwned::to_owned))
}

/// Where the checkout around `start` is below the workspace.
fn folder(workspace: &Path, start: &Path) -> String {
    let root = start.ancestors().find(|folder| folder.join(".git").symlink_metadata().is_ok());
    let below = root.and_then(|root| root.strip_prefix(workspace).ok()).map(TreePath::from_os);
    match below {
        Some(path) if !path.is_root() => format!("{path}/"),
        _ => String::new(),
    }
}

/// What the file of the event says, where there is one.
pub(super) fn ci_event(environment: &Environment) -> CiEvent {
    let path = system(environment).and_then(|system| environment.get(system.event_file));
    let bytes = path.and_then(|path| read_own(Path::new(path), limits::CI_EVENT).ok().flatten());
    bytes.map(|bytes| CiEvent::from_json(&bytes)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_in_a_subfolder_of_the_workspace_is_named() {
        let workspace = tempfile::tempdir().expect("a folder");
        let root = workspace.path().join("sub/shop");
        std::fs::create_dir_all(root.join(".git")).expect("folders");
        std::fs::create_dir_all(root.join("a/b")).expect("folders");
        assert_eq!(folder(workspace.path(), &root.join("a/b")), "sub/shop/");
        assert_eq!(folder(&root, &root), "");
        assert_eq!(folder(Path::new("/elsewhere"), &root), "");
        assert_eq!(folder(workspace.path(), workspace.path()), "");
    }

    #[test]
    fn the_system_is_known_by_its_variable() {
        let of = |variables: &[(&str, &str)]| {
            let environment = Environment::with_variables(variables.iter().copied());
            ci_output(&environment, Path::new("/"), Duration::from_secs(7))
        };
        let github = of(&[("GITHUB_ACTIONS", "true"), ("GITHUB_STEP_SUMMARY", "/tmp/summary")]);
        assert_eq!((github.log, github.summary), (Some(CiLog::GitHub), Some("/tmp/summary".into())));
        assert_eq!(of(&[("GITLAB_CI", "true")]).log, Some(CiLog::GitLab { begun: Duration::from_secs(7) }));
        assert_eq!(of(&[("GITHUB_STEP_SUMMARY", "/tmp/summary")]), CiOutput::default());
    }
}
