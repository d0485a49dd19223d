//! A client of `BuildKit` inside an engine: `Control.Solve` through `/grpc`, and a session through `/session`
//! over which the engine fetches files, secrets and logins.

mod attributes;
mod dockerfile;
mod failure;
mod filesync;
mod messages;
mod progress;
mod sender;
mod services;
mod session;
mod solve;
mod ssh;

pub(super) use solve::{SolveError, build};
