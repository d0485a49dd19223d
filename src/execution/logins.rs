use async_trait::async_trait;

use crate::builder::RegistryLogins;
use crate::engine::RegistryLogin;
use crate::registry::{Credential, Credentials, Login};

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

#[async_trait]
impl RegistryLogins for Credentials {
    async fn login(&self, host: &str) -> Option<RegistryLogin> {
        // What is public needs none; where one is needed, the registry's refusal is the builder's message.
        self.login(host).await.ok().flatten().as_ref().and_then(engine_login)
    }
}
