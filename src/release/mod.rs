//! What becomes of references in Dockerfiles when a version of an image is released: which of them pin an older one, and
//! which bytes of the file say so. Pure.
//!
//! ```text
//! Dockerfile → words that name images (ARG defaults put in) → versions of the same form, lower → edits of their bytes
//! ```

mod references;
mod version;

pub(crate) use references::{Left, Series, Why, moves};
pub(crate) use version::{Version, is_reserved};
