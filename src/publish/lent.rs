use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::engine::Engine;
use crate::image::ImageReference;

/// How long an interrupted run takes to tidy up: an engine that does not answer holds up nobody who wants to leave.
const TIDYING: Duration = Duration::from_secs(2);

/// Names that images have on an engine only while they are pushed.
#[derive(Debug, Default)]
pub(crate) struct Lent(Mutex<BTreeSet<ImageReference>>);

impl Lent {
    pub(super) fn note(&self, name: &ImageReference) {
        self.names().insert(name.clone());
    }

    /// It was taken off.
    pub(super) fn forget(&self, name: &ImageReference) {
        self.names().remove(name);
    }

    /// Takes off what a push that was stopped half-way has left.
    pub(super) async fn take_off(&self, engine: &Engine) {
        let names = std::mem::take(&mut *self.names());
        let removing = futures_util::future::join_all(names.iter().map(|name| engine.remove(name)));
        // They are only names.
        let _ = tokio::time::timeout(TIDYING, removing).await;
    }

    fn names(&self) -> MutexGuard<'_, BTreeSet<ImageReference>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
