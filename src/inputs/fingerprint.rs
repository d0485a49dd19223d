use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Short digests of the components of a key, as the label `io.shipwright.inputs` holds them. They say which
/// component of two images differs; equality of images is decided by their keys alone. No value of a
/// build argument stands in it, only a digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Over the Dockerfile's instructions.
    pub instructions: String,
    /// Over each of the first of them, eight hexadecimal digits an instruction, so that the first that
    /// differs can be named.
    #[serde(default)]
    pub lines: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    pub platform: String,
    /// By name, over each value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub build_args: BTreeMap<String, String>,
    /// By reference, the beginning of each key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dependencies: BTreeMap<String, String>,
    /// By reference, each locked digest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bases: BTreeMap<String, Option<String>>,
    pub files: String,
    /// By name, over the files of each build context with a name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub contexts: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<u64>,
}

/// How many digits of [`Fingerprint::lines`] stand for one instruction.
pub(super) const LINE_DIGITS: usize = 8;

/// For how many instructions: a label is not the place for a Dockerfile of thousands.
pub(super) const LINES: usize = 256;

/// The label is not one that this version wrote.
#[derive(Debug, thiserror::Error)]
#[error("the label is not a fingerprint")]
pub struct InvalidFingerprint(#[from] serde_json::Error);

impl Fingerprint {
    pub fn to_label(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The first instruction, counted from 0, that is not the one of `other`, as far as the labels tell.
    pub fn first_difference(&self, other: &Self) -> Option<usize> {
        let mut theirs = other.lines.as_bytes().chunks(LINE_DIGITS);
        self.lines.as_bytes().chunks(LINE_DIGITS).position(|ours| theirs.next() != Some(ours))
    }

    pub fn from_label(text: &str) -> Result<Self, InvalidFingerprint> {
        Ok(serde_json::from_str(text)?)
    }
}
