use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;

use bollard_buildkit_proto::health::health_server::Health;
use bollard_buildkit_proto::health::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
    health_check_response::ServingStatus,
};
use bollard_buildkit_proto::moby::buildkit::secrets::v1::secrets_server::Secrets;
use bollard_buildkit_proto::moby::buildkit::secrets::v1::{GetSecretRequest, GetSecretResponse};
use bollard_buildkit_proto::moby::filesync::v1::auth_server::Auth;
use bollard_buildkit_proto::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse, GetTokenAuthorityRequest,
    GetTokenAuthorityResponse, VerifyTokenAuthorityRequest, VerifyTokenAuthorityResponse,
};
use futures_util::Stream;
use tonic::{Request, Response, Status};

use crate::builder::{RegistryLogins, Secret};
use crate::engine::RegistryLogin;

type Answer<T> = Result<Response<T>, Status>;

/// Tells the engine that the session lives; it asks every few seconds.
pub(super) struct Alive;

#[tonic::async_trait]
impl Health for Alive {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn check(&self, _: Request<HealthCheckRequest>) -> Answer<HealthCheckResponse> {
        Ok(Response::new(HealthCheckResponse { status: ServingStatus::Serving.into() }))
    }

    async fn list(&self, _: Request<HealthListRequest>) -> Answer<HealthListResponse> {
        Err(Status::unimplemented("one service, one state"))
    }

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Answer<Self::WatchStream> {
        Err(Status::unimplemented("one service, one state"))
    }
}

pub(super) struct SecretStore(HashMap<String, Vec<u8>>);

impl SecretStore {
    pub(super) fn new(secrets: &[Secret]) -> Self {
        Self(secrets.iter().map(|secret| (secret.id.clone(), secret.value.clone())).collect())
    }
}

#[tonic::async_trait]
impl Secrets for SecretStore {
    async fn get_secret(&self, request: Request<GetSecretRequest>) -> Answer<GetSecretResponse> {
        let id = &request.get_ref().id;
        // NotFound is what lets a mount without `required` go on.
        let value = self.0.get(id).ok_or_else(|| Status::not_found(format!("no secret `{id}` was given")))?;
        Ok(Response::new(GetSecretResponse { data: value.clone() }))
    }
}

/// The logins of registries. Tokens are left to the engine, which then asks for the credentials.
pub(super) struct LoginStore(pub(super) Arc<dyn RegistryLogins>);

#[tonic::async_trait]
impl Auth for LoginStore {
    async fn credentials(&self, request: Request<CredentialsRequest>) -> Answer<CredentialsResponse> {
        let host = request.into_inner().host;
        let host = if host == "registry-1.docker.io" { "docker.io" } else { &host };
        let (username, secret) = match self.0.login(host).await {
            Some(RegistryLogin::Password { username, password }) => (username, password),
            // Without a name the engine takes it for a refresh token.
            Some(RegistryLogin::IdentityToken(token)) => (String::new(), token),
            None => (String::new(), String::new()),
        };
        Ok(Response::new(CredentialsResponse { username, secret }))
    }

    async fn fetch_token(&self, _: Request<FetchTokenRequest>) -> Answer<FetchTokenResponse> {
        Err(Status::unimplemented("the engine fetches tokens"))
    }

    async fn get_token_authority(
        &self,
        _: Request<GetTokenAuthorityRequest>,
    ) -> Answer<GetTokenAuthorityResponse> {
        Err(Status::unavailable("the engine fetches tokens"))
    }

    async fn verify_token_authority(
        &self,
        _: Request<VerifyTokenAuthorityRequest>,
    ) -> Answer<VerifyTokenAuthorityResponse> {
        Err(Status::unavailable("the engine fetches tokens"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Logins;

    #[tonic::async_trait]
    impl RegistryLogins for Logins {
        async fn login(&self, host: &str) -> Option<RegistryLogin> {
            match host {
                "docker.io" => Some(RegistryLogin::Password { username: "me".into(), password: "p".into() }),
                "token.example" => Some(RegistryLogin::IdentityToken("t".into())),
                _ => None,
            }
        }
    }

    #[tokio::test]
    async fn logins_as_the_engine_wants_them() {
        let store = LoginStore(Arc::new(Logins));
        for (host, expected) in
            [("registry-1.docker.io", ("me", "p")), ("token.example", ("", "t")), ("else", ("", ""))]
        {
            let request = Request::new(CredentialsRequest { host: host.into() });
            let answer = store.credentials(request).await.expect("answers").into_inner();
            assert_eq!((answer.username.as_str(), answer.secret.as_str()), expected, "{host}");
        }
    }

    #[tokio::test]
    async fn secrets_by_id() {
        let store = SecretStore::new(&[Secret { id: "a".into(), value: b"\xff".to_vec() }]);
        let ask = |id: &str| Request::new(GetSecretRequest { id: id.into(), ..Default::default() });
        assert_eq!(store.get_secret(ask("a")).await.expect("there").into_inner().data, b"\xff");
        assert_eq!(store.get_secret(ask("b")).await.expect_err("not there").code(), tonic::Code::NotFound);
    }
}
