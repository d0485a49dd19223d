//! Text measured and cut in terminal cells, and text from outside made fit for one line.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::printable::printable;

/// The cells that `text` takes on a terminal: two for most East Asian characters and emoji, none for
/// combining marks.
pub(super) fn columns(text: &str) -> usize {
    text.width()
}

/// `text` in at most `limit` cells; what is cut off is replaced by `ellipsis`.
pub(super) fn truncate<'a>(text: &'a str, limit: usize, ellipsis: &str) -> Cow<'a, str> {
    // No text has fewer bytes than half its cells, so this spares measuring the usual short one twice.
    if text.len() <= limit || columns(text) <= limit {
        return Cow::Borrowed(text);
    }
    // An ellipsis of three dots in three cells or fewer would leave no text at all.
    let ellipsis = if columns(ellipsis) < limit { ellipsis } else { "" };
    let room = limit - columns(ellipsis);
    let mut cut = text[..prefix(text, room)].trim_end().to_owned();
    cut.push_str(ellipsis);
    Cow::Owned(cut)
}

/// The end of `text` in at most `limit` cells: of a long name it tells more than the beginning, which all names
/// share.
pub(super) fn truncate_start<'a>(text: &'a str, limit: usize, ellipsis: &str) -> Cow<'a, str> {
    if text.len() <= limit || columns(text) <= limit {
        return Cow::Borrowed(text);
    }
    let ellipsis = if columns(ellipsis) < limit { ellipsis } else { "" };
    let room = limit - columns(ellipsis);
    let mut used = 0;
    let fitting = text.char_indices().rev().take_while(|(_, c)| {
        used += c.width().unwrap_or(0);
        used <= room
    });
    let mut start = fitting.last().map_or(text.len(), |(at, _)| at);
    while columns(&text[start..]) > room {
        start += text[start..].chars().next().map_or(0, char::len_utf8);
    }
    Cow::Owned(format!("{ellipsis}{}", &text[start..]))
}

/// How many bytes of `text` fit into `limit` cells.
pub(super) fn prefix(text: &str, limit: usize) -> usize {
    let mut used = 0;
    let too_wide = text.char_indices().find(|(_, c)| {
        used += c.width().unwrap_or(0);
        used > limit
    });
    let mut end = too_wide.map_or(text.len(), |(at, _)| at);
    // A sequence may take more than its characters do: a selector makes an emoji of a sign.
    while columns(&text[..end]) > limit {
        end = text[..end].char_indices().next_back().map_or(0, |(at, _)| at);
    }
    end
}

/// How many rows a terminal of `width` cells wraps a line into; escape sequences take none. A character of two cells
/// is not torn.
pub(super) fn rows(line: &str, width: usize) -> usize {
    let (mut rows, mut used) = (1, 0);
    for c in anstream::adapter::strip_str(line).to_string().chars() {
        let cells = c.width().unwrap_or(0);
        if used + cells > width {
            (rows, used) = (rows + 1, 0);
        }
        used += cells;
    }
    rows
}

/// The spaces that bring `text` to `width` cells.
pub(super) fn padding(text: &str, width: usize) -> String {
    " ".repeat(width.saturating_sub(columns(text)))
}

/// A line of a program's output as it may be shown: escape sequences are dropped, of a progress bar that
/// redraws itself with carriage returns only the last state stays, and other control characters are
/// written as escapes.
pub(super) fn log_line(line: &str) -> String {
    let stripped = anstream::adapter::strip_str(line).to_string();
    let last = stripped.rsplit('\r').find(|part| !part.trim().is_empty()).unwrap_or_default();
    let last = last.trim_end_matches(['\n', ' ', '\t']);
    printable(last).into_owned()
}

/// A log as it may be shown, line by line.
pub(crate) fn log_text(log: &str) -> String {
    log.lines().map(|line| log_line(line) + "\n").collect()
}

/// A message on one line: its lines are joined, tabs become spaces.
pub(super) fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    printable(&lines.join(" ").replace('\t', " ")).into_owned()
}

/// A reference in one line, of whose digest the first digits do.
pub(super) fn reference(text: &str) -> String {
    match text.split_once("@sha256:") {
        Some((name, hex)) => one_line(&format!("{name}@{}", hex.get(..12).unwrap_or(hex))),
        None => one_line(text),
    }
}

/// A message that may have several lines, each printable.
pub(super) fn lines(text: &str) -> String {
    let lines: Vec<Cow<'_, str>> = text.trim_end().lines().map(printable).collect();
    lines.join("\n").replace('\t', "    ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cuts_at_cells_not_characters() {
        assert_eq!(truncate("日本語", 6, "…"), "日本語");
        assert_eq!(truncate("日本語", 5, "…"), "日本…");
        assert_eq!(truncate("日本語", 4, "…"), "日…");
        assert_eq!(truncate("abcdef", 5, "..."), "ab...");
        assert_eq!(truncate("abcdef", 3, "..."), "abc");
        assert_eq!(truncate("abcdef", 0, "…"), "");
        assert_eq!(truncate("a b", 2, "…"), "a…");
        // e and a combining acute accent are one cell.
        assert_eq!(truncate("e\u{301}xy", 2, "…"), "e\u{301}…");
    }

    #[test]
    fn the_end_of_a_name_tells_it_from_others() {
        assert_eq!(truncate_start("acme/service1", 13, "…"), "acme/service1");
        assert_eq!(truncate_start("acme/service1", 9, "…"), "…service1");
        assert_eq!(truncate_start("日本語", 4, "…"), "…語");
        assert_eq!(truncate_start("日本語", 0, "…"), "");
    }

    #[test]
    fn a_progress_bar_shows_its_last_state() {
        assert_eq!(log_line(" 10%\r 50%\r100%\r"), "100%");
        assert_eq!(log_line("CRLF\r"), "CRLF");
        assert_eq!(log_line("\x1b[2K\rfetching\x1b[1G"), "fetching");
        assert_eq!(log_line("\r\r"), "");
    }

    #[test]
    fn colours_of_a_log_are_dropped_and_its_control_characters_shown() {
        assert_eq!(log_line("\x1b[1;31merror\x1b[0m: x"), "error: x");
        assert_eq!(log_line("\x1b]0;title\x07text"), "text");
        assert_eq!(log_line("\u{9b}31mred \u{202e}"), "\\u{9b}31mred \\u{202e}");
    }

    #[test]
    fn a_digest_is_cut_to_what_people_compare() {
        let digest = format!("sha256:{}", "1a".repeat(32));
        assert_eq!(reference(&format!("h:5000/a:1@{digest}")), "h:5000/a:1@1a1a1a1a1a1a");
        for text in ["a:1", "a@sha256:1a"] {
            assert_eq!(reference(text), text.replace("sha256:", ""));
        }
    }

    #[test]
    fn messages_become_one_line() {
        assert_eq!(one_line("a\n  b\r\n\n\tc\td\x1b[2J"), "a b c d\\u{1b}[2J");
    }

    #[test]
    fn wide_characters_are_wrapped_as_a_whole() {
        assert_eq!((rows("", 3), rows("abc", 3), rows("abcd", 3)), (1, 1, 2));
        assert_eq!((rows("日日日", 3), rows("\x1b[31mabc\x1b[0m", 3)), (3, 1));
    }

    #[test]
    fn a_sign_that_a_selector_makes_an_emoji_is_two_wide() {
        assert_eq!(truncate("*\u{fe0f}a ", 1, "…"), "*");
        assert_eq!(truncate_start("a*\u{fe0f}", 1, "…"), "\u{fe0f}");
    }

    proptest! {
        #[test]
        fn never_wider_than_asked(text in "\\PC{0,40}", limit in 0_usize..30) {
            prop_assert!(columns(&truncate(&text, limit, "…")) <= limit);
            prop_assert!(columns(&truncate(&text, limit, "...")) <= limit);
            prop_assert!(columns(&truncate_start(&text, limit, "…")) <= limit);
        }

        #[test]
        fn a_terminal_has_nothing_to_obey(text in any::<String>(), escapes in "[\\x00-\\x1f\\x7f-\\u{9f}\\[0-9;m]{0,20}") {
            for shown in [log_line(&format!("{text}{escapes}{text}")), one_line(&format!("{escapes}{text}"))] {
                prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\t'), "{shown:?}");
            }
        }
    }
}
