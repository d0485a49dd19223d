use std::collections::HashMap;
use std::path::PathBuf;
use std::pin::Pin;

use bollard_buildkit_proto::moby::sshforward::v1::ssh_server::Ssh;
use bollard_buildkit_proto::moby::sshforward::v1::{BytesMessage, CheckAgentRequest, CheckAgentResponse};
use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::{Request, Response, Status, Streaming};

use crate::builder::SshAgent;

/// Which agent a connection is for; absent means [`DEFAULT_ID`].
const ID_KEY: &str = "buildkit.ssh.id";
const DEFAULT_ID: &str = "default";

/// Forwards connections of RUN steps to SSH agents on this machine: `moby.sshforward.v1.SSH`.
pub(super) struct Agents(HashMap<String, PathBuf>);

impl Agents {
    pub(super) const METHODS: [&'static str; 2] =
        ["/moby.sshforward.v1.SSH/CheckAgent", "/moby.sshforward.v1.SSH/ForwardAgent"];

    pub(super) fn new(agents: &[SshAgent]) -> Self {
        Self(agents.iter().map(|agent| (agent.id.clone(), agent.socket.clone())).collect())
    }

    fn socket(&self, id: &str) -> Result<&PathBuf, Status> {
        let id = if id.is_empty() { DEFAULT_ID } else { id };
        self.0.get(id).ok_or_else(|| Status::not_found(format!("no SSH agent `{id}` was given")))
    }
}

type Bytes = Pin<Box<dyn Stream<Item = Result<BytesMessage, Status>> + Send>>;

#[tonic::async_trait]
impl Ssh for Agents {
    type ForwardAgentStream = Bytes;

    async fn check_agent(
        &self,
        request: Request<CheckAgentRequest>,
    ) -> Result<Response<CheckAgentResponse>, Status> {
        self.socket(&request.get_ref().id)?;
        Ok(Response::new(CheckAgentResponse {}))
    }

    async fn forward_agent(
        &self,
        request: Request<Streaming<BytesMessage>>,
    ) -> Result<Response<Bytes>, Status> {
        let id = request.metadata().get(ID_KEY).and_then(|id| id.to_str().ok()).unwrap_or_default();
        let path = self.socket(id)?;
        let stream = connect(path).await;
        let stream =
            stream.map_err(|error| Status::unavailable(format!("SSH agent {}: {error}", path.display())))?;
        let (reader, mut writer) = tokio::io::split(stream);
        let mut incoming = request.into_inner();
        tokio::spawn(async move {
            while let Some(Ok(message)) = incoming.next().await {
                if writer.write_all(&message.data).await.is_err() {
                    return;
                }
            }
            // Nobody waits for it: the step has closed its side.
            let _ = writer.shutdown().await;
        });
        let outgoing = futures_util::stream::unfold(reader, |mut reader| async move {
            let mut buffer = vec![0; 16 << 10];
            match reader.read(&mut buffer).await {
                Ok(0) => None,
                Ok(length) => {
                    buffer.truncate(length);
                    Some((Ok(BytesMessage { data: buffer }), reader))
                }
                Err(error) => Some((Err(Status::unavailable(error.to_string())), reader)),
            }
        });
        Ok(Response::new(Box::pin(outgoing)))
    }
}

#[cfg(unix)]
async fn connect(path: &std::path::Path) -> std::io::Result<tokio::net::UnixStream> {
    tokio::net::UnixStream::connect(path).await
}

#[cfg(not(unix))]
async fn connect(_: &std::path::Path) -> std::io::Result<tokio::net::TcpStream> {
    Err(std::io::ErrorKind::Unsupported.into())
}
