use std::fmt;
use std::str::FromStr;

use git2::Oid;

use crate::printable::{from_hex, hex};

/// The text is not 40 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an object id has 40 hex digits")]
pub struct InvalidObjectId;

/// Defines the id of one kind of object: a commit's never stands where a blob's is meant.
macro_rules! object_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 20]);

        impl $name {
            /// Takes SHA-1's 20 bytes.
            pub const fn new(bytes: [u8; 20]) -> Self {
                Self(bytes)
            }

            /// SHA-1's 20 bytes.
            pub fn as_bytes(&self) -> &[u8; 20] {
                &self.0
            }

            pub(in crate::git) fn oid(self) -> Oid {
                Oid::from_bytes(&self.0).unwrap_or_else(|_| unreachable!("20 bytes are an object id"))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }

        impl FromStr for $name {
            type Err = InvalidObjectId;

            fn from_str(text: &str) -> Result<Self, InvalidObjectId> {
                from_hex(text.as_bytes()).map(Self).ok_or(InvalidObjectId)
            }
        }
    };
}

object_id! {
    /// A commit's object id.
    CommitId
}

object_id! {
    /// A blob's object id: SHA-1 over `blob SIZE\0` and the bytes, as git computes it.
    BlobId
}

impl CommitId {
    pub(in crate::git) fn from_oid(oid: Oid) -> Option<Self> {
        oid.as_bytes().first_chunk().map(|bytes| Self(*bytes))
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
}
