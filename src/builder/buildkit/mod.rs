//! A client of `BuildKit`, wherever a [`Transport`] leads to one: `Control.Solve`, and a session over which it fetches
//! files, secrets and logins.

mod attributes;
mod dockerfile;
mod failure;
mod filesync;
mod messages;
mod progress;
mod remote_session;
mod sender;
mod services;
mod session;
mod solve;
mod ssh;
mod transport;

pub(super) use remote_session::session_over;
pub(super) use solve::{SolveError, build};
pub(super) use transport::{Transport, settings_of_channel};
