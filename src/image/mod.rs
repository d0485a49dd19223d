//! The vocabulary of images: references, tags, digests, platforms, content keys. Imports nothing of the
//! crate.

mod key;
mod platform;
mod reference;

pub(crate) use key::ContentKey;
pub(crate) use platform::InvalidPlatform;
pub use platform::Platform;
pub(crate) use reference::InvalidReference;
pub use reference::{Digest, ImageReference, Repository, Tag};
