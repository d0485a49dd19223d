use std::io::{self, Write};

/// Where a renderer writes. A reader that goes away (`shipwright | head`) or a full disk must not stop a
/// build, so the first error is kept for whoever asks and nothing is written after it.
pub(super) struct Output {
    writer: Box<dyn Write + Send>,
    error: Option<io::Error>,
}

impl Output {
    pub(super) fn new(writer: Box<dyn Write + Send>) -> Self {
        Self { writer, error: None }
    }

    /// Writes all of `text` at once, so that other output cannot come between, and flushes.
    pub(super) fn write(&mut self, text: &str) {
        if self.error.is_some() || text.is_empty() {
            return;
        }
        self.error = self.writer.write_all(text.as_bytes()).and_then(|()| self.writer.flush()).err();
    }

    pub(super) fn error(&self) -> Option<&io::Error> {
        self.error.as_ref()
    }
}
