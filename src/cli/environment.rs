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

    /// Where locks live: they belong to a user and an engine, not to a checkout.
    pub fn state_dir(&self) -> PathBuf {
        match (self.get("XDG_STATE_HOME"), self.get("HOME")) {
            (Some(folder), _) => PathBuf::from(folder).join("shipwright"),
            (None, Some(home)) => PathBuf::from(home).join(".local/state/shipwright"),
            (None, None) => std::env::temp_dir().join("shipwright"),
        }
    }

    fn home(&self) -> Option<PathBuf> {
        self.get("HOME").or_else(|| self.get("USERPROFILE")).map(PathBuf::from)
    }
}
