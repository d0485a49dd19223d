use crate::image::ImageReference;
use crate::ops::{Building, Ending, ImageRequest};
use crate::path::TreePath;

/// What [`release`](fn@crate::ops::release) is to do.
#[derive(Clone, Debug, Default)]
pub struct ReleaseRequest {
    pub version: String,
    /// Images by full name, short name or Dockerfile path.
    pub names: Vec<String>,
    /// What stands in front of the version in the tag, without the hyphen.
    pub prefix: Option<String>,
    /// Whether references to older versions stay.
    pub no_edit: bool,
    /// Whether nothing is changed, and only said what would be.
    pub dry_run: bool,
    /// Whether images with uncommitted changes are released.
    pub allow_dirty: bool,
    /// What decides the images. Which ones is said by the names alone.
    pub images: ImageRequest,
    pub building: Building,
}

/// What came of it, or would come.
#[derive(Clone, Debug)]
pub struct Released {
    pub images: Vec<ReleasedImage>,
    /// Lines of Dockerfiles that are changed.
    pub edits: Vec<FileEdit>,
    /// References to other versions that stay.
    pub kept: Vec<KeptReference>,
    /// Names of the images that have another key by that.
    pub rebuilt: Vec<String>,
    pub dry_run: bool,
    /// How it ended; where it did not end well the audience was told why.
    pub ending: Ending,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleasedImage {
    pub name: String,
    pub source: ImageReference,
    pub local: VersionPlace,
    /// In registries; none where nothing tells one.
    pub remote: Vec<VersionPlace>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionPlace {
    pub reference: ImageReference,
    pub was_there: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEdit {
    pub path: TreePath,
    /// The lines, without what ends them.
    pub lines: Vec<LineEdit>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineEdit {
    /// From 1.
    pub line: usize,
    pub before: String,
    pub after: String,
}

/// A reference to a version that is not moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptReference {
    pub path: TreePath,
    /// From 1.
    pub line: usize,
    /// As written, with values of ARGs in it.
    pub reference: String,
    pub why: String,
}
