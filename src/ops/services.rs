use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::backends::Connected;
use super::builders::Builders;
use super::notices::Notices;
use super::{Audience, Backends, Config, Ending, Error, Interrupts};
use crate::builder::Builder;
use crate::diagnostic::Diagnostic;
use crate::engine::EngineError;
use crate::registry::{Credentials, ProxySettings};
use crate::store::ImageStore;

/// How long a credential helper may take: it may have to ask its user.
const HELPER_TIMEOUT: Duration = Duration::from_secs(60);

/// Whom a use case can ask.
pub(super) struct Services {
    /// Where images are on this machine, unless no engine was wanted.
    pub store: Option<Arc<dyn ImageStore>>,
    /// What builds them, unless no engine was wanted.
    pub builder: Option<Arc<dyn Builder>>,
    /// Builders that stand alone, where images go to registries.
    pub builders: Builders,
    /// How registries are reached, whichever they are.
    pub backends: Backends,
    /// Why there is no engine, where a use case goes on without.
    pub absent: Option<EngineError>,
    pub credentials: Arc<Credentials>,
    /// What registries and credential helpers tell.
    pub notices: Notices,
    /// Who may ask for the end.
    pub interrupts: Interrupts,
    /// Folders with certificates of registries, one below another.
    pub certificates: Vec<PathBuf>,
    pub proxy: ProxySettings,
    /// Where runs on one engine wait for each other.
    pub state: Option<PathBuf>,
}

impl Services {
    pub(super) fn new(config: &Config, connected: Option<Connected>, absent: Option<EngineError>) -> Self {
        let (store, builder) = connected.map(|Connected { store, builder, .. }| (store, builder)).unzip();
        let notices = Notices::default();
        let file = config.docker_config.as_ref().map(|folder| folder.join("config.json"));
        let credentials = Credentials::new(file, config.path.clone(), HELPER_TIMEOUT);
        let own_certificates = config.docker_config.as_ref().map(|folder| folder.join("certs.d"));
        Self {
            store,
            builder,
            builders: Builders::default(),
            backends: config.backends.clone(),
            absent,
            credentials: Arc::new(credentials.heard_by(notices.listener())),
            notices,
            interrupts: config.interrupts.clone(),
            certificates: ["/etc/docker/certs.d".into()].into_iter().chain(own_certificates).collect(),
            proxy: config.proxy.clone(),
            state: config.state.clone(),
        }
    }

    /// From now on this audience is told what registries and credential helpers say.
    pub(super) fn tell(&self, audience: &dyn Audience) {
        self.notices.said_by(audience.speaker());
    }

    /// The images of a use case that cannot do without an engine.
    pub(super) fn store(&self) -> Result<&Arc<dyn ImageStore>, Error> {
        self.store.as_ref().ok_or_else(no_engine)
    }

    /// The builder of a use case that cannot do without one.
    pub(super) fn builder(&self) -> Result<&Arc<dyn Builder>, Error> {
        self.builder.as_ref().ok_or_else(no_engine)
    }
}

fn no_engine() -> Error {
    let error = Diagnostic::error("no engine answers");
    Error::one(Ending::NoEngine, error.hint("start one, or name one with -H or DOCKER_HOST"))
}
