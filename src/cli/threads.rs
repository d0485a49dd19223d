//! The threads that files are read with. A container may allow fewer than the machine has processors, or none.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::ops::{Ending, Error};

/// Threads that must be left for the engine, the registry and the walk.
const LEFT: usize = 2;

/// How long ended threads may still count.
const SETTLING: Duration = Duration::from_millis(20);

/// Starts as many threads as there are processors, or as many as can be had. Libraries that start their own would
/// panic where there are too few.
///
/// # Errors
///
/// Where none can be had.
pub(super) fn prepare() -> Result<(), Error> {
    let wanted = thread::available_parallelism().map_or(1, usize::from);
    let mut workers: Vec<Worker> = Vec::new();
    let mut refusal = None;
    for _ in 0..wanted + LEFT {
        match worker() {
            Ok(worker) => workers.push(worker),
            Err(error) => {
                refusal = Some(error);
                break;
            }
        }
    }
    let threads = workers.len().saturating_sub(LEFT).min(wanted);
    if let (0, Some(error)) = (threads, &refusal) {
        return Err(too_few(error));
    }
    // The others end, and make room for those that are started later.
    for (sender, thread) in workers.split_off(threads) {
        drop(sender);
        // It has nothing to panic about.
        let _ = thread.join();
    }
    if refusal.is_some() {
        // The system counts a thread a moment longer than it runs.
        thread::sleep(SETTLING);
    }
    let built = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .spawn_handler(|thread| {
            let (worker, _) = workers.pop().ok_or(io::ErrorKind::WouldBlock)?;
            worker.send(thread).map_err(|_| io::ErrorKind::WouldBlock.into())
        })
        .build_global();
    // A program that runs several commands has them already.
    drop(built);
    Ok(())
}

type Worker = (Sender<rayon::ThreadBuilder>, JoinHandle<()>);

/// A thread that waits for its work, or for there to be none.
fn worker() -> io::Result<Worker> {
    let (sender, receiver): (_, Receiver<rayon::ThreadBuilder>) = channel();
    let thread = thread::Builder::new().spawn(move || {
        if let Ok(thread) = receiver.recv() {
            thread.run();
        }
    })?;
    Ok((sender, thread))
}

fn too_few(error: &io::Error) -> Error {
    let message = format!("the system starts no more threads for this process: {error}");
    let hint =
        "raise the limit of processes (`ulimit -u`, the container's pids limit) or of memory (`ulimit -v`)";
    Error::one(Ending::Failed, Diagnostic::error(message).hint(hint))
}
