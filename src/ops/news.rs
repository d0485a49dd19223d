use std::time::Duration;

use crate::git::CommitId;
use crate::image::ImageReference;
use crate::plan::Plan;

/// What happens in a use case and is neither a finding nor an event of a run.
#[derive(Clone, Copy, Debug)]
pub enum News<'a> {
    Planned(&'a Plan),
    /// The run was told to stop when tags were moving, and has finished that.
    FinishedFirst,
    /// Everything is in the registries already.
    InRegistry {
        plan: &'a Plan,
        extent: Extent,
    },
    /// Tags of a registry are about to move.
    Moves(&'a [Move]),
    Pushed {
        extent: Extent,
        /// Images that were uploaded.
        pushed: usize,
        /// Tags that were written.
        tagged: usize,
        /// How it ended.
        end: PushEnd,
        elapsed: Duration,
    },
    /// The job of a fork's pull request publishes nothing.
    NotPublished {
        why: &'a str,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    pub images: usize,
    pub registries: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushEnd {
    Done,
    /// Something is not, and its failures were told.
    Failed,
    Interrupted,
}

/// A tag of a registry that moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    pub reference: ImageReference,
    /// From what; none for a new one.
    pub from: Option<Revision>,
    pub to: Revision,
}

/// The commit that an image belongs to, if it belongs to one.
pub type Revision = Option<CommitId>;
