use std::sync::Arc;

use super::workspace::Workspace;
use super::{Error, Services, guessed_names};
use crate::diagnostic::Diagnostic;
use crate::plan::ImageId;
use crate::publish::Standings;
use crate::registry::{Credentials, Registry, RegistryOptions};

/// The registries of a use case, and how they are spoken to.
pub(super) struct Registries {
    pub client: Arc<dyn Registry>,
    /// The logins that it uses, which engines need as well.
    pub credentials: Arc<Credentials>,
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

/// The registry that a name without a host means to Docker.
const HUB: &str = "docker.io";

/// Whether anything says in which registry an image is: flags, settings, or a host in its name. A name without a host
/// means Docker Hub to an engine, but whoever wrote one need not have meant that.
pub(super) fn is_told(workspace: &Workspace, id: ImageId) -> bool {
    let says_hub = workspace.project.namespace.value.starts_with("docker.io/");
    let host = workspace.project.images[id].name.repository.host();
    !workspace.settings.registries.is_empty() || host != HUB || says_hub
}

/// Refuses what needs a registry where nothing tells one, before anybody is asked.
pub(super) fn require(workspace: &Workspace, images: &[ImageId]) -> Result<(), Error> {
    if images.iter().all(|at| is_told(workspace, *at)) {
        return Ok(());
    }
    let hint = if workspace.in_hook {
        "commit `registry = \"HOST\"` in shipwright.toml; Docker Hub is docker.io"
    } else {
        "name it: `registry = \"HOST\"` in shipwright.toml, or --registry HOST; Docker Hub is docker.io"
    };
    let mut findings = vec![Diagnostic::error("nothing says which registry the images belong to").hint(hint)];
    findings.extend(guessed_names(workspace, &[]));
    Err(Error::wrong(findings))
}

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
