use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;

use crate::image::ImageReference;
use crate::store::ImageStore;

/// How long an interrupted run takes to tidy up: an engine that does not answer holds up nobody who wants to leave.
const TIDYING: Duration = Duration::from_secs(2);

/// An engine that was sending a manifest when its push was given up gives the image a name by its digest a moment
/// later (`addDigestReference` of Docker's `distribution/push_v2.go`), and nothing tells when that moment is over.
const AFTERWARDS: Duration = Duration::from_millis(200);

/// Names that images have on an engine only while they are pushed.
#[derive(Debug, Default)]
pub(crate) struct Lent(Mutex<BTreeMap<ImageReference, Loan>>);

#[derive(Debug)]
struct Loan {
    source: ImageReference,
    /// Names by digest that the image had before, which are somebody's.
    digests: Vec<ImageReference>,
}

impl Lent {
    /// `name` is going to be a name of `source`, which has these names by digest.
    pub(super) fn note(&self, name: &ImageReference, source: &ImageReference, digests: Vec<ImageReference>) {
        self.names().entry(name.clone()).or_insert_with(|| Loan { source: source.clone(), digests });
    }

    pub(super) fn forget(&self, name: &ImageReference) {
        self.names().remove(name);
    }

    /// Takes off what a push that was stopped half-way has left.
    pub(super) async fn take_off(&self, store: &dyn ImageStore) {
        let names = std::mem::take(&mut *self.names());
        if names.is_empty() {
            return;
        }
        let tidying = async {
            // They are only names.
            let _ = join_all(names.keys().map(|name| store.remove(name))).await;
            loop {
                tokio::time::sleep(AFTERWARDS).await;
                let late = join_all(names.iter().map(|(name, loan)| loan.late_names(name, store))).await;
                let late: Vec<ImageReference> = late.into_iter().flatten().collect();
                if late.is_empty() {
                    break;
                }
                let _ = join_all(late.iter().map(|name| store.remove(name))).await;
            }
        };
        let _ = tokio::time::timeout(TIDYING, tidying).await;
    }

    fn names(&self) -> MutexGuard<'_, BTreeMap<ImageReference, Loan>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Loan {
    /// What the image is called in the repository of the lent name and was not before.
    async fn late_names(&self, name: &ImageReference, store: &dyn ImageStore) -> Vec<ImageReference> {
        let Ok(Some(image)) = store.inspect(&self.source).await else { return Vec::new() };
        let lent = image.references.into_iter().filter(|reference| reference == name);
        let given = image
            .digests
            .into_iter()
            .filter(|digest| digest.repository == name.repository && !self.digests.contains(digest));
        lent.chain(given).collect()
    }
}
