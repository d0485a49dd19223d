//! The builders of a run that stand alone: which are meant, and which of them answer.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::{Config, Error};
use crate::builder::{BuilderAddress, BuilderCertificates, BuilderError, BuildxStore, RemoteBuilder};
use crate::diagnostic::Diagnostic;

/// Which builders are asked for, and how they are reached.
#[derive(Clone, Debug)]
pub struct BuilderChoice {
    /// Addresses, or names of builders that `docker buildx create` has stored; none: those of the settings.
    pub named: Vec<String>,
    /// Who is at the other end of `tcp://`.
    pub certificates: BuilderCertificates,
    /// How long one may be silent before it counts as gone.
    pub timeout: Duration,
    /// Where buildx keeps its builders.
    pub stored: Option<PathBuf>,
}

impl Default for BuilderChoice {
    fn default() -> Self {
        Self {
            named: Vec::new(),
            certificates: BuilderCertificates::default(),
            timeout: Self::TIMEOUT,
            stored: None,
        }
    }
}

impl BuilderChoice {
    /// How long a builder may be silent unless it is told.
    pub const TIMEOUT: Duration = Duration::from_secs(30);

    /// The word that stands for the engine, whatever the settings say.
    pub const ENGINE: &str = "engine";

    /// What is named, or what the settings file names where nothing is. Nothing: an engine builds.
    pub(super) fn resolve<'a>(&'a self, settings: &'a [String]) -> Option<Named<'a>> {
        let is_told = !self.named.is_empty();
        let names = if is_told { &self.named[..] } else { settings };
        let is_engine = names.is_empty() || matches!(names, [one] if one == Self::ENGINE);
        (!is_engine).then_some(Named { names, is_told })
    }
}

/// Builders as they are written.
pub(super) struct Named<'a> {
    names: &'a [String],
    /// Whether the user named them, and not the checkout.
    is_told: bool,
}

/// Builders that answer, and what is wrong with the others.
#[derive(Default)]
pub(super) struct Builders {
    pub all: Vec<Arc<dyn RemoteBuilder>>,
    pub findings: Vec<Diagnostic>,
}

/// Connects to all of them at once. One that does not answer is a warning as long as another does; what is written
/// wrong, or cannot be trusted, is an error.
pub(super) async fn connect(config: &Config, named: &Named<'_>) -> Result<Builders, Error> {
    let addresses = addresses(config, named).await?;
    let timeout = config.builders.timeout;
    let connecting: Vec<_> =
        addresses.iter().map(|address| config.backends.builder(address, timeout)).collect();
    let mut builders = Builders::default();
    let mut absent: Vec<BuilderError> = Vec::new();
    for connected in join_all(connecting).await {
        match connected {
            Ok(builder) => builders.all.push(builder),
            Err(error @ BuilderError::NoAnswer { .. }) => absent.push(error),
            Err(error) => return Err(error.into()),
        }
    }
    if builders.all.is_empty() {
        return Err(none_answers(absent));
    }
    builders.findings.extend(absent.iter().map(|error| {
        let warning = Diagnostic::warning(format!("{error}; the others build"));
        error.hint().into_iter().fold(warning, Diagnostic::hint)
    }));
    Ok(builders)
}

fn none_answers(absent: Vec<BuilderError>) -> Error {
    let mut absent = absent.into_iter();
    match (absent.next(), absent.len()) {
        (Some(error), 0) => error.into(),
        (first, _) => {
            let found = first.into_iter().chain(absent).map(|error| {
                let found = Diagnostic::error(error.to_string());
                error.hint().into_iter().fold(found, Diagnostic::hint)
            });
            Error::Refused { findings: found.collect(), ending: super::Ending::NoEngine, root: None }
        }
    }
}

async fn addresses(config: &Config, named: &Named<'_>) -> Result<Vec<BuilderAddress>, Error> {
    let BuilderChoice { certificates, stored, .. } = &config.builders;
    let store = BuildxStore { folder: stored.clone() };
    let mut addresses: Vec<BuilderAddress> = Vec::new();
    for name in named.names {
        let found = if name == BuilderChoice::ENGINE {
            return Err(Error::usage_with_hint(
                "`engine` builds alone, and cannot be one of several builders",
                "name builders only, or --builder engine only",
            ));
        } else if name.contains("://") {
            let address = BuilderAddress::parse(name, certificates)?;
            if address.could_be_anybody() && !named.is_told {
                return Err(by_checkout(name));
            }
            vec![address]
        } else {
            store.addresses(name).await?
        };
        for address in found {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
    }
    if certificates.are_given() && !addresses.iter().any(BuilderAddress::takes_certificates) {
        return Err(Error::usage_with_hint(
            "certificates are for builders at tcp:// addresses, and none of these is one",
            "leave the options --builder-cacert, --builder-cert, --builder-key and --builder-servername out",
        ));
    }
    Ok(addresses)
}

/// A builder is given the logins of registries, and secrets.
fn by_checkout(name: &str) -> Error {
    let name = crate::redact::masked(name);
    Error::usage_with_hint(
        format!(
            "the settings name the builder {name}: a builder gets your logins, and a checkout cannot vouch for one"
        ),
        format!(
            "name it yourself, with --builder {name} or BUILDKIT_HOST; or store it (`docker buildx create --driver remote \
             --name NAME {name}`), and write its name into the settings"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_user_names_wins_over_the_settings() {
        let choice = |named: &[&str]| BuilderChoice {
            named: named.iter().map(ToString::to_string).collect(),
            ..BuilderChoice::default()
        };
        let resolved = |named: &[&str], settings: &[&str]| {
            let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
            let choice = choice(named);
            choice.resolve(&settings).map(|named| (named.names.to_vec(), named.is_told))
        };
        assert_eq!(resolved(&[], &[]), None);
        assert_eq!(resolved(&["a"], &["b"]), Some((vec!["a".to_owned()], true)));
        assert_eq!(resolved(&[], &["b", "c"]), Some((vec!["b".to_owned(), "c".to_owned()], false)));
        assert_eq!(resolved(&["engine"], &["b"]), None);
        assert_eq!(resolved(&[], &["engine"]), None);
    }
}
