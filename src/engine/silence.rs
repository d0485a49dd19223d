use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// When an engine last left a question without an answer. Hundreds of tags are not waited for one after the other.
#[derive(Debug, Default)]
pub(super) struct Silence(Mutex<Option<Instant>>);

impl Silence {
    /// Whether that is less than this ago.
    pub(super) fn is_within(&self, limit: Duration) -> bool {
        self.since().is_some_and(|since| since.elapsed() < limit)
    }

    fn since(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, is_silent: bool) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = is_silent.then(Instant::now);
    }
}
