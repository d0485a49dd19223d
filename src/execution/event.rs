use std::collections::BTreeMap;
use std::time::Duration;

use crate::builder::{OutputStream, StepState};
use crate::plan::StepId;

/// Something that happened while a plan was carried out. Images are named by their steps in
/// the plan; every renderer (live, plain, JSON) is a function of the plan and this stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The work begins; this many images are to be built.
    Started {
        /// How many images will be built.
        builds: usize,
        /// How many are built at a time, by all builders together.
        jobs: usize,
        /// How long those took the last time that were built before, in any version.
        expected: BTreeMap<StepId, Duration>,
    },
    /// An external base is being pulled, before the builds that share it.
    PullStarted {
        /// The reference.
        reference: String,
    },
    /// That pull is over.
    PullFinished {
        /// The reference.
        reference: String,
        /// How long it took.
        elapsed: Duration,
        /// What went wrong, if it did.
        error: Option<String>,
    },
    /// The build of an image begins, or begins again on another builder because one was lost.
    BuildStarted {
        /// The image, by its step in the plan.
        image: StepId,
        /// Where, if there are several builders.
        builder: Option<String>,
    },
    /// A step of a build (a `BuildKit` vertex) began, ended or made progress.
    BuildProgress {
        /// The image, by its step in the plan.
        image: StepId,
        /// Which step, and how far.
        step: StepState,
    },
    /// Output of a step, one line without its line break. Untrusted bytes as text: renderers escape it.
    BuildLog {
        /// The image, by its step in the plan.
        image: StepId,
        /// The step's number within the image, as in [`StepState::id`].
        step: usize,
        /// Standard output or error.
        stream: OutputStream,
        /// The line.
        line: String,
    },
    /// Bytes of the build context that went to the engine so far.
    ContextSent {
        /// The image, by its step in the plan.
        image: StepId,
        /// Total so far.
        bytes: u64,
    },
    /// An image is done with, one way or another.
    ImageFinished {
        /// The image, by its step in the plan.
        image: StepId,
        /// How it ended.
        outcome: ImageOutcome,
        /// Since it was started; zero if it never was.
        elapsed: Duration,
    },
    /// Images and tags are about to be put into registries.
    PublishingStarted {
        /// How many registries each image goes to.
        registries: usize,
        /// How many images have to be sent, once for each registry that lacks them.
        pushes: usize,
    },
    /// An image is being sent to a registry.
    PushStarted {
        /// The image, by its step in the plan.
        image: StepId,
        /// Where it goes, its key's tag.
        reference: String,
    },
    /// Bytes of it that went so far.
    PushProgress {
        /// The image, by its step in the plan.
        image: StepId,
        /// Where it goes, its key's tag.
        reference: String,
        /// Total so far.
        bytes: u64,
        /// How many there are to send, as far as the engine has told.
        all: u64,
    },
    /// That push is over.
    PushFinished {
        /// The image, by its step in the plan.
        image: StepId,
        /// Where it went, its key's tag.
        reference: String,
        /// How long it took.
        elapsed: Duration,
        /// What went wrong, if it did.
        error: Option<String>,
    },
    /// All of an image is in a registry, with all its tags.
    Published {
        /// The image, by its step in the plan.
        image: StepId,
        /// Where it is, its key's tag.
        reference: String,
        /// The tags that it was given: the moving ones and git's; where there are none, those of its commits.
        tags: Vec<String>,
        /// How long it took to send it; none where the registry had it.
        elapsed: Option<Duration>,
    },
    /// A tag was put on an image, by the engine or in a registry.
    Tagged {
        /// The image, by its step in the plan.
        image: StepId,
        /// `NAMESPACE/NAME:TAG`.
        reference: String,
        /// Whether it is a moving tag.
        moves: bool,
    },
    /// A moving tag could not be put, so the images under it may not belong together until the next run.
    TagFailed {
        /// The image, by its step in the plan.
        image: StepId,
        /// `NAMESPACE/NAME:TAG`.
        reference: String,
        /// What the engine said.
        error: String,
    },
    /// Every image is done, yet no moving tag moved, for this reason.
    TagsHeld {
        /// One sentence.
        reason: String,
    },
    /// Images that nothing but their key names any more hold much.
    Superseded {
        /// Them, the oldest first.
        references: Vec<String>,
        /// How much at most: layers that they share are counted for each.
        bytes: u64,
    },
    /// Something worth saying that changes nothing.
    Notice {
        /// The sentence.
        text: String,
    },
    /// The user asked to stop, and what is under way is dropped.
    Interrupted,
    /// The last event.
    Finished {
        /// How it went.
        outcome: Outcome,
        /// Since the work began.
        elapsed: Duration,
    },
}

/// How the work on one image ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageOutcome {
    /// Built under its key.
    Built,
    /// It was there, or came from the registry; its tags are in place or will be.
    Reused,
    /// Its build failed.
    Failed {
        /// The builder's message.
        message: String,
        /// Line of the failing instruction in the Dockerfile, from 1, where known.
        line: Option<usize>,
        /// The end of the failing step's output.
        log: Vec<String>,
        /// What to do, where Shipwright knows.
        hint: Option<String>,
    },
    /// Not started: this one, on which it depends directly or not, failed.
    DependencyFailed {
        /// The image that it needs, by its step in the plan.
        dependency: StepId,
    },
    /// Stopped or not started because of an interruption or `--fail-fast`.
    Cancelled,
    /// Left out: see its reasons.
    Blocked,
}

/// How the whole run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every image of the selection has its key and its tags.
    Succeeded,
    /// Something failed; no moving tag moved, unless [`Event::TagFailed`] names those that could not.
    Failed,
    /// The user stopped it; no moving tag moved. Without [`Event::Interrupted`] it came when the tags were moving, and
    /// everything was finished first.
    Interrupted,
}
