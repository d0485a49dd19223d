use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::header::{CONNECTION, HOST, HeaderName, HeaderValue, UPGRADE};
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::Endpoint;

/// A connection to an engine, over whatever it listens on.
pub(super) struct Wire(Box<dyn Transport>);

trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write_vectored(cx, slices)
    }
}

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

/// How long an address may take to answer at all. Longer than a machine that wakes up, shorter than a
/// user's patience.
const DIAL_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens a connection.
pub(super) async fn dial(endpoint: &Endpoint) -> io::Result<Wire> {
    let connect = async {
        match endpoint {
            #[cfg(unix)]
            Endpoint::Unix(path) => Ok(Wire(Box::new(tokio::net::UnixStream::connect(path).await?))),
            #[cfg(not(unix))]
            Endpoint::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
            Endpoint::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(Wire(Box::new(stream)))
            }
        }
    };
    tokio::time::timeout(DIAL_TIMEOUT, connect).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// What HTTP/1.1 wants in `Host`; the engine does not look at it.
pub(super) fn host(endpoint: &Endpoint) -> &str {
    match endpoint {
        Endpoint::Unix(_) => "docker",
        Endpoint::Tcp(address) => address,
    }
}

/// Opens connections for an HTTP client that keeps them alive.
#[derive(Clone)]
pub(super) struct Connector(pub(super) Endpoint);

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<Wire>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<Wire>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let endpoint = self.0.clone();
        Box::pin(async move { dial(&endpoint).await.map(TokioIo::new) })
    }
}

/// Why an engine did not turn a connection over.
#[derive(Debug, thiserror::Error)]
pub(super) enum UpgradeError {
    /// There is no connection, or it broke.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It broke inside HTTP.
    #[error(transparent)]
    Http(#[from] hyper::Error),
    /// The engine answered something else than 101: it has no `BuildKit`, or a proxy stands in front of it.
    #[error("{status}: {message}")]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// What it said.
        message: String,
    },
}

/// Opens a connection and has the engine turn it over to HTTP/2, with `path` (`/session` or `/grpc`) behind it.
pub(super) async fn upgrade(
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
    let host = HeaderValue::from_str(host(endpoint)).unwrap_or(HeaderValue::from_static("docker"));
    request.headers_mut().extend([
        (HOST, host),
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
