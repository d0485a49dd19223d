use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::environment::Environment;
use super::error::CliError;
use super::settings::{self, Resolved};
use crate::registry::{Credentials, ProxySettings, Registry, RegistryOptions};

/// How long a credential helper may take: it may have to ask its user.
const HELPER_TIMEOUT: Duration = Duration::from_secs(60);

/// The registries of a run, and how they are spoken to.
pub(super) struct Registries {
    /// A client for all of them.
    pub client: Registry,
    /// The logins that it uses, which engines need as well.
    pub credentials: Arc<Credentials>,
    /// HOST or HOST/PREFIX that images are in; none: where their names say.
    pub places: Vec<Option<String>>,
}

impl Registries {
    /// Where to: the flags', else the settings', else where each name says.
    pub(super) fn new(
        environment: &Environment,
        resolved: &Resolved,
        flags: &[String],
    ) -> Result<Self, CliError> {
        let flags: Result<Vec<String>, _> = flags.iter().map(|text| settings::registry(text)).collect();
        let flags = flags.map_err(|error| CliError::usage(format!("--registry: {error}")))?;
        let chosen = if flags.is_empty() { resolved.registries.clone() } else { flags };
        let mut places: Vec<Option<String>> = Vec::new();
        for place in if chosen.is_empty() { vec![None] } else { chosen.into_iter().map(Some).collect() } {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        let credentials = credentials(environment);
        let client = registry(environment, &credentials, &resolved.insecure_registries);
        Ok(Self { client, credentials, places })
    }
}

/// The logins that `docker login` keeps.
pub(super) fn credentials(environment: &Environment) -> Arc<Credentials> {
    let file = environment.docker_config().join("config.json");
    let path = environment.get("PATH").map(Into::into);
    Arc::new(Credentials::new(Some(file), path, HELPER_TIMEOUT))
}

/// A client for all registries; those of `insecure` may be without encryption.
pub(super) fn registry(
    environment: &Environment,
    credentials: &Arc<Credentials>,
    insecure: &[String],
) -> Registry {
    let first = |names: [&str; 2]| names.iter().find_map(|name| environment.get(name)).map(str::to_owned);
    let options = RegistryOptions {
        certificates: vec![PathBuf::from("/etc/docker/certs.d"), environment.docker_config().join("certs.d")],
        insecure: insecure.to_vec(),
        proxy: ProxySettings {
            http: first(["http_proxy", "HTTP_PROXY"]),
            https: first(["https_proxy", "HTTPS_PROXY"]),
            none: first(["no_proxy", "NO_PROXY"]),
        },
        ..RegistryOptions::default()
    };
    Registry::new(options, Arc::clone(credentials))
}
