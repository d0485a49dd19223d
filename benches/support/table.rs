//! The one table.

use std::time::Duration;

use crate::support::timing::Pair;

/// What `docs/testing.md` promises.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Budget {
    /// At most this many times theirs.
    Ratio(f64),
    /// At most this long.
    Time(Duration),
}

/// All rows so far.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<[String; 6]>,
}

impl Table {
    /// Adds what was measured, ours beside theirs.
    pub(crate) fn compare(&mut self, work: &str, pair: Pair, theirs: &str, budget: Budget) {
        let ratio = pair.ours.as_secs_f64() / pair.theirs.as_secs_f64();
        let (promise, kept) = match budget {
            Budget::Ratio(most) => (format!("<= {most:.2} x"), ratio <= most),
            Budget::Time(most) => (format!("<= {}", show(most)), pair.ours <= most),
        };
        self.rows.push([
            work.to_owned(),
            show(pair.ours),
            format!("{} {theirs}", show(pair.theirs)),
            format!("{ratio:.2} x"),
            promise,
            if kept { "ok" } else { "over" }.to_owned(),
        ]);
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let head = ["work", "ours", "theirs", "ratio", "budget", ""].map(str::to_owned);
        let lines = || std::iter::once(&head).chain(&self.rows);
        let widths: Vec<usize> = (0..head.len())
            .map(|column| lines().map(|line| line[column].chars().count()).max().unwrap_or(0))
            .collect();
        for line in lines() {
            let cells: Vec<String> =
                line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            writeln!(out, "{}", cells.join("  ").trim_end())?;
        }
        Ok(())
    }
}

fn show(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1000.0;
    match milliseconds {
        ..10.0 => format!("{milliseconds:.1} ms"),
        10.0..10_000.0 => format!("{milliseconds:.0} ms"),
        _ => format!("{:.1} s", milliseconds / 1000.0),
    }
}
