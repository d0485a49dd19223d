use std::borrow::Cow;
use std::fmt;

use anstyle::{AnsiColor, Style};

/// Which characters the decoration is made of. Names and paths stay what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Charset {
    /// `·`, `…`, `│` and Braille spinners.
    #[default]
    Unicode,
    /// For terminals and logs that know nothing else.
    Ascii,
}

/// What a piece of text is; the theme says how that looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// `error`, `failed`.
    Error,
    /// `warning`, `blocked`.
    Warning,
    Note,
    Success,
    /// What will be or is being built or pulled.
    Work,
    /// The name of an image or of the checkout.
    Name,
    Faint,
    Plain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Theme {
    color: bool,
    charset: Charset,
}

impl Theme {
    /// Colour as the command line decided (`--color`, `NO_COLOR`, `CLICOLOR_FORCE`, a terminal or not).
    pub(crate) fn new(color: bool, charset: Charset) -> Self {
        Self { color, charset }
    }

    /// Whether escapes for colour may be written.
    pub(super) fn color(self) -> bool {
        self.color
    }

    /// `text` as it looks in `role`. The text itself must be printable already.
    pub(super) fn paint<T: fmt::Display>(self, role: Role, text: T) -> Painted<T> {
        Painted { style: if self.color { style(role) } else { Style::new() }, text }
    }

    /// Between the parts of a headline: ` · `.
    pub(super) fn dot(self) -> &'static str {
        self.choose(" · ", " - ")
    }

    /// Text in which decoration is of the theme's characters: messages are written with those of Unicode.
    pub(crate) fn decorated(self, text: &str) -> Cow<'_, str> {
        const PLAIN: [(&str, &str); 10] = [
            ("→", "->"),
            ("←", "<-"),
            ("…", "..."),
            ("·", "-"),
            ("└── ", "`-- "),
            ("├── ", "|-- "),
            ("│", "|"),
            ("─", "-"),
            ("└", "`"),
            ("├", "|"),
        ];
        if self.charset == Charset::Unicode || text.is_ascii() {
            return Cow::Borrowed(text);
        }
        let plain = PLAIN.iter().fold(text.to_owned(), |text, (sign, plain)| text.replace(sign, plain));
        Cow::Owned(plain)
    }

    /// From something to something else.
    pub(super) fn arrow(self) -> &'static str {
        self.choose("→", "->")
    }

    /// Where something was left out.
    pub(super) fn ellipsis(self) -> &'static str {
        self.choose("…", "...")
    }

    /// Between an image's name and its output.
    pub(super) fn bar(self) -> &'static str {
        self.choose("│", "|")
    }

    /// The picture of a spinner at `tick`.
    pub(super) fn spinner(self, tick: usize) -> &'static str {
        const BRAILLE: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
        const LINES: [&str; 4] = ["|", "/", "-", "\\"];
        match self.charset {
            Charset::Unicode => BRAILLE[tick % BRAILLE.len()],
            Charset::Ascii => LINES[tick % LINES.len()],
        }
    }

    fn choose(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        match self.charset {
            Charset::Unicode => unicode,
            Charset::Ascii => ascii,
        }
    }
}

/// The 16 colours only, which every terminal maps to its own legible shades.
fn style(role: Role) -> Style {
    match role {
        Role::Error => AnsiColor::BrightRed.on_default().bold(),
        Role::Warning => AnsiColor::Yellow.on_default().bold(),
        Role::Note => AnsiColor::BrightGreen.on_default().bold(),
        Role::Success => AnsiColor::Green.on_default(),
        Role::Work => AnsiColor::Cyan.on_default().bold(),
        Role::Name => Style::new().bold(),
        Role::Faint => Style::new().dimmed(),
        Role::Plain => Style::new(),
    }
}

/// Text with its style's escapes around it, or bare without colour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Painted<T> {
    style: Style,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.style.render(), self.text, self.style.render_reset())
    }
}

/// The extent of a terminal in character cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Cells in a line.
    pub columns: usize,
    pub rows: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub theme: Theme,
    /// The terminal's size; nothing is cut in a file or a pipe, which has none.
    pub size: Option<Size>,
    /// Whether nothing is to be left out.
    pub verbose: bool,
}

impl View {
    /// The number of columns, if there is a limit.
    pub(super) fn columns(&self) -> Option<usize> {
        self.size.map(|size| size.columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_there_is_no_escape() {
        let bare = Theme::new(false, Charset::Unicode);
        assert_eq!(bare.paint(Role::Error, "error").to_string(), "error");
        let coloured = Theme::new(true, Charset::Unicode);
        assert_eq!(coloured.paint(Role::Success, "built").to_string(), "\u{1b}[32mbuilt\u{1b}[0m");
    }

    #[test]
    fn ascii_decoration_is_ascii() {
        let theme = Theme::new(false, Charset::Ascii);
        let all = [theme.dot(), theme.ellipsis(), theme.bar(), theme.spinner(7)].concat();
        assert!(all.is_ascii(), "{all}");
    }
}
