use sha2::{Digest as _, Sha256};

/// Feeds a hash with fields that cannot run into each other: each has a name, and each value its length.
pub(super) struct Encoder(Sha256);

impl Encoder {
    /// `domain` separates this encoding, and its version, from every other.
    pub(super) fn new(domain: &str) -> Self {
        let mut encoder = Self(Sha256::new());
        encoder.bytes(domain.as_bytes());
        encoder
    }

    pub(super) fn field(&mut self, name: &str, values: usize) {
        self.bytes(name.as_bytes());
        self.length(values);
    }

    pub(super) fn bytes(&mut self, value: &[u8]) {
        self.length(value.len());
        self.0.update(value);
    }

    /// An absent value is not an empty one.
    pub(super) fn optional(&mut self, value: Option<&[u8]>) {
        match value {
            None => self.0.update([0]),
            Some(value) => {
                self.0.update([1]);
                self.bytes(value);
            }
        }
    }

    pub(super) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    fn length(&mut self, length: usize) {
        self.0.update((length as u64).to_le_bytes());
    }
}
