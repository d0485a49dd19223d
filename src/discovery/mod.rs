//! Which files of a checkout are Dockerfiles, which of them are left out, and which stand aside; and which other files
//! may say something about images.
//!
//! A pure function of a [`Snapshot`](crate::git::Snapshot), so it is the same for a work tree and for
//! a commit.

mod content;
mod discover;
mod evidence_files;
mod names;
mod rules;

pub(crate) use content::is_dockerfile_text;
pub(crate) use discover::{BrokenDockerfile, Discovery, FoundDockerfile, discover, has_telling_name, named};
pub(crate) use evidence_files::EvidenceKind;
pub(crate) use names::FileNameForm;
pub(crate) use rules::{Rules, check_pattern};
