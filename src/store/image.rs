use std::collections::BTreeMap;

use crate::engine::LocalImageId;
use crate::image::{ImageReference, Platform};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalImage {
    pub id: LocalImageId,
    /// Its labels, inherited ones included.
    pub labels: BTreeMap<String, String>,
    pub platform: Platform,
    /// All its tags, normalised.
    pub references: Vec<ImageReference>,
    /// Its digests in registries, normalised.
    pub digests: Vec<ImageReference>,
    pub on_build: Vec<String>,
    /// Its environment, `NAME=value`.
    pub env: Vec<String>,
    /// Its size in bytes, layers shared with other images included.
    pub size: u64,
    /// Digests of its layers' content, the lowest first.
    pub layers: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedImage {
    /// Its labels, inherited ones included.
    pub labels: BTreeMap<String, String>,
    /// All its tags, normalised.
    pub references: Vec<ImageReference>,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// Its size in bytes, layers shared with other images included.
    pub size: u64,
}
