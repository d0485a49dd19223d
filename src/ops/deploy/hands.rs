//! The changes of a deployment, each of which may be lost on its way to the engine, or its answer on the way back: then it is
//! looked whether it was made, and only else asked for again.

use std::time::Duration;

use serde_json::Value;

use crate::deploy::{object, text};
use crate::engine::EngineError;
use crate::store::ContainerStore;

/// How long it is waited before each further try.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// Whether nobody knows what came of a request.
fn is_lost(error: &EngineError) -> bool {
    !matches!(error, EngineError::Refused { .. } | EngineError::NoSuchImage(_))
}

/// Asks until the answer is known.
macro_rules! known {
    ($question:expr) => {{
        let mut pauses = PAUSES.iter();
        loop {
            match $question.await {
                Err(error) if is_lost(&error) => match pauses.next() {
                    Some(pause) => tokio::time::sleep(*pause).await,
                    None => break Err(error),
                },
                answer => break answer,
            }
        }
    }};
}

/// Changes until it is known that it was made.
macro_rules! made {
    ($change:expr, $is_made:expr) => {{
        let mut pauses = PAUSES.iter();
        loop {
            match $change.await {
                Ok(()) => break Ok(()),
                Err(error) => {
                    if is_lost(&error) {
                        match pauses.next() {
                            Some(pause) => tokio::time::sleep(*pause).await,
                            None => break Err(error),
                        }
                    }
                    if $is_made.await? {
                        break Ok(());
                    }
                    if !is_lost(&error) {
                        break Err(error);
                    }
                }
            }
        }
    }};
}

fn has_labels(container: &Value, request: &Value) -> bool {
    let has = object(&container["Config"], "Labels");
    object(request, "Labels").iter().all(|(name, value)| has.get(name) == Some(value))
}

/// Whoever carries out.
#[derive(Clone, Copy)]
pub(super) struct Hands<'a>(pub &'a dyn ContainerStore);

impl Hands<'_> {
    pub(super) async fn container(&self, name: &str) -> Result<Option<Value>, EngineError> {
        known!(self.0.container(name))
    }

    /// The container that has this very name: the beginning of an id is none.
    pub(super) async fn named(&self, name: &str) -> Result<Option<Value>, EngineError> {
        let found = self.container(name).await?;
        Ok(found.filter(|it| text(it, "Name").trim_start_matches('/') == name))
    }

    pub(super) async fn image(&self, name: &str) -> Result<Option<Value>, EngineError> {
        known!(self.0.image(name))
    }

    pub(super) async fn info(&self) -> Result<Value, EngineError> {
        known!(self.0.info())
    }

    /// All containers; those that go meanwhile are not among them.
    pub(super) async fn all(&self) -> Result<Vec<Value>, EngineError> {
        let ids = known!(self.0.ids())?;
        let mut all = Vec::new();
        for id in ids {
            all.extend(self.container(&id).await?);
        }
        Ok(all)
    }

    /// Makes a container. One of that name, after an answer was lost, is it only with the labels that were asked for: the
    /// name of a lock is what others ask for as well.
    pub(super) async fn create(&self, name: &str, request: &Value) -> Result<String, EngineError> {
        let mut was_lost = false;
        let mut pauses = PAUSES.iter();
        loop {
            let error = match self.0.create(name, request).await {
                Ok(id) => return Ok(id),
                Err(error) => error,
            };
            if is_lost(&error) {
                was_lost = true;
                match pauses.next() {
                    Some(pause) => tokio::time::sleep(*pause).await,
                    None => return Err(error),
                }
            } else if !was_lost {
                return Err(error);
            }
            if let Some(made) = self.container(name).await? {
                return if has_labels(&made, request) {
                    Ok(text(&made, "Id").to_owned())
                } else {
                    let (action, message) =
                        (format!("create the container {name}"), "it is there already".to_owned());
                    Err(EngineError::Refused { action, message, status: 409 })
                };
            }
            if !is_lost(&error) {
                return Err(error);
            }
        }
    }

    pub(super) async fn connect(&self, network: &str, id: &str, endpoint: &Value) -> Result<(), EngineError> {
        made!(self.0.connect(network, id, endpoint), self.is_connected(network, id))
    }

    pub(super) async fn disconnect(&self, network: &str, id: &str) -> Result<(), EngineError> {
        made!(self.0.disconnect(network, id), async {
            self.is_connected(network, id).await.map(|is_connected| !is_connected)
        })
    }

    async fn is_connected(&self, network: &str, id: &str) -> Result<bool, EngineError> {
        let container = self.container(id).await?;
        Ok(container.is_some_and(|it| it["NetworkSettings"]["Networks"].get(network).is_some()))
    }

    pub(super) async fn start(&self, id: &str) -> Result<(), EngineError> {
        made!(self.0.start(id), self.runs(id))
    }

    pub(super) async fn runs(&self, id: &str) -> Result<bool, EngineError> {
        let container = self.container(id).await?;
        // One that ends and is started again by its restart policy is as it was.
        Ok(container.is_some_and(|it| it["State"]["Running"] == true || it["State"]["Restarting"] == true))
    }

    /// Stops a container. One that the engine removes when it stops is gone then.
    pub(super) async fn stop(&self, id: &str, timeout: Option<u64>) -> Result<(), EngineError> {
        made!(self.0.stop(id, timeout), async { self.runs(id).await.map(|runs| !runs) })
    }

    pub(super) async fn rename(&self, id: &str, name: &str) -> Result<(), EngineError> {
        made!(self.0.rename(id, name), async {
            let container = self.container(id).await?;
            Ok::<_, EngineError>(
                container.is_some_and(|it| text(&it, "Name").trim_start_matches('/') == name),
            )
        })
    }

    /// Removes a container. It is gone when the engine says so: a removal that is under way already is waited for.
    pub(super) async fn remove(&self, id: &str, kills: bool) -> Result<(), EngineError> {
        made!(self.0.remove(id, kills), self.is_gone(id))
    }

    /// Whether a container is gone, or goes.
    async fn is_gone(&self, id: &str) -> Result<bool, EngineError> {
        for pause in PAUSES {
            match self.container(id).await? {
                None => return Ok(true),
                Some(container) if text(&container["State"], "Status") != "removing" => return Ok(false),
                Some(_) => tokio::time::sleep(pause).await,
            }
        }
        Ok(false)
    }

    pub(super) async fn tag(&self, image: &str, repository: &str, tag: &str) -> Result<(), EngineError> {
        known!(self.0.tag(image, repository, tag))
    }

    /// Deletes an image that has lost its last name and that nothing uses.
    pub(super) async fn delete_nameless(&self, image: &str) -> Result<(), EngineError> {
        let Some(found) = self.image(image).await? else { return Ok(()) };
        if found["RepoTags"].as_array().is_none_or(Vec::is_empty) {
            known!(self.0.delete_image(image))?;
        }
        Ok(())
    }

    pub(super) async fn log(&self, id: &str, lines: u32) -> Vec<String> {
        known!(self.0.log(id, lines)).unwrap_or_default()
    }

    pub(super) async fn run(
        &self,
        id: &str,
        command: &[String],
        limit: Duration,
    ) -> Result<Option<i64>, EngineError> {
        self.0.run(id, command, limit).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn another_run_s_lock_is_not_taken_for_what_was_asked_for() {
        let request = json!({"Labels": {"lock": "mine"}});
        let container = |lock: &str| json!({"Config": {"Labels": {"lock": lock, "from": "the image"}}});
        assert!(has_labels(&container("mine"), &request));
        assert!(!has_labels(&container("theirs"), &request));
        assert!(!has_labels(&json!({"Config": {"Labels": null}}), &request));
    }
}
