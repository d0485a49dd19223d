use std::collections::HashMap;

use bollard::models::{ContainerSummary, ContainerSummaryStateEnum};
use bollard::query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder};

use crate::engine::{Engine, EngineError, LocalImageId, is_not_found, refused};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    pub id: String,
    /// Its name; its id where it has none.
    pub name: String,
    pub image: LocalImageId,
    pub labels: HashMap<String, String>,
    /// Whether it may go on by itself: running, paused or starting again.
    pub is_running: bool,
}

pub(super) async fn containers(engine: &Engine) -> Result<Vec<Container>, EngineError> {
    let options = ListContainersOptionsBuilder::default().all(true).build();
    let found = engine.ask_for_all("list containers", engine.docker().list_containers(Some(options))).await?;
    let found = found.map_err(|error| refused("list containers", &error))?;
    Ok(found.into_iter().map(container).collect())
}

pub(super) async fn remove_container(engine: &Engine, id: &str) -> Result<bool, EngineError> {
    let options = RemoveContainerOptionsBuilder::default().build();
    let action = format!("remove the container {id}");
    match engine.ask_for_all(&action, engine.docker().remove_container(id, Some(options))).await? {
        Ok(()) => Ok(true),
        Err(error) if is_not_found(&error) => Ok(false),
        Err(error) => Err(refused(&action, &error)),
    }
}

fn container(found: ContainerSummary) -> Container {
    use ContainerSummaryStateEnum as State;
    let id = found.id.unwrap_or_default();
    let name = found.names.and_then(|names| names.into_iter().next());
    let name = name.map(|name| name.trim_start_matches('/').to_owned()).filter(|name| !name.is_empty());
    Container {
        name: name.unwrap_or_else(|| id.clone()),
        image: LocalImageId(found.image_id.unwrap_or_default()),
        labels: found.labels.unwrap_or_default(),
        // A state that nobody knows yet may be one of those.
        is_running: !matches!(found.state, Some(State::CREATED | State::EXITED | State::DEAD)),
        id,
    }
}
