use std::error::Error as _;
use std::path::{Path, PathBuf};

/// Why an engine cannot be used or did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Nothing answers at the address.
    #[error("no container engine answers at {address}: {reason}")]
    NoEngine {
        /// Where it was looked for.
        address: String,
        reason: String,
        /// What to do about it on this system.
        hint: String,
    },
    /// The address is of a kind that Shipwright does not speak yet.
    #[error("`{address}` cannot be used: {what} is not supported yet")]
    UnsupportedEndpoint { address: String, what: &'static str, hint: String },
    /// The address is not one.
    #[error("`{0}` is not the address of a container engine")]
    InvalidEndpoint(String),
    /// An address behind ssh that is none.
    #[error("`{address}` is not the address of a container engine: {reason}")]
    InvalidSshEndpoint {
        /// The address without its user.
        address: String,
        reason: &'static str,
    },
    /// A docker context that does not exist was asked for.
    #[error("there is no docker context `{name}`{}", within(directory.as_deref()))]
    UnknownContext {
        name: String,
        /// Where contexts are. None: neither HOME nor `DOCKER_CONFIG` says where.
        directory: Option<PathBuf>,
    },
    /// A file of the docker configuration cannot be understood.
    #[error("cannot read {}: {reason}", path.display())]
    Configuration { path: PathBuf, reason: String },
    #[error("the engine cannot {action}: {message}")]
    Refused { action: String, message: String, status: u16 },
    /// The engine does not know the image.
    #[error("the engine has no image `{0}`")]
    NoSuchImage(String),
    /// The engine is there and does not answer.
    #[error("the engine did not answer for {seconds} s when asked to {action}")]
    Silent { action: String, seconds: u64 },
    #[error("lost the connection to the engine while trying to {action}: {reason}")]
    Connection { action: String, reason: String },
}

fn within(directory: Option<&Path>) -> String {
    directory.map(|directory| format!(" in {}", directory.display())).unwrap_or_default()
}

impl EngineError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoEngine { hint, .. } | Self::UnsupportedEndpoint { hint, .. } => Some(hint.clone()),
            Self::InvalidEndpoint(_) => {
                Some("write unix:///path/to/docker.sock or tcp://host:port".to_owned())
            }
            Self::InvalidSshEndpoint { .. } => {
                Some("write ssh://USER@HOST, ssh://HOST:PORT or ssh://HOST/path/to/docker.sock".to_owned())
            }
            Self::UnknownContext { directory: None, .. } => {
                Some("set HOME, or DOCKER_CONFIG to the folder of docker's configuration".to_owned())
            }
            Self::UnknownContext { .. } => Some("`docker context ls` lists them".to_owned()),
            Self::Silent { .. } => {
                Some("if `docker version` hangs as well, restart the engine, then run again".to_owned())
            }
            Self::Configuration { .. }
            | Self::Refused { .. }
            | Self::NoSuchImage(_)
            | Self::Connection { .. } => None,
        }
    }

    /// Whether the registry no longer has what was asked for. The engine only passes on the registry's words:
    /// `not found` (containerd), `manifest unknown` (the registry API's code).
    pub fn is_gone(&self) -> bool {
        let says = |message: &str| message.contains("not found") || message.contains("manifest unknown");
        matches!(self, Self::Refused { message, .. } if says(message))
    }

    /// Whether the registry said no, so that trying again cannot help. The engine passes on the words of the registry, or
    /// its status where it said nothing ("error parsing HTTP 403 response body").
    pub fn is_denied(&self) -> bool {
        let words = [
            "denied",
            "unauthorized",
            "authentication required",
            "forbidden",
            "no basic auth",
            "http 401",
            "http 403",
        ];
        let says = |message: &str| {
            let message = message.to_ascii_lowercase();
            words.iter().any(|word| message.contains(word))
        };
        matches!(self, Self::Refused { message, .. } if says(message))
    }

    /// Whether no engine answers at all, which has an exit code of its own.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::NoEngine { .. } | Self::UnsupportedEndpoint { .. } | Self::Silent { .. })
    }
}

/// Whether the engine has no such thing.
pub(crate) fn is_not_found(error: &bollard::errors::Error) -> bool {
    matches!(error, bollard::errors::Error::DockerResponseServerError { status_code: 404, .. })
}

/// What the engine, or the way to it, said when asked to `action`.
pub(crate) fn refused(action: &str, error: &bollard::errors::Error) -> EngineError {
    use bollard::errors::Error;
    let action = action.to_owned();
    match error {
        Error::DockerResponseServerError { status_code, message } => {
            EngineError::Refused { action, message: message.trim().to_owned(), status: *status_code }
        }
        Error::DockerStreamError { error } => {
            EngineError::Refused { action, message: error.trim().to_owned(), status: 200 }
        }
        other => {
            let mut reason = other.to_string();
            let mut cause = other.source();
            while let Some(current) = cause {
                let text = current.to_string();
                if !reason.contains(&text) {
                    reason = format!("{reason}: {text}");
                }
                cause = current.source();
            }
            EngineError::Connection { action, reason }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pull_says_whether_the_image_is_gone() {
        let refused = |message: &str| EngineError::Refused {
            action: "pull x".into(),
            message: message.into(),
            status: 404,
        };
        for gone in ["manifest unknown: manifest unknown", "failed to resolve reference \"x\": x: not found"]
        {
            assert!(refused(gone).is_gone(), "{gone}");
        }
        assert!(!refused("denied: requested access to the resource is denied").is_gone());
        assert!(!EngineError::Connection { action: "not found".into(), reason: "broken".into() }.is_gone());
    }

    #[test]
    fn a_push_says_whether_the_registry_refused_it() {
        let refused = |message: &str| EngineError::Refused {
            action: "push x".into(),
            message: message.into(),
            status: 200,
        };
        for denied in [
            "denied: requested access to the resource is denied",
            "no basic auth credentials",
            "error parsing HTTP 403 response body: unexpected end of JSON input: \"\"",
        ] {
            assert!(refused(denied).is_denied(), "{denied}");
        }
        assert!(!refused("received unexpected HTTP status: 500 Internal Server Error").is_denied());
    }
}
