use anstyle::{AnsiColor, Style};

/// How text for people looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether colours are wanted.
    pub color: bool,
    /// Columns that a line may take; `None` where lines are not cut, as in a file.
    pub width: Option<usize>,
    /// Whether to show what is usually left out.
    pub verbose: bool,
}

impl Look {
    /// No colours, no limit of width.
    pub const PLAIN: Self = Self { color: false, width: None, verbose: false };

    pub(super) fn paint(self, style: Style, text: &str) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// What is built.
pub(super) const BUILD: Style = AnsiColor::Cyan.on_default().bold();
/// What is fine.
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
/// What failed.
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
/// What waits for the user.
pub(super) const ATTENTION: Style = AnsiColor::Yellow.on_default();
/// What matters less.
pub(super) const FAINT: Style = Style::new().dimmed();
/// What a block begins with.
pub(super) const HEADING: Style = Style::new().bold();
