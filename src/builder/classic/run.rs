use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http_body_util::{BodyExt, StreamBody};
use hyper::Request;
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_util::task::AbortOnDropHandle;

use super::archive::{self, IGNORE_FILE};
use super::progress::{Message, Progress};
use super::query;
use crate::builder::capability::classic_dockerfile;
use crate::builder::listing::Listing;
use crate::builder::outline::line_in_message;
use crate::builder::transfer::Transfer;
use crate::builder::{BuildError, BuildEvent, BuildSpec};
use crate::engine::{Endpoint, LocalImageId, dial, host, stops_answering};

/// How often the bytes that were sent are reported.
const SENT_INTERVAL: Duration = Duration::from_millis(100);

/// Builds by the classic builder. Dropping the future closes the connection, which stops the build.
pub(in crate::builder) async fn build(
    endpoint: &Endpoint,
    request: &BuildSpec,
    events: &mpsc::Sender<BuildEvent>,
) -> Result<LocalImageId, BuildError> {
    let listing = list(request).await?;
    let transfer = Arc::new(Transfer::default());
    let mut build = Build { request, events, transfer, progress: Progress::default(), step: None, sent: 0 };
    let result = tokio::select! {
        result = build.run(endpoint, listing) => result,
        () = Box::pin(stops_answering(endpoint)) => Err(BuildError::Connection("it has stopped answering".to_owned())),
    };
    result.map_err(|error| build.transfer.failure().unwrap_or(error))
}

async fn list(request: &BuildSpec) -> Result<Listing, BuildError> {
    let context = Arc::clone(&request.context);
    // The builder has one file of rules in the archive, and ours has to hide the Dockerfile.
    if context.entries().iter().any(|entry| entry.path == IGNORE_FILE.as_bytes()) {
        return Err(BuildError::Unsupported {
            what: "a `.dockerignore` that is itself a file of the build context".to_owned(),
            line: None,
            hint: "add the line `.dockerignore` to it, or build on an engine with BuildKit".to_owned(),
        });
    }
    let listing = tokio::task::spawn_blocking(move || Listing::new(context)).await;
    listing.map_err(|error| BuildError::Connection(error.to_string()))
}

struct Build<'a> {
    request: &'a BuildSpec,
    events: &'a mpsc::Sender<BuildEvent>,
    transfer: Arc<Transfer>,
    progress: Progress,
    /// The name of the step that began last.
    step: Option<String>,
    sent: u64,
}

impl Build<'_> {
    async fn run(&mut self, endpoint: &Endpoint, listing: Listing) -> Result<LocalImageId, BuildError> {
        let lost = |error: &dyn std::fmt::Display| BuildError::Connection(error.to_string());
        let name = format!(".shipwright-{:032x}.dockerfile", rand::random::<u128>());
        let text = classic_dockerfile(self.request).text.clone();
        let archive = archive::stream(listing, name.clone(), text, Arc::clone(&self.transfer));
        let body = futures_util::stream::unfold(archive, |mut archive| async move {
            let chunk = archive.recv().await?;
            Some((chunk.map(Frame::data), archive))
        });
        let io = TokioIo::new(dial(endpoint).await.map_err(|error| lost(&error))?);
        let handshake = hyper::client::conn::http1::handshake(io).await;
        let (mut sender, connection) = handshake.map_err(|error| lost(&error))?;
        let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let http = Request::post(query::path(self.request, &name))
            .header(HOST, host(endpoint))
            .header(CONTENT_TYPE, "application/x-tar");
        let http = http.body(StreamBody::new(Box::pin(body))).map_err(|error| lost(&error))?;
        let mut tick = tokio::time::interval(SENT_INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let response = {
            let mut response = std::pin::pin!(sender.send_request(http));
            loop {
                tokio::select! {
                    response = &mut response => break response.map_err(|error| lost(&error))?,
                    _ = tick.tick() => self.report_bytes().await,
                }
            }
        };
        let refused = !response.status().is_success();
        let result = self.read(response.into_body(), refused).await;
        self.report_bytes().await;
        let rest = self.progress.finish();
        self.report(rest).await;
        result
    }

    /// Reads the builder's messages, one a line, to their end.
    async fn read(&mut self, mut body: Incoming, refused: bool) -> Result<LocalImageId, BuildError> {
        let mut buffer = BytesMut::new();
        loop {
            let frame = body.frame().await.transpose();
            let frame = frame.map_err(|error| BuildError::Connection(error.to_string()))?;
            let at_end = frame.is_none();
            buffer.extend_from_slice(
                &frame.and_then(|frame| frame.into_data().ok()).unwrap_or_else(Bytes::new),
            );
            if refused {
                if at_end {
                    return Err(self.failed(refusal(&buffer)));
                }
                continue;
            }
            while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                let message = serde_json::from_slice::<Message>(&buffer[..end]);
                buffer.advance(end + 1);
                // What cannot be read says nothing.
                if let Ok(message) = message {
                    self.message(message).await?;
                }
            }
            if at_end {
                if let Ok(message) = serde_json::from_slice::<Message>(&buffer) {
                    self.message(message).await?;
                }
                return self.progress.image().map(LocalImageId).ok_or_else(|| {
                    BuildError::Connection("the engine ended the build without an image".to_owned())
                });
            }
        }
    }

    async fn message(&mut self, message: Message) -> Result<(), BuildError> {
        let error = message.error.clone();
        let events = self.progress.apply(message);
        for event in &events {
            if let BuildEvent::Step(step) = event {
                self.step = Some(step.name.clone());
            }
        }
        self.report(events).await;
        error.map_or(Ok(()), |error| Err(self.failed(error)))
    }

    /// The line is that of the whole Dockerfile, which the user knows, not of the cut one.
    fn failed(&mut self, message: String) -> BuildError {
        let dockerfile = &self.request.dockerfile;
        let step = self.step.as_deref().and_then(|step| dockerfile.line_of_step(step));
        let cut = self.request.classic_dockerfile.is_some();
        let line = step.or_else(|| line_in_message(&message).filter(|_| !cut));
        BuildError::Failed { message, line, log: self.progress.failure_log(), hint: None }
    }

    async fn report_bytes(&mut self) {
        let bytes = self.transfer.bytes();
        if bytes != self.sent {
            self.sent = bytes;
            self.report(vec![BuildEvent::Sent { bytes }]).await;
        }
    }

    async fn report(&self, events: Vec<BuildEvent>) {
        for event in events {
            // Nobody has to listen.
            let _ = self.events.send(event).await;
        }
    }
}

/// What an engine says when it does not begin: `{"message": …}`.
fn refusal(body: &[u8]) -> String {
    let message = serde_json::from_slice::<serde_json::Value>(body).ok();
    let message = message.as_ref().and_then(|message| message.get("message")?.as_str());
    message.map_or_else(|| String::from_utf8_lossy(body).trim().to_owned(), str::to_owned)
}
