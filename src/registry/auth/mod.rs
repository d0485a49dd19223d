//! Who we are to a registry: logins out of Docker's configuration, challenges, tokens.

mod challenge;
mod credentials;
mod helper;
mod token;

pub(in crate::registry) use challenge::{Challenge, Scopes};
pub use credentials::Credentials;
pub(crate) use credentials::{Credential, CredentialOrigin, Login};
pub(crate) use helper::HelperFault;
pub(in crate::registry) use token::{Authorization, Parties, Tokens};
