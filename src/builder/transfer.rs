use std::io::{self, Read};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{BuildError, ContextSource};

/// What one build's sending of files has come to, seen from outside.
#[derive(Default)]
pub(super) struct Transfer {
    bytes: AtomicU64,
    failure: OnceLock<BuildError>,
}

impl Transfer {
    /// Bytes of files sent so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Counts bytes that are sent.
    pub(super) fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Notes why the build cannot succeed. The first reason counts: later ones follow from it.
    pub(super) fn fail(&self, error: BuildError) {
        let _ = self.failure.set(error);
    }

    /// The reason, if there is one.
    pub(super) fn failure(&self) -> Option<BuildError> {
        self.failure.get().cloned()
    }
}

/// The failure of a file that is not what was planned.
pub(super) fn changed(source: &dyn ContextSource, index: usize, reason: &io::Error) -> BuildError {
    let path = String::from_utf8_lossy(&source.entries()[index].path).into_owned();
    BuildError::ContextChanged { path, reason: reason.to_string() }
}

/// A file that has to be as long as was planned: another length is an error, at the latest at the end.
pub(super) struct Measured<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Measured<R> {
    pub(super) fn new(reader: R, size: u64) -> Self {
        Self { reader, left: size }
    }

    /// Reads until the buffer is full or the end has come.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut length = 0;
        while length < buffer.len() {
            match self.read(&mut buffer[length..]) {
                Ok(0) => break,
                Ok(more) => length += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(length)
    }
}

impl<R: Read> Read for Measured<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        let more = length as u64;
        if length == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::Error::other("it became shorter"));
        }
        self.left = self.left.checked_sub(more).ok_or_else(|| io::Error::other("it became longer"))?;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_held_to() {
        let read =
            |content: &[u8], size| Measured::new(content, size).fill(&mut [0; 10]).map_err(|e| e.to_string());
        assert_eq!(read(b"abc", 3), Ok(3));
        assert_eq!(read(b"", 0), Ok(0));
        assert_eq!(read(b"abc", 2), Err("it became longer".into()));
        assert_eq!(read(b"abc", 4), Err("it became shorter".into()));
        // A buffer that is full says nothing about the end yet.
        assert_eq!(Measured::new(&b"abcd"[..], 4).fill(&mut [0; 2]).expect("reads"), 2);
    }

    #[test]
    fn the_first_failure_counts() {
        let transfer = Transfer::default();
        transfer.fail(BuildError::ContextExceeded("first".into()));
        transfer.fail(BuildError::ContextExceeded("second".into()));
        assert!(matches!(transfer.failure(), Some(BuildError::ContextExceeded(what)) if what == "first"));
    }
}
