//! Container registries: the HTTP API of the OCI distribution specification, with Docker's rules for names,
//! logins and certificates. Knows only `image`, and reads nothing of the environment.
//!
//! [`Registry`] is what they are asked for, [`RegistryClient`] asks it, all registries at once. A question passes through three layers: a
//! call is repeated while that may help (`call`), finds out what login the registry wants (`auth`), and goes
//! over the wire with the certificates of its host (`wire`).
//!
//! Where credentials go:
//! - A login is looked up when a registry asks for one, never before, and is sent to that registry and to the
//!   token server that it names. As with Docker and containerd that server may be on another host, but here it
//!   must speak https, be on the loopback interface, or be named by the user. Of registries that only the checkout
//!   names as insecure, those that turn out to be so get no login.
//! - A registry that answers nobody 403 or 404 is asked at `/v2/` whether it wants a login, as Docker does first.
//! - Redirects are followed for reading only, without credentials once they leave the registry's scheme, host
//!   and port, and never from https to http. A redirect's target cannot ask for a login.

mod answer;
mod api;
mod auth;
mod call;
mod client;
mod error;
mod failure;
mod host;
mod manifest;
mod notice;
mod options;
mod prober;
mod secret;
mod silence;
mod tls;
mod wire;

pub use crate::retry::RetryPolicy;
pub use api::Registry;
pub use auth::Credentials;
pub(crate) use auth::{Credential, CredentialOrigin, Login};
pub use client::RegistryClient;
pub(crate) use error::Attempt;
pub use error::{RegistryError, RegistryErrorKind};
pub(crate) use manifest::{Descriptor, ImageConfig, Variant};
pub use manifest::{Manifest, ManifestName};
pub(crate) use notice::{Listener, Notice};
pub use options::{ProxySettings, RegistryOptions};
pub(crate) use prober::{Prober, check_address};
pub(crate) use secret::Secret;
