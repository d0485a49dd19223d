use std::time::Duration;

use crate::git::{Checkout, LineCommit, LineEnd};
use crate::ops::Error;
use crate::printable::printable;

/// So many commits are looked at at most.
pub(super) const MOST: usize = 20_000;

const DAYS: u64 = 90;
const DAY: u64 = 86_400;

/// Which commits of the line count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// Those behind a moment, in seconds since 1970.
    Since(i64),
    /// Those that the second one has and the first one has not.
    Between(String, String),
}

impl Range {
    pub(super) fn parse(text: Option<&str>, now: Duration) -> Result<Self, Error> {
        let ago =
            |seconds: u64| Self::Since(i64::try_from(now.as_secs().saturating_sub(seconds)).unwrap_or(0));
        let Some(text) = text else { return Ok(ago(DAYS * DAY)) };
        if text.trim().is_empty() {
            return Err(Error::usage_with_hint("--since names nothing", FORMS));
        }
        if text.contains("...") {
            return Err(Error::usage_with_hint(
                format!("--since {}: history goes along one line", printable(text)),
                FORMS,
            ));
        }
        if let Some((from, to)) = text.split_once("..") {
            let or_head = |revision: &str| if revision.is_empty() { "HEAD" } else { revision }.to_owned();
            return Ok(Self::Between(or_head(from), or_head(to)));
        }
        if let Some(seconds) = span(text) {
            return Ok(ago(seconds));
        }
        if let Some(moment) = date(text) {
            return Ok(Self::Since(moment));
        }
        Ok(Self::Between(text.to_owned(), "HEAD".to_owned()))
    }

    /// The newest commit.
    pub(super) fn tip(&self) -> &str {
        match self {
            Self::Since(_) => "HEAD",
            Self::Between(_, to) => to,
        }
    }

    /// The commits, the oldest first, and whether there would be more of them.
    pub(super) fn commits(&self, checkout: &Checkout) -> Result<(Vec<LineCommit>, bool), Error> {
        let end = match self {
            Self::Since(moment) => LineEnd { since: Some(*moment), hidden: None, most: MOST },
            Self::Between(from, _) => {
                let hidden = checkout.resolve(from).map_err(|error| {
                    let shallow = "this clone is shallow: `git fetch --unshallow origin` brings the rest";
                    let hint = if checkout.is_shallow() { shallow } else { FORMS };
                    Error::usage_with_hint(error, hint)
                })?;
                LineEnd { since: None, hidden: Some(hidden), most: MOST }
            }
        };
        Ok(checkout.first_parents(checkout.resolve(self.tip())?, end)?)
    }
}

const FORMS: &str = "write 90.days, 2.weeks, 2026-01-31, REV..REV, or REV for REV..HEAD";

/// `90.days`, `2.weeks`, `1.year.ago`, as git writes spans of time.
fn span(text: &str) -> Option<u64> {
    let text = text.strip_suffix(".ago").unwrap_or(text);
    let (number, unit) = text.split_once(['.', ' '])?;
    let seconds = match unit.strip_suffix('s').unwrap_or(unit) {
        "minute" => 60,
        "hour" => 3600,
        "day" => DAY,
        "week" => 7 * DAY,
        "month" => 30 * DAY,
        "year" => 365 * DAY,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(seconds)
}

/// Midnight (UTC) of `2026-01-31`, in seconds since 1970.
fn date(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 || month.len() != 2 || day.len() != 2 {
        return None;
    }
    let (year, month, day): (i64, i64, i64) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years that begin in March end with the leap day.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let era = year.div_euclid(400);
    let year = year.rem_euclid(400);
    let days = era * 146_097 + year * 365 + year / 4 - year / 100 + (153 * month + 2) / 5 + day - 1;
    Some((days - 719_468) * 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_dates_and_revisions_are_told_apart() {
        let now = Duration::from_secs(1_000_000_000);
        let parse = |text: &str| Range::parse(Some(text), now).ok();
        let since = |moment| Some(Range::Since(moment));
        let between = |from: &str, to: &str| Some(Range::Between(from.to_owned(), to.to_owned()));
        assert_eq!(Range::parse(None, now).ok(), since(1_000_000_000 - 90 * 86_400));
        for (text, expected) in [
            ("2.weeks", since(1_000_000_000 - 14 * 86_400)),
            ("1.day.ago", since(1_000_000_000 - 86_400)),
            ("36 hours", since(1_000_000_000 - 36 * 3600)),
            ("99999999999999999999.years", between("99999999999999999999.years", "HEAD")),
            ("1970-01-02", since(86_400)),
            ("2000-02-29", since(951_782_400)),
            ("2026-13-01", between("2026-13-01", "HEAD")),
            ("main..feature/x", between("main", "feature/x")),
            ("v1.2..", between("v1.2", "HEAD")),
            ("..main", between("HEAD", "main")),
            ("v1.2", between("v1.2", "HEAD")),
            ("", None),
            ("a...b", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
