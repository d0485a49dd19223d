//! What registries and credential helpers make the user wait for, or warn of.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::{Said, Speaker};
use crate::diagnostic::Diagnostic;
use crate::execution::Event;
use crate::registry::{Listener, Notice};

/// Takes notices of a run to whoever writes at that moment.
#[derive(Clone, Default)]
pub(super) struct Notices(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    speaker: Option<Speaker>,
    /// What shows the run, while it does: nobody else may write then.
    events: Option<mpsc::WeakSender<Event>>,
}

impl Notices {
    pub(super) fn listener(&self) -> Listener {
        let notices = self.clone();
        Listener::new(move |notice| notices.tell(&notice))
    }

    pub(super) fn said_by(&self, speaker: Speaker) {
        self.state().speaker = Some(speaker);
    }

    /// From now on they are events of a run, for as long as that takes events.
    pub(super) fn shown_by(&self, events: &mpsc::Sender<Event>) {
        self.state().events = Some(events.downgrade());
    }

    fn tell(&self, notice: &Notice) {
        let state = self.state();
        let mut text = notice.to_string();
        if let Some(events) = state.events.as_ref().and_then(mpsc::WeakSender::upgrade) {
            if let Some(hint) = notice.hint() {
                text = format!("{text} ({hint})");
            }
            // The display may be behind; it is only a notice.
            let _ = events.try_send(Event::Notice { text });
            return;
        }
        let Some(speaker) = &state.speaker else { return };
        let found = if notice.is_warning() { Diagnostic::warning(text) } else { Diagnostic::note(text) };
        speaker(Said::Finding(&Diagnostic { hint: notice.hint(), ..found }));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
