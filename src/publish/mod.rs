//! Puts images into registries: content first, then the tags that never move, and only when every image of
//! the run is in place the moving ones, branches before `latest`.
//!
//! ```text
//! destinations → observe (registry) → decide (pure) → carry out (engine pushes, registry copies tags, looks again
//! where the moving ones stand, moves them)
//! ```
//!
//! What stands under the tag of a key is compared with the whole key and the platform before anything moves to it.
//! An image that a registry has is not pushed again and need not exist locally: its tags are copied inside the
//! registry, byte for byte, an image index included.

mod carry_out;
mod decide;
mod destination;
mod failure;
mod identity;
mod lent;
mod observe;
mod order;
mod standings;
mod together;

pub(crate) use carry_out::{Publisher, Report};
pub(crate) use decide::{Judgement, Observed, Publication, TagMove, Wanted, decide, judge, taken};
pub(crate) use destination::destination;
pub(crate) use failure::{FailureKind, TagFailure};
pub(crate) use identity::{ImageIdentity, Standing};
pub(crate) use lent::Lent;
pub(crate) use observe::observe;
pub(crate) use standings::Standings;
