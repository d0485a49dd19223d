//! What enters an image, and the content key over it.

mod encoding;
mod fingerprint;
mod manifest;
mod material;

pub use fingerprint::{Fingerprint, InvalidFingerprint};
pub use manifest::Manifests;
pub use material::{Base, InputFile, Material};
