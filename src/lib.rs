//! Shipwright builds every container image of a git checkout, in the right order, and only when it has to.
//!
//! Data flows one way: facts are gathered at the edges, decisions are pure, effects come last. The modules
//! stand in that order, and each uses only those above it (`tests/architecture.rs` holds them to it):
//!
//! ```text
//! git → discovery → dockerfile → evidence → naming → context → graph → inputs → project → plan → execution → ops → report → cli
//! (git)      (paths)     (model)     (claims)                                 (keys)   (all)            (engine)   (use cases)
//! ```
//!
//! Programs call [`ops`]; everything else is private. `internals` is the door for the project's own tests, fuzz targets
//! and benchmarks, and for the `shipwright` command.

mod builder;
mod ci;
mod cli;
mod context;
mod deploy;
mod diagnostic;
mod discovery;
#[expect(missing_docs, reason = "`internals` reaches it, and promises nothing")]
mod dockerfile;
mod engine;
mod evidence;
mod execution;
mod git;
mod graph;
mod hook;
mod image;
mod inputs;
mod limits;
mod lockfile;
mod naming;
pub mod ops;
mod path;
mod plan;
mod printable;
mod project;
mod publish;
mod redact;
#[expect(missing_docs, reason = "`internals` reaches it, and promises nothing")]
mod registry;
mod release;
mod report;
mod retry;
mod settings;
mod store;

#[doc(hidden)]
pub mod internals;
