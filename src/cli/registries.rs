use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::environment::Environment;
use super::error::CliError;
use super::session::Session;
use super::settings::{self, Resolved};
use crate::publish::Standings;
use crate::registry::{Credentials, Listener, ProxySettings, Registry, RegistryOptions};

/// How long a credential helper may take: it may have to ask its user.
const HELPER_TIMEOUT: Duration = Duration::from_secs(60);

/// The registries of a run, and how they are spoken to.
pub(super) struct Registries {
    /// A client for all of them.
    pub client: Registry,
    /// The logins that it uses, which engines need as well.
    pub credentials: Arc<Credentials>,
    /// What digests in them are.
    pub standings: Arc<Standings>,
    /// HOST or HOST/PREFIX that images are in; none: where their names say.
    pub places: Vec<Option<String>>,
}

impl Registries {
    /// Where to: the flags', else the settings', else where each name says.
    pub(super) fn new(
        environment: &Environment,
        session: &Session,
        flags: &[String],
    ) -> Result<Self, CliError> {
        let resolved = &session.resolved;
        let flags: Result<Vec<String>, _> = flags.iter().map(|text| settings::registry(text)).collect();
        let flags = flags.map_err(|error| CliError::usage(format!("--registry: {error}")))?;
        let chosen = if flags.is_empty() { resolved.registries.clone() } else { flags };
        let mut places: Vec<Option<String>> = Vec::new();
        for place in if chosen.is_empty() { vec![None] } else { chosen.into_iter().map(Some).collect() } {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        let credentials = Arc::clone(&session.credentials);
        let client = registry(environment, session);
        let folder = session.checkout.common_dir().join("shipwright").join("registry");
        let standings = Arc::new(Standings::new(client.clone(), Some(folder)));
        Ok(Self { client, credentials, standings, places })
    }
}

/// The logins that `docker login` keeps.
pub(super) fn credentials(environment: &Environment, listener: Listener) -> Arc<Credentials> {
    let file = environment.docker_config().map(|folder| folder.join("config.json"));
    let path = environment.get("PATH").map(Into::into);
    Arc::new(Credentials::new(file, path, HELPER_TIMEOUT).heard_by(listener))
}

/// A client for all registries.
pub(super) fn registry(environment: &Environment, session: &Session) -> Registry {
    let Resolved { insecure_registries, checkouts_insecure_registries, .. } = &session.resolved;
    let own_certificates = environment.docker_config().map(|folder| folder.join("certs.d"));
    let first = |names: [&str; 2]| names.iter().find_map(|name| environment.get(name)).map(str::to_owned);
    let options = RegistryOptions {
        certificates: [PathBuf::from("/etc/docker/certs.d")].into_iter().chain(own_certificates).collect(),
        insecure: insecure_registries.clone(),
        insecure_without_login: checkouts_insecure_registries.clone(),
        listener: session.notices.listener(),
        proxy: ProxySettings {
            http: first(["http_proxy", "HTTP_PROXY"]),
            https: first(["https_proxy", "HTTPS_PROXY"]),
            none: first(["no_proxy", "NO_PROXY"]),
        },
        ..RegistryOptions::default()
    };
    Registry::new(options, Arc::clone(&session.credentials))
}
