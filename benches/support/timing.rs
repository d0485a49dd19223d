//! Clocks.

use std::io::{self, Read as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4 as _;

/// One run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) wall: Duration,
    /// Of the process and its children, not of an engine; `None` for calls of this process.
    pub(crate) cpu: Option<Duration>,
}

/// Several runs of one thing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side {
    /// The median.
    pub(crate) wall: Duration,
    pub(crate) cpu: Option<Duration>,
    /// How far apart the quarters are between which the middle half of the runs lies, as a part of the median.
    pub(crate) spread: f64,
}

/// Two things that were measured in turns, so that a busy machine slows both.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) ours: Side,
    pub(crate) theirs: Side,
}

/// From the start of a process to its end; it has to succeed.
pub(crate) fn time(mut command: Command) -> io::Result<Sample> {
    command.stderr(Stdio::piped());
    let start = Instant::now();
    let mut child = command.spawn()?;
    let mut said = Vec::new();
    if let Some(mut stderr) = child.stderr.take() {
        stderr.read_to_end(&mut said)?;
    }
    let end = child.wait4()?;
    let wall = start.elapsed();
    if end.status.success() {
        return Ok(Sample { wall, cpu: Some(end.rusage.utime + end.rusage.stime) });
    }
    Err(io::Error::other(format!("{command:?}: {}\n{}", end.status, String::from_utf8_lossy(&said))))
}

/// Two things, run in turns; who is first changes too.
pub(crate) fn in_turns(
    runs: usize,
    mut ours: impl FnMut() -> io::Result<Sample>,
    mut theirs: impl FnMut() -> io::Result<Sample>,
) -> io::Result<Pair> {
    let (mut our_runs, mut their_runs) = (Vec::new(), Vec::new());
    for run in 0..runs {
        if run % 2 == 1 {
            their_runs.push(theirs()?);
        }
        our_runs.push(ours()?);
        if run % 2 == 0 {
            their_runs.push(theirs()?);
        }
    }
    Ok(Pair { ours: Side::of(&our_runs), theirs: Side::of(&their_runs) })
}

impl Side {
    fn of(samples: &[Sample]) -> Self {
        let walls = sorted(samples.iter().map(|sample| sample.wall));
        let cpus: Option<Vec<Duration>> = samples.iter().map(|sample| sample.cpu).collect();
        let wall = part(&walls, 0.5);
        let apart = part(&walls, 0.75).saturating_sub(part(&walls, 0.25));
        Self {
            wall,
            cpu: cpus.map(|cpus| part(&sorted(cpus.into_iter()), 0.5)),
            spread: apart.as_secs_f64() / wall.as_secs_f64().max(f64::MIN_POSITIVE),
        }
    }
}

fn sorted(times: impl Iterator<Item = Duration>) -> Vec<Duration> {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    times
}

/// Below which that part of the sorted times lies; between two of them where none is exactly there.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "there are a few dozen at most"
)]
fn part(times: &[Duration], part: f64) -> Duration {
    let Some(last) = times.len().checked_sub(1) else { return Duration::ZERO };
    let place = last as f64 * part;
    let (below, above) = (times[place.floor() as usize], times[place.ceil() as usize]);
    below + above.saturating_sub(below).mul_f64(place.fract())
}
