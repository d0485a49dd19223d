use std::collections::VecDeque;

use tokio::sync::mpsc;

use super::Event;

/// The runner's own events on their way out. Builds wait when the renderer is behind; the runner must not,
/// or it could not hear an interruption. Its events are few: a handful an image.
pub(super) struct Outbox {
    queue: VecDeque<Event>,
    sender: mpsc::Sender<Event>,
}

impl Outbox {
    pub(super) fn new(sender: mpsc::Sender<Event>) -> Self {
        Self { queue: VecDeque::new(), sender }
    }

    pub(super) fn sender(&self) -> mpsc::Sender<Event> {
        self.sender.clone()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Queues an event and sends what can be sent without waiting.
    pub(super) fn push(&mut self, event: Event) {
        self.queue.push_back(event);
        while let Some(event) = self.queue.pop_front() {
            match self.sender.try_send(event) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(event)) => {
                    self.queue.push_front(event);
                    return;
                }
                // Nobody listens any more; the work goes on.
                Err(mpsc::error::TrySendError::Closed(_)) => self.queue.clear(),
            }
        }
    }

    /// Waits until the first event is sent. Dropping the future loses nothing.
    pub(super) async fn send_one(&mut self) {
        match self.sender.reserve().await {
            Ok(permit) => {
                if let Some(event) = self.queue.pop_front() {
                    permit.send(event);
                }
            }
            Err(_) => self.queue.clear(),
        }
    }

    /// Waits until everything is sent.
    pub(super) async fn flush(&mut self) {
        while !self.is_empty() {
            self.send_one().await;
        }
    }
}
