use std::collections::BTreeSet;

use crate::diagnostic::Diagnostic;
use crate::engine::EngineError;
use crate::ops::Audience;
use crate::plan::PruneStep;
use crate::store::{CacheLimit, ImageStore};

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Images that have no tag any more.
    pub images: usize,
    /// Their sizes in bytes. Layers that other images share are counted, though they stay.
    pub size: u64,
    /// Containers.
    pub containers: usize,
}

/// Takes tags off images, and counts.
pub(super) struct Removal<'a> {
    store: &'a dyn ImageStore,
    audience: &'a mut dyn Audience,
    removed: Removed,
    failed: bool,
}

impl<'a> Removal<'a> {
    pub(super) fn new(store: &'a dyn ImageStore, audience: &'a mut dyn Audience) -> Self {
        Self { store, audience, removed: Removed::default(), failed: false }
    }

    /// Removes one image. What cannot be removed is told, and the others go on.
    pub(super) async fn remove(&mut self, step: &PruneStep) {
        match self.try_remove(step).await {
            Ok(true) => {
                self.removed.images += 1;
                self.removed.size += step.size;
            }
            Ok(false) => {}
            Err(error) => self.fails(&error),
        }
    }

    /// Prunes the build cache, and gives the bytes that this freed.
    pub(super) async fn prune_build_cache(&mut self, limit: CacheLimit) -> Option<u64> {
        match self.store.prune_build_cache(limit).await {
            Ok(freed) => Some(freed),
            Err(error) => {
                self.fails(&error);
                None
            }
        }
    }

    fn fails(&mut self, error: &EngineError) {
        self.failed = true;
        let finding = Diagnostic { hint: error.hint(), ..Diagnostic::error(error.to_string()) };
        self.audience.finds(&[finding]);
    }

    async fn try_remove(&mut self, step: &PruneStep) -> Result<bool, EngineError> {
        if !self.is_as_listed(step).await? {
            return Ok(false);
        }
        for container in &step.containers {
            self.removed.containers += usize::from(self.store.remove_container(&container.id).await?);
        }
        // The key's tag goes last: with it, what was cut off in the middle is known again.
        for reference in step.references.iter().rev() {
            self.store.remove(reference).await?;
        }
        Ok(true)
    }

    /// Whether the image is still what was decided about. Others may build and tag meanwhile.
    async fn is_as_listed(&mut self, step: &PruneStep) -> Result<bool, EngineError> {
        let Some(name) = step.references.first() else { return Ok(false) };
        let Some(now) = self.store.inspect(name).await? else { return Ok(false) };
        let names = |references: &[_]| references.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        if now.id.0 == step.id && names(&now.references) == names(&step.references) {
            return Ok(true);
        }
        let finding =
            Diagnostic::warning(format!("{name} stays: its tags have moved since it was looked at"));
        self.audience.finds(&[finding]);
        Ok(false)
    }

    /// What was removed, and whether anything could not be.
    pub(super) fn total(self) -> (Removed, bool) {
        (self.removed, self.failed)
    }
}
