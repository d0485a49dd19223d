//! Who is at work on a container. A file that is locked tells runs of one user on one machine apart, and is free as soon as a
//! run has ended in whatever way. A container that never runs tells everybody else, and what has to be ended when a
//! run was killed.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::hands::Hands;
use crate::deploy::{LOCK_LABEL, LockNote, Names, object, text};
use crate::diagnostic::Diagnostic;
use crate::engine::EngineError;
use crate::execution::{LockScope, TagLock, place_of};
use crate::ops::{Ending, Error};
use crate::printable::{hex, printable};

pub(super) struct Held {
    ids: Vec<String>,
    _file: Option<TagLock>,
}

pub(super) struct Lock {
    /// The id of the lock's container.
    pub id: String,
    pub note: LockNote,
    /// When it was made, in seconds since 1970 by the engine's clock.
    created: u64,
}

impl Lock {
    pub(super) async fn read(hands: Hands<'_>, name: &str) -> Result<Option<Self>, Error> {
        let Some(container) = hands.container(name).await? else { return Ok(None) };
        let labels = object(&container["Config"], "Labels");
        let note = labels.get(LOCK_LABEL).and_then(Value::as_str);
        let note = note.and_then(|note| serde_json::from_str(note).ok()).ok_or_else(|| {
            Error::usage_with_hint(
                format!("the container {name} is in the way: its name is kept for deployments"),
                format!("rename it: docker rename {name} NAME"),
            )
        })?;
        let created = seconds(text(&container, "Created"));
        Ok(Some(Self { id: text(&container, "Id").to_owned(), note, created }))
    }

    /// Refuses where somebody elsewhere may still be at work.
    pub(super) async fn refuse_alive(&self, hands: Hands<'_>, place: &str) -> Result<(), Error> {
        if self.note.place == place {
            // Of this user on this machine, and the file is not locked: the run has ended.
            return Ok(());
        }
        let now = seconds(text(&hands.info().await?, "SystemTime"));
        let left = (self.created + self.note.lease).saturating_sub(now);
        if left == 0 {
            return Ok(());
        }
        let name = self.note.members.first().map(|leader| leader.name.as_str()).unwrap_or_default();
        let busy = Diagnostic::error(format!(
            "{} is moving {} to {}",
            printable(&self.note.who),
            printable(name),
            printable(&self.note.image)
        ));
        let hint = format!("wait for it; if it was killed, this is possible in {left} s");
        Err(Error::one(Ending::Failed, busy.hint(hint)))
    }
}

#[derive(Clone, Debug)]
pub(super) struct LockPlace {
    /// The folder in which runs of this user wait for each other; none: they do not.
    pub folder: Option<PathBuf>,
    /// The engine's own id.
    pub engine: String,
    /// What other runs know it by.
    pub name: String,
}

impl LockPlace {
    pub(super) fn new(folder: Option<PathBuf>, engine: String) -> Result<Self, Error> {
        let name = match &folder {
            Some(folder) => place_of(folder).map_err(|error| {
                let message = format!("cannot lock in {}: {error}", folder.display());
                Error::one(Ending::Failed, Diagnostic::error(message))
            })?,
            None => hex(&rand::random::<[u8; 12]>()),
        };
        Ok(Self { folder, engine, name })
    }

    /// Waits until no other run of this user is at work on a container.
    pub(super) async fn file(&self, container: &str, waits: impl FnOnce()) -> Result<Option<TagLock>, Error> {
        let Some(folder) = self.folder.clone() else { return Ok(None) };
        let namespace = format!("container {container}");
        let scope = LockScope { folder, engine: self.engine.clone(), namespace };
        let lock = TagLock::acquire(&scope, waits).await;
        lock.map(Some).map_err(|error| Error::one(Ending::Failed, Diagnostic::error(error.to_string())))
    }
}

/// Holds all containers of a note; `None` where somebody else holds one of them.
pub(super) async fn hold(
    hands: Hands<'_>,
    file: Option<TagLock>,
    note: &LockNote,
    image: &Value,
) -> Result<Option<Held>, Error> {
    let mut names: Vec<&str> = note.members.iter().map(|member| member.name.as_str()).collect();
    // In the same order for everybody, so that two do not wait for each other.
    names.sort_unstable();
    let mut held = Held { ids: Vec::new(), _file: file };
    for name in names {
        match hands.create(&Names::of(name).lock, &request(note, image)).await {
            Ok(id) => held.ids.push(id),
            Err(EngineError::Refused { status: 409, .. }) => {
                held.release(hands).await?;
                return Ok(None);
            }
            Err(error) => {
                held.release(hands).await?;
                return Err(error.into());
            }
        }
    }
    Ok(Some(held))
}

impl Held {
    pub(super) async fn release(&self, hands: Hands<'_>) -> Result<(), EngineError> {
        for id in &self.ids {
            hands.remove(id, true).await?;
        }
        Ok(())
    }
}

/// A container that never runs.
pub(super) fn request(note: &LockNote, image: &Value) -> Value {
    let volumes = object(&image["Config"], "Volumes");
    let hidden: serde_json::Map<String, Value> =
        volumes.keys().map(|path| (path.clone(), json!(""))).collect();
    json!({
        "Image": text(image, "Id"),
        "Entrypoint": ["shipwright"],
        "Cmd": [],
        "Labels": {LOCK_LABEL: serde_json::to_string(note).unwrap_or_default()},
        "NetworkDisabled": true,
        // No volume is made for it.
        "HostConfig": {"NetworkMode": "none", "Tmpfs": hidden},
    })
}

/// Seconds since 1970 of a time as engines write it: `2026-11-28T20:50:24.5Z`, or with a difference to UTC.
fn seconds(time: &str) -> u64 {
    let part = |from: usize, to: usize| time.get(from..to).and_then(|digits| digits.parse::<i64>().ok());
    let parts =
        (|| Some((part(0, 4)?, part(5, 7)?, part(8, 10)?, part(11, 13)?, part(14, 16)?, part(17, 19)?)))();
    let Some((year, month, day, hours, minutes, seconds)) = parts else { return 0 };
    // Days since 1970, counted from March on so that the leap day comes last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 719_469;
    let zone = time.get(19..).unwrap_or_default();
    let zone = zone.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let digits =
        |from: usize| zone.get(from..from + 2).and_then(|digits| digits.parse::<i64>().ok()).unwrap_or(0);
    let ahead = match zone.as_bytes().first() {
        Some(b'+') => digits(1) * 3600 + digits(4) * 60,
        Some(b'-') => -(digits(1) * 3600 + digits(4) * 60),
        _ => 0,
    };
    u64::try_from(days * 86_400 + hours * 3600 + minutes * 60 + seconds - ahead).unwrap_or(0)
}

/// How long a deployment may take at most, in seconds, besides what is waited for.
pub(super) const OVERHEAD: Duration = Duration::from_secs(300);

/// Who is at work, for whoever meets the lock.
pub(super) fn who() -> String {
    let process = std::process::id();
    #[cfg(unix)]
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let machine = String::new();
    if machine.is_empty() { format!("process {process}") } else { format!("process {process} on {machine}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_engines_are_read() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), 0);
        assert_eq!(seconds("2026-11-28T20:50:24.123456789Z"), 1_795_899_024);
        assert_eq!(seconds("2026-11-28T21:50:24.5+01:00"), 1_795_899_024);
        assert_eq!(seconds("2024-02-29T23:59:59-00:30"), 1_709_252_999);
        assert_eq!(seconds("nonsense"), 0);
    }
}
