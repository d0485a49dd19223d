//! The one table.

use std::time::Duration;

use crate::support::timing::{Pair, Side};

/// What `docs/testing.md` promises.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Budget {
    /// At most this many times theirs.
    Ratio(f64),
    /// At most this long.
    Time(Duration),
}

/// Where the middle half of the runs lies further apart than this part of their median, the row says nothing.
const NOISE: f64 = 0.25;

/// All rows so far.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<[String; 7]>,
}

impl Table {
    /// Adds what was measured, ours beside theirs.
    pub(crate) fn compare(&mut self, work: &str, pair: Pair, theirs: &str, budget: Budget) {
        let ratio = of(pair.ours.wall, pair.theirs.wall);
        let cpu = match (pair.ours.cpu, pair.theirs.cpu) {
            (Some(ours), Some(theirs)) => format!("{:.2} x", of(ours, theirs)),
            _ => String::new(),
        };
        let (promise, kept) = match budget {
            Budget::Ratio(most) => (format!("<= {most:.2} x"), ratio <= most),
            Budget::Time(most) => (format!("<= {}", show(most)), pair.ours.wall <= most),
        };
        let verdict = match kept {
            _ if pair.ours.spread.max(pair.theirs.spread) > NOISE => "noise",
            true => "ok",
            false => "over",
        };
        self.rows.push([
            work.to_owned(),
            side(&pair.ours),
            format!("{} {theirs}", side(&pair.theirs)),
            format!("{ratio:.2} x"),
            cpu,
            promise,
            verdict.to_owned(),
        ]);
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let head = ["work", "ours", "theirs", "ratio", "CPU", "budget", ""].map(str::to_owned);
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

fn of(ours: Duration, theirs: Duration) -> f64 {
    ours.as_secs_f64() / theirs.as_secs_f64()
}

fn side(side: &Side) -> String {
    format!("{} ±{:.0}%", show(side.wall), side.spread * 50.0)
}

fn show(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1000.0;
    match milliseconds {
        ..10.0 => format!("{milliseconds:.1} ms"),
        10.0..10_000.0 => format!("{milliseconds:.0} ms"),
        _ => format!("{:.1} s", milliseconds / 1000.0),
    }
}
