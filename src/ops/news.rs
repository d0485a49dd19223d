use std::time::Duration;

use crate::git::CommitId;
use crate::image::ImageReference;
use crate::plan::Plan;

/// What happens in a use case and is neither a finding nor an event of a run.
#[derive(Clone, Copy, Debug)]
pub enum News<'a> {
    /// This plan is carried out.
    Planned(&'a Plan),
    /// The run was told to stop when tags were moving, and has finished that.
    FinishedFirst,
    /// Everything is in the registries already.
    InRegistry {
        /// What was looked for.
        plan: &'a Plan,
        /// How much of it.
        extent: Extent,
    },
    /// Tags of a registry are about to move.
    Moves(&'a [Move]),
    /// A push has ended.
    Pushed {
        /// How much was to be pushed.
        extent: Extent,
        /// Images that were uploaded.
        pushed: usize,
        /// Tags that were written.
        tagged: usize,
        /// How it ended.
        end: PushEnd,
        /// How long it took.
        elapsed: Duration,
    },
    /// The job of a fork's pull request publishes nothing.
    NotPublished {
        /// Why it cannot.
        why: &'a str,
    },
}

/// How much is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Images.
    pub images: usize,
    /// Registries that each of them goes to.
    pub registries: usize,
}

/// How a push ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushEnd {
    /// Everything is there.
    Done,
    /// Something is not, and its failures were told.
    Failed,
    /// It was interrupted.
    Interrupted,
}

/// A tag of a registry that moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The tag.
    pub reference: ImageReference,
    /// From what; none for a new one.
    pub from: Option<Revision>,
    /// To what.
    pub to: Revision,
}

/// The commit that an image belongs to, if it belongs to one.
pub type Revision = Option<CommitId>;
