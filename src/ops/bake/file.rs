use std::collections::BTreeMap;

use crate::image::{ImageReference, Platform};

/// What `docker buildx bake` is given: a target an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BakeFile {
    /// Dependencies first.
    pub targets: Vec<BakeTarget>,
}

/// How one image is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BakeTarget {
    /// What bake calls it: letters, digits, `_` and `-`.
    pub name: String,
    /// The build context, from the folder that the file is written for.
    pub context: String,
    /// The Dockerfile.
    pub dockerfile: BakeDockerfile,
    /// The stage, if it is not the last one.
    pub stage: Option<String>,
    /// What references in the Dockerfile mean, by the name that `BuildKit` looks for.
    pub contexts: BTreeMap<String, BakeContext>,
    /// Values of build arguments.
    pub args: BTreeMap<String, String>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// The key's reference, and the tags that move.
    pub tags: Vec<ImageReference>,
    /// What it is built for.
    pub platform: Platform,
    /// Build caches that are read, as buildx writes them.
    pub cache_from: Vec<String>,
    /// Build caches that are written.
    pub cache_to: Vec<String>,
}

/// Where a target's Dockerfile is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BakeDockerfile {
    /// In this file, from the build context.
    At(String),
    /// Here, with references to dependencies pinned: names of build contexts alone would not do.
    Inline(String),
}

/// What a reference means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BakeContext {
    /// What another target builds.
    Target(String),
    /// An image that is there, on the engine or in a registry.
    Image(ImageReference),
    /// A folder, from the one that the file is written for.
    Folder(String),
}
