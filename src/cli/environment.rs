use std::io::IsTerminal;
use std::path::PathBuf;

use crate::report::Size;

/// The environment variables, terminals and folders of the process, read once. Nothing else in the crate
/// asks for them, so a test or an embedding program can set them.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: std::collections::BTreeMap<String, String>,
    /// The current folder.
    pub current_dir: PathBuf,
    /// Whether standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// Whether standard error is a terminal.
    pub stderr_is_terminal: bool,
    /// The extent of the terminal, if there is one.
    pub terminal: Option<Size>,
}

/// The extent of the terminal at this moment, if there is one.
pub(super) fn terminal_size() -> Option<Size> {
    use terminal_size::{Height, Width, terminal_size_of};
    let found = terminal_size_of(std::io::stderr()).or_else(|| terminal_size_of(std::io::stdout()));
    found.map(|(Width(columns), Height(rows))| Size { columns: columns.into(), rows: rows.into() })
}

impl Environment {
    /// The process's own. Variables that are not Unicode do not count.
    pub fn of_process() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self {
            variables,
            current_dir: std::env::current_dir().unwrap_or_default(),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            terminal: terminal_size(),
        }
    }

    /// Variables of the caller's choice, no terminal.
    pub fn with_variables<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self { variables: variables.into_iter().map(owned).collect(), ..Self::default() }
    }

    /// All of them.
    pub(super) fn variables(&self) -> &std::collections::BTreeMap<String, String> {
        &self.variables
    }

    /// A variable; an empty one counts as unset, as Docker and git have it for most of theirs.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A variable that may be set to nothing, such as the value of a build argument.
    pub fn get_even_empty(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Whether a switch is on: set, and neither `0` nor `false`.
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value != "0" && !value.eq_ignore_ascii_case("false"))
    }

    /// `~/.docker`, or `DOCKER_CONFIG`. None where there is no home: a folder below the current one would be the
    /// checkout's.
    pub fn docker_config(&self) -> Option<PathBuf> {
        let chosen = self.get("DOCKER_CONFIG").map(PathBuf::from);
        chosen.or_else(|| Some(self.home()?.join(".docker")))
    }

    /// Where locks live: they belong to a user and an engine, not to a checkout. A path that begins in the current
    /// folder counts for none, as the XDG specification has it.
    pub fn state_dir(&self) -> PathBuf {
        let chosen = self.get("XDG_STATE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
        let folder = chosen.or_else(|| Some(self.home()?.join(".local/state")));
        folder.unwrap_or_else(|| self.temporary_dir()).join("shipwright")
    }

    fn temporary_dir(&self) -> PathBuf {
        let chosen = self.get("TMPDIR").map(PathBuf::from).filter(|folder| folder.is_absolute());
        chosen.unwrap_or_else(|| if cfg!(windows) { std::env::temp_dir() } else { "/tmp".into() })
    }

    fn home(&self) -> Option<PathBuf> {
        let home = self.get("HOME").or_else(|| self.get("USERPROFILE")).map(PathBuf::from);
        home.filter(|home| home.is_absolute())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Else a checkout would hold them.
    #[test]
    fn no_folder_of_the_user_is_in_the_current_one() {
        for (variables, expected) in [
            (&[("HOME", "/h"), ("XDG_STATE_HOME", "/x")][..], "/x/shipwright"),
            (&[("HOME", "/h"), ("XDG_STATE_HOME", "x")], "/h/.local/state/shipwright"),
            (&[("HOME", "h"), ("XDG_STATE_HOME", "")], "/tmp/shipwright"),
            (&[("HOME", ""), ("TMPDIR", "/t")], "/t/shipwright"),
            (&[("TMPDIR", "t")], "/tmp/shipwright"),
            (&[("TMPDIR", "")], "/tmp/shipwright"),
        ] {
            let environment = Environment::with_variables(variables.iter().copied());
            assert_eq!(environment.state_dir(), PathBuf::from(expected), "{variables:?}");
        }
        for home in ["", ".", "h"] {
            assert_eq!(Environment::with_variables([("HOME", home)]).docker_config(), None, "{home:?}");
        }
    }
}
