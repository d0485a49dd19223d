use crate::ops::{History, HistoryCommit, ImageHistory, LineCause};
use crate::report::phrase;

/// `2026-01-31` (UTC).
pub(super) fn day(seconds: i64) -> String {
    let days = seconds.div_euclid(86_400) + 719_468;
    let era = days.div_euclid(146_097);
    let day = days.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    format!("{:04}-{month:02}-{day:02}", year + era * 400)
}

/// `42 commits from 2026-01-03 to 2026-03-31: 31 rebuilt images, 118 in all`
pub(super) fn headline(history: &History) -> String {
    let (Some(first), Some(last)) = (history.commits.first(), history.commits.last()) else {
        return "no commits".to_owned();
    };
    let (from, to) = (day(first.commit.time), day(last.commit.time));
    let when = if from == to { format!("of {from}") } else { format!("from {from} to {to}") };
    let commits = phrase::count(history.commits.len(), "commit");
    let all = rebuilds(history);
    let rebuilding = history.commits.iter().filter(|commit| !commit.rebuilt.is_empty()).count();
    let what = match all {
        0 => "nothing was rebuilt".to_owned(),
        _ => format!("{rebuilding} rebuilt something, {} in all", phrase::count(all, "rebuild")),
    };
    let what_if = if history.is_what_if {
        let needed: usize = history.commits.iter().map(|commit| commit.needed).sum();
        format!(" under these rules; without them {}", phrase::count(needed, "rebuild"))
    } else {
        String::new()
    };
    format!("{commits} {when}: {what}{what_if}")
}

pub(super) fn rebuilds(history: &History) -> usize {
    history.commits.iter().map(|commit| commit.rebuilt.len()).sum()
}

/// Images that were rebuilt, or would have been without other rules.
pub(super) fn rebuilt(history: &History) -> impl Iterator<Item = &ImageHistory> {
    history.images.iter().filter(|image| image.needed > 0)
}

/// `api/Dockerfile:3`, `api/Dockerfile (instructions)`, `acme/base`
pub(super) fn cause(cause: &LineCause) -> String {
    match (&cause.path, cause.line, &cause.what) {
        (Some(path), Some(line), _) => format!("{path}:{line}"),
        (Some(path), None, Some(what)) => format!("{path} ({what})"),
        (_, _, Some(what)) => what.clone(),
        (Some(path), None, None) => path.clone(),
        (None, _, None) => String::new(),
    }
}

/// The commits that rebuilt most, the first of them first.
pub(super) fn heaviest(history: &History, most: usize) -> Vec<&HistoryCommit> {
    let mut commits: Vec<&HistoryCommit> =
        history.commits.iter().filter(|commit| commit.rebuilt.len() > 1).collect();
    commits.sort_by_key(|commit| std::cmp::Reverse(commit.rebuilt.len()));
    commits.truncate(most);
    commits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_795_910_399, "2026-11-28"),
            (-1, "1969-12-31"),
        ] {
            assert_eq!(day(seconds), expected);
        }
    }
}
