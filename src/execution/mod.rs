//! Carries out a plan: a pure scheduler, and an asynchronous runner around it. Everything that happens
//! leaves as one stream of [`Event`]s.

mod event;

pub use event::{Event, ImageOutcome, LogStream, Outcome, StepProgress};
