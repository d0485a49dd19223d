use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use bollard_buildkit_proto::health::health_server::HealthServer;
use bollard_buildkit_proto::moby::buildkit::secrets::v1::secrets_server::SecretsServer;
use bollard_buildkit_proto::moby::filesync::v1::auth_server::AuthServer;
use bollard_buildkit_proto::moby::sshforward::v1::ssh_server::SshServer;
use hyper::header::{HeaderName, HeaderValue};
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};
use tonic::transport::server::{Connected, Server};

use super::dockerfile::DockerfileFolder;
use super::filesync::{CONTEXT, DOCKERFILE, FileSync, folder_name};
use super::services::{Alive, LoginStore, SecretStore};
use super::ssh::Agents;
use super::transport::{Transport, WINDOW};
use crate::builder::listing::Listing;
use crate::builder::transfer::Transfer;
use crate::builder::{BuildSpec, ContextSource};
use crate::engine::{Guard, Guarded, PULSE, UpgradeError};
use crate::printable::hex;

/// The connection over which the engine asks for files, secrets and logins while it builds. Dropping it
/// closes it, and with it the engine's session.
pub(super) struct Session {
    pub(super) id: String,
    pub(super) transfer: Arc<Transfer>,
    ended: CancellationToken,
    _close: DropGuard,
}

/// How long an engine that closes the session may take to say why.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl Session {
    pub(super) async fn open(transport: &dyn Transport, request: &BuildSpec) -> Result<Self, UpgradeError> {
        let id = random_id();
        let io = transport.session(headers(&id, request)).await?;
        let transfer = Arc::new(Transfer::default());
        let dockerfile: Arc<dyn ContextSource> = Arc::new(DockerfileFolder::new(&request.dockerfile.text));
        let named = request.named.iter().map(|folder| (folder_name(&folder.name), Arc::clone(&folder.files)));
        let own = [(CONTEXT.to_owned(), Arc::clone(&request.context)), (DOCKERFILE.to_owned(), dockerfile)];
        let folders: Vec<(String, Arc<dyn ContextSource>)> = own.into_iter().chain(named).collect();
        // Sorting many paths takes a moment.
        let listings = tokio::task::spawn_blocking(move || {
            folders.into_iter().map(|(name, files)| (name, Listing::new(files))).collect()
        });
        let listings: HashMap<String, Listing> = listings.await.map_err(io::Error::other)?;
        let services = Server::builder()
            .http2_keepalive_interval(Some(PULSE))
            .http2_keepalive_timeout(Some(transport.patience()))
            .initial_connection_window_size(Some(WINDOW))
            .add_service(HealthServer::new(Alive))
            .add_service(AuthServer::new(LoginStore(Arc::clone(&request.logins))))
            .add_service(SecretsServer::new(SecretStore::new(&request.secrets)))
            .add_service(SshServer::new(Agents::new(&request.ssh)))
            .add_service(FileSync::new(listings, Arc::clone(&transfer)));
        let closed = CancellationToken::new();
        let ended = CancellationToken::new();
        let closing = Closing {
            closed: Box::pin(closed.clone().cancelled_owned()),
            _ended: ended.clone().drop_guard(),
        };
        let io = Guarded::new(io, closing);
        tokio::spawn(services.serve_with_incoming(futures_util::stream::iter([Ok::<_, io::Error>(io)])));
        Ok(Self { id, transfer, ended, _close: closed.drop_guard() })
    }

    /// Ends when the connection has been lost, and the engine has had the time to say why.
    pub(super) async fn lost(&self) {
        self.ended.cancelled().await;
        tokio::time::sleep(LAST_WORDS).await;
    }
}

/// What `/session` has to be told: which methods are served here, and under which key the files are kept.
fn headers(id: &str, request: &BuildSpec) -> Vec<(HeaderName, HeaderValue)> {
    let method = HeaderName::from_static("x-docker-expose-session-grpc-method");
    let mut headers = Vec::new();
    let mut add = |name: HeaderName, value: &str| {
        headers.extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
    };
    add(HeaderName::from_static("x-docker-expose-session-uuid"), id);
    add(HeaderName::from_static("x-docker-expose-session-name"), "shipwright");
    // Without a key all sessions share one snapshot, and get each other's files.
    add(HeaderName::from_static("x-docker-expose-session-sharedkey"), &hex(&request.context_key));
    for path in [
        "/grpc.health.v1.Health/Check",
        "/moby.filesync.v1.Auth/Credentials",
        "/moby.buildkit.secrets.v1.Secrets/GetSecret",
        FileSync::METHOD,
    ] {
        add(method.clone(), path);
    }
    if !request.ssh.is_empty() {
        for path in Agents::METHODS {
            add(method.clone(), path);
        }
    }
    headers
}

/// An id that nobody else has.
pub(super) fn random_id() -> String {
    hex(&rand::random::<[u8; 16]>())
}

/// Ends a connection when it is told to. The server has a task of its own for each connection, so
/// aborting the one that serves would leave the engine's session open for ever.
struct Closing {
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Tells that nobody serves it any more.
    _ended: DropGuard,
}

impl Guard for Closing {
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        self.closed.as_mut().poll(cx).is_ready()
    }
}

impl Connected for Guarded<Closing> {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}
