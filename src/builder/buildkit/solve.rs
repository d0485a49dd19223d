use std::sync::Arc;
use std::time::Duration;

use bollard_buildkit_proto::moby::buildkit::v1::control_client::ControlClient;
use bollard_buildkit_proto::moby::buildkit::v1::{ListWorkersRequest, SolveRequest, StatusRequest};
use futures_util::{Stream, StreamExt, TryStreamExt};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tonic::Status;
use tonic::transport::Channel;

use super::Transport;
use super::attributes::{HOST_GATEWAY, solve_request};
use super::failure::{self, Failure};
use super::progress::Progress;
use super::session::{Session, random_id};
use crate::builder::outline::{DockerfileText, line_in_message};
use crate::builder::transfer::Transfer;
use crate::builder::{BuildError, BuildEvent, BuildSpec};
use crate::engine::{LocalImageId, UpgradeError};

/// How long the rest of the status is waited for once the build is over.
const DRAIN: Duration = Duration::from_secs(2);
/// How often the bytes that were sent are reported.
const SENT_INTERVAL: Duration = Duration::from_millis(100);
/// A status message holds the Dockerfile and every vertex of a big build.
const LARGEST_MESSAGE: usize = 64 << 20;
/// Under this label `BuildKit` tells the address that containers reach the engine's host at.
const GATEWAY_LABEL: &str = "org.mobyproject.buildkit.worker.moby.host-gateway-ip";

/// Why `BuildKit` gave no image.
pub(in crate::builder) enum SolveError {
    /// There is no `BuildKit` at the other end.
    NoBuildKit,
    Build(BuildError),
}

/// Builds by a `BuildKit`. Dropping the future stops the build: the call is reset, and the session
/// that it depends on closed.
pub(in crate::builder) async fn build(
    transport: &Arc<dyn Transport>,
    request: &BuildSpec,
    events: &mpsc::Sender<BuildEvent>,
) -> Result<LocalImageId, SolveError> {
    let (session, control) = tokio::join!(Session::open(&**transport, request), connect(&**transport));
    let session = session.map_err(|error| match error {
        UpgradeError::Refused { .. } => SolveError::NoBuildKit,
        UpgradeError::Io(_) | UpgradeError::Http(_) => {
            SolveError::Build(BuildError::Connection(error.to_string()))
        }
    })?;
    let mut control = control.map_err(|error| SolveError::Build(BuildError::Connection(error)))?;
    let gateway = if request.add_hosts.iter().any(|line| line.ends_with(HOST_GATEWAY)) {
        host_gateway(&mut control).await.map_err(SolveError::Build)?
    } else {
        None
    };
    let solve = solve_request(request, &session.id, &random_id(), gateway.as_deref());
    let solve = solve.map_err(SolveError::Build)?;
    let image = run(control, solve, &request.dockerfile, &session, events).await;
    image.map_err(|error| SolveError::Build(session.transfer.failure().unwrap_or(error)))
}

async fn connect(transport: &dyn Transport) -> Result<ControlClient<Channel>, String> {
    let channel = transport.control().await?;
    Ok(ControlClient::new(channel).max_decoding_message_size(LARGEST_MESSAGE))
}

async fn host_gateway(control: &mut ControlClient<Channel>) -> Result<Option<String>, BuildError> {
    let workers = control.list_workers(ListWorkersRequest::default()).await;
    let workers = workers.map_err(|status| BuildError::Connection(status.message().to_owned()))?.into_inner();
    Ok(workers.record.into_iter().find_map(|mut worker| worker.labels.remove(GATEWAY_LABEL)))
}

/// Runs a solve to its end and reports what happens meanwhile.
async fn run(
    mut control: ControlClient<Channel>,
    request: SolveRequest,
    dockerfile: &DockerfileText,
    session: &Session,
    events: &mpsc::Sender<BuildEvent>,
) -> Result<LocalImageId, BuildError> {
    // The engine waits some seconds for a solve that is asked about before it is known.
    let status = follow(control.clone(), request.r#ref.clone());
    let mut status = std::pin::pin!(status.fuse());
    let mut solve = std::pin::pin!(control.solve(request));
    let mut report = Report { progress: Progress::default(), events, transfer: &session.transfer, sent: 0 };
    let mut lost = std::pin::pin!(session.lost());
    let mut tick = tokio::time::interval(SENT_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let result = loop {
        tokio::select! {
            biased;
            result = &mut solve => break result,
            () = &mut lost => return Err(BuildError::Connection("its session broke off".to_owned())),
            Some(message) = status.next() => report.message(message).await,
            _ = tick.tick() => report.bytes().await,
        }
    };
    let rest = async {
        while let Some(message) = status.next().await {
            report.message(message).await;
        }
    };
    // What is not there by then is only news.
    let _ = tokio::time::timeout(DRAIN, rest).await;
    report.finish().await;
    match result {
        Ok(response) => {
            report.send(report.progress.setbacks()).await;
            let digest = response.into_inner().exporter_response.remove("containerimage.digest");
            digest.map(LocalImageId).ok_or_else(|| BuildError::Failed {
                message: "it was built, but the builder gave no image".to_owned(),
                line: None,
                log: Vec::new(),
                hint: None,
            })
        }
        Err(status) => Err(match failure::read(&status) {
            Failure::Connection(reason) => BuildError::Connection(reason),
            Failure::Build { message, line } => {
                // Docker 20.10 does not say the line.
                let step = || dockerfile.line_of_step(report.progress.failed_step()?);
                let line = line.or_else(|| line_in_message(&message)).or_else(step);
                BuildError::Failed { message, line, log: report.progress.failure_log(), hint: None }
            }
        }),
    }
}

type Message = bollard_buildkit_proto::moby::buildkit::v1::StatusResponse;

/// The status messages of a solve.
fn follow(
    mut control: ControlClient<Channel>,
    reference: String,
) -> impl Stream<Item = Result<Message, Status>> {
    let request = StatusRequest { r#ref: reference };
    futures_util::stream::once(async move { control.status(request).await.map(tonic::Response::into_inner) })
        .try_flatten()
}

/// Where a build's news go.
struct Report<'a> {
    progress: Progress,
    events: &'a mpsc::Sender<BuildEvent>,
    transfer: &'a Transfer,
    sent: u64,
}

impl Report<'_> {
    /// A status that fails is no failed build: the solve itself says how it went.
    async fn message(&mut self, message: Result<Message, Status>) {
        let Ok(message) = message else { return };
        let events = self.progress.apply(message);
        self.send(events).await;
    }

    async fn bytes(&mut self) {
        let bytes = self.transfer.bytes();
        if bytes != self.sent {
            self.sent = bytes;
            self.send(vec![BuildEvent::Sent { bytes }]).await;
        }
    }

    async fn finish(&mut self) {
        self.bytes().await;
        let events = self.progress.finish();
        self.send(events).await;
    }

    async fn send(&self, events: Vec<BuildEvent>) {
        for event in events {
            // Nobody has to listen.
            let _ = self.events.send(event).await;
        }
    }
}
