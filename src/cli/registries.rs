use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::environment::Environment;
use crate::registry::{Credentials, ProxySettings, Registry, RegistryOptions};

/// How long a credential helper may take: it may have to ask its user.
const HELPER_TIMEOUT: Duration = Duration::from_secs(60);

/// The logins that `docker login` keeps.
pub(super) fn credentials(environment: &Environment) -> Arc<Credentials> {
    let file = environment.docker_config().join("config.json");
    let path = environment.get("PATH").map(Into::into);
    Arc::new(Credentials::new(Some(file), path, HELPER_TIMEOUT))
}

/// A client for all registries.
pub(super) fn registry(environment: &Environment, credentials: &Arc<Credentials>) -> Registry {
    let first = |names: [&str; 2]| names.iter().find_map(|name| environment.get(name)).map(str::to_owned);
    let options = RegistryOptions {
        certificates: vec![PathBuf::from("/etc/docker/certs.d"), environment.docker_config().join("certs.d")],
        proxy: ProxySettings {
            http: first(["http_proxy", "HTTP_PROXY"]),
            https: first(["https_proxy", "HTTPS_PROXY"]),
            none: first(["no_proxy", "NO_PROXY"]),
        },
        ..RegistryOptions::default()
    };
    Registry::new(options, Arc::clone(credentials))
}
