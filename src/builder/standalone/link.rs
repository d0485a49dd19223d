use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bollard_buildkit_proto::moby::buildkit::v1::ListWorkersRequest;
use bollard_buildkit_proto::moby::buildkit::v1::control_client::ControlClient;
use hyper::header::{HeaderName, HeaderValue};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::Channel;

use super::address::{Route, remote_dial};
use super::wire::{Fault, Faults, Heard};
use super::{BuilderAddress, BuilderError, BuilderPlatforms};
use crate::builder::buildkit::{Transport, session_over, settings_of_channel};
use crate::engine::{CommandConnection, Endpoint, UpgradeError, Wire, dial};
use crate::image::Platform;

/// Into how many parts the time is divided that a builder may be silent.
pub(super) const PARTS: u32 = 3;

/// How long a server may keep its first word to itself.
const FIRST_WORD: Duration = Duration::from_secs(1);

/// The one connection to a builder, made when it is needed and again when it was lost. Builds, their sessions and
/// their news share it: a program that leads there is started once.
pub(super) struct Link {
    address: BuilderAddress,
    channel: Channel,
    patience: Duration,
    fault: Faults,
}

/// What is known before a connection is made.
#[derive(Clone)]
enum Way {
    Plain(Route),
    Encrypted { address: String, config: Arc<ClientConfig>, name: ServerName<'static> },
}

impl Link {
    pub(super) fn new(address: BuilderAddress, patience: Duration) -> Result<Self, BuilderError> {
        let way = match &address.route {
            Route::Tcp { address, certificates: Some(certificates) } => {
                let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
                let (config, name) = certificates.load(host)?;
                Way::Encrypted { address: address.clone(), config, name }
            }
            route => Way::Plain(route.clone()),
        };
        let fault = Faults::default();
        let noted = Arc::clone(&fault);
        let connector = tower::service_fn(move |_| {
            let (way, fault) = (way.clone(), Arc::clone(&noted));
            async move {
                let reached = tokio::time::timeout(patience, reach(&way)).await;
                let reached = reached.unwrap_or_else(|_| {
                    let silent = format!("it did not answer for {} s", patience.as_secs());
                    Err(io::Error::new(io::ErrorKind::TimedOut, silent))
                });
                if let Err(error) = &reached {
                    *fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(Fault::of(error));
                }
                reached.map(|wire| TokioIo::new(Heard::new(wire, fault)))
            }
        });
        // A builder that is silent for so long is gone: the connection is asked after a third of it and has another to
        // answer; the last is for the builder itself, by a new one.
        let channel = settings_of_channel("http://builder", patience / PARTS, patience / PARTS);
        Ok(Self { channel: channel.connect_with_connector_lazy(connector), address, patience, fault })
    }

    pub(super) fn address(&self) -> &BuilderAddress {
        &self.address
    }

    /// What went wrong on the way, if it was told.
    pub(super) fn fault(&self) -> Option<String> {
        self.last_fault().map(|fault| fault.reason)
    }

    fn last_fault(&self) -> Option<Fault> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What its workers build for. It has to say so within `limit`.
    pub(super) async fn platforms(&self, limit: Duration) -> Result<BuilderPlatforms, BuilderError> {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let mut control = ControlClient::new(self.channel.clone());
        let asking = control.list_workers(ListWorkersRequest::default());
        let answer = match tokio::time::timeout(limit, asking).await {
            Ok(Ok(answer)) => answer.into_inner(),
            Ok(Err(status)) => return Err(self.no_answer(&status)),
            Err(_) => {
                let silent = format!("it did not answer for {} s", limit.as_secs());
                return Err(self.unreachable(silent, false));
            }
        };
        let listed = answer.record.into_iter().flat_map(|worker| worker.platforms);
        let listed = listed.filter_map(|it| {
            let variant = Some(it.variant).filter(|variant| !variant.is_empty());
            let parts = [Some(it.os), Some(it.architecture), variant].into_iter().flatten();
            parts.collect::<Vec<_>>().join("/").parse::<Platform>().ok()
        });
        BuilderPlatforms::of(listed.collect())
            .ok_or_else(|| self.unreachable("it has no worker that builds anything".to_owned(), false))
    }

    fn no_answer(&self, status: &tonic::Status) -> BuilderError {
        let address = self.address.to_string();
        match self.last_fault() {
            Some(Fault { reason, hint: Some(hint), .. }) => {
                BuilderError::Distrust { address, reason, hint: hint.to_owned() }
            }
            Some(Fault { reason, hint: None, may_pass }) => self.unreachable(reason, may_pass),
            None if status.code() == tonic::Code::Unimplemented => {
                self.unreachable("what answers there is no BuildKit".to_owned(), false)
            }
            None => self.unreachable(innermost(status), true),
        }
    }

    fn unreachable(&self, reason: String, may_pass: bool) -> BuilderError {
        let hint = match &self.address.route {
            Route::Unix(_) => "start buildkitd there, or name another builder with --builder".to_owned(),
            Route::Tcp { certificates: None, .. } => {
                "see whether buildkitd listens there; if it wants TLS, give --builder-cacert".to_owned()
            }
            Route::Tcp { .. } => {
                "see whether buildkitd listens there, and whether it wants another client certificate"
                    .to_owned()
            }
            Route::Ssh(target) => format!("see whether `{}` works", target.trial(&remote_dial(target))),
            Route::Program { program, arguments } => {
                format!("see whether `{program} {}` works", arguments.join(" "))
            }
        };
        BuilderError::NoAnswer { address: self.address.to_string(), reason, hint, may_pass }
    }
}

/// What lies below what HTTP/2 says, if anything does.
fn innermost(status: &tonic::Status) -> String {
    let mut cause = std::error::Error::source(status);
    let mut text = status.message().to_owned();
    while let Some(error) = cause {
        text = error.to_string();
        cause = error.source();
    }
    text
}

async fn reach(way: &Way) -> io::Result<Wire> {
    Ok(match way {
        Way::Plain(Route::Unix(path)) => dial(&Endpoint::Unix(path.clone())).await?,
        Way::Plain(Route::Tcp { address, .. }) => dial(&Endpoint::Tcp(address.clone())).await?,
        Way::Plain(Route::Ssh(target)) => Box::new(target.run(&remote_dial(target)).await?),
        Way::Plain(Route::Program { program, arguments }) => {
            Box::new(CommandConnection::start(program, arguments, None)?)
        }
        Way::Encrypted { address, config, name } => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let stream = TlsConnector::from(Arc::clone(config)).connect(name.clone(), stream).await?;
            first_word(stream).await?
        }
    })
}

/// Waits for what the server says first. It judges our certificate after the handshake, and the system throws its verdict
/// away if we have written meanwhile; HTTP/2 servers send their settings unasked.
async fn first_word(mut stream: TlsStream<TcpStream>) -> io::Result<Wire> {
    let mut first = vec![0; 1024];
    let length = match tokio::time::timeout(FIRST_WORD, stream.read(&mut first)).await {
        Ok(Ok(0)) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it closed the connection")),
        Ok(read) => read?,
        // It may wait for ours.
        Err(_) => 0,
    };
    first.truncate(length);
    let (reader, writer) = tokio::io::split(stream);
    Ok(Box::new(tokio::io::join(io::Cursor::new(first).chain(reader), writer)))
}

#[async_trait]
impl Transport for Link {
    async fn control(&self) -> Result<Channel, String> {
        Ok(self.channel.clone())
    }

    async fn session(&self, headers: Vec<(HeaderName, HeaderValue)>) -> Result<Wire, UpgradeError> {
        let opening = session_over(self.channel.clone(), headers);
        match tokio::time::timeout(self.patience, opening).await {
            Ok(Ok(wire)) => Ok(wire),
            Ok(Err(status)) => Err(UpgradeError::Io(io::Error::other(status.message().to_owned()))),
            Err(_) => {
                let silent = format!("it did not answer for {} s", self.patience.as_secs());
                Err(UpgradeError::Io(io::Error::new(io::ErrorKind::TimedOut, silent)))
            }
        }
    }

    fn patience(&self) -> Duration {
        self.patience
    }
}
