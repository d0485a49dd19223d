//! Numbers, durations and lists in words.

use std::time::Duration;

use super::text;

/// Where there is nothing to plan or to do.
pub(super) const NO_IMAGES: &str = "no images: no Dockerfile was found or selected";

/// `0.4 s`, `6.1 s`, `41 s`, `2 min 05 s`, `1 h 04 min`: as exact as a person wants it.
pub(super) fn duration(elapsed: Duration) -> String {
    match Clock::of(elapsed) {
        Clock::Tenths(tenths) => format!("{}.{} s", tenths / 10, tenths % 10),
        Clock::Seconds(seconds) => format!("{seconds} s"),
        Clock::Minutes(minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        Clock::Hours(hours, minutes) => format!("{hours} h {minutes:02} min"),
    }
}

/// `5 s`, `40 s`, `3 min`, `2 h`: as exact as a guess is.
pub(super) fn rough(guess: Duration) -> String {
    let seconds = (guess.as_millis() + 500) / 1000;
    match seconds {
        0..10 => format!("{} s", seconds.max(1)),
        10..58 => format!("{} s", (seconds + 2) / 5 * 5),
        58..5400 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h", (seconds + 1800) / 3600),
    }
}

enum Clock {
    Tenths(u128),
    Seconds(u128),
    Minutes(u128, u128),
    Hours(u128, u128),
}

impl Clock {
    /// Rounds before it chooses the unit, so that 59.6 s is `1 min 00 s` and never `60 s`.
    fn of(elapsed: Duration) -> Self {
        let tenths = (elapsed.as_millis() + 50) / 100;
        if tenths < 100 {
            return Self::Tenths(tenths);
        }
        let seconds = (elapsed.as_millis() + 500) / 1000;
        match seconds {
            0..60 => Self::Seconds(seconds),
            60..3600 => Self::Minutes(seconds / 60, seconds % 60),
            _ => Self::Hours(seconds / 3600, seconds % 3600 / 60),
        }
    }
}

/// `1 image`, `4 images`.
pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// `BuildKit`'s message about a command repeats all of it, which may be pages.
const MAX_COMMAND: usize = 60;

/// A builder's message, in which a long command is cut: the Dockerfile that is shown beside it has it whole.
pub(super) fn failure(message: &str, ellipsis: &str) -> String {
    match command_and_end(message) {
        Some((command, end)) => {
            let command = text::one_line(command);
            format!(
                "process \"{}{END}{}",
                text::truncate(&command, MAX_COMMAND, ellipsis),
                text::one_line(end)
            )
        }
        None => text::one_line(message),
    }
}

/// The same without the command, for narrow places: `exit code: 2`.
pub(super) fn short_failure(message: &str) -> String {
    text::one_line(command_and_end(message).map_or(message, |(_, end)| end))
}

const END: &str = "\" did not complete successfully: ";

fn command_and_end(message: &str) -> Option<(&str, &str)> {
    message.strip_prefix("process \"")?.rsplit_once(END)
}

/// `512 B`, `1.5 kB`, `12 MB`: decimal units, as docker shows them.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut tenths = u128::from(count) / 100;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    if tenths < 100 {
        format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
    } else {
        format!("{} {}", tenths / 10, UNITS[unit])
    }
}

/// `142 of 300 MB`; the unit once where both have the same.
pub(super) fn bytes_of(done: u64, all: u64) -> String {
    let (done, all) = (bytes(done), bytes(all));
    match (done.split_once(' '), all.split_once(' ')) {
        (Some((number, unit)), Some((_, of_all))) if unit == of_all => format!("{number} of {all}"),
        _ => format!("{done} of {all}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_round_before_the_unit_is_chosen() {
        for (milliseconds, shown) in [
            (0, "0.0 s"),
            (6_149, "6.1 s"),
            (9_949, "9.9 s"),
            (9_950, "10 s"),
            (41_400, "41 s"),
            (59_600, "1 min 00 s"),
            (125_000, "2 min 05 s"),
            (3_599_700, "1 h 00 min"),
            (3_840_000, "1 h 04 min"),
        ] {
            assert_eq!(duration(Duration::from_millis(milliseconds)), shown);
        }
        assert!(duration(Duration::MAX).ends_with("min"));
    }

    #[test]
    fn guesses_are_rounded() {
        for (milliseconds, shown) in [
            (20, "1 s"),
            (9_400, "9 s"),
            (9_600, "10 s"),
            (42_000, "40 s"),
            (57_400, "55 s"),
            (57_600, "1 min"),
            (95_000, "2 min"),
            (3_600_000, "60 min"),
            (5_400_000, "2 h"),
        ] {
            assert_eq!(rough(Duration::from_millis(milliseconds)), shown);
        }
    }

    #[test]
    fn commands_in_messages_are_cut() {
        let long = format!(
            "process \"/bin/sh -c {}\" did not complete successfully: exit code: 1",
            "a b".repeat(99)
        );
        let shown = failure(&long, "…");
        assert!(shown.starts_with("process \"/bin/sh -c a ba b") && shown.len() < 120, "{shown}");
        assert!(shown.ends_with("…\" did not complete successfully: exit code: 1"), "{shown}");
        assert_eq!(short_failure(&long), "exit code: 1");
        assert_eq!(
            (failure("no space\nleft", "…"), short_failure("x\u{7}")),
            ("no space left".into(), "x\\u{7}".into())
        );
    }

    #[test]
    fn a_part_of_something_has_one_unit() {
        assert_eq!(bytes_of(142_000_000, 300_000_000), "142 of 300 MB");
        assert_eq!(bytes_of(1_500, 300_000_000), "1.5 kB of 300 MB");
    }

    #[test]
    fn sizes_are_decimal() {
        for (count, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (1_999, "1.9 kB"),
            (12_345_678, "12 MB"),
            (999_999, "999 kB"),
            (1_000_000, "1.0 MB"),
            (u64::MAX, "18446 PB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }
}
