use std::fmt;
use std::str::FromStr;

use super::Tag;
use crate::printable::{from_hex, hex};

/// The identity of an image: SHA-256 over everything that enters its build, dependencies included.
/// Equal keys mean equal content, on every branch and machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentKey([u8; 32]);

impl ContentKey {
    /// Takes a finished SHA-256.
    pub fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// A key that no image has; for tests and examples.
    pub const ZERO: Self = Self([0; 32]);

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// `src-` and the first 16 hex digits: the tag that never moves. The label on the image holds all
    /// 64 and is what is compared.
    pub fn tag(&self) -> Tag {
        let hex = self.to_string();
        Tag::new(&format!("src-{}", &hex[..16])).expect("hex digits are allowed in a tag")
    }
}

impl fmt::Display for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentKey({self})")
    }
}

/// The text is not 64 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a content key has 64 hex digits")]
pub struct InvalidKey;

impl FromStr for ContentKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        from_hex(text.as_bytes()).map(Self).ok_or(InvalidKey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_and_back() {
        let key = ContentKey::new(std::array::from_fn(|i| u8::try_from(i * 7).unwrap_or(9)));
        assert_eq!(key.to_string().parse(), Ok(key));
        assert_eq!(key.tag().as_str(), "src-00070e151c232a31");
        assert_eq!("zz".parse::<ContentKey>(), Err(InvalidKey));
    }
}
