//! What the tests of this module share: views, plans and a terminal that remembers.

mod plan;
pub(super) mod run;
mod terminal;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::renderer::Renderer;
use super::style::{Charset, Size, Theme, View};
use crate::execution::Event;

pub(super) use plan::{plan, shop, step};
pub(super) use terminal::Terminal;

/// A pipe that understands Unicode.
pub(super) fn piped() -> View {
    View { theme: Theme::new(false, Charset::Unicode), size: None, verbose: false }
}

/// A pipe that does not.
pub(super) fn ascii() -> View {
    View { theme: Theme::new(false, Charset::Ascii), ..piped() }
}

pub(super) fn colored() -> View {
    View { theme: Theme::new(true, Charset::Unicode), ..piped() }
}

/// A terminal of some width.
pub(super) fn narrow(columns: usize) -> View {
    View { size: Some(Size { columns, rows: 24 }), ..piped() }
}

/// Escapes made visible, so that a snapshot can be read.
pub(super) fn visible(text: &str) -> String {
    text.replace('\u{1b}', "␛")
}

pub(super) fn feed(renderer: &mut dyn Renderer, events: &[Event]) {
    for event in events {
        renderer.event(event);
    }
}

/// A writer whose text can be read afterwards.
#[derive(Clone, Default)]
pub(super) struct Capture(Arc<Mutex<Vec<u8>>>);

impl Capture {
    pub(super) fn boxed(&self) -> Box<dyn Write + Send> {
        Box::new(self.clone())
    }

    /// What was written since the last call.
    pub(super) fn take(&self) -> String {
        let bytes = std::mem::take(&mut *self.0.lock().expect("no test panics while it writes"));
        String::from_utf8(bytes).expect("renderers write text")
    }
}

impl Write for Capture {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no test panics while it writes").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
