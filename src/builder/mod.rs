//! What builds images: a builder of an engine, or one that is elsewhere. It takes a [`BuildSpec`] and says what
//! happens; where its images are kept is not its business.
//!
//! `BuildKit` is spoken to by a gRPC client of our own, which fetches only the files that it needs, over whatever
//! [`Transport`](buildkit::Transport) leads to it; the classic builder (Podman, old Dockers) is sent a tar stream.

mod buildkit;
mod capability;
mod classic;
mod engine;
mod error;
mod event;
mod lines;
mod listing;
mod outline;
mod request;
mod standalone;
#[cfg(test)]
mod testing;
mod transfer;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::engine::{BuilderKind, LocalImageId};
use crate::image::Platform;
pub use error::BuildError;
pub use event::{BuildEvent, OutputStream, StepState};
pub(crate) use outline::{DockerfileInstruction, DockerfileText};
pub(crate) use request::RegistryLogins;
pub use request::{
    BuildSpec, CacheLocation, ContextEntry, ContextKind, ContextSource, Destination, Extras, NamedFolder,
    Secret, SshAgent,
};
pub(crate) use standalone::{BuilderAddress, BuilderPlatforms, BuildxStore, Standalone};
pub use standalone::{BuilderCertificates, BuilderError};

/// Whatever builds images.
#[async_trait]
pub trait Builder: Send + Sync {
    /// What it builds for unless asked otherwise.
    fn platform(&self) -> &Platform;

    /// How it reads a Dockerfile.
    fn kind(&self) -> BuilderKind;

    /// Refuses what it cannot do for any image, before anything begins.
    async fn check(&self, extras: &Extras) -> Result<(), BuildError>;

    /// Builds an image and gives it the names of the request, all at once when it is done. Dropping the future
    /// stops the build within a second, and nothing gets a name. `events` is sent what happens; whoever holds
    /// its other end has to take the events or drop it, or the build waits.
    async fn build(
        &self,
        request: BuildSpec,
        events: mpsc::Sender<BuildEvent>,
    ) -> Result<LocalImageId, BuildError>;
}

/// A builder that stands alone, somewhere. There may be several of them.
#[async_trait]
pub(crate) trait RemoteBuilder: Builder {
    /// Where it is, as a user writes it.
    fn address(&self) -> String;

    /// What it builds for.
    fn platforms(&self) -> &BuilderPlatforms;

    /// Whether it is there, asked again and again for a moment. The error says what happens instead.
    async fn answers(&self) -> Result<(), String>;
}
