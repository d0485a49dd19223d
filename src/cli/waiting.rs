//! A line for whoever watches while nothing else is printed: planning a large checkout, or a registry that takes its time.

use std::io::{self, Write};
use std::sync::Mutex;
use std::time::Duration;

/// Nobody notices what is done sooner.
const AFTER: Duration = Duration::from_millis(100);

/// There is one standard error, whoever writes to it.
static LINE: Mutex<Line> = Mutex::new(Line::Over);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// To be shown if nothing else comes.
    Due,
    Shown,
    /// Something else is shown, or nothing is to be.
    Over,
}

impl Line {
    /// What is written when the time has come.
    fn show(&mut self, text: &str) -> String {
        match *self {
            Self::Due => {
                *self = Self::Shown;
                text.to_owned()
            }
            Self::Shown | Self::Over => String::new(),
        }
    }

    /// What is written before anything else.
    fn end(&mut self) -> &'static str {
        match std::mem::replace(self, Self::Over) {
            Self::Shown => "\r\x1b[K",
            Self::Due | Self::Over => "",
        }
    }
}

/// Shows `text` on the terminal unless something else is written soon.
pub(super) fn begin(text: &'static str) {
    change(|line| {
        *line = Line::Due;
        String::new()
    });
    // Without a thread nothing is shown, which harms nobody.
    let _ = std::thread::Builder::new().name("waiting".to_owned()).spawn(move || {
        std::thread::sleep(AFTER);
        change(|line| line.show(text));
    });
}

/// Takes the line away: something else is about to be written.
pub(super) fn end() {
    change(|line| line.end().to_owned());
}

/// Written under the lock, so that nothing comes between.
fn change(write: impl FnOnce(&mut Line) -> String) {
    let mut line = LINE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let text = write(&mut line);
    if !text.is_empty() {
        let mut terminal = io::stderr().lock();
        let _ = terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_shown_once_and_taken_away_before_anything_else() {
        let mut line = Line::Due;
        assert_eq!((line.show("reading"), line.show("reading")), ("reading".to_owned(), String::new()));
        assert_eq!((line.end(), line.end()), ("\r\x1b[K", ""));
        assert_eq!(line.show("reading"), "", "too late");
        let mut quick = Line::Due;
        assert_eq!((quick.end(), quick.show("reading")), ("", String::new()));
    }
}
