use std::fmt;
use std::str::FromStr;

use git2::Oid;

use crate::printable::hex;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId([u8; 20]);

/// A blob's object id: SHA-1 over `blob SIZE\0` and the bytes, as git computes it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId([u8; 20]);

/// The text is not 40 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an object id has 40 hex digits")]
pub struct InvalidObjectId;

impl CommitId {
    /// Takes the 20 bytes.
    pub const fn new(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// The 20 bytes.
    pub fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    pub(in crate::git) fn from_oid(oid: Oid) -> Option<Self> {
        oid.as_bytes().first_chunk().map(|bytes| Self(*bytes))
    }

    pub(in crate::git) fn oid(self) -> Oid {
        oid(&self.0)
    }

    /// The first 12 hex digits: what tags and summaries show.
    pub fn short(&self) -> String {
        let mut hex = self.to_string();
        hex.truncate(12);
        hex
    }
}

impl BlobId {
    /// No blob's id: fills places that are not known yet.
    pub(in crate::git) const ZERO: Self = Self([0; 20]);

    /// Takes the 20 bytes.
    pub const fn new(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// The 20 bytes.
    pub fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    pub(in crate::git) fn oid(self) -> Oid {
        oid(&self.0)
    }
}

fn oid(id: &[u8; 20]) -> Oid {
    Oid::from_bytes(id).unwrap_or_else(|_| unreachable!("20 bytes are an object id"))
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl FromStr for CommitId {
    type Err = InvalidObjectId;

    fn from_str(text: &str) -> Result<Self, InvalidObjectId> {
        if text.len() != 40 || !text.is_ascii() {
            return Err(InvalidObjectId);
        }
        let mut bytes = [0; 20];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|_| InvalidObjectId)?;
        }
        Ok(Self(bytes))
    }
}
