use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

/// By which a use case is asked to end, from any thread. A run that builds or moves tags is stopped with care; what
/// only reads can be dropped at any time.
#[derive(Clone, Debug, Default)]
pub struct Interrupts(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// The run that is told to stop.
    careful: Option<CancellationToken>,
    asked: bool,
}

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The run that is under way stops by itself.
    Stopping,
    /// Nothing is under way that has to be stopped with care.
    Idle,
    /// It was asked before, so the process may as well end at once.
    AskedBefore,
}

impl Interrupts {
    /// Asks for the end.
    pub fn ask(&self) -> Answer {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (std::mem::replace(&mut state.asked, true), &state.careful) {
            (true, _) => Answer::AskedBefore,
            (false, None) => Answer::Idle,
            (false, Some(token)) => {
                token.cancel();
                Answer::Stopping
            }
        }
    }

    /// From now on the first request only cancels the token of what this gives.
    pub(super) fn careful(&self) -> Careful {
        let token = CancellationToken::new();
        self.answer_with(Some(token.clone()));
        Careful { token, interrupts: self.clone() }
    }

    fn answer_with(&self, token: Option<CancellationToken>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).careful = token;
    }
}

/// A run that stops by itself when its token is cancelled, until it is dropped.
#[derive(Debug)]
pub(super) struct Careful {
    token: CancellationToken,
    interrupts: Interrupts,
}

impl Careful {
    /// What the run is told to stop by.
    pub(super) fn token(&self) -> &CancellationToken {
        &self.token
    }

    pub(super) fn was_told(&self) -> bool {
        self.token.is_cancelled()
    }
}

impl Drop for Careful {
    fn drop(&mut self) {
        self.interrupts.answer_with(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_request_stops_the_run_that_is_under_way() {
        let interrupts = Interrupts::default();
        let careful = interrupts.careful();
        assert_eq!(interrupts.ask(), Answer::Stopping);
        assert!(careful.was_told());
        assert_eq!(interrupts.ask(), Answer::AskedBefore);
    }

    #[test]
    fn where_nothing_is_under_way_nothing_is_stopped() {
        let interrupts = Interrupts::default();
        drop(interrupts.careful());
        assert_eq!(interrupts.ask(), Answer::Idle);
    }
}
