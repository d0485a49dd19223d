use std::fmt::Write as _;
use std::io;

use super::output::Output;
use super::style::Size;
use super::text;

/// One line of a [`Screen`], and the cells it takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ScreenLine {
    pub text: String,
    pub columns: usize,
}

/// Some lines at the bottom of a terminal that are drawn again and again, below text that scrolls away.
///
/// Between two frames the cursor is visible and at the beginning of the line below them, so there is
/// nothing to put right when the program is killed, and whatever is typed meanwhile is overwritten.
pub(super) struct Screen {
    output: Output,
    size: Size,
    drawn: Vec<String>,
    resized: bool,
}

const HIDE_CURSOR: &str = "\x1b[?25l";
const SHOW_CURSOR: &str = "\x1b[?25h";
/// Lines that turn out too long, because the terminal shrank a moment ago, are cut and not wrapped.
const CUT_LINES: &str = "\x1b[?7l";
const WRAP_LINES: &str = "\x1b[?7h";
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

impl Screen {
    pub(super) fn new(output: Output, size: Size) -> Self {
        Self { output, size, drawn: Vec::new(), resized: false }
    }

    pub(super) fn size(&self) -> Size {
        self.size
    }

    pub(super) fn resize(&mut self, size: Size) {
        self.size = size;
        self.resized = true;
    }

    pub(super) fn error(&self) -> Option<&io::Error> {
        self.output.error()
    }

    /// How many lines can be redrawn: what has left the terminal at its top is out of reach.
    pub(super) fn max_lines(&self) -> usize {
        self.size.rows.saturating_sub(1).max(1)
    }

    /// Lets `above` scroll away and draws `lines` below it, in one write. The lines must be shorter than
    /// the terminal is wide: a terminal erases its last cell when a line is cleared behind it.
    pub(super) fn draw(&mut self, above: &str, lines: &[ScreenLine]) {
        if lines.is_empty() && self.drawn.is_empty() {
            self.output.write(above);
            return;
        }
        let mut frame = String::from(HIDE_CURSOR);
        self.go_back(&mut frame);
        // A line that the terminal has wrapped is remembered as such until it is erased as a whole: written
        // over only, it would be joined with the next one when the terminal widens.
        if self.resized || !above.is_empty() {
            frame.push_str(CLEAR_BELOW);
            frame.push_str(above);
        }
        frame.push_str(CUT_LINES);
        for line in lines {
            let _ = writeln!(frame, "{}{CLEAR_LINE}", line.text);
        }
        let _ = write!(frame, "{CLEAR_BELOW}{WRAP_LINES}{SHOW_CURSOR}");
        self.output.write(&frame);
        self.resized = false;
        self.drawn = lines.iter().map(|line| line.text.clone()).collect();
    }

    /// Terminals reflow: after shrinking, a line that was drawn takes several. What has left the screen at
    /// its top stays there, in pieces; a line break keeps what follows from becoming part of them.
    fn go_back(&self, frame: &mut String) {
        let width = self.size.columns.max(1);
        let rows: usize = self.drawn.iter().map(|line| text::rows(line, width)).sum();
        let reach = self.max_lines();
        frame.push('\r');
        if rows > 0 {
            let _ = write!(frame, "\x1b[{}A", rows.min(reach));
        }
        if rows > reach {
            let _ = writeln!(frame, "{CLEAR_BELOW}");
        }
    }
}
