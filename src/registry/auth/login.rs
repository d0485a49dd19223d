use std::fmt;
use std::path::PathBuf;

use crate::registry::Secret;

/// A login for one registry and where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    pub login: Login,
    pub origin: CredentialOrigin,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// A name and a password or access token.
    Password {
        username: String,
        password: Secret,
    },
    /// A refresh token of an OAuth login.
    IdentityToken(Secret),
    RegistryToken(Secret),
}

/// Where a login was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialOrigin {
    /// Under `auths` in a configuration file.
    File { path: PathBuf },
    /// A program that the configuration file names.
    Helper {
        /// `docker-credential-NAME`.
        name: String,
        /// What names it: `credHelpers` or `credsStore`.
        setting: &'static str,
        path: PathBuf,
    },
}

impl fmt::Display for CredentialOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path } => write!(f, "`auths` in {}", path.display()),
            Self::Helper { name, setting, path } => {
                write!(f, "docker-credential-{name} (`{setting}` in {})", path.display())
            }
        }
    }
}

/// A user called `<token>` has an identity token for a password.
pub(super) fn password_login(username: String, password: String) -> Login {
    let password = Secret::new(password);
    if username == "<token>" {
        Login::IdentityToken(password)
    } else {
        Login::Password { username, password }
    }
}
