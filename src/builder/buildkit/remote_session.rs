//! A session inside of another connection: `Control.Session` carries its bytes in messages, both ways.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bollard_buildkit_proto::moby::buildkit::v1::BytesMessage;
use bollard_buildkit_proto::moby::buildkit::v1::control_client::ControlClient;
use bytes::{Buf, Bytes};
use futures_util::Stream;
use hyper::header::{HeaderName, HeaderValue};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio_util::sync::PollSender;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue};
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};

use crate::engine::Wire;

/// Bytes of one message at most.
const CHUNK: usize = 16 << 10;
/// Messages that may wait to be sent.
const WAITING: usize = 16;

/// Opens a session over a channel to `Control`; the headers that an engine's `/session` is told are its metadata.
pub(in crate::builder) async fn session_over(
    channel: Channel,
    headers: Vec<(HeaderName, HeaderValue)>,
) -> Result<Wire, Status> {
    let (sender, receiver) = mpsc::channel(WAITING);
    let outgoing = futures_util::stream::unfold(receiver, |mut receiver| async move {
        let message = receiver.recv().await?;
        Some((message, receiver))
    });
    let mut request = Request::new(outgoing);
    for (name, value) in headers {
        let name = AsciiMetadataKey::from_bytes(name.as_str().as_bytes());
        if let (Ok(name), Ok(value)) = (name, AsciiMetadataValue::try_from(value.as_bytes())) {
            request.metadata_mut().append(name, value);
        }
    }
    let incoming = ControlClient::new(channel).session(request).await?.into_inner();
    Ok(Box::new(Carried { incoming, outgoing: PollSender::new(sender), rest: Bytes::new() }))
}

/// The bytes of a session. Dropping it ends the stream of requests, and with it the session.
struct Carried {
    incoming: Streaming<BytesMessage>,
    outgoing: PollSender<BytesMessage>,
    /// What of the last message is not read yet.
    rest: Bytes,
}

impl AsyncRead for Carried {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.rest.is_empty() {
            match ready!(Pin::new(&mut self.incoming).poll_next(cx)) {
                Some(Ok(message)) => self.rest = message.data.into(),
                Some(Err(status)) => return Poll::Ready(Err(io::Error::other(status.message().to_owned()))),
                None => return Poll::Ready(Ok(())),
            }
        }
        let count = self.rest.len().min(buffer.remaining());
        buffer.put_slice(&self.rest[..count]);
        self.rest.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Carried {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        ready!(self.outgoing.poll_reserve(cx)).map_err(gone)?;
        let count = bytes.len().min(CHUNK);
        let message = BytesMessage { data: bytes[..count].to_vec() };
        self.outgoing.send_item(message).map_err(gone)?;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outgoing.close();
        Poll::Ready(Ok(()))
    }
}
