//! Random checkouts with random histories, compared after each step with builds from scratch by the docker CLI.
//!
//! [`graph`], [`files`] and [`settings`] make a checkout, [`history`] changes it, [`disturbance`] troubles runs,
//! [`meanwhile`] changes checkouts under them, [`state`] judges what such runs leave, [`elsewhere`] looks from other folders, [`life`] runs Shipwright and compares what it made
//! ([`image`]) and what it built ([`reads`]) with the [`oracle`]'s word.

#![allow(unreachable_pub, clippy::allow_attributes, reason = "a module of a test")]

pub mod disturbance;
pub mod docker;
pub mod elsewhere;
pub mod files;
pub mod graph;
pub mod history;
pub mod image;
pub mod life;
pub mod meanwhile;
pub mod oracle;
pub mod random;
pub mod reads;
pub mod settings;
pub mod spec;
pub mod state;
pub mod tree;
