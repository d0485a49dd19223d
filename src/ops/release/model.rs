use crate::image::ImageReference;
use crate::ops::{Building, Ending, ImageRequest};
use crate::path::TreePath;

/// What [`release`](fn@crate::ops::release) is to do.
#[derive(Clone, Debug, Default)]
pub struct ReleaseRequest {
    /// The version.
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
    /// How to build.
    pub building: Building,
}

/// What came of it, or would come.
#[derive(Clone, Debug)]
pub struct Released {
    /// The images, in the order of their names.
    pub images: Vec<ReleasedImage>,
    /// Lines of Dockerfiles that are changed.
    pub edits: Vec<FileEdit>,
    /// References to other versions that stay.
    pub kept: Vec<KeptReference>,
    /// Names of the images that have another key by that.
    pub rebuilt: Vec<String>,
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// How it ended; where it did not end well the audience was told why.
    pub ending: Ending,
}

/// An image that has the version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleasedImage {
    /// NAMESPACE/NAME.
    pub name: String,
    /// By its key.
    pub source: ImageReference,
    /// On the engine.
    pub local: VersionPlace,
    /// In registries; none where nothing tells one.
    pub remote: Vec<VersionPlace>,
}

/// A name with the version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionPlace {
    /// The name.
    pub reference: ImageReference,
    /// Whether it was there before.
    pub was_there: bool,
}

/// Lines of a file that change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEdit {
    /// The file.
    pub path: TreePath,
    /// The lines, without what ends them.
    pub lines: Vec<LineEdit>,
}

/// A line that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineEdit {
    /// From 1.
    pub line: usize,
    /// As it was.
    pub before: String,
    /// As it is.
    pub after: String,
}

/// A reference to a version that is not moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptReference {
    /// The file.
    pub path: TreePath,
    /// From 1.
    pub line: usize,
    /// As written, with values of ARGs in it.
    pub reference: String,
    /// Why it stays.
    pub why: String,
}
