//! On what the figures were made.

use std::fs;
use std::process::Command;

/// Processors, system and git, in one line.
pub(crate) fn machine() -> String {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let processor =
        field("/proc/cpuinfo", "model name", ':').unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let system =
        field("/etc/os-release", "PRETTY_NAME", '=').unwrap_or_else(|| std::env::consts::OS.to_owned());
    let git = Command::new("git").arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    format!("{count} x {processor}, {system}, {}", String::from_utf8_lossy(&git).trim())
}

/// The first value of a field in a file of the system.
fn field(path: &str, name: &str, mark: char) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(mark)?.1.trim().trim_matches('"').to_owned())
}
