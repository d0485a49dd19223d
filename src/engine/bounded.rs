//! How much an engine may answer. The HTTP client above reads an answer into memory before it looks at it, so that
//! one without an end is only noticed here, on the connection. Nothing is decoded: an engine that is faulty is to
//! give an error, one that means harm is root on its machine anyway.

use std::io;

use hyper_util::client::legacy::connect::{Connected, Connection};

use super::wire::{Guard, Guarded};
use crate::limits;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// Answers about one thing.
    One,
    /// Answers about everything that the engine has.
    List,
    /// Messages, of which any number may follow each other.
    Messages,
}

impl Bound {
    pub(super) fn of(path: &str) -> Self {
        if path.ends_with("/images/create") || path.ends_with("/push") || path.ends_with("/build") {
            Self::Messages
        } else if path.ends_with("/images/json") || path.ends_with("/containers/json") {
            Self::List
        } else {
            Self::One
        }
    }

    fn bytes(self) -> u64 {
        match self {
            Self::One => limits::ENGINE_ANSWER,
            Self::Messages => limits::ENGINE_MESSAGE,
            Self::List => limits::ENGINE_LIST,
        }
    }

    /// How many bytes of the answer, or message, are read after these.
    fn after(self, before: u64, bytes: &[u8]) -> u64 {
        let end = if self == Self::Messages { end_of_message(bytes) } else { None };
        end.map_or(before + bytes.len() as u64, |end| (bytes.len() - end - 1) as u64)
    }
}

/// Where the last message in these bytes ends. Each is an object of JSON on a line of its own.
fn end_of_message(bytes: &[u8]) -> Option<usize> {
    let ends = |at: &usize| {
        let line = &bytes[..*at];
        bytes[*at] == b'\n' && line.strip_suffix(b"\r").unwrap_or(line).ends_with(b"}")
    };
    (0..bytes.len()).rev().find(ends)
}

/// A connection over which requests go one after the other, and answers of bounded length come back.
pub(super) type Bounded = Guarded<Answers>;

pub(super) struct Answers {
    bound: Bound,
    /// Bytes since something was asked, or since the last message.
    read: u64,
}

impl Answers {
    pub(super) fn new(bound: Bound) -> Self {
        Self { bound, read: 0 }
    }
}

impl Guard for Answers {
    fn has_read(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.read = self.bound.after(self.read, bytes);
        if self.read > self.bound.bytes() {
            let size = limits::size(self.bound.bytes());
            let reason = format!("its answer is longer than {size}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        Ok(())
    }

    fn writes(&mut self) {
        self.read = 0;
    }
}

impl Connection for Bounded {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_begins_the_count_anew_and_nothing_else_does() {
        let after = |bound: Bound, bytes: &[u8]| bound.after(100, bytes);
        assert_eq!(after(Bound::Messages, b"{\"status\":\"x\"}\r\nab"), 2);
        assert_eq!(after(Bound::Messages, b"{}\n{}\n{"), 1);
        assert_eq!(after(Bound::Messages, b"2000\r\nxxxx\r\n"), 112);
        assert_eq!(after(Bound::One, b"{}\r\n"), 104);
    }

    #[test]
    fn what_is_asked_tells_how_it_is_answered() {
        for (path, bound) in [
            ("/v1.41/images/create", Bound::Messages),
            ("/v1.41/images/127.0.0.1:5000/acme/api/push", Bound::Messages),
            ("/v1.41/build", Bound::Messages),
            ("/v1.41/images/json", Bound::List),
            ("/v1.41/images/acme/api:main/json", Bound::One),
            ("/version", Bound::One),
        ] {
            assert_eq!(Bound::of(path), bound, "{path}");
        }
    }
}
