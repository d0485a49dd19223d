//! Clocks.

use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The medians of two things that were measured in turns, so that a busy machine slows both.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) ours: Duration,
    pub(crate) theirs: Duration,
}

/// From the start of a process to its end; it has to succeed.
pub(crate) fn time(mut command: Command) -> io::Result<Duration> {
    command.stderr(Stdio::piped());
    let start = Instant::now();
    let output = command.spawn()?.wait_with_output()?;
    let taken = start.elapsed();
    if output.status.success() {
        return Ok(taken);
    }
    Err(io::Error::other(format!(
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    )))
}

/// The medians of two, run in turns; who is first changes too.
pub(crate) fn in_turns(
    runs: usize,
    mut ours: impl FnMut() -> io::Result<Duration>,
    mut theirs: impl FnMut() -> io::Result<Duration>,
) -> io::Result<Pair> {
    let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
    for run in 0..runs {
        if run % 2 == 1 {
            their_times.push(theirs()?);
        }
        our_times.push(ours()?);
        if run % 2 == 0 {
            their_times.push(theirs()?);
        }
    }
    Ok(Pair { ours: middle(our_times), theirs: middle(their_times) })
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let half = times.len() / 2;
    match times.as_slice() {
        [] => Duration::ZERO,
        times if times.len() % 2 == 1 => times[half],
        times => (times[half - 1] + times[half]) / 2,
    }
}
