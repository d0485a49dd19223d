use std::collections::VecDeque;

use crate::limits::{LOG_LINE, LOG_TAIL};

/// Puts chunks of output together to lines.
#[derive(Debug, Default)]
pub(super) struct LineBuffer(Vec<u8>);

impl LineBuffer {
    /// The lines that `chunk` completes.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            for part in piece.chunks(LOG_LINE) {
                if self.0.len() + part.len() > LOG_LINE + 1 {
                    lines.extend(self.finish());
                }
                self.0.extend_from_slice(part);
            }
            if self.0.ends_with(b"\n") {
                lines.extend(self.finish());
            }
        }
        lines
    }

    /// What is left without a line break.
    pub(super) fn finish(&mut self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let bytes = std::mem::take(&mut self.0);
        let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // A carriage return starts the line again: progress bars show their last state.
        let shown = line.iter().rposition(|byte| *byte == b'\r').map_or(line, |at| &line[at + 1..]);
        Some(String::from_utf8_lossy(shown).into_owned())
    }
}

/// The last lines of some output.
#[derive(Debug, Default)]
pub(super) struct Tail(VecDeque<String>);

impl Tail {
    pub(super) fn push(&mut self, line: String) {
        if self.0.len() == LOG_TAIL {
            self.0.pop_front();
        }
        self.0.push_back(line);
    }

    pub(super) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_over_chunks() {
        let mut buffer = LineBuffer::default();
        assert_eq!(buffer.push(b"a"), Vec::<String>::new());
        assert_eq!(buffer.push(b"b\r\nc\n\nd"), ["ab", "c", ""]);
        assert_eq!(buffer.push(b" 1%\rd 2%\n\xff\n"), ["d 2%", "\u{fffd}"]);
        assert_eq!(buffer.finish(), None);
        buffer.push(b"end");
        assert_eq!(buffer.finish().as_deref(), Some("end"));
    }

    #[test]
    fn endless_lines_are_cut() {
        let mut buffer = LineBuffer::default();
        let mut length = 0;
        for _ in 0..100 {
            length += buffer.push(&[b'x'; 1000]).iter().map(String::len).sum::<usize>();
            assert!(buffer.0.len() <= LOG_LINE + 1);
        }
        length += buffer.finish().map_or(0, |line| line.len());
        assert_eq!(length, 100_000);
        let lines = buffer.push(&vec![b'y'; 3 * LOG_LINE]);
        assert!(lines.iter().all(|line| line.len() <= LOG_LINE) && lines.len() == 2, "{}", lines.len());
    }

    #[test]
    fn the_tail_is_short() {
        let mut tail = Tail::default();
        (0..=LOG_TAIL).for_each(|line| tail.push(line.to_string()));
        let lines = tail.take();
        assert_eq!((lines.len(), lines[0].as_str()), (LOG_TAIL, "1"));
    }
}
