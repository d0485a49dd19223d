//! Container engines: where they listen, how they are connected to and asked. What is asked is up to those above:
//! `store` for the images that an engine has, `builder` for those that it makes.
//!
//! [`Endpoint`] says where an engine listens, [`Engine`] is one that has answered.

mod bounded;
mod builder_kind;
mod client;
mod command_wire;
mod connection;
mod endpoint;
mod error;
mod hint;
mod image_id;
mod login;
mod own_file;
mod patience;
mod raw;
mod silence;
mod ssh_command;
mod wire;

pub use builder_kind::BuilderKind;
pub use client::Engine;
pub(crate) use client::{EngineInfo, Product, StoreKind, numbers};
pub(crate) use command_wire::CommandConnection;
pub(crate) use connection::{UpgradeError, dial, host, upgrade};
pub use endpoint::{Endpoint, EngineEnvironment};
pub(crate) use error::{EngineError, is_not_found, refused};
pub use image_id::LocalImageId;
pub(crate) use login::RegistryLogin;
pub(crate) use own_file::read_own_file;
pub(crate) use patience::{PULSE, stops_answering};
pub(crate) use raw::{Call, Method};
pub(crate) use ssh_command::SshTarget;
pub(crate) use wire::{Guard, Guarded, Wire};
