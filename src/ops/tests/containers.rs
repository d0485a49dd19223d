use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::engine::EngineError;
use crate::store::ContainerStore;

/// An engine that runs nothing: what these tests are about is images.
pub(super) struct NoContainers;

fn none<T>() -> Result<T, EngineError> {
    Err(EngineError::Refused { action: "run containers".into(), message: "it has none".into(), status: 501 })
}

#[async_trait]
impl ContainerStore for NoContainers {
    async fn container(&self, _: &str) -> Result<Option<Value>, EngineError> {
        none()
    }

    async fn image(&self, _: &str) -> Result<Option<Value>, EngineError> {
        none()
    }

    async fn ids(&self) -> Result<Vec<String>, EngineError> {
        none()
    }

    async fn info(&self) -> Result<Value, EngineError> {
        none()
    }

    async fn create(&self, _: &str, _: &Value) -> Result<String, EngineError> {
        none()
    }

    async fn connect(&self, _: &str, _: &str, _: &Value) -> Result<(), EngineError> {
        none()
    }

    async fn disconnect(&self, _: &str, _: &str) -> Result<(), EngineError> {
        none()
    }

    async fn start(&self, _: &str) -> Result<(), EngineError> {
        none()
    }

    async fn stop(&self, _: &str, _: Option<u64>) -> Result<(), EngineError> {
        none()
    }

    async fn rename(&self, _: &str, _: &str) -> Result<(), EngineError> {
        none()
    }

    async fn remove(&self, _: &str, _: bool) -> Result<(), EngineError> {
        none()
    }

    async fn log(&self, _: &str, _: u32) -> Result<Vec<String>, EngineError> {
        none()
    }

    async fn run(&self, _: &str, _: &[String], _: Duration) -> Result<Option<i64>, EngineError> {
        none()
    }

    async fn tag(&self, _: &str, _: &str, _: &str) -> Result<(), EngineError> {
        none()
    }

    async fn delete_image(&self, _: &str) -> Result<bool, EngineError> {
        none()
    }
}
