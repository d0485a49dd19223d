use std::borrow::Cow;
use std::time::Duration;

use crate::ci::LogForm;
use crate::printable::commands;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CiLog {
    /// GitHub Actions, and what imitates its runner.
    GitHub,
    GitLab {
        /// Since 1970, when the run begins.
        begun: Duration,
    },
}

impl CiLog {
    /// A log of this form; `begun` is the time since 1970.
    pub(crate) fn new(form: LogForm, begun: Duration) -> Self {
        match form {
            LogForm::GitHub => Self::GitHub,
            LogForm::GitLab => Self::GitLab { begun },
        }
    }

    /// The line that opens a section, of which `number` tells others apart; `after` is the time since the run began.
    pub(super) fn open(&self, number: usize, title: &str, after: Duration) -> String {
        match self {
            Self::GitHub => format!("::group::{title}\n"),
            Self::GitLab { begun } => format!(
                "\u{1b}[0Ksection_start:{}:{}[collapsed=true]\r\u{1b}[0K{title}\n",
                (*begun + after).as_secs(),
                section(*begun, number),
            ),
        }
    }

    pub(super) fn close(&self, number: usize, after: Duration) -> String {
        match self {
            Self::GitHub => "::endgroup::\n".to_owned(),
            Self::GitLab { begun } => format!(
                "\u{1b}[0Ksection_end:{}:{}\r\u{1b}[0K\n",
                (*begun + after).as_secs(),
                section(*begun, number),
            ),
        }
    }
}

/// A job may run Shipwright several times.
fn section(begun: Duration, number: usize) -> String {
    format!("shipwright_{}_{number}", begun.as_millis())
}

/// `text` without what the agents of CI systems take for a command: `::name …::` at the beginning of a line (GitHub
/// Actions), and what [`without_marks`] breaks. A blank goes between the characters.
pub(crate) fn without_commands(text: &str) -> Cow<'_, str> {
    let begins_one = |line: &str| line.trim_start().starts_with("::");
    if !text.lines().any(begins_one) {
        return without_marks(text);
    }
    let break_up = |line: &str| match without_marks(line) {
        line if begins_one(&line) => line.replacen("::", ": :", 1),
        line => line.into_owned(),
    };
    Cow::Owned(text.split_inclusive('\n').map(break_up).collect())
}

/// `text` without `##[name …]`, `##vso[…]`, `##teamcity[…]`, which are commands anywhere in a line.
pub(crate) fn without_marks(text: &str) -> Cow<'_, str> {
    if !text.contains("##") {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    let mut written = 0;
    for mark in commands(text) {
        safe.push_str(&text[written..mark]);
        safe.push(' ');
        written = mark;
    }
    safe.push_str(&text[written..]);
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn commands_are_broken_and_all_else_stays() {
        for plain in ["a ::error::b\n", "std::fmt\n", "# [x] ## y", "", "\n\n"] {
            assert_eq!(without_commands(plain), plain);
        }
        assert_eq!(without_commands("ok\n \t::set-output name=x::y\n"), "ok\n \t: :set-output name=x::y\n");
        assert_eq!(without_commands("a ##[add-mask]b\r\n"), "a # #[add-mask]b\r\n");
        assert_eq!(without_commands("####[group]"), "### #[group]");
        assert_eq!(without_commands("##vso[a]##teamcity[b]"), "# #vso[a]# #teamcity[b]");
    }

    proptest! {
        #[test]
        fn nothing_of_the_outside_is_a_command(text in "[:# \\[\\t\\na]{0,40}") {
            let safe = without_commands(&text);
            prop_assert!(!safe.contains("##["), "{safe:?}");
            prop_assert!(!safe.lines().any(|line| line.trim_start().starts_with("::")), "{safe:?}");
        }
    }
}
