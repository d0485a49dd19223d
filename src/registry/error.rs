use std::path::PathBuf;
use std::time::Duration;

use super::auth::{CredentialOrigin, HelperFault};

/// Why a registry did not do what it was asked. Nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The registry wants a login, or does not accept the one it got.
    #[error("{}", unauthorized(attempt, credential.as_ref(), message))]
    Unauthorized {
        attempt: Box<Attempt>,
        /// Where the login that was refused came from; `None`: there was none.
        credential: Option<CredentialOrigin>,
        /// What the registry said, or nothing.
        message: String,
    },
    /// The login is right but may not do this.
    #[error("{} may not {} at {}{}", whose(credential.as_ref()), attempt.action, attempt.registry, told(message))]
    Denied {
        attempt: Box<Attempt>,
        /// Where the login came from; `None`: there was none.
        credential: Option<CredentialOrigin>,
        message: String,
    },
    /// It refuses whoever has no login, and does not ask for the one that there is.
    #[error("{} refuses to {} without a login, and does not ask for that from {origin}{}", attempt.registry, attempt.action, told(message))]
    LoginNotAsked {
        attempt: Box<Attempt>,
        /// Where there is a login.
        origin: CredentialOrigin,
        message: String,
    },
    /// It wants a login and gets none, because only the checkout says that its connection need not be protected.
    #[error("cannot {}: {}", attempt.action, withheld(&attempt.registry))]
    LoginWithheld { attempt: Box<Attempt> },
    #[error("{} cannot {}: {reason}", attempt.registry, attempt.action)]
    NoImage {
        attempt: Box<Attempt>,
        /// Why not.
        reason: String,
    },
    /// The registry has no such repository, manifest or blob.
    #[error("{} cannot {}: not found{}", attempt.registry, attempt.action, told(message))]
    NotFound { attempt: Box<Attempt>, message: String },
    /// The registry answers with an error that asking again does not change.
    #[error("{} cannot {}: it answers {status}{}", attempt.registry, attempt.action, told(message))]
    Refused { attempt: Box<Attempt>, status: u16, message: String },
    /// It does not answer, or not in a usable way, also after several tries.
    #[error("{} cannot {}: {reason}{}", attempt.registry, attempt.action, tried(*tries))]
    Unavailable {
        attempt: Box<Attempt>,
        /// The last answer or what broke.
        reason: String,
        /// The last HTTP status, if there was an answer.
        status: Option<u16>,
        /// How long it asked to be left alone.
        retry_after: Option<Duration>,
        tries: u32,
    },
    /// What it sent is not what it names, also after several tries.
    #[error("{} cannot {}: {reason}{}", attempt.registry, attempt.action, tried(*tries))]
    Damaged {
        attempt: Box<Attempt>,
        /// What does not match.
        reason: String,
        tries: u32,
    },
    /// The registry's certificate is not trusted.
    #[error("cannot {} at {}: its certificate is not trusted: {reason}", attempt.action, attempt.registry)]
    Certificate { attempt: Box<Attempt>, reason: String },
    /// The registry wants a certificate of its clients, and there is none or another one.
    #[error("cannot {} at {}: it does not accept our client certificate, or wants one", attempt.action, attempt.registry)]
    ClientCertificate { attempt: Box<Attempt> },
    /// The registry is spoken to with encryption, and answers without.
    #[error("cannot {} at {}: it does not speak TLS", attempt.action, attempt.registry)]
    Unencrypted { attempt: Box<Attempt> },
    /// The registry sends logins over an unencrypted connection.
    #[error("{registry} wants its login sent to {realm}, which is not encrypted")]
    InsecureTokenServer {
        registry: String,
        /// The token server it names.
        realm: String,
    },
    /// A credential helper does not do its work.
    #[error("cannot get the login for {registry} from docker-credential-{helper}: {fault}")]
    Helper {
        registry: String,
        /// The helper's name in config.json.
        helper: String,
        fault: HelperFault,
        path: PathBuf,
    },
    /// A file of the configuration cannot be used.
    #[error("cannot read {}: {reason}", path.display())]
    Configuration { path: PathBuf, reason: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The registry, `docker.io` for Docker Hub.
    pub registry: String,
    pub repository: String,
    /// In words, after "cannot": `read acme/api:main`.
    pub action: String,
}

/// What kind of failure it is: whether asking later or logging in would help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistryErrorKind {
    /// No login, a wrong one, or one that may not do it.
    Credentials,
    /// It is not there.
    NotFound,
    /// The registry does not answer as it should; later it may.
    Unavailable,
    /// The registry will not do it.
    Refused,
    /// A file or a helper on this machine.
    Configuration,
}

impl RegistryError {
    /// Whether asking later or logging in would help.
    pub fn kind(&self) -> RegistryErrorKind {
        match self {
            Self::Unauthorized { .. }
            | Self::Denied { .. }
            | Self::LoginNotAsked { .. }
            | Self::ClientCertificate { .. } => RegistryErrorKind::Credentials,
            Self::NotFound { .. } => RegistryErrorKind::NotFound,
            Self::Unavailable { .. } | Self::Damaged { .. } => RegistryErrorKind::Unavailable,
            Self::Refused { .. }
            | Self::NoImage { .. }
            | Self::Certificate { .. }
            | Self::Unencrypted { .. }
            | Self::InsecureTokenServer { .. } => RegistryErrorKind::Refused,
            Self::Helper { .. } | Self::LoginWithheld { .. } | Self::Configuration { .. } => {
                RegistryErrorKind::Configuration
            }
        }
    }

    /// Whether the registry does not do such a thing at all, whoever asks: 400 or 405 (OCI distribution specification,
    /// "Deleting tags"). Docker's registry 2.x takes every tag for a digest that is wrong.
    pub fn is_unsupported(&self) -> bool {
        let Self::Refused { status, message, .. } = self else { return false };
        let says = |code: &&str| message.contains(code);
        matches!(status, 405 | 501) || *status == 400 && ["UNSUPPORTED", "DIGEST_INVALID"].iter().any(says)
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unauthorized { attempt, credential: None, .. }
            | Self::Denied { attempt, credential: None, .. } => {
                Some(format!("`{}` stores a login", login_command(&attempt.registry)))
            }
            Self::Unauthorized { attempt, .. } => Some(format!(
                "`{}` replaces it; an access token may have expired",
                login_command(&attempt.registry)
            )),
            Self::Denied { .. } => {
                Some("ask for access to the repository, or log in as someone who has it".to_owned())
            }
            Self::Unavailable { status: Some(429), .. } => {
                Some("it limits how often it is asked: log in, or try again later".to_owned())
            }
            Self::Certificate { attempt, .. } => Some(format!(
                "put the certificate of its authority into /etc/docker/certs.d/{}/ca.crt",
                attempt.registry
            )),
            Self::ClientCertificate { attempt } => Some(format!(
                "put it into /etc/docker/certs.d/{0}/client.cert and its key beside it, client.key",
                attempt.registry
            )),
            Self::LoginNotAsked { .. } => Some(
                "the registry, or a proxy before it, has to ask for a login: its administrator can tell why not"
                    .to_owned(),
            ),
            Self::LoginWithheld { attempt } => Some(how_to_allow(&attempt.registry)),
            Self::Unencrypted { attempt } => Some(format!(
                "if that is as it should be, {}; for what needs no login insecure_registries in shipwright.toml does",
                how_to_allow(&attempt.registry)
            )),
            Self::InsecureTokenServer { realm, .. } => Some(format!(
                "its administrator has to give the token server an https address; {}",
                how_to_allow(realm.strip_prefix("http://").unwrap_or(realm))
            )),
            Self::Helper { helper, fault, path, .. } => Some(fault.hint(helper, path)),
            Self::NotFound { .. }
            | Self::Refused { .. }
            | Self::NoImage { .. }
            | Self::Unavailable { .. }
            | Self::Damaged { .. }
            | Self::Configuration { .. } => None,
        }
    }
}

/// Docker Hub is what `docker login` means by itself.
fn login_command(registry: &str) -> String {
    if registry == "docker.io" { "docker login".to_owned() } else { format!("docker login {registry}") }
}

fn unauthorized(attempt: &Attempt, credential: Option<&CredentialOrigin>, message: &str) -> String {
    let Attempt { registry, action, .. } = attempt;
    let said = told(message);
    match credential {
        Some(origin) => format!("{registry} does not accept the login from {origin}, to {action}{said}"),
        None => format!("{registry} wants a login to {action}, and there is none{said}"),
    }
}

fn whose(credential: Option<&CredentialOrigin>) -> String {
    match credential {
        Some(origin) => format!("the login from {origin}"),
        None => "someone without a login".to_owned(),
    }
}

fn told(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

fn tried(tries: u32) -> String {
    if tries > 1 { format!(" (tried {tries} times)") } else { String::new() }
}

pub(super) fn withheld(registry: &str) -> String {
    format!(
        "{registry} gets no login: its connection is not protected, and only the checkout's settings allow that"
    )
}

/// Only the user decides where a password may be read on the way.
pub(super) fn how_to_allow(host: &str) -> String {
    format!("`--insecure-registry {host}` or SHIPWRIGHT_INSECURE_REGISTRIES={host} allows it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt() -> Attempt {
        let (registry, repository) = ("docker.io".to_owned(), "acme/api".to_owned());
        Attempt { registry, repository, action: "write acme/api:main".to_owned() }
    }

    #[test]
    fn says_what_was_tried_and_whose_login_it_was() {
        let path = PathBuf::from("/home/me/.docker/config.json");
        let helper =
            CredentialOrigin::Helper { name: "pass".into(), setting: "credHelpers", path: path.clone() };
        let file = CredentialOrigin::File { path };
        let none = RegistryError::Unauthorized {
            attempt: attempt().into(),
            credential: None,
            message: String::new(),
        };
        assert_eq!(none.to_string(), "docker.io wants a login to write acme/api:main, and there is none");
        assert_eq!(none.hint().as_deref(), Some("`docker login` stores a login"));
        let wrong = RegistryError::Unauthorized {
            attempt: attempt().into(),
            credential: Some(helper),
            message: "bad credentials (UNAUTHORIZED)".into(),
        };
        assert_eq!(
            wrong.to_string(),
            "docker.io does not accept the login from docker-credential-pass (`credHelpers` in \
             /home/me/.docker/config.json), to write acme/api:main: bad credentials (UNAUTHORIZED)"
        );
        let denied = RegistryError::Denied {
            attempt: attempt().into(),
            credential: Some(file),
            message: String::new(),
        };
        assert_eq!(
            denied.to_string(),
            "the login from `auths` in /home/me/.docker/config.json may not write acme/api:main at docker.io"
        );
        let limited = RegistryError::Unavailable {
            attempt: attempt().into(),
            reason: "it answers 429 Too Many Requests".into(),
            status: Some(429),
            retry_after: None,
            tries: 5,
        };
        assert_eq!(
            limited.to_string(),
            "docker.io cannot write acme/api:main: it answers 429 Too Many Requests (tried 5 times)"
        );
        assert!(limited.hint().is_some_and(|hint| hint.contains("log in")));
    }
}
