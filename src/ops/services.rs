use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::notices::Notices;
use super::{Audience, Config, Ending, Error, Interrupts};
use crate::diagnostic::Diagnostic;
use crate::engine::{Engine, EngineError};
use crate::registry::{Credentials, ProxySettings};

/// How long a credential helper may take: it may have to ask its user.
const HELPER_TIMEOUT: Duration = Duration::from_secs(60);

/// Whom a use case can ask.
pub(super) struct Services {
    /// The engine, unless it was not wanted.
    pub engine: Option<Arc<Engine>>,
    /// Why there is none, where a use case goes on without.
    pub absent: Option<EngineError>,
    /// The logins of the user.
    pub credentials: Arc<Credentials>,
    /// What registries and credential helpers tell.
    pub notices: Notices,
    /// Who may ask for the end.
    pub interrupts: Interrupts,
    /// Folders with certificates of registries, one below another.
    pub certificates: Vec<PathBuf>,
    /// How registries are reached.
    pub proxy: ProxySettings,
    /// Where runs on one engine wait for each other.
    pub state: Option<PathBuf>,
}

impl Services {
    pub(super) fn new(config: &Config, engine: Option<Arc<Engine>>, absent: Option<EngineError>) -> Self {
        let notices = Notices::default();
        let file = config.docker_config.as_ref().map(|folder| folder.join("config.json"));
        let credentials = Credentials::new(file, config.path.clone(), HELPER_TIMEOUT);
        let own_certificates = config.docker_config.as_ref().map(|folder| folder.join("certs.d"));
        Self {
            engine,
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

    /// The engine of a use case that cannot do without.
    pub(super) fn engine(&self) -> Result<&Arc<Engine>, Error> {
        self.engine.as_ref().ok_or_else(|| {
            let error = Diagnostic::error("no engine answers");
            Error::one(Ending::NoEngine, error.hint("start one, or name one with -H or DOCKER_HOST"))
        })
    }
}
