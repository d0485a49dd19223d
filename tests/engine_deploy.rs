//! `deploy` and `rollback` on a real engine: what a container keeps, what it does not, and that one of old and new is always
//! there.

mod deploy;
mod support;

#[path = "deploy/attacks.rs"]
mod attacks;
#[path = "deploy/compose.rs"]
mod compose;
#[path = "deploy/create.rs"]
mod create;
#[path = "deploy/flags.rs"]
mod flags;
#[path = "deploy/moves.rs"]
mod moves;
