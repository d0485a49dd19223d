use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A host that says nothing for so long is given up by all requests that wait for it.
const LONGEST: Duration = Duration::from_secs(20);

/// After so long it is named.
pub(super) const SLOW: Duration = Duration::from_secs(3);

/// It is not named again for so long.
const NAMED: Duration = Duration::from_secs(30);

/// Which hosts answer. One that does not would hold up each request of a run in turn.
#[derive(Default)]
pub(super) struct Silences(Mutex<HashMap<String, Silence>>);

#[derive(Default)]
struct Silence {
    /// The first request since the last answer.
    since: Option<Instant>,
    given_up: Option<Instant>,
    named: Option<Instant>,
}

impl Silences {
    pub(super) fn asked(&self, host: &str) {
        self.with(host, |silence| {
            silence.since.get_or_insert_with(Instant::now);
        });
    }

    pub(super) fn answered(&self, host: &str) {
        self.with(host, |silence| silence.since = None);
    }

    /// A request was not answered in time.
    pub(super) fn missed(&self, host: &str) {
        self.with(host, |silence| {
            if silence.since.is_some_and(|since| since.elapsed() >= LONGEST) {
                silence.given_up = Some(Instant::now());
            }
        });
    }

    /// Whether the host was given up since `begun`.
    pub(super) fn is_given_up(&self, host: &str, begun: Instant) -> bool {
        self.with(host, |silence| silence.given_up.is_some_and(|at| at >= begun))
    }

    /// Whether the user is to hear that the host is slow, or asks for patience.
    pub(super) fn is_to_be_named(&self, host: &str) -> bool {
        self.with(host, |silence| {
            let is_news = silence.named.is_none_or(|named| named.elapsed() >= NAMED);
            if is_news {
                silence.named = Some(Instant::now());
            }
            is_news
        })
    }

    fn with<T>(&self, host: &str, change: impl FnOnce(&mut Silence) -> T) -> T {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(hosts.entry(host.to_owned()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_gives_up_together_and_whoever_comes_later_asks_again() {
        let silences = Silences::default();
        let begun = Instant::now();
        let wait = || tokio::time::sleep(Duration::from_secs(10));
        silences.asked("h");
        wait().await;
        silences.missed("h");
        assert!(!silences.is_given_up("h", begun), "once is not enough");
        silences.asked("h");
        wait().await;
        silences.missed("h");
        assert!(silences.is_given_up("h", begun) && !silences.is_given_up("other", begun));
        wait().await;
        assert!(!silences.is_given_up("h", Instant::now()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_to_anybody_is_a_sign_of_life() {
        let silences = Silences::default();
        let begun = Instant::now();
        for _ in 0..9 {
            silences.asked("h");
            tokio::time::sleep(Duration::from_secs(10)).await;
            silences.missed("h");
            silences.answered("h");
        }
        assert!(!silences.is_given_up("h", begun));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_host_is_named_now_and_then() {
        let silences = Silences::default();
        let named = |_| silences.is_to_be_named("h");
        assert_eq!([1, 2].map(named), [true, false]);
        tokio::time::sleep(NAMED).await;
        assert_eq!([1, 2].map(named), [true, false]);
    }
}
