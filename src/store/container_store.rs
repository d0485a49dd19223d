//! Containers as a deployment needs them: descriptions as the engine gives them, and the few things that are done to
//! containers. All are named by their id, except where a name is what is asked about.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::engine::{Call, Engine, EngineError, Method};

/// How long a question may take.
const QUESTION: Duration = Duration::from_secs(20);
/// How long a change may take: making a container may copy an image's files into a volume.
const CHANGE: Duration = Duration::from_secs(180);
/// What an engine waits for a container to stop unless it says otherwise, in seconds.
const STOP_TIMEOUT: u64 = 10;

#[async_trait]
pub(crate) trait ContainerStore: Send + Sync {
    /// The description of a container, by name or id.
    async fn container(&self, name: &str) -> Result<Option<Value>, EngineError>;

    /// The description of an image, by reference or id.
    async fn image(&self, name: &str) -> Result<Option<Value>, EngineError>;

    /// Ids of all containers, running or not.
    async fn ids(&self) -> Result<Vec<String>, EngineError>;

    async fn info(&self) -> Result<Value, EngineError>;

    /// Makes a container, which does not run yet. Gives its id. Two of one name are refused.
    async fn create(&self, name: &str, request: &Value) -> Result<String, EngineError>;

    async fn connect(&self, network: &str, container: &str, endpoint: &Value) -> Result<(), EngineError>;

    async fn disconnect(&self, network: &str, container: &str) -> Result<(), EngineError>;

    /// Starts a container; one that runs already is left as it is.
    async fn start(&self, container: &str) -> Result<(), EngineError>;

    /// Stops a container as it wants to be stopped, and kills it after its own timeout, in seconds.
    async fn stop(&self, container: &str, timeout: Option<u64>) -> Result<(), EngineError>;

    async fn rename(&self, container: &str, name: &str) -> Result<(), EngineError>;

    /// Removes a container; with `kills` also one that runs, and its anonymous volumes. One that is gone is no error.
    async fn remove(&self, container: &str, kills: bool) -> Result<(), EngineError>;

    /// The last lines that a container printed.
    async fn log(&self, container: &str, lines: u32) -> Result<Vec<String>, EngineError>;

    /// Runs a program in a running container, and gives its exit code; `None` while it has not ended after `limit`.
    async fn run(
        &self,
        container: &str,
        command: &[String],
        limit: Duration,
    ) -> Result<Option<i64>, EngineError>;

    async fn tag(&self, image: &str, repository: &str, tag: &str) -> Result<(), EngineError>;

    /// Deletes an image that has no name and that nothing uses. Gives false where the engine keeps it.
    async fn delete_image(&self, image: &str) -> Result<bool, EngineError>;
}

/// Asks, and gives what a successful answer holds.
async fn ask(engine: &Engine, method: Method, path: String, action: String) -> Result<Value, EngineError> {
    change(engine, method, path, action, None, CHANGE).await
}

async fn change(
    engine: &Engine,
    method: Method,
    path: String,
    action: String,
    body: Option<Value>,
    limit: Duration,
) -> Result<Value, EngineError> {
    let call = Call { action, method, path, body, limit };
    engine.call(&call).await?.value(&call.action)
}

async fn find(engine: &Engine, path: String, action: String) -> Result<Option<Value>, EngineError> {
    let call = Call { action, method: Method::GET, path, body: None, limit: QUESTION };
    engine.call(&call).await?.found(&call.action)
}

#[async_trait]
impl ContainerStore for Engine {
    async fn container(&self, name: &str) -> Result<Option<Value>, EngineError> {
        let path = format!("/containers/{}/json", escaped(name));
        find(self, path, format!("describe the container {name}")).await
    }

    async fn image(&self, name: &str) -> Result<Option<Value>, EngineError> {
        find(self, format!("/images/{}/json", escaped(name)), format!("describe the image {name}")).await
    }

    async fn ids(&self) -> Result<Vec<String>, EngineError> {
        let listed =
            ask(self, Method::GET, "/containers/json?all=1".to_owned(), "list containers".to_owned());
        let listed = listed.await?;
        let ids = listed.as_array().into_iter().flatten().filter_map(|one| one["Id"].as_str());
        Ok(ids.map(str::to_owned).collect())
    }

    async fn info(&self) -> Result<Value, EngineError> {
        ask(self, Method::GET, "/info".to_owned(), "describe itself".to_owned()).await
    }

    async fn create(&self, name: &str, request: &Value) -> Result<String, EngineError> {
        let path = format!("/containers/create?name={}", escaped(name));
        let action = format!("create the container {name}");
        let made = change(self, Method::POST, path, action, Some(request.clone()), CHANGE).await?;
        Ok(made["Id"].as_str().unwrap_or_default().to_owned())
    }

    async fn connect(&self, network: &str, container: &str, endpoint: &Value) -> Result<(), EngineError> {
        let path = format!("/networks/{}/connect", escaped(network));
        let action = format!("connect a container to the network {network}");
        let body = json!({"Container": container, "EndpointConfig": endpoint});
        change(self, Method::POST, path, action, Some(body), CHANGE).await.map(drop)
    }

    async fn disconnect(&self, network: &str, container: &str) -> Result<(), EngineError> {
        let path = format!("/networks/{}/disconnect", escaped(network));
        let action = format!("disconnect a container from the network {network}");
        let body = json!({"Container": container, "Force": true});
        change(self, Method::POST, path, action, Some(body), CHANGE).await.map(drop)
    }

    async fn start(&self, container: &str) -> Result<(), EngineError> {
        let action = format!("start the container {}", short(container));
        ask(self, Method::POST, format!("/containers/{container}/start"), action).await.map(drop)
    }

    async fn stop(&self, container: &str, timeout: Option<u64>) -> Result<(), EngineError> {
        let limit = Duration::from_secs(timeout.unwrap_or(STOP_TIMEOUT)).saturating_add(CHANGE);
        let action = format!("stop the container {}", short(container));
        let path = format!("/containers/{container}/stop");
        change(self, Method::POST, path, action, None, limit).await.map(drop)
    }

    async fn rename(&self, container: &str, name: &str) -> Result<(), EngineError> {
        let path = format!("/containers/{container}/rename?name={}", escaped(name));
        let action = format!("rename a container to {name}");
        ask(self, Method::POST, path, action).await.map(drop)
    }

    async fn remove(&self, container: &str, kills: bool) -> Result<(), EngineError> {
        let path = format!("/containers/{container}?force={kills}&v={kills}");
        let action = format!("remove the container {}", short(container));
        let call = Call { action, method: Method::DELETE, path, body: None, limit: CHANGE };
        self.call(&call).await?.found(&call.action).map(drop)
    }

    async fn log(&self, container: &str, lines: u32) -> Result<Vec<String>, EngineError> {
        let path = format!("/containers/{container}/logs?stdout=1&stderr=1&tail={lines}");
        let action = format!("show the log of the container {}", short(container));
        let call = Call { action, method: Method::GET, path, body: None, limit: QUESTION };
        let answer = self.call(&call).await?;
        if answer.status == 200 { Ok(log_lines(&answer.body)) } else { Ok(Vec::new()) }
    }

    async fn run(
        &self,
        container: &str,
        command: &[String],
        limit: Duration,
    ) -> Result<Option<i64>, EngineError> {
        let action = "run the probe in the container".to_owned();
        let path = format!("/containers/{container}/exec");
        let made = json!({"Cmd": command, "AttachStdout": false, "AttachStderr": false});
        let made = change(self, Method::POST, path, action.clone(), Some(made), QUESTION).await?;
        let id = made["Id"].as_str().unwrap_or_default().to_owned();
        let path = format!("/exec/{id}/start");
        let detached = json!({"Detach": true, "Tty": false});
        change(self, Method::POST, path, action.clone(), Some(detached), QUESTION).await?;
        let until = tokio::time::Instant::now() + limit;
        loop {
            let state = ask(self, Method::GET, format!("/exec/{id}/json"), action.clone()).await?;
            if state["Running"] == false {
                return Ok(state["ExitCode"].as_i64());
            }
            if tokio::time::Instant::now() >= until {
                return Ok(None);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn tag(&self, image: &str, repository: &str, tag: &str) -> Result<(), EngineError> {
        let path =
            format!("/images/{}/tag?repo={}&tag={}", escaped(image), escaped(repository), escaped(tag));
        ask(self, Method::POST, path, format!("tag {repository}:{tag}")).await.map(drop)
    }

    async fn delete_image(&self, image: &str) -> Result<bool, EngineError> {
        let path = format!("/images/{}?force=false", escaped(image));
        let action = format!("remove the image {image}");
        let call = Call { action, method: Method::DELETE, path, body: None, limit: CHANGE };
        let answer = self.call(&call).await?;
        // 409: a container or another image needs it.
        if matches!(answer.status, 404 | 409) { Ok(false) } else { answer.value(&call.action).map(|_| true) }
    }
}

/// A container's id as people are shown it.
fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// A word of a path or of a query.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/:@".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The lines of a log. Without a terminal each piece has a head of 8 bytes: the stream, three zeros, and its length.
fn log_lines(bytes: &[u8]) -> Vec<String> {
    let mut text = Vec::new();
    let mut rest = bytes;
    while let [0..=2, 0, 0, 0, a, b, c, d, after @ ..] = rest {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let piece = &after[..length.min(after.len())];
        text.extend_from_slice(piece);
        rest = &after[piece.len()..];
    }
    text.extend_from_slice(rest);
    String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_read_with_and_without_a_terminal() {
        let framed = b"\x01\0\0\0\0\0\0\x04one\n\x02\0\0\0\0\0\0\x04two\n";
        assert_eq!(log_lines(framed), ["one", "two"]);
        assert_eq!(log_lines(b"one\r\ntwo"), ["one", "two"]);
        assert_eq!(log_lines(b"\x01\0\0\0\0\0\0\xffcut"), ["cut"]);
    }

    #[test]
    fn names_cannot_leave_their_place_in_a_path() {
        assert_eq!(escaped("acme/api:1"), "acme/api:1");
        assert_eq!(escaped("a b?c#d&e"), "a%20b%3Fc%23d%26e");
    }
}
