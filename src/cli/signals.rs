//! Ctrl-C, SIGTERM and SIGHUP: a thread of its own hears them, so that a run can be ended while everything else waits
//! for an engine, a registry, a disk or a terminal.

use std::io::Write;
use std::time::Duration;

use super::error::{ExitCode, code};
use crate::ops::{Answer, Interrupts};

/// How long a standard error that nobody reads may hold up the exit.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Begins to listen. The first request ends the process at once, unless a run is under way that has to be stopped with
/// care; the second always does. Where listening is impossible, signals do what they do anyway: they end the process.
pub(super) fn listen_for(interrupts: Interrupts) {
    let thread = std::thread::Builder::new().name("signals".to_owned());
    drop(thread.spawn(move || listen(&interrupts)));
}

/// One request to end has come.
fn answer(interrupts: &Interrupts) {
    match interrupts.ask() {
        Answer::Stopping => {}
        // What ended with the first request has said so.
        Answer::AskedBefore => end("interrupted: ended at once, run again to finish\n"),
        Answer::Idle => end("interrupted\n"),
    }
}

/// Ends the process. Whoever holds standard error may be waiting for its reader.
fn end(words: &'static str) -> ! {
    let (said, heard) = std::sync::mpsc::channel();
    let speaking = std::thread::Builder::new().spawn(move || {
        let _ = std::io::stderr().write_all(words.as_bytes());
        let _ = said.send(());
    });
    if speaking.is_ok() {
        let _ = heard.recv_timeout(LAST_WORDS);
    }
    std::process::exit(code(ExitCode::Interrupted).into())
}

fn listen(interrupts: &Interrupts) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    if let Ok(runtime) = runtime {
        runtime.block_on(hear(interrupts));
    }
}

#[cfg(unix)]
async fn hear(interrupts: &Interrupts) {
    use tokio::signal::unix::{Signal, SignalKind, signal};
    async fn next(signal: &mut Option<Signal>) {
        match signal {
            Some(signal) => {
                signal.recv().await;
            }
            None => std::future::pending().await,
        }
    }
    let mut interrupt = signal(SignalKind::interrupt()).ok();
    let mut terminate = signal(SignalKind::terminate()).ok();
    // An interrupt counts also where a script has its background jobs ignore it: CI systems cancel with it.
    let mut hang_up = if ignores_hang_up() { None } else { signal(SignalKind::hangup()).ok() };
    loop {
        tokio::select! {
            () = next(&mut interrupt) => {}
            () = next(&mut terminate) => {}
            () = next(&mut hang_up) => {}
        }
        answer(interrupts);
    }
}

#[cfg(not(unix))]
async fn hear(interrupts: &Interrupts) {
    while tokio::signal::ctrl_c().await.is_ok() {
        answer(interrupts);
    }
}

/// Whether whoever started the process has it outlive its terminal, as `nohup` does. Only Linux tells.
#[cfg(unix)]
fn ignores_hang_up() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask & 1 == 1
}
