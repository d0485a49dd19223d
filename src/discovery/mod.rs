//! Which files of a checkout are Dockerfiles, which of them are left out, and which stand aside.
//!
//! A pure function of a [`Snapshot`](crate::git::Snapshot), so it is the same for a work tree and for
//! a commit.

mod content;
mod discover;
mod names;
mod rules;

pub use discover::{BrokenDockerfile, Discovery, FoundDockerfile, discover};
pub use names::{FileNameForm, dockerfile_name};
pub use rules::{Rules, check_pattern};
