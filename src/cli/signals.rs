//! Ctrl-C, SIGTERM and SIGHUP: a thread of its own hears them, so that a run can be ended while everything else waits
//! for an engine, a registry, a disk or a terminal.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::error::ExitCode;

/// How long a standard error that nobody reads may hold up the exit.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// What this process does when it is asked to end. The first request ends it at once, unless a run is under way that
/// has to be stopped with care; the second always does. Deaf by default, for programs that use the crate.
#[derive(Clone, Debug, Default)]
pub(super) struct Signals(Option<Arc<Mutex<State>>>);

#[derive(Debug, Default)]
struct State {
    /// The run that is told to stop.
    careful: Option<CancellationToken>,
    /// Whether a run was told.
    told: bool,
}

/// A run that stops by itself when its token is cancelled. Dropped, the next request ends the process at once.
#[derive(Debug)]
pub(super) struct Careful {
    token: CancellationToken,
    signals: Signals,
}

impl Signals {
    /// Begins to listen. Where that is impossible, signals do what they do anyway: they end the process.
    pub(super) fn listen() -> Self {
        let state = Arc::<Mutex<State>>::default();
        let of_thread = Arc::clone(&state);
        let thread = std::thread::Builder::new().name("signals".to_owned());
        match thread.spawn(move || listen(&of_thread)) {
            Ok(_) => Self(Some(state)),
            Err(_) => Self::default(),
        }
    }

    /// From now on the first request only cancels the token of what this gives.
    pub(super) fn careful(&self) -> Careful {
        let token = CancellationToken::new();
        self.answer_with(Some(token.clone()));
        Careful { token, signals: self.clone() }
    }

    fn answer_with(&self, token: Option<CancellationToken>) {
        if let Some(state) = &self.0 {
            state.lock().unwrap_or_else(PoisonError::into_inner).careful = token;
        }
    }
}

impl Careful {
    /// What the run is told to stop by.
    pub(super) fn token(&self) -> &CancellationToken {
        &self.token
    }
}

impl Drop for Careful {
    fn drop(&mut self) {
        self.signals.answer_with(None);
    }
}

/// One request to end has come.
fn answer(state: &Mutex<State>) {
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let told = std::mem::replace(&mut state.told, true);
    match &state.careful {
        Some(token) if !told => token.cancel(),
        // What ended with the first request has said so.
        _ => end(if told { "interrupted: ended at once, run again to finish\n" } else { "interrupted\n" }),
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
    std::process::exit(ExitCode::Interrupted as i32)
}

fn listen(state: &Mutex<State>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    if let Ok(runtime) = runtime {
        runtime.block_on(hear(state));
    }
}

#[cfg(unix)]
async fn hear(state: &Mutex<State>) {
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
        answer(state);
    }
}

#[cfg(not(unix))]
async fn hear(state: &Mutex<State>) {
    while tokio::signal::ctrl_c().await.is_ok() {
        answer(state);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_request_stops_the_run_that_is_under_way() {
        let state = Arc::<Mutex<State>>::default();
        let signals = Signals(Some(Arc::clone(&state)));
        let careful = signals.careful();
        answer(&state);
        assert!(careful.token().is_cancelled());
        drop(careful);
        assert!(state.lock().expect("not poisoned").careful.is_none());
    }

    #[test]
    fn who_is_deaf_hears_nothing() {
        let careful = Signals::default().careful();
        assert!(!careful.token().is_cancelled());
    }
}
