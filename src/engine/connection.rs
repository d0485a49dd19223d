use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::header::{CONNECTION, HOST, HeaderName, HeaderValue, UPGRADE};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

use super::bounded::{Answers, Bound, Bounded};
use super::wire::Wire;
use super::{Endpoint, ssh_command};

pub(crate) async fn dial(endpoint: &Endpoint) -> io::Result<Wire> {
    let connect = async {
        let wire: Wire = match endpoint {
            #[cfg(unix)]
            Endpoint::Unix(path) => Box::new(tokio::net::UnixStream::connect(path).await?),
            #[cfg(not(unix))]
            Endpoint::Unix(_) => return Err(io::ErrorKind::Unsupported.into()),
            Endpoint::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            Endpoint::Ssh(target) => Box::new(ssh_command::dial(target).await?),
        };
        Ok(wire)
    };
    tokio::time::timeout(endpoint.patience(), connect)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// What HTTP/1.1 wants in `Host`; the engine does not look at it.
pub(crate) fn host(endpoint: &Endpoint) -> &str {
    match endpoint {
        Endpoint::Unix(_) | Endpoint::Ssh(_) => "docker",
        Endpoint::Tcp(address) => address,
    }
}

/// Opens connections for an HTTP client that keeps them alive, and whose answers are all of one kind.
#[derive(Clone)]
pub(super) struct Connector(pub(super) Endpoint, pub(super) Bound);

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<Bounded>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<Bounded>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let (endpoint, bound) = (self.0.clone(), self.1);
        Box::pin(async move { Ok(TokioIo::new(Bounded::new(dial(&endpoint).await?, Answers::new(bound)))) })
    }
}

/// Why an engine did not turn a connection over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpgradeError {
    /// There is no connection, or it broke.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It broke inside HTTP.
    #[error(transparent)]
    Http(#[from] hyper::Error),
    /// The engine answered something else than 101: it has no `BuildKit`, or a proxy stands in front of it.
    #[error("{status}: {message}")]
    Refused { status: StatusCode, message: String },
}

/// Asks over a connection of its own whether the engine still answers; an answer of any kind will do.
pub(super) async fn ping(endpoint: &Endpoint) -> Result<(), UpgradeError> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(dial(endpoint).await?)).await?;
    let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = Uri::from_static("/_ping");
    request.headers_mut().insert(HOST, host_header(endpoint));
    sender.send_request(request).await?;
    Ok(())
}

fn host_header(endpoint: &Endpoint) -> HeaderValue {
    HeaderValue::from_str(host(endpoint)).unwrap_or(HeaderValue::from_static("docker"))
}

/// Opens a connection and has the engine turn it over to HTTP/2, with `path` (`/session` or `/grpc`) behind it.
pub(crate) async fn upgrade(
    endpoint: &Endpoint,
    path: &'static str,
    headers: Vec<(HeaderName, HeaderValue)>,
) -> Result<Wire, UpgradeError> {
    let upgrading = try_upgrade(endpoint, path, headers);
    match tokio::time::timeout(endpoint.patience(), upgrading).await {
        Ok(upgraded) => Ok(Box::new(TokioIo::new(upgraded?))),
        Err(_) => {
            let seconds = endpoint.patience().as_secs();
            let silent = format!("it did not answer {path} for {seconds} s");
            Err(UpgradeError::Io(io::Error::new(io::ErrorKind::TimedOut, silent)))
        }
    }
}

async fn try_upgrade(
    endpoint: &Endpoint,
    path: &'static str,
    headers: Vec<(HeaderName, HeaderValue)>,
) -> Result<hyper::upgrade::Upgraded, UpgradeError> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(dial(endpoint).await?)).await?;
    // It ends with the connection; what goes wrong in it shows up in the response.
    tokio::spawn(connection.with_upgrades());
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.method_mut() = hyper::Method::POST;
    *request.uri_mut() = Uri::from_static(path);
    request.headers_mut().extend([
        (HOST, host_header(endpoint)),
        (CONNECTION, HeaderValue::from_static("Upgrade")),
        (UPGRADE, HeaderValue::from_static("h2c")),
    ]);
    for (name, value) in headers {
        request.headers_mut().append(name, value);
    }
    let response = sender.send_request(request).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let status = response.status();
        let message = http_body_util::Limited::new(response.into_body(), 64 << 10).collect().await;
        let message = message.map(|body| String::from_utf8_lossy(&body.to_bytes()).trim().to_owned());
        return Err(UpgradeError::Refused { status, message: message.unwrap_or_default() });
    }
    Ok(hyper::upgrade::on(response).await?)
}
