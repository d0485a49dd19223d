use std::collections::HashMap;

use bollard::models::{ContainerSummary, ContainerSummaryStateEnum};
use bollard::query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder};

use super::error::refused;
use super::images::is_not_found;
use super::{Engine, EngineError, LocalImageId};

/// A container of an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its id.
    pub id: String,
    /// Its name; its id where it has none.
    pub name: String,
    /// The image that it was made from.
    pub image: LocalImageId,
    /// Whether it may go on by itself: running, paused or starting again.
    pub is_running: bool,
}

impl Engine {
    /// All containers, running or not.
    pub async fn containers(&self) -> Result<Vec<Container>, EngineError> {
        let options = ListContainersOptionsBuilder::default().all(true).build();
        let found = self.ask_for_all("list containers", self.docker().list_containers(Some(options))).await?;
        let found = found.map_err(|error| refused("list containers", &error))?;
        Ok(found.into_iter().map(container).collect())
    }

    /// Removes a container that does not run; its named volumes stay. Gives false if there is none. The engine refuses
    /// if it runs.
    pub async fn remove_container(&self, id: &str) -> Result<bool, EngineError> {
        let options = RemoveContainerOptionsBuilder::default().build();
        let action = format!("remove the container {id}");
        match self.ask_for_all(&action, self.docker().remove_container(id, Some(options))).await? {
            Ok(()) => Ok(true),
            Err(error) if is_not_found(&error) => Ok(false),
            Err(error) => Err(refused(&action, &error)),
        }
    }

    /// Names of the containers, running or not, that were made from exactly this image.
    pub async fn containers_using(&self, image: &LocalImageId) -> Result<Vec<String>, EngineError> {
        // `ancestor` also lists containers of images that are built on it.
        let filters = HashMap::from([("ancestor", vec![image.0.as_str()])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let containers =
            self.ask_for_all("list containers", self.docker().list_containers(Some(options))).await?;
        let containers = containers.map_err(|error| refused("list containers", &error))?;
        let uses = |id: &Option<String>| id.as_ref().is_some_and(|id| *id == image.0);
        let name = |names: Option<Vec<String>>, id: Option<String>| {
            let name = names.and_then(|names| names.into_iter().next());
            name.map(|name| name.trim_start_matches('/').to_owned()).or(id).unwrap_or_default()
        };
        let containers = containers.into_iter().filter(|container| uses(&container.image_id));
        Ok(containers.map(|container| name(container.names, container.id)).collect())
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
        // A state that nobody knows yet may be one of those.
        is_running: !matches!(found.state, Some(State::CREATED | State::EXITED | State::DEAD)),
        id,
    }
}
