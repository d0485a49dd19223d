//! Who we are to a registry: logins out of Docker's configuration, challenges, tokens.

mod challenge;
mod credentials;
mod helper;
mod token;

pub(in crate::registry) use challenge::{Challenge, Scopes};
pub use credentials::{Credential, CredentialOrigin, Credentials, Login};
pub use helper::HelperFault;
pub(in crate::registry) use token::{Authorization, Parties, Tokens};
