//! What was read of a checkout: everything a decision needs that no engine and no registry has to be asked for.

mod committed;
mod files;
mod open;
mod reference;
mod sparse;
mod undeclared;
mod watch;

pub(super) use files::{CheckoutFiles, settings_in};
pub(super) use open::{EngineNeed, open};
pub(super) use watch::{Guard, Watch, planned_again};

use std::sync::Arc;
use std::time::Duration;

use super::audience;
use super::{Ending, Error, ImageRequest};
use crate::diagnostic::Diagnostic;
use crate::git::{Checkout, CommitId, HeadTree, Snapshot};
use crate::graph::Selector;
use crate::inputs::Manifests;
use crate::plan::{Action, BranchReference, CheckoutSummary, ImageId, Plan};
use crate::project::{CleanState, LoadError, Options, Project, load};
use crate::settings::Resolved;
use committed::{committed_options, is_committed};
use watch::PlanCheck;

pub(super) struct Workspace {
    pub checkout: Arc<Checkout>,
    pub tree: audience::Files,
    /// The commit that they are compared with, or that they are.
    pub commit: Option<CommitId>,
    pub project: Arc<Project>,
    /// How each image stands to HEAD.
    pub clean: Vec<CleanState>,
    /// The images that the request is about.
    pub selection: Chosen,
    /// What was chosen, and what the settings file says.
    pub settings: Resolved,
    /// Whether git asks, before a push: nobody can add an option then.
    pub in_hook: bool,
    /// What moving tags follow.
    pub reference: BranchReference,
    /// What it was read for, where that is watched.
    planned: Option<Arc<PlanCheck>>,
    /// When it was read, in time since 1970.
    now: Duration,
}

/// The images that a request is about.
pub(super) struct Chosen {
    /// They, dependencies first.
    pub images: Vec<ImageId>,
    /// Those of them that are built although they exist (`--no-cache`).
    pub rebuilt: Vec<ImageId>,
    /// Whether `--exact` chose them.
    pub exact: bool,
    /// Images that stand aside and were not named.
    pub left_aside: Vec<ImageId>,
    /// Whether images were named, instead of all being meant.
    pub named: bool,
}

impl Workspace {
    /// What asks whether what was read still holds.
    pub(super) fn guard(&self) -> Guard {
        let planned = self.planned.clone();
        Arc::new(move || planned.as_ref().map_or(Ok(()), |planned| planned.holds()))
    }

    /// Fails if it does not hold any more, before a use case writes what follows from it.
    pub(super) fn still_holds(&self) -> Result<(), Error> {
        (self.guard())().map_err(|how| Error::one(Ending::Failed, Diagnostic::error(how)))
    }

    /// The images of the same files with other options.
    pub(super) fn load_with(&self, change: impl FnOnce(&mut Options)) -> Result<Project, LoadError> {
        let mut options = self.settings.options.clone();
        change(&mut options);
        self.load_from(&*self.tree, &options)
    }

    /// The images that files of this checkout make.
    pub(super) fn load_from(&self, files: &dyn Snapshot, options: &Options) -> Result<Project, LoadError> {
        load(files, self.checkout.name(), self.checkout.origin_url(), options)
    }

    /// The images of a commit, with its own settings and otherwise the same options; `None` where those settings
    /// are wrong.
    pub(super) fn project_at(
        &self,
        request: &ImageRequest,
        commit: CommitId,
    ) -> Result<Option<Project>, Error> {
        let committed = self.checkout.commit_tree(commit)?.without_sizes();
        let tree: Box<dyn Snapshot> = match (&request.revision, self.checkout.work_tree()) {
            (None, Ok(work_tree)) => Box::new(HeadTree::new(committed, Arc::new(work_tree))),
            _ => Box::new(committed.complete()),
        };
        let options = committed_options(&request.choices, &*tree, &self.settings, self.now);
        Ok(options.map(|options| self.load_from(&*tree, &options)).transpose()?)
    }

    /// The images that a name means, alone; an unknown one is an error with the closest names.
    pub(super) fn named(&self, name: &str) -> Result<Vec<ImageId>, Error> {
        let selector = Selector { exact: vec![name.to_owned()], ..Selector::default() };
        Ok(self.project.graph.select(&selector)?.images)
    }

    /// Inputs, Dockerfiles and settings that are not as the commit has them.
    pub(super) fn uncommitted(&self) -> Result<Vec<String>, Error> {
        let (Some(head), Ok(tree)) = (self.commit, self.checkout.work_tree()) else { return Ok(Vec::new()) };
        let committed = self.checkout.commit_tree(head)?;
        let paths = self.project.versioned_paths(&self.settings.options);
        let differences = tree.differences(&committed, &paths)?;
        let changed = differences.modified.into_iter().chain(differences.removed);
        let added = differences.added.into_iter().filter(|path| paths.binary_search(&path).is_ok());
        let mut files: Vec<String> = changed.chain(added).map(|path| path.to_string()).collect();
        let lock = &self.settings.options.settings.lock;
        let ignored = lock.path.iter().map(ToString::to_string).filter(|path| !files.contains(path));
        files.extend(ignored.filter(|_| !is_committed(lock, &committed)).collect::<Vec<_>>());
        Ok(files)
    }

    /// How blocked images end a use case: as wrong if they were named, or where all must be built.
    pub(super) fn blocked_ending(&self, plan: &Plan) -> Ending {
        let blocked = plan.steps.iter().any(|step| step.action == Action::Blocked);
        if blocked && (self.selection.named || self.settings.strict) { Ending::Wrong } else { Ending::Done }
    }

    /// Manifests of keys that were built from this repository, all its worktrees together.
    pub(super) fn manifests(&self) -> Manifests {
        Manifests::new(self.checkout.common_dir().join("shipwright").join("manifests"))
    }

    pub(super) fn summary(&self) -> CheckoutSummary {
        CheckoutSummary {
            name: self.checkout.name().to_owned(),
            head: self.commit,
            branch: self.reference.name.clone(),
            dirty: false,
        }
    }
}
