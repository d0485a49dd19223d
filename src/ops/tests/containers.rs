//! The containers of an engine that lives in memory.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::scripted::World;
use crate::engine::EngineError;
use crate::store::ContainerStore;

/// What runs, and what does not.
#[derive(Default)]
pub(super) struct Containers(Mutex<State>);

#[derive(Default)]
struct State {
    all: Vec<Value>,
    /// Names of containers of which a new one ends as soon as it is started.
    broken: BTreeSet<String>,
    made: u32,
}

impl Containers {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, what a deployment makes of this name ends when it is started.
    pub(super) fn breaks(&self, name: &str) {
        self.state().broken.insert(name.to_owned());
    }

    /// Names of all, each with the id of its image and whether it runs.
    pub(super) fn list(&self) -> Vec<(String, String, bool)> {
        let one = |it: &Value| (name_of(it), word(&it["Image"]), it["State"]["Running"] == true);
        let mut list: Vec<_> = self.state().all.iter().map(one).collect();
        list.sort();
        list
    }

    /// Runs one that somebody else made.
    pub(super) fn put(&self, name: &str, image: &str, asked: &str, labels: &Value) {
        let config = json!({"Image": asked, "Labels": labels});
        let id = self.state().add(name, image, &config, &json!({}));
        self.state().change(&id, |it| it["State"] = json!({"Status": "running", "Running": true}));
    }
}

impl State {
    fn add(&mut self, name: &str, image: &str, config: &Value, host: &Value) -> String {
        self.made += 1;
        let id = format!("{:064x}", self.made);
        self.all.push(json!({"Id": id, "Name": format!("/{name}"), "Image": image, "Config": config,
            "HostConfig": host, "NetworkSettings": {"Networks": {"bridge": {}}}, "State": {"Status": "created", "Running": false}}));
        id
    }

    fn change(&mut self, id: &str, change: impl FnOnce(&mut Value)) -> String {
        let found = self.all.iter_mut().find(|it| it["Id"] == id).expect("a container");
        change(found);
        name_of(found)
    }
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn name_of(container: &Value) -> String {
    word(&container["Name"]).trim_start_matches('/').to_owned()
}

fn refused(message: &str, status: u16) -> EngineError {
    EngineError::Refused { action: "change a container".into(), message: message.into(), status }
}

#[async_trait]
impl ContainerStore for World {
    async fn container(&self, name: &str) -> Result<Option<Value>, EngineError> {
        let state = self.containers.state();
        Ok(state.all.iter().find(|it| name_of(it) == name || it["Id"] == name).cloned())
    }

    async fn image(&self, name: &str) -> Result<Option<Value>, EngineError> {
        Ok(self.described(name))
    }

    async fn ids(&self) -> Result<Vec<String>, EngineError> {
        Ok(self.containers.state().all.iter().map(|it| word(&it["Id"])).collect())
    }

    async fn info(&self) -> Result<Value, EngineError> {
        Ok(json!({"Name": "machine", "ServerVersion": "26.1.0", "SystemTime": "2026-11-29T00:00:00Z"}))
    }

    async fn create(&self, name: &str, request: &Value) -> Result<String, EngineError> {
        if self.container(name).await?.is_some() {
            return Err(refused("the name is taken", 409));
        }
        let asked = word(&request["Image"]);
        let image = self.described(&asked).ok_or_else(|| refused("no such image", 404))?;
        self.note(format!("create {name}"));
        let mut config = request.clone();
        let host = config.as_object_mut().and_then(|config| config.remove("HostConfig")).unwrap_or_default();
        Ok(self.containers.state().add(name, &word(&image["Id"]), &config, &host))
    }

    async fn connect(&self, network: &str, _: &str, _: &Value) -> Result<(), EngineError> {
        self.note(format!("connect to {network}"));
        Ok(())
    }

    async fn disconnect(&self, network: &str, _: &str) -> Result<(), EngineError> {
        self.note(format!("disconnect from {network}"));
        Ok(())
    }

    async fn start(&self, id: &str) -> Result<(), EngineError> {
        let mut state = self.containers.state();
        let broken = state.broken.clone();
        let name = state.change(id, |it| {
            let is_new = it["Config"]["Labels"]["io.shipwright.deploy.id"].is_string();
            let runs = !(is_new && broken.contains(&name_of(it)));
            it["State"] =
                json!({"Status": if runs { "running" } else { "exited" }, "Running": runs, "ExitCode": 7});
        });
        drop(state);
        self.note(format!("start {name}"));
        Ok(())
    }

    async fn stop(&self, id: &str, _: Option<u64>) -> Result<(), EngineError> {
        let stopped = json!({"Status": "exited", "Running": false});
        let name = self.containers.state().change(id, |it| it["State"] = stopped);
        self.note(format!("stop {name}"));
        Ok(())
    }

    async fn rename(&self, id: &str, name: &str) -> Result<(), EngineError> {
        let mut before = String::new();
        self.containers.state().change(id, |it| {
            before = name_of(it);
            it["Name"] = json!(format!("/{name}"));
        });
        self.note(format!("rename {before} {name}"));
        Ok(())
    }

    async fn remove(&self, id: &str, _: bool) -> Result<(), EngineError> {
        let name = self.containers.state().change(id, |_| {});
        self.containers.state().all.retain(|it| it["Id"] != id);
        self.note(format!("remove {name}"));
        Ok(())
    }

    async fn log(&self, _: &str, _: u32) -> Result<Vec<String>, EngineError> {
        Ok(vec!["last words".to_owned()])
    }

    async fn run(&self, _: &str, command: &[String], _: Duration) -> Result<Option<i64>, EngineError> {
        self.note(format!("run {}", command.join(" ")));
        Ok(Some(0))
    }

    async fn tag(&self, image: &str, repository: &str, tag: &str) -> Result<(), EngineError> {
        self.name_image(image, &format!("{repository}:{tag}"));
        Ok(())
    }

    async fn delete_image(&self, image: &str) -> Result<bool, EngineError> {
        self.note(format!("delete {image}"));
        Ok(true)
    }
}
