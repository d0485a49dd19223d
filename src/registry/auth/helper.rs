use std::env::{join_paths, split_paths};
use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use super::fault::{HelperFault, LONGEST_ANSWER};
use super::login::{Login, password_login};

/// How long what a helper has started may hold its output open after it has ended.
const GRACE: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperAnswer {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

/// Runs `docker-credential-NAME get` and writes the registry's `key` to its input. `None`: it knows no login.
/// What it has started ends with it.
pub(super) async fn ask_helper(
    name: &str,
    key: &str,
    path: Option<&OsStr>,
    timeout: Duration,
) -> Result<Option<Login>, HelperFault> {
    if name.contains(['/', '\\']) {
        return Err(HelperFault::Failed("that is not the name of a helper".to_owned()));
    }
    let mut command = Command::new(format!("docker-credential-{name}"));
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    if let Some(path) = path {
        command.env("PATH", absolute(path));
    }
    let child = command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => HelperFault::NotInstalled,
        _ => HelperFault::Failed(error.to_string()),
    })?;
    let group = Group::of(&child);
    let work = converse(child, &group, key);
    let (status, out, err) =
        tokio::time::timeout(timeout, work).await.map_err(|_| HelperFault::Silent(timeout))??;
    drop(group);
    judge(status, &out, &err)
}

/// Folders of the PATH that are not another one in each checkout, as Go has it, in which Docker is written.
fn absolute(path: &OsStr) -> OsString {
    let folders = split_paths(path).filter(|folder| folder.is_absolute());
    join_paths(folders).unwrap_or_default()
}

/// Asks, and reads until it has ended.
async fn converse(
    mut child: Child,
    group: &Group,
    key: &str,
) -> Result<(ExitStatus, Vec<u8>, Vec<u8>), HelperFault> {
    let failed = |error: std::io::Error| HelperFault::Failed(error.to_string());
    let (input, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let ask = async {
        if let Some(mut input) = input {
            // A helper that does not read its input closes it; what it then says decides.
            let _ = input.write_all(format!("{key}\n").as_bytes()).await;
        }
    };
    let read = async {
        let ((), out, err) = tokio::join!(ask, limited(out), limited(err));
        Ok::<_, HelperFault>((out?, err?))
    };
    let mut read = std::pin::pin!(read);
    tokio::select! {
        both = &mut read => {
            let (out, err) = both?;
            Ok((child.wait().await.map_err(failed)?, out, err))
        }
        status = child.wait() => {
            group.end();
            let both = tokio::time::timeout(GRACE, read).await;
            let (out, err) = both.map_err(|_| HelperFault::Rubbish)??;
            Ok((status.map_err(failed)?, out, err))
        }
    }
}

async fn limited(stream: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, HelperFault> {
    let mut bytes = Vec::new();
    let Some(stream) = stream else { return Ok(bytes) };
    // What breaks off is judged as what it is.
    let _ = stream.take(LONGEST_ANSWER as u64 + 1).read_to_end(&mut bytes).await;
    if bytes.len() > LONGEST_ANSWER { Err(HelperFault::TooLong) } else { Ok(bytes) }
}

fn judge(status: ExitStatus, out: &[u8], err: &[u8]) -> Result<Option<Login>, HelperFault> {
    if status.success() {
        let answer: HelperAnswer = serde_json::from_slice(out).map_err(|_| HelperFault::Rubbish)?;
        if answer.username.is_empty() && answer.secret.is_empty() {
            return Ok(None);
        }
        return Ok(Some(password_login(answer.username, answer.secret)));
    }
    // Helpers write their errors to either; none of them writes a secret when it fails.
    let said = [out, err].map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned());
    if said.iter().any(|text| text.contains("credentials not found")) {
        return Ok(None);
    }
    let said = said.into_iter().find(|text| !text.is_empty()).unwrap_or_else(|| status.to_string());
    Err(HelperFault::Failed(super::super::answer::shorten(&said)))
}

/// A helper and all that it has started; ends with this value.
struct Group(#[cfg(unix)] Option<rustix::process::Pid>);

impl Group {
    #[cfg(unix)]
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(rustix::process::Pid::from_raw))
    }

    #[cfg(not(unix))]
    fn of(_: &Child) -> Self {
        Self()
    }

    #[cfg_attr(not(unix), expect(clippy::unused_self, reason = "there are no groups"))]
    fn end(&self) {
        #[cfg(unix)]
        if let Some(id) = self.0 {
            // It may have ended by itself.
            let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helpers_are_not_looked_for_in_the_current_folder() {
        let folders = absolute(OsStr::new("/usr/bin::.:bin:/bin"));
        assert_eq!(folders, OsStr::new("/usr/bin:/bin"));
    }
}
