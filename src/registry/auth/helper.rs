use std::ffi::OsStr;
use std::io::ErrorKind;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::credentials::{Login, password_login};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

/// Runs `docker-credential-NAME get` and writes the registry's `key` to its input. `None`: it knows no login.
/// The error says what went wrong and quotes what the helper itself said about it.
pub(super) async fn ask_helper(
    name: &str,
    key: &str,
    path: Option<&OsStr>,
    timeout: Duration,
) -> Result<Option<Login>, String> {
    if name.contains(['/', '\\']) {
        return Err("that is not the name of a helper".to_owned());
    }
    let mut command = Command::new(format!("docker-credential-{name}"));
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    if let Some(path) = path {
        command.env("PATH", path);
    }
    let mut child = command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => "there is no such program".to_owned(),
        _ => error.to_string(),
    })?;
    let work = async {
        if let Some(mut input) = child.stdin.take() {
            // A helper that does not read its input closes it; what it then says decides.
            let _ = input.write_all(format!("{key}\n").as_bytes()).await;
        }
        child.wait_with_output().await
    };
    let output = match tokio::time::timeout(timeout, work).await {
        Ok(output) => output.map_err(|error| error.to_string())?,
        Err(_) => return Err(format!("it did not answer for {} seconds", timeout.as_secs())),
    };
    if output.status.success() {
        let answer: Answer = serde_json::from_slice(&output.stdout)
            .map_err(|_| "its answer is not what helpers say".to_owned())?;
        if answer.username.is_empty() && answer.secret.is_empty() {
            return Ok(None);
        }
        return Ok(Some(password_login(answer.username, answer.secret)));
    }
    // Helpers write their errors to either; none of them writes a secret when it fails.
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    if said.iter().any(|text| text.contains("credentials not found")) {
        return Ok(None);
    }
    let said = said.into_iter().find(|text| !text.is_empty()).unwrap_or_else(|| output.status.to_string());
    Err(super::super::answer::shorten(&said))
}
