use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::log_tail::LogTail;
use super::request::{missing_immutable, reference};
use super::spread::BuilderId;
use super::{BuildFailure, Event, ImageOutcome, Worker, clean_message};
use crate::builder::BuildEvent;
use crate::plan::{Action, PlannedTag, Step, StepId};

/// Updates of one build that wait for the renderer; the builder's own buffers come on top.
const UPDATES: usize = 64;

/// Everything that is done for one image before moving tags. It runs as a task of its own, and its last event
/// is the image's [`Event::ImageFinished`], unless it is dropped before.
pub(super) struct ImageTask {
    image: StepId,
    action: Action,
    /// Who builds it, if it is built.
    builder: BuilderId,
    /// What that is called where there are several.
    builder_name: Option<String>,
    reference: String,
    /// Immutable tags that the image lacks, with the references they make.
    tags: Vec<(PlannedTag, String)>,
    worker: Arc<dyn Worker>,
    events: mpsc::Sender<Event>,
}

/// Why a task did not bring its image in place.
pub(super) enum Unfinished {
    /// It has told so.
    Failed,
    /// Its builder is gone.
    Orphaned { reason: String },
    /// The base could not be pulled.
    NoBase { error: String },
}

/// What keeps an image from being built.
enum Stopped {
    Image(ImageOutcome),
    /// Nothing about the image.
    Builder(String),
}

impl ImageTask {
    pub(super) fn new(
        image: StepId,
        step: &Step,
        (builder, builder_name): (BuilderId, Option<String>),
        worker: Arc<dyn Worker>,
        events: mpsc::Sender<Event>,
    ) -> Self {
        Self {
            image,
            action: step.action,
            builder,
            builder_name,
            reference: reference(step),
            tags: missing_immutable(step).map(|tag| (tag.clone(), step.tagged(tag).to_string())).collect(),
            worker,
            events,
        }
    }

    /// Whether the image now has its key and its immutable tags. An image whose builder is gone is not finished.
    pub(super) async fn run(self) -> Result<(), Unfinished> {
        let begun = Instant::now();
        let done = match self.action {
            Action::Build => self.build().await,
            Action::Pull => self.fetch().await.map_err(Stopped::Image),
            Action::Tag | Action::None | Action::Blocked => self.tag(None).await.map_err(Stopped::Image),
        };
        let (unfinished, outcome) = match done {
            Ok(outcome) => (Ok(()), outcome),
            Err(Stopped::Image(outcome)) => (Err(Unfinished::Failed), outcome),
            Err(Stopped::Builder(reason)) => return Err(Unfinished::Orphaned { reason }),
        };
        self.send(Event::ImageFinished { image: self.image, outcome, elapsed: begun.elapsed() }).await;
        unfinished
    }

    async fn build(&self) -> Result<ImageOutcome, Stopped> {
        self.send(Event::BuildStarted { image: self.image, builder: self.builder_name.clone() }).await;
        let (sender, mut updates) = mpsc::channel(UPDATES);
        let mut tail = LogTail::default();
        let result = {
            let mut build = self.worker.build(self.image, self.builder, sender);
            loop {
                tokio::select! {
                    Some(update) = updates.recv() => self.forward(&mut tail, update).await,
                    result = &mut build => break result,
                }
            }
        };
        updates.close();
        while let Some(update) = updates.recv().await {
            self.forward(&mut tail, update).await;
        }
        match result {
            Ok(()) => {
                for (_, reference) in &self.tags {
                    self.tagged(reference).await;
                }
                Ok(ImageOutcome::Built)
            }
            Err(BuildFailure { message, is_of_builder: true, .. }) => Err(Stopped::Builder(message)),
            Err(BuildFailure { message, line, step, hint, is_of_builder: false }) => {
                Err(Stopped::Image(ImageOutcome::Failed {
                    message: clean_message(&message),
                    line,
                    log: tail.take(step),
                    hint,
                }))
            }
        }
    }

    async fn fetch(&self) -> Result<ImageOutcome, ImageOutcome> {
        let begun = Instant::now();
        let reference = &self.reference;
        self.send(Event::PullStarted { reference: reference.clone() }).await;
        let error = self.worker.fetch(self.image).await.err();
        let elapsed = begun.elapsed();
        self.send(Event::PullFinished { reference: reference.clone(), elapsed, error: error.clone() }).await;
        match error {
            // The download brought the key's own tag.
            None => self.tag(Some(reference)).await,
            Some(error) => Err(failed(format!("cannot pull {reference}: {error}"))),
        }
    }

    async fn tag(&self, except: Option<&String>) -> Result<ImageOutcome, ImageOutcome> {
        for (tag, reference) in &self.tags {
            if Some(reference) != except {
                let done = self.worker.tag(self.image, tag).await;
                done.map_err(|error| failed(format!("cannot tag it {reference}: {error}")))?;
            }
            self.tagged(reference).await;
        }
        Ok(ImageOutcome::Reused)
    }

    async fn forward(&self, tail: &mut LogTail, update: BuildEvent) {
        tail.observe(&update);
        let image = self.image;
        self.send(match update {
            BuildEvent::Step(step) => Event::BuildProgress { image, step },
            BuildEvent::Log { step, stream, line } => Event::BuildLog { image, step, stream, line },
            BuildEvent::Sent { bytes } => Event::ContextSent { image, bytes },
            BuildEvent::Warning { message, .. } => {
                Event::Notice { text: format!("{}: {message}", self.reference) }
            }
        })
        .await;
    }

    async fn tagged(&self, reference: &str) {
        self.send(Event::Tagged { image: self.image, reference: reference.to_owned(), moves: false }).await;
    }

    /// Waits while the renderer is behind. If there is none any more, the work goes on.
    async fn send(&self, event: Event) {
        self.events.send(event).await.ok();
    }
}

/// A failure of which there is only a message.
pub(super) fn failed(message: String) -> ImageOutcome {
    ImageOutcome::Failed { message, line: None, log: Vec::new(), hint: None }
}

pub(super) async fn pull_base(
    reference: String,
    worker: Arc<dyn Worker>,
    events: mpsc::Sender<Event>,
) -> Result<(), String> {
    let begun = Instant::now();
    events.send(Event::PullStarted { reference: reference.clone() }).await.ok();
    let result = worker.pull(&reference).await;
    let error = result.as_ref().err().cloned();
    events.send(Event::PullFinished { reference, elapsed: begun.elapsed(), error }).await.ok();
    result
}
