//! Pull requests from forks: their jobs have no secrets, so they build and push nothing.

use std::collections::BTreeSet;

use super::environment::Environment;
use super::error::CliError;
use super::session::{Session, ci};
use crate::publish::{Observed, Wanted};
use crate::registry::{Credentials, RegistryError};

/// The registry that this job cannot push to because it is a fork's; `None` where all is as usual.
pub(super) async fn registry_without_login(
    session: &Session,
    environment: &Environment,
    wanted: &[Wanted],
    credentials: &Credentials,
) -> Result<Option<String>, CliError> {
    if !ci(&session.checkout, environment).is_some_and(|ci| ci.from_fork) {
        return Ok(None);
    }
    let hosts: BTreeSet<&str> = wanted.iter().map(|wanted| wanted.repository.host()).collect();
    for host in hosts {
        if credentials.login(host).await?.is_none() {
            return Ok(Some(host.to_owned()));
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
