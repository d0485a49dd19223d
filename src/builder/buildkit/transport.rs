use std::time::Duration;

use async_trait::async_trait;
use hyper::header::{HeaderName, HeaderValue};

use crate::engine::{Endpoint, UpgradeError, Wire, upgrade};

/// What leads to a `BuildKit`: connections, each for HTTP/2.
#[async_trait]
pub(in crate::builder) trait Transport: Send + Sync {
    /// One for calls of the service `Control`.
    async fn control(&self) -> Result<Wire, UpgradeError>;

    /// One over which `BuildKit` calls the services of a session. `headers` say which, and whose it is.
    async fn session(&self, headers: Vec<(HeaderName, HeaderValue)>) -> Result<Wire, UpgradeError>;

    /// How long a question may go without an answer.
    fn patience(&self) -> Duration;
}

/// The `BuildKit` inside an engine.
#[async_trait]
impl Transport for Endpoint {
    async fn control(&self) -> Result<Wire, UpgradeError> {
        upgrade(self, "/grpc", Vec::new()).await
    }

    async fn session(&self, headers: Vec<(HeaderName, HeaderValue)>) -> Result<Wire, UpgradeError> {
        upgrade(self, "/session", headers).await
    }

    fn patience(&self) -> Duration {
        Self::patience(self)
    }
}
