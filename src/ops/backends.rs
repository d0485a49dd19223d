use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::builder::{Builder, BuilderAddress, BuilderError, RemoteBuilder, Standalone};
use crate::engine::{Endpoint, Engine, EngineEnvironment, EngineError};
use crate::registry::{Credentials, Registry, RegistryClient, RegistryOptions};
use crate::store::{ContainerStore, ImageStore};

/// How engines and registries are reached: over the network, unless a test has its own.
#[derive(Clone)]
pub struct Backends(Arc<dyn Connect>);

impl Default for Backends {
    fn default() -> Self {
        Self(Arc::new(Network))
    }
}

impl fmt::Debug for Backends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backends").finish_non_exhaustive()
    }
}

impl Backends {
    #[cfg(test)]
    pub(super) fn new(connect: Arc<dyn Connect>) -> Self {
        Self(connect)
    }

    /// The engine at `host`, or else where the environment says.
    pub(super) async fn connect(
        &self,
        host: Option<&str>,
        environment: &EngineEnvironment,
    ) -> Result<Connected, EngineError> {
        self.0.connect(host, environment).await
    }

    /// A builder that stands alone.
    pub(super) async fn builder(
        &self,
        address: &BuilderAddress,
        patience: Duration,
    ) -> Result<Arc<dyn RemoteBuilder>, BuilderError> {
        self.0.builder(address, patience).await
    }

    pub(super) fn registry(
        &self,
        options: RegistryOptions,
        credentials: Arc<Credentials>,
    ) -> Arc<dyn Registry> {
        self.0.registry(options, credentials)
    }
}

/// Where images are, what builds them, and where they run: one engine.
#[derive(Clone)]
pub(super) struct Connected {
    pub store: Arc<dyn ImageStore>,
    pub builder: Arc<dyn Builder>,
    pub containers: Arc<dyn ContainerStore>,
}

/// Whatever leads to engines and registries.
#[async_trait]
pub(super) trait Connect: Send + Sync {
    async fn connect(
        &self,
        host: Option<&str>,
        environment: &EngineEnvironment,
    ) -> Result<Connected, EngineError>;

    async fn builder(
        &self,
        address: &BuilderAddress,
        patience: Duration,
    ) -> Result<Arc<dyn RemoteBuilder>, BuilderError>;

    fn registry(&self, options: RegistryOptions, credentials: Arc<Credentials>) -> Arc<dyn Registry>;
}

struct Network;

#[async_trait]
impl Connect for Network {
    async fn connect(
        &self,
        host: Option<&str>,
        environment: &EngineEnvironment,
    ) -> Result<Connected, EngineError> {
        let endpoint = Endpoint::resolve(host, environment)?;
        let engine = Arc::new(Engine::connect_with(&endpoint, environment.builder).await?);
        let (builder, containers) = (Arc::clone(&engine) as _, Arc::clone(&engine) as _);
        Ok(Connected { store: engine, builder, containers })
    }

    async fn builder(
        &self,
        address: &BuilderAddress,
        patience: Duration,
    ) -> Result<Arc<dyn RemoteBuilder>, BuilderError> {
        Ok(Arc::new(Standalone::connect(address, patience).await?))
    }

    fn registry(&self, options: RegistryOptions, credentials: Arc<Credentials>) -> Arc<dyn Registry> {
        Arc::new(RegistryClient::new(options, credentials))
    }
}
