//! Container engines: their images, pulls and builds. The only module that knows the engine's API.
//!
//! [`Endpoint`] says where an engine listens, [`Engine`] is one that has answered. A build goes through
//! [`Engine::build`]: to `BuildKit` by a gRPC client of our own over the engine's `/session` and `/grpc`, which
//! fetches only the files that it needs; and to the classic builder (Podman, old Dockers) as a tar stream.

mod bounded;
mod build;
mod builder;
mod buildkit;
mod capability;
mod classic;
mod client;
mod connection;
mod containers;
mod endpoint;
mod error;
mod event;
mod hint;
mod images;
mod lines;
mod listing;
mod outline;
mod patience;
mod pull;
mod push;
mod request;
mod ssh_command;
#[cfg(test)]
mod testing;
mod transfer;
mod wire;

pub use builder::Builder;
pub use client::Engine;
pub(crate) use client::{EngineInfo, Product};
pub(crate) use containers::Container;
pub use endpoint::{Endpoint, EngineEnvironment};
pub use error::BuildError;
pub(crate) use error::EngineError;
pub(crate) use event::OutputStream;
pub use event::{BuildEvent, StepState};
pub use images::LocalImageId;
pub(crate) use images::{ListedImage, LocalImage};
pub(crate) use outline::{DockerfileInstruction, DockerfileText};
pub use request::{BuildRequest, ContextEntry, ContextKind, ContextSource, Secret, SshAgent};
pub(crate) use request::{RegistryLogin, RegistryLogins};
