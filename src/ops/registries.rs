use std::sync::Arc;

use super::Services;
use super::workspace::Workspace;
use crate::publish::Standings;
use crate::registry::{Credentials, Registry, RegistryOptions};

/// The registries of a use case, and how they are spoken to.
pub(super) struct Registries {
    /// A client for all of them.
    pub client: Arc<dyn Registry>,
    /// The logins that it uses, which engines need as well.
    pub credentials: Arc<Credentials>,
    /// What digests in them are.
    pub standings: Arc<Standings>,
    /// HOST or HOST/PREFIX that images are in; none: where their names say.
    pub places: Vec<Option<String>>,
}

impl Registries {
    pub(super) fn new(workspace: &Workspace, services: &Services) -> Self {
        let chosen = &workspace.settings.registries;
        let mut places: Vec<Option<String>> = Vec::new();
        for place in chosen {
            if !places.iter().flatten().any(|known| known == place) {
                places.push(Some(place.clone()));
            }
        }
        if places.is_empty() {
            places.push(None);
        }
        let client = client(workspace, services);
        let folder = workspace.checkout.common_dir().join("shipwright").join("registry");
        let standings = Arc::new(Standings::new(Arc::clone(&client), Some(folder)));
        Self { client, credentials: Arc::clone(&services.credentials), standings, places }
    }
}

/// A client for all registries.
pub(super) fn client(workspace: &Workspace, services: &Services) -> Arc<dyn Registry> {
    let settings = &workspace.settings;
    let options = RegistryOptions {
        certificates: services.certificates.clone(),
        insecure: settings.insecure_registries.clone(),
        insecure_without_login: settings.checkouts_insecure_registries.clone(),
        listener: services.notices.listener(),
        proxy: services.proxy.clone(),
        ..RegistryOptions::default()
    };
    services.backends.registry(options, Arc::clone(&services.credentials))
}
