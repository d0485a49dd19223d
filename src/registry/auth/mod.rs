//! Who we are to a registry: logins out of Docker's configuration, challenges, tokens.

mod challenge;
mod credentials;
mod fault;
mod helper;
mod login;
mod token;

pub(in crate::registry) use challenge::{Challenge, Scopes};
pub use credentials::Credentials;
pub(crate) use fault::HelperFault;
pub(crate) use login::{Credential, CredentialOrigin, Login};
pub(in crate::registry) use token::{Authorization, Parties, Tokens};
