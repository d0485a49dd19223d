//! The vocabulary of images: references, tags, digests, platforms, content keys. Imports nothing of the
//! crate.

mod key;
mod platform;
mod reference;

pub use key::{ContentKey, InvalidKey};
pub use platform::{InvalidPlatform, Platform};
pub use reference::{Digest, ImageReference, InvalidReference, Repository, Tag};
