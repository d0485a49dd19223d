use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::environment::Environment;
use crate::diagnostic::Diagnostic;
use crate::ops::{Ending, Error};

/// What opens a file where the system says so, and its arguments before the file.
const OPENERS: &[&[&str]] = if cfg!(target_os = "macos") {
    &[&["open"]]
} else if cfg!(windows) {
    &[&["rundll32.exe", "url.dll,FileProtocolHandler"]]
} else {
    &[&["xdg-open"], &["wslview"]]
};

/// A program that has not failed by then shows the file.
const PATIENCE: Duration = Duration::from_secs(2);

/// Shows a file in the browser that `BROWSER` names, else in the system's.
///
/// # Errors
///
/// Where there is none; the message says where the file is.
pub(super) fn open(file: &Path, environment: &Environment) -> Result<(), Error> {
    let chosen = environment.get("BROWSER").unwrap_or_default();
    let chosen = chosen.split(':').filter(|command| !command.trim().is_empty());
    let chosen = chosen.map(|command| command.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    let system = OPENERS.iter().map(|words| words.iter().map(|word| (*word).to_owned()).collect());
    let mut tried = Vec::new();
    for words in chosen.chain(system) {
        let Some(program) = program(&words[0], environment) else { continue };
        if shows(&program, &words[1..], file) {
            return Ok(());
        }
        tried.push(words[0].clone());
    }
    let what = match &tried[..] {
        [] => "no browser was found to open it".to_owned(),
        tried => format!("{} did not open it", tried.join(" and ")),
    };
    let finding = Diagnostic::error(format!("the picture is in {}, but {what}", file.display()))
        .hint("open the file by hand, or set BROWSER to a browser");
    Err(Error::one(Ending::Failed, finding))
}

/// A program by its path, or in the folders of PATH; those that depend on the current folder do not count, since that may be
/// a checkout's.
fn program(name: &str, environment: &Environment) -> Option<PathBuf> {
    let path = Path::new(name);
    if path.components().count() > 1 {
        return path.is_absolute().then(|| path.to_owned()).filter(|path| path.is_file());
    }
    let folders = std::env::split_paths(environment.get("PATH")?).collect::<Vec<_>>();
    folders.into_iter().filter(|it| it.is_absolute()).map(|it| it.join(name)).find(|it| it.is_file())
}

fn shows(program: &Path, arguments: &[String], file: &Path) -> bool {
    let mut command = Command::new(program);
    let mut is_placed = false;
    for argument in arguments {
        is_placed |= argument.contains("%s");
        command.arg(argument.replace("%s", &file.to_string_lossy()));
    }
    if !is_placed {
        command.arg(file);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else { return false };
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => sleep(Duration::from_millis(20)),
            Err(_) => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_those_of_the_system() {
        let found = |name: &str, path: &str| program(name, &Environment::with_variables([("PATH", path)]));
        assert_eq!(found("sh", "/nowhere:/bin"), Some("/bin/sh".into()));
        assert_eq!(found("/bin/sh", "/nowhere"), Some("/bin/sh".into()));
        assert_eq!(found("Cargo.toml", ".:"), None, "nothing of the current folder");
        assert_eq!(found("./Cargo.toml", "/bin"), None);
    }
}
