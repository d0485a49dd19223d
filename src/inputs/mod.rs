//! What enters an image, and the content key over it.

mod encoding;
mod files;
mod fingerprint;
mod manifest;
mod material;

pub(crate) use files::{InputFile, InputFiles};
pub(crate) use fingerprint::Fingerprint;
pub(crate) use manifest::{KeyManifest, Manifests};
pub(crate) use material::{ExternalBase, Material};
