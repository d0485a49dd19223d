//! Pull requests from forks: their jobs have no secrets, so they build and push nothing.

use std::collections::BTreeMap;

use crate::ci::CiJob;
use crate::image::Repository;
use crate::ops::Error;
use crate::ops::registries::Registries;
use crate::ops::workspace::Workspace;
use crate::publish::{Observed, Wanted};
use crate::registry::RegistryError;

/// Why this job pushes nothing: it is a fork's, and has no login that may. `None` where all is as usual.
pub(super) async fn cannot_push(
    workspace: &Workspace,
    ci: &CiJob,
    wanted: &[Wanted],
    registries: &Registries,
) -> Result<Option<String>, Error> {
    if !ci.reference(workspace.checkout.head()).is_some_and(|ci| ci.from_fork) {
        return Ok(None);
    }
    let repositories: BTreeMap<&str, &Repository> =
        wanted.iter().map(|wanted| (wanted.repository.host(), &wanted.repository)).collect();
    for (host, repository) in repositories {
        if registries.credentials.login(host).await?.is_none() {
            return Ok(Some(format!("there are no credentials for {host}")));
        }
        // Many systems give such jobs a login that can only read.
        if !registries.client.may_push(repository).await {
            return Ok(Some(format!("its login may not push to {host}")));
        }
    }
    Ok(None)
}

/// What a registry says to someone without a login: maybe nothing, and then everything is built.
pub(super) fn observed_without_login(
    observed: Result<Vec<Observed>, RegistryError>,
    wanted: &[Wanted],
) -> Vec<Observed> {
    observed.unwrap_or_else(|_| wanted.iter().map(|_| Observed::default()).collect())
}
