use async_trait::async_trait;
use tokio::sync::mpsc;

use super::spread::BuilderId;
use super::superseded::Superseded;
use crate::builder::BuildEvent;
use crate::image::Tag;
use crate::plan::{PlannedTag, StepId};

/// What the runner asks of an engine. The product has one implementation, over the engine; the trait is
/// there so that tests can drive the coordination with scripted failures, delays and interruptions.
///
/// Images are steps of the plan. Dropping the future of a call cancels it within a second.
#[async_trait]
pub(crate) trait Worker: Send + Sync {
    async fn pull(&self, reference: &str) -> Result<(), String>;

    /// Builds an image under its key and puts its immutable tags on it, all in one export. Where there are several
    /// builders, on this one.
    ///
    /// `updates` is bounded: sending waits while the renderer is behind, so a build that prints a million
    /// lines holds no more of them in memory than the channels take.
    async fn build(
        &self,
        image: StepId,
        builder: BuilderId,
        updates: mpsc::Sender<BuildEvent>,
    ) -> Result<(), BuildFailure>;

    /// Takes an image of the selection from the registry, so that it is there under its `src-KEY`. The other
    /// tags are asked for with [`Worker::tag`].
    async fn fetch(&self, image: StepId) -> Result<(), String>;

    async fn tag(&self, image: StepId, tag: &PlannedTag) -> Result<(), String>;

    /// The tags that the image with the key has at this moment, for each of `images`; `None` where no image
    /// has the key. One inspect of each `src-KEY` answers it.
    async fn present_tags(&self, images: &[StepId]) -> Result<Vec<Option<Vec<Tag>>>, String>;

    /// Whether what the plan was made for is still so; asked before moving tags move. The error says what is not.
    async fn confirm_plan(&self) -> Result<(), String>;

    /// What images hold that this plan's repositories have and nothing but their key names. Nothing where the engine
    /// does not say so soon: nobody waits for a figure.
    async fn superseded(&self) -> Superseded;
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BuildFailure {
    /// The builder's message as it came; the runner takes the transport's and solver's prefixes off.
    pub message: String,
    /// Line of the failing instruction in the Dockerfile, from 1, where known.
    pub line: Option<usize>,
    /// The failing step, where it is known and no update said so.
    pub step: Option<usize>,
    /// What to do, where that is known.
    pub hint: Option<String>,
    /// Whether it says nothing about the image, but that its builder is gone.
    pub is_of_builder: bool,
}

impl BuildFailure {
    /// A failure of which there is only a message.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }
}
