use std::fmt;

use bollard::auth::DockerCredentials;

#[derive(Clone, PartialEq, Eq)]
pub enum RegistryLogin {
    /// A name and a password or access token.
    Password {
        username: String,
        /// The password or access token.
        password: String,
    },
    /// A refresh token of an OAuth login.
    IdentityToken(String),
}

impl fmt::Debug for RegistryLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password { username, .. } => write!(f, "Password({username}, …)"),
            Self::IdentityToken(_) => f.write_str("IdentityToken(…)"),
        }
    }
}

impl RegistryLogin {
    /// As the engine's API takes it for the registry `host`.
    pub(crate) fn for_host(self, host: &str) -> DockerCredentials {
        let mut credentials = DockerCredentials {
            serveraddress: Some(server_address(host).to_owned()),
            ..DockerCredentials::default()
        };
        match self {
            Self::Password { username, password } => {
                credentials.username = Some(username);
                credentials.password = Some(password);
            }
            Self::IdentityToken(token) => credentials.identitytoken = Some(token),
        }
        credentials
    }
}

/// Docker Hub's logins go by an address of their own.
fn server_address(host: &str) -> &str {
    if host == "docker.io" { "https://index.docker.io/v1/" } else { host }
}
