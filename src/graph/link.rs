//! What makes one image depend on another.

use super::id::ImageId;
use crate::diagnostic::Location;

/// The instruction that makes an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DependencyKind {
    From,
    Copy,
    Mount,
    /// `depends_on` in the settings.
    Declared,
}

impl DependencyKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::From => "from",
            Self::Copy => "copy",
            Self::Mount => "mount",
            Self::Declared => "declared",
        }
    }
}

/// A dependency of one image on another: an instruction of a Dockerfile, or a line of the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub dependent: ImageId,
    pub dependency: ImageId,
    pub kind: DependencyKind,
    /// Where it stands; declared ones have no place.
    pub location: Option<Location>,
}

impl Link {
    pub fn line(&self) -> Option<usize> {
        self.location.as_ref().and_then(|location| location.line)
    }
}
