//! What enters an image, and the content key over it.

mod encoding;
mod files;
mod fingerprint;
mod manifest;
mod material;

pub use files::{InputFile, InputFiles};
pub use fingerprint::{Fingerprint, InvalidFingerprint};
pub use manifest::Manifests;
pub use material::{Base, Material};
