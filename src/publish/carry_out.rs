use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, stream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::decide::judge_move;
use super::failure::{engine_failure, registry_failure};
use super::observe::look_at_moves;
use super::order::predecessors;
use super::{FailureKind, Judgement, Lent, Publication, Standing, Standings, TagFailure, TagMove};
use crate::diagnostic::Severity;
use crate::engine::EngineError;
use crate::execution::{Event, engine_login};
use crate::image::{Digest, ImageReference, Tag};
use crate::plan::{Plan, Turn};
use crate::registry::{Credentials, Manifest, ManifestName, Registry};
use crate::store::{ImageStore, Sent};

/// Pushes under way at once; an engine sends a few layers of each at a time.
const PUSHES: usize = 4;

/// Tags written at once; the registry's client limits its requests itself.
pub(super) const WRITES: usize = 64;

/// How often a push is tried, and the pause between. Engines try each layer several times themselves, with
/// pauses of many seconds.
const TRIES: u32 = 2;
const PAUSE: Duration = Duration::from_secs(1);

/// Carries out publications.
pub(crate) struct Publisher {
    /// Has what a registry lacks; none where nothing has to be pushed.
    pub store: Option<Arc<dyn ImageStore>>,
    pub registry: Arc<dyn Registry>,
    pub standings: Arc<Standings>,
    /// Logins for the engine's pushes.
    pub credentials: Arc<Credentials>,
    /// Names on the engine that are taken off again.
    pub lent: Lent,
    pub plan: Arc<Plan>,
    /// Whether the plan still holds, asked before tags move; the error says what is not so any more.
    pub guard: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
    /// Where progress goes.
    pub events: mpsc::Sender<Event>,
}

/// How it went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Images that were sent.
    pub pushed: usize,
    /// Tags that were written, those of pushes included.
    pub tagged: usize,
    pub failures: Vec<TagFailure>,
    /// Moving tags that could not be put back after a failure: they do not belong with the others.
    pub left_behind: Vec<ImageReference>,
    /// Whether the user stopped it before a moving tag moved.
    pub interrupted: bool,
}

impl Publisher {
    /// Pushes, then puts the tags that never move, then, if all of that worked everywhere, looks again where the
    /// others stand, and moves them turn by turn. A turn that fails is taken back. Until the first turn begins it can
    /// be interrupted.
    pub(crate) async fn run(
        &self,
        publications: &[Publication],
        judgement: &Judgement<'_>,
        interruption: &CancellationToken,
    ) -> Report {
        let mut report = Report::default();
        self.send(started(publications)).await;
        let placing = async {
            let placed = self.place_all(publications, &mut report).await;
            let publications = if report.failures.is_empty() {
                self.look_again(publications, &placed.manifests, judgement, &mut report).await
            } else {
                Vec::new()
            };
            (placed, publications)
        };
        let Some((mut placed, publications)) = interruption.run_until_cancelled(placing).await else {
            if let Some(store) = &self.store {
                self.lent.take_off(&**store).await;
            }
            report.interrupted = true;
            return report;
        };
        if !report.failures.is_empty() {
            return report;
        }
        let publications = &publications[..];
        if let Some(gone) = self.plan_is_gone(publications) {
            report.failures.push(gone);
            return report;
        }
        // Another push may have put them in the meantime.
        self.tell_arrived(publications, &mut placed.waiting, None).await;
        let moves = publications.iter().flat_map(|publication| &publication.moves);
        let turns: BTreeSet<Turn> = moves.map(|moved| moved.turn).collect();
        for turn in turns {
            if interruption.is_cancelled() {
                report.interrupted = true;
                break;
            }
            self.turn_to_its_end(publications, &placed.manifests, turn, &mut report, interruption).await;
            if report.failures.is_empty() {
                self.keep_together(publications, &placed.manifests, turn, judgement, &mut report).await;
            }
            if !report.failures.is_empty() {
                break;
            }
            self.tell_arrived(publications, &mut placed.waiting, Some(turn)).await;
        }
        report
    }

    /// Tells of the images that lack nothing any more after this turn.
    async fn tell_arrived(
        &self,
        publications: &[Publication],
        waiting: &mut BTreeMap<usize, Option<Duration>>,
        turn: Option<Turn>,
    ) {
        for (at, publication) in publications.iter().enumerate() {
            let last = publication.moves.iter().map(|moved| moved.turn).max();
            if last == turn
                && let Some(elapsed) = waiting.remove(&at)
            {
                self.send(published(publication, elapsed)).await;
            }
        }
    }

    /// The failure that no tag moves, because what they were to follow is gone.
    fn plan_is_gone(&self, publications: &[Publication]) -> Option<TagFailure> {
        let publication = publications.iter().find(|publication| !publication.moves.is_empty())?;
        let reason = (self.guard)().err()?;
        Some(TagFailure {
            reference: publication.tagged(&publication.moves.first()?.tag),
            kind: FailureKind::Overtaken,
            message: format!("no tag of a branch is moved: {reason}"),
            hint: None,
        })
    }

    /// Brings every image and its immutable tags in place.
    async fn place_all(&self, publications: &[Publication], report: &mut Report) -> AllPlaced {
        // Collected first: a lazy iterator of borrowing futures would not be general enough for callers.
        let predecessors = predecessors(publications, &self.plan);
        let done: Vec<_> = publications.iter().map(|_| CancellationToken::new()).collect();
        let (done, slots) = (&done, &Semaphore::new(PUSHES));
        let push = |(at, publication): (usize, _)| {
            let predecessor = predecessors[at];
            async move {
                let _done = done[at].clone().drop_guard();
                if let Some(predecessor) = predecessor {
                    done[predecessor].cancelled().await;
                }
                let _slot = slots.acquire().await;
                (at, self.place(publication).await)
            }
        };
        let copy = |(at, publication)| async move { (at, self.place(publication).await) };
        let (pushes, copies): (Vec<_>, Vec<_>) =
            publications.iter().enumerate().partition(|(_, publication)| publication.found.is_none());
        let pushes: FuturesUnordered<_> = pushes.into_iter().map(push).collect();
        let copies: Vec<_> = copies.into_iter().map(copy).collect();
        let mut placed = stream::select(pushes, stream::iter(copies).buffer_unordered(WRITES));
        let mut all = AllPlaced::default();
        while let Some((at, placed)) = placed.next().await {
            match placed {
                Ok(placed) => {
                    report.pushed += usize::from(placed.pushed);
                    report.tagged += placed.tagged;
                    all.manifests.extend(placed.manifest.map(|manifest| (at, manifest)));
                    let publication = &publications[at];
                    if !publication.moves.is_empty() {
                        all.waiting.insert(at, placed.elapsed);
                    } else if !publication.is_in_place() {
                        self.send(published(publication, placed.elapsed)).await;
                    }
                }
                Err(failure) => report.failures.push(failure),
            }
        }
        all
    }

    /// Building and sending takes its time, in which others may have moved the tags as well.
    async fn look_again(
        &self,
        publications: &[Publication],
        manifests: &BTreeMap<usize, Manifest>,
        judgement: &Judgement<'_>,
        report: &mut Report,
    ) -> Vec<Publication> {
        let looked = publications.iter().enumerate().map(|(at, publication)| async move {
            let own = manifests.get(&at).map(|manifest| &manifest.descriptor.digest);
            look_at_moves(&self.standings, publication, own).await
        });
        let looked: Vec<_> = looked.collect();
        let looked: Vec<_> = stream::iter(looked).buffered(WRITES).collect().await;
        let mut again = Vec::new();
        for (publication, looked) in publications.iter().zip(looked) {
            match looked {
                Ok(moves) => {
                    let is_new = |moved: &&TagMove| !publication.moves.contains(moved);
                    for moved in moves.iter().filter(is_new) {
                        self.overtaken(publication, moved, judgement, report).await;
                    }
                    again.push(Publication { moves, ..publication.clone() });
                }
                Err((reference, error)) => report.failures.push(registry_failure(&reference, &error)),
            }
        }
        again
    }

    /// A tag stands elsewhere than it did: that is fine, worth a word, or reason to stop.
    pub(super) async fn overtaken(
        &self,
        publication: &Publication,
        moved: &TagMove,
        judgement: &Judgement<'_>,
        report: &mut Report,
    ) {
        let Some(found) = judge_move(publication, moved, judgement) else { return };
        if found.severity == Severity::Error {
            report.failures.push(TagFailure {
                reference: publication.tagged(&moved.tag),
                kind: FailureKind::Overtaken,
                message: found.message,
                hint: found.hint,
            });
        } else {
            self.send(Event::Notice { text: found.message }).await;
        }
    }

    async fn place(&self, publication: &Publication) -> Result<Placed, TagFailure> {
        let mut placed = Placed::default();
        let digest = match &publication.found {
            Some(digest) => digest.clone(),
            None => {
                placed.pushed = true;
                placed.tagged += 1;
                let begun = Instant::now();
                let digest = self.push(publication).await?;
                placed.elapsed = Some(begun.elapsed());
                digest
            }
        };
        if publication.missing.is_empty() && publication.moves.is_empty() {
            return Ok(placed);
        }
        let reference = publication.wanted.repository.with_digest(digest);
        let manifest = self.registry.manifest(&reference).await;
        let manifest = manifest.map_err(|error| registry_failure(&reference, &error))?;
        for tag in &publication.missing {
            self.write(publication, tag, &manifest, false).await?;
            placed.tagged += 1;
        }
        placed.manifest = Some(manifest);
        Ok(placed)
    }

    /// Sends the image under its key. Layers that an earlier, interrupted push has sent are not sent again.
    async fn push(&self, publication: &Publication) -> Result<Digest, TagFailure> {
        let target = publication.tagged(&publication.wanted.key);
        let begun = Instant::now();
        self.send(Event::PushStarted { image: publication.wanted.step, reference: target.to_string() }).await;
        let pushed = self.push_named(publication, &target).await;
        let error = pushed.as_ref().err().map(|failure| failure.message.clone());
        self.send(Event::PushFinished {
            image: publication.wanted.step,
            reference: target.to_string(),
            elapsed: begun.elapsed(),
            error,
        })
        .await;
        pushed
    }

    async fn push_named(
        &self,
        publication: &Publication,
        target: &ImageReference,
    ) -> Result<Digest, TagFailure> {
        let source = self.plan.steps[publication.wanted.step].reference.as_ref();
        let (Some(store), Some(source)) = (&self.store, source) else {
            let message = format!("{target} is not in the registry, and there is no engine to push it");
            return Err(TagFailure {
                reference: target.clone(),
                kind: FailureKind::Engine,
                message,
                hint: None,
            });
        };
        let mut is_lent = false;
        let pushed = self.push_patiently(&**store, publication, (source, target), &mut is_lent).await;
        // It is only a name; the push decides.
        let is_gone = if is_lent {
            store.remove(target).await.is_ok_and(|was_there| !was_there)
        } else {
            store.inspect(target).await.is_ok_and(|found| found.is_none())
        };
        self.lent.forget(target);
        if let (true, Ok(Some(digest))) = (is_gone, &pushed) {
            // Another push had lent it too, and took it off before this one ended and gave it a name by its digest.
            let _ = store.remove(&target.repository.with_digest(digest.clone())).await;
        }
        match pushed? {
            Some(digest) => {
                self.learn(publication, &digest);
                Ok(digest)
            }
            None => match self.registry.head(target).await {
                Ok(Some(found)) => self.compared(publication, target, found.digest).await,
                Ok(None) => Err(TagFailure {
                    reference: target.clone(),
                    kind: FailureKind::Registry,
                    message: format!("{target} was pushed, but the registry does not have it"),
                    hint: Some("run again; if it stays like that, look at the registry's log".to_owned()),
                }),
                Err(error) => Err(registry_failure(target, &error)),
            },
        }
    }

    /// An image that was just sent need not be looked at.
    fn learn(&self, publication: &Publication, digest: &Digest) {
        let step = &self.plan.steps[publication.wanted.step];
        self.standings.learn(Standing {
            digest: digest.clone(),
            key: Some(publication.wanted.identity.key),
            revision: step.revision.filter(|_| !step.dirty),
            platforms: vec![publication.wanted.identity.platform.clone()],
        });
    }

    /// The engine did not say what it has sent, so what stands there is compared.
    async fn compared(
        &self,
        publication: &Publication,
        target: &ImageReference,
        digest: Digest,
    ) -> Result<Digest, TagFailure> {
        let is_it = |standing: &Standing| publication.wanted.identity.is_of(standing);
        let standing = self.standings.of(&publication.wanted.repository, &digest, is_it).await;
        let standing = standing.map_err(|error| registry_failure(target, &error))?;
        match publication.wanted.identity.objection(target, &standing) {
            None => Ok(digest),
            Some(found) => Err(TagFailure {
                reference: target.clone(),
                kind: FailureKind::Registry,
                message: found.message,
                hint: found.hint,
            }),
        }
    }

    async fn push_patiently(
        &self,
        store: &dyn ImageStore,
        publication: &Publication,
        (source, target): (&ImageReference, &ImageReference),
        is_lent: &mut bool,
    ) -> Result<Option<Digest>, TagFailure> {
        let mut tries = 1;
        loop {
            // The engine pushes by name; one that is only for that is taken off again. Another push of the same image
            // may have done so in the meantime.
            let failed = |error: EngineError| engine_failure(target, &error, None);
            *is_lent |= store.inspect(target).await.map_err(failed)?.is_none();
            if *is_lent {
                let image = store.inspect(source).await.map_err(failed)?;
                self.lent.note(target, source, image.map(|image| image.digests).unwrap_or_default());
            }
            if target != source {
                store.tag(source, target).await.map_err(failed)?;
            }
            let login = self.credentials.login(target.repository.host()).await;
            let login = login.map_err(|error| registry_failure(target, &error))?;
            let origin = login.as_ref().map(|credential| credential.origin.clone());
            let login = login.as_ref().and_then(engine_login);
            let (image, reference) = (publication.wanted.step, target.to_string());
            // The display may be behind: then it hears of the next bytes.
            let mut progress = |Sent { bytes, all }| {
                let reference = reference.clone();
                let _ = self.events.try_send(Event::PushProgress { image, reference, bytes, all });
            };
            match store.push(target, login, &mut progress).await {
                Ok(digest) => return Ok(digest),
                Err(error) if tries < TRIES && !error.is_denied() => {
                    let text = format!("pushing {target} again: {error}");
                    self.send(Event::Notice { text }).await;
                }
                Err(error) => {
                    let helper = self.credentials.failure(target.repository.host()).await;
                    return Err(engine_failure(target, &error, origin.as_ref()).or_of_helper(helper.as_ref()));
                }
            }
            tokio::time::sleep(PAUSE).await;
            tries += 1;
        }
    }

    /// A turn is not left half-way; whoever asks for that is told.
    async fn turn_to_its_end(
        &self,
        publications: &[Publication],
        manifests: &BTreeMap<usize, Manifest>,
        turn: Turn,
        report: &mut Report,
        interruption: &CancellationToken,
    ) {
        let mut turning = std::pin::pin!(self.turn(publications, manifests, turn, report));
        tokio::select! {
            biased;
            () = &mut turning => return,
            () = interruption.cancelled() => {}
        }
        self.send(Event::Notice { text: "the tags are being moved: finishing that first".to_owned() }).await;
        turning.await;
    }

    /// Moves the tags of one turn; all of them or, as far as the registry lets us, none.
    async fn turn(
        &self,
        publications: &[Publication],
        manifests: &BTreeMap<usize, Manifest>,
        turn: Turn,
        report: &mut Report,
    ) {
        let moves: Vec<(&Publication, &TagMove, &Manifest)> = publications
            .iter()
            .enumerate()
            .filter_map(|(at, publication)| Some((publication, manifests.get(&at)?)))
            .flat_map(|(publication, manifest)| {
                let of_turn = publication.moves.iter().filter(move |moved| moved.turn == turn);
                of_turn.map(move |moved| (publication, moved, manifest))
            })
            .collect();
        let writes: Vec<_> = moves
            .iter()
            .map(|(publication, moved, manifest)| self.write(publication, &moved.tag, manifest, true))
            .collect();
        let written: Vec<Result<(), TagFailure>> = stream::iter(writes).buffered(WRITES).collect().await;
        if written.iter().all(Result::is_ok) {
            report.tagged += written.len();
            return;
        }
        // A write that failed may have been carried out nevertheless, so that is put back as well.
        let to_undo = moves
            .iter()
            .zip(&written)
            .filter(|((_, moved, _), written)| moved.from.is_some() || written.is_ok());
        let undoing: Vec<_> =
            to_undo.map(|((publication, moved, _), _)| self.put_back(publication, moved)).collect();
        let undone: Vec<Result<(), ImageReference>> = stream::iter(undoing).buffered(WRITES).collect().await;
        report.left_behind.extend(undone.into_iter().filter_map(Result::err));
        report.failures.extend(written.into_iter().filter_map(Result::err));
    }

    async fn put_back(&self, publication: &Publication, moved: &TagMove) -> Result<(), ImageReference> {
        let reference = publication.tagged(&moved.tag);
        // Registries have no common way to take a tag away; a new one stays.
        let Some(from) = &moved.from else { return Err(reference) };
        let name = ManifestName::Digest(from.digest.clone());
        match self.registry.copy_tag(&publication.wanted.repository, &name, &moved.tag).await {
            Ok(_) => {
                let text = format!("{reference} was put back to {}", from.digest);
                self.send(Event::Notice { text }).await;
                Ok(())
            }
            Err(_) => Err(reference),
        }
    }

    pub(super) async fn write(
        &self,
        publication: &Publication,
        tag: &Tag,
        manifest: &Manifest,
        moves: bool,
    ) -> Result<(), TagFailure> {
        let reference = publication.tagged(tag);
        let name = ManifestName::Tag(tag.clone());
        match self.registry.put_manifest(&publication.wanted.repository, &name, manifest).await {
            Ok(()) => {
                let reference = reference.to_string();
                self.send(Event::Tagged { image: publication.wanted.step, reference, moves }).await;
                Ok(())
            }
            Err(error) => {
                if moves {
                    let (image, reference) = (publication.wanted.step, reference.to_string());
                    self.send(Event::TagFailed { image, reference, error: error.to_string() }).await;
                }
                Err(registry_failure(&reference, &error))
            }
        }
    }

    /// Waits while the renderer is behind. If there is none any more, the work goes on.
    pub(super) async fn send(&self, event: Event) {
        self.events.send(event).await.ok();
    }
}

/// What was done for one publication before anything moves.
#[derive(Default)]
struct Placed {
    pushed: bool,
    tagged: usize,
    manifest: Option<Manifest>,
    /// How long it took to send it, if it was sent.
    elapsed: Option<Duration>,
}

/// What was done for all publications before anything moves, by publication.
#[derive(Default)]
struct AllPlaced {
    manifests: BTreeMap<usize, Manifest>,
    /// Those whose moving tags are still to come, and how long it took to send them.
    waiting: BTreeMap<usize, Option<Duration>>,
}

fn started(publications: &[Publication]) -> Event {
    let images: BTreeSet<_> = publications.iter().map(|publication| publication.wanted.step).collect();
    Event::PublishingStarted {
        registries: publications.len() / images.len().max(1),
        pushes: publications.iter().filter(|publication| publication.found.is_none()).count(),
    }
}

fn published(publication: &Publication, elapsed: Option<Duration>) -> Event {
    let is_commit = |tag: &&Tag| tag.as_str().rsplit('-').next().is_some_and(is_short_commit);
    let fixed = publication.missing.iter().filter(|tag| !is_commit(tag));
    let mut tags: Vec<&Tag> = publication.moves.iter().map(|moved| &moved.tag).chain(fixed).collect();
    if tags.is_empty() {
        tags.extend(&publication.missing);
    }
    Event::Published {
        image: publication.wanted.step,
        reference: publication.tagged(&publication.wanted.key).to_string(),
        tags: tags.iter().map(ToString::to_string).collect(),
        elapsed,
    }
}

/// As tags of commits are made: twelve hex digits.
fn is_short_commit(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
