//! A terminal that interprets what a renderer writes, with a real one's wrapping and reflow.

use crate::report::style::Size;

use super::Capture;

pub(in crate::report) struct Terminal {
    emulator: avt::Terminal,
    pub capture: Capture,
}

impl Terminal {
    pub(in crate::report) fn new(size: Size) -> Self {
        let emulator = avt::Terminal::with_scrollback(size.columns, size.rows, None).expect("not empty");
        Self { emulator, capture: Capture::default() }
    }

    /// Shows what was written since the last call, as the line discipline passes it on.
    fn refresh(&mut self) {
        self.emulator.feed(self.capture.take().replace('\n', "\r\n").as_str());
    }

    /// Shows something that someone else writes.
    pub(in crate::report) fn echo(&mut self, text: &str) {
        self.refresh();
        self.emulator.feed(text);
    }

    /// Moves the cursor to the last line, as after some use. On an empty screen this emulator lets what is
    /// reflowed scroll away at the top although there is room below.
    pub(in crate::report) fn fill(&mut self) {
        let (_, rows) = self.emulator.size();
        self.echo(&"\r\n".repeat(rows));
    }

    pub(in crate::report) fn resize(&mut self, size: Size) {
        self.refresh();
        self.emulator.resize(size.columns, size.rows);
    }

    /// Everything on the terminal and above it, without blanks at the ends.
    pub(in crate::report) fn text(&mut self) -> String {
        self.refresh();
        let lines: Vec<String> = self.emulator.screen().all_lines().map(avt::Line::text).collect();
        let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
        lines.join("\n").trim_end().to_owned()
    }

    /// Whether the cursor can be seen, and its column.
    pub(in crate::report) fn cursor(&mut self) -> (bool, usize) {
        self.refresh();
        let cursor = self.emulator.cursor();
        (cursor.visible, cursor.col)
    }
}
