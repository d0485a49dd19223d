//! Carries out a plan: a pure [`Scheduler`], and an asynchronous runner around it. Everything that happens
//! leaves as one stream of [`Event`]s.
//!
//! A run has these phases, and moving tags change in the last one only:
//!
//! 1. external bases are pulled, once each, while builds that do not need them run already;
//! 2. images are built side by side; each gets its immutable tags at once;
//! 3. when every image of the selection has its key in place, the moving tags move together, under a lock.

mod bases;
mod build;
mod context_source;
mod engine_worker;
mod event;
mod forecast;
mod labels;
mod lock;
mod log_tail;
mod logins;
mod message;
mod moving_tags;
mod outbox;
mod outline;
mod pins;
mod registry_worker;
mod request;
mod runner;
mod scheduler;
mod spec;
mod spread;
mod summary;
mod superseded;
mod worker;

#[cfg(test)]
mod tests;

pub(crate) use engine_worker::EngineWorker;
pub use event::{Event, ImageOutcome, Outcome};
pub(crate) use forecast::Forecast;
pub(crate) use labels::{DOCKERFILE_LABEL, INPUTS_LABEL, KEY_LABEL, REVISION_LABEL, SOURCE_LABEL, labels};
pub(crate) use lock::{LockScope, TagLock, place_of};
pub(crate) use logins::engine_login;
pub(crate) use message::clean_message;
pub use outline::outline;
pub(crate) use pins::pins;
pub(crate) use registry_worker::{Bases, Insecure, Placed, RegistryWorker};
pub(crate) use request::{BasePull, RunOptions, RunRequest};
pub(crate) use runner::{EVENT_CAPACITY, run};
pub(crate) use scheduler::{Lane, Limits, Scheduler, Task};
pub(crate) use spec::{BuildOptions, BuildSpecs, StepCaches};
pub(crate) use spread::{BuilderId, Offer};
pub(crate) use summary::RunSummary;
pub(crate) use worker::{BuildFailure, Worker};
