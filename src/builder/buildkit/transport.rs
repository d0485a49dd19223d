use std::time::Duration;

use async_trait::async_trait;
use hyper::header::{HeaderName, HeaderValue};
use hyper_util::rt::TokioIo;
use tonic::transport::{Channel, Endpoint as ChannelSettings};

use crate::engine::{Endpoint, PULSE, UpgradeError, Wire, upgrade};

/// Bytes that an engine may send ahead of what is read. The engine asks for each file of a context with a small message, and h2
/// takes more of those than half a window's worth of their overhead for an attack: this is more than one stream, which has
/// a window of its own, can hold.
pub(super) const WINDOW: u32 = 64 << 20;

/// What leads to a `BuildKit`.
#[async_trait]
pub(in crate::builder) trait Transport: Send + Sync {
    /// Where calls of the service `Control` go.
    async fn control(&self) -> Result<Channel, String>;

    /// A connection over which `BuildKit` calls the services of a session. `headers` say which, and whose it is.
    async fn session(&self, headers: Vec<(HeaderName, HeaderValue)>) -> Result<Wire, UpgradeError>;

    /// How long a question may go without an answer.
    fn patience(&self) -> Duration;
}

/// The `BuildKit` inside an engine: a connection for each.
#[async_trait]
impl Transport for Endpoint {
    async fn control(&self) -> Result<Channel, String> {
        let endpoint = self.clone();
        let connector = tower::service_fn(move |_| {
            let endpoint = endpoint.clone();
            async move { upgrade(&endpoint, "/grpc", Vec::new()).await.map(TokioIo::new) }
        });
        let settings = settings_of_channel("http://engine", PULSE, Transport::patience(self));
        let channel = settings.connect_with_connector(connector).await;
        channel.map_err(|error| match std::error::Error::source(&error) {
            Some(cause) => cause.to_string(),
            None => error.to_string(),
        })
    }

    async fn session(&self, headers: Vec<(HeaderName, HeaderValue)>) -> Result<Wire, UpgradeError> {
        upgrade(self, "/session", headers).await
    }

    fn patience(&self) -> Duration {
        Self::patience(self)
    }
}

/// A channel that asks after `pulse` whether the other end is still there, which then has `patience` to answer.
pub(in crate::builder) fn settings_of_channel(
    name: &'static str,
    pulse: Duration,
    patience: Duration,
) -> ChannelSettings {
    ChannelSettings::from_static(name)
        .http2_keep_alive_interval(pulse)
        .keep_alive_timeout(patience)
        .keep_alive_while_idle(true)
        .initial_connection_window_size(WINDOW)
}
