//! What flags name outside of the command line: files, and variables of the caller.

use std::path::Path;

use serde_json::Value;

use crate::cli::environment::Environment;

/// The caller's side.
pub(super) struct Caller<'a> {
    environment: &'a Environment,
}

impl<'a> Caller<'a> {
    pub(super) fn new(environment: &'a Environment) -> Self {
        Self { environment }
    }

    /// A variable of the caller.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        self.environment.get_even_empty(name).map(str::to_owned)
    }

    /// The folder in which the caller is.
    pub(super) fn folder(&self) -> String {
        self.environment.current_dir.display().to_string()
    }

    /// The text of a file that a flag names.
    pub(super) fn file(&self, flag: &str, path: &str) -> Result<String, String> {
        let path = self.environment.current_dir.join(Path::new(path));
        std::fs::read_to_string(&path)
            .map_err(|error| format!("{flag}: cannot read {}: {error}", path.display()))
    }

    /// `seccomp=FILE` with the profile itself, which is what engines take; any other option as it is.
    pub(super) fn security_option(&self, option: &str) -> Result<String, String> {
        let flag = "--security-opt";
        let (name, value) = option.split_once('=').or_else(|| option.split_once(':')).unwrap_or((option, ""));
        if value.is_empty() && name != "no-new-privileges" {
            return Err(format!("{flag}: `{option}`: write NAME=VALUE"));
        }
        if name != "seccomp" || matches!(value, "unconfined" | "builtin") {
            return Ok(option.to_owned());
        }
        let profile: Value = serde_json::from_str(&self.file(flag, value)?)
            .map_err(|error| format!("{flag}: {value} is no profile: {error}"))?;
        Ok(format!("seccomp={profile}"))
    }
}
