use crate::engine::RegistryLogin;
use crate::registry::{Credential, Login};

/// The login as an engine takes it; none for what only the registry itself understands.
pub(crate) fn engine_login(credential: &Credential) -> Option<RegistryLogin> {
    match &credential.login {
        Login::Password { username, password } => Some(RegistryLogin::Password {
            username: username.clone(),
            password: password.reveal().to_owned(),
        }),
        Login::IdentityToken(token) => Some(RegistryLogin::IdentityToken(token.reveal().to_owned())),
        Login::RegistryToken(_) => None,
    }
}
