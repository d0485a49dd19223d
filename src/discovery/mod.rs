//! Which files of a checkout are Dockerfiles, which of them are left out, and which stand aside.
//!
//! A pure function of a [`Snapshot`](crate::git::Snapshot), so it is the same for a work tree and for
//! a commit.

mod content;
mod discover;
mod names;
mod rules;

pub(crate) use discover::{BrokenDockerfile, FoundDockerfile, discover};
pub(crate) use names::FileNameForm;
pub(crate) use rules::{Rules, check_pattern};
