//! Shipwright builds every container image of a git checkout, in the right order, and only when it has to.
//!
//! Data flows one way: facts are gathered at the edges, decisions are pure, effects come last. The modules
//! stand in that order, and each uses only those above it (`tests/architecture.rs` holds them to it):
//!
//! ```text
//! git → discovery → dockerfile → naming → context → graph → inputs → project → plan → execution → ops → report → cli
//! (git)      (paths)     (model)                                 (keys)   (all)            (engine)   (use cases)
//! ```
//!
//! Programs call [`ops`].

pub mod printable;

pub mod limits;

pub mod retry;

pub mod redact;

pub mod path;

pub mod diagnostic;

pub mod image;

pub mod lockfile;

pub mod git;

pub mod ci;

pub mod discovery;

pub mod dockerfile;

pub mod naming;

pub mod context;

pub mod graph;

pub mod inputs;

pub mod project;

pub mod settings;

pub mod plan;

pub mod engine;

pub mod registry;

pub mod execution;

pub mod publish;

pub mod hook;

pub mod ops;

pub mod report;

pub mod cli;
