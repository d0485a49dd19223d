//! Readings as JSON. Paths, blob ids, references and platforms are texts; a path that is none cannot be kept.

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::diagnostic::{Diagnostic, Location, Severity};
use crate::evidence::Claim;
use crate::evidence::door::Heard;
use crate::git::BlobId;
use crate::image::{ImageReference, Platform};
use crate::path::TreePath;

/// What a reader made of what it heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memo {
    pub(super) heard: Heard,
    pub(super) claims: Vec<Claim>,
    pub(super) notes: Vec<Note>,
}

/// A note that has nothing but a message, a hint and a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    message: String,
    hint: Option<String>,
    path: Option<TreePath>,
    line: Option<usize>,
}

impl Note {
    /// `None` for what has more than that.
    pub(super) fn of(note: &Diagnostic) -> Option<Self> {
        let kept = Self {
            message: note.message.clone(),
            hint: note.hint.clone(),
            path: note.location.as_ref().map(|location| location.path.clone()),
            line: note.location.as_ref().and_then(|location| location.line),
        };
        (note.severity == Severity::Note && kept.clone().diagnostic() == *note).then_some(kept)
    }

    pub(super) fn diagnostic(self) -> Diagnostic {
        let mut note = Diagnostic::note(self.message);
        note.hint = self.hint;
        note.location = self.path.map(|path| Location { path, span: None, line: self.line });
        note
    }
}

impl Serialize for TreePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(self.as_bytes()).map_err(S::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for TreePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl Serialize for ImageReference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ImageReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Serialize for Platform {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Platform {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Serialize for BlobId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BlobId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
