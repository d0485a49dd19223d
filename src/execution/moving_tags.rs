use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tokio_util::sync::CancellationToken;

use super::lock::TagLock;
use super::outbox::Outbox;
use super::request::reference;
use super::superseded::Superseded;
use super::{Event, Outcome, RunRequest, Worker};
use crate::limits;
use crate::plan::{Action, PlannedTag, StepId};
use crate::printable::and_more;
use crate::retry::RetryPolicy;

/// Engines serialise tag calls; a few at once hide the way to a remote one.
pub(super) const TAGS: usize = 4;

/// How often tags are put again that another run moves at the same time.
const ROUNDS: u32 = 5;

/// The pauses in between, spread so that two runs do not meet again and again.
const PAUSES: RetryPolicy = RetryPolicy::new(ROUNDS, Duration::from_millis(200));

/// A moving tag and the image that it is to name.
type Move = (StepId, PlannedTag);

/// Moves the moving tags of all images together; every image has its key.
///
/// What the plan saw may be old by now, since another run may have moved some in the meantime: under the
/// lock it is asked again which tags are where, so that the images under one tag belong together in the end.
pub(super) async fn move_tags(
    request: RunRequest<'_>,
    blocked: &[bool],
    worker: &dyn Worker,
    outbox: &mut Outbox,
    interruption: &CancellationToken,
) -> Outcome {
    let images: Vec<StepId> = StepId::all(blocked).filter(|image| !blocked[*image]).collect();
    // With everything in place there is nothing to decide, and a run that changes nothing waits for nobody.
    if images.iter().all(|&image| is_in_place(request, image)) {
        return Outcome::Succeeded;
    }
    let prepared = interruption.run_until_cancelled(prepare(request, &images, worker, outbox)).await;
    let Some(prepared) = prepared.filter(|_| !interruption.is_cancelled()) else {
        outbox.push(Event::Interrupted);
        return Outcome::Interrupted;
    };
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(reason) => {
            outbox.push(Event::TagsHeld { reason });
            return Outcome::Failed;
        }
    };
    let moved = put(request, &prepared.moves, worker, outbox, interruption).await
        && (prepared.moves.is_empty() || keep_together(request, &images, worker, outbox, interruption).await);
    drop(prepared);
    if moved && !interruption.is_cancelled() {
        weigh_superseded(request, worker, outbox).await;
    }
    if moved { Outcome::Succeeded } else { Outcome::Failed }
}

fn is_in_place(request: RunRequest<'_>, image: StepId) -> bool {
    let step = &request.plan.steps[image];
    // A new image has no moving tag, whatever the one before it had.
    let is_new = matches!(step.action, Action::Build | Action::Pull);
    step.tags.iter().all(|tag| !tag.moves() || (tag.in_place && !is_new))
}

struct Prepared {
    moves: Vec<Move>,
    /// Held until everything has moved.
    _lock: Option<TagLock>,
}

/// Takes the lock and finds out what there is to move. Changes nothing.
async fn prepare(
    request: RunRequest<'_>,
    images: &[StepId],
    worker: &dyn Worker,
    outbox: &mut Outbox,
) -> Result<Prepared, String> {
    let lock = lock(request, outbox).await;
    let moves = misplaced(request, images, worker).await?;
    if !moves.is_empty() {
        worker.confirm_plan().await?;
    }
    Ok(Prepared { moves, _lock: lock })
}

/// The moving tags that are not where they belong.
async fn misplaced(
    request: RunRequest<'_>,
    images: &[StepId],
    worker: &dyn Worker,
) -> Result<Vec<Move>, String> {
    let present = worker.present_tags(images).await?;
    let mut moves = Vec::new();
    for (position, &image) in images.iter().enumerate() {
        let step = &request.plan.steps[image];
        let Some(present) = present.get(position).and_then(Option::as_ref) else {
            return Err(format!("{} is gone: something removed it during the run", reference(step)));
        };
        let misplaced = step.tags.iter().filter(|tag| tag.moves() && !present.contains(&tag.tag));
        moves.extend(misplaced.map(|tag| (image, tag.clone())));
    }
    Ok(moves)
}

/// The lock is on this machine and its user's alone, the engine may be everybody's: while the tags moved, another run
/// may have moved some of them. So it is looked again at all of them, also at those that were in place, until all are
/// where they belong. Whoever writes last looks last, so that no run ends well and leaves the images of two.
async fn keep_together(
    request: RunRequest<'_>,
    images: &[StepId],
    worker: &dyn Worker,
    outbox: &mut Outbox,
    interruption: &CancellationToken,
) -> bool {
    for round in 1..=ROUNDS {
        let astray = match misplaced(request, images, worker).await {
            Ok(astray) => astray,
            Err(reason) => {
                outbox.push(Event::TagsHeld { reason });
                return false;
            }
        };
        let Some((first, tag)) = astray.first() else { return true };
        let first = request.plan.steps[*first].tagged(tag);
        let last = "another run keeps moving it";
        let gone = if round == ROUNDS { Err(last.to_owned()) } else { worker.confirm_plan().await };
        if let Err(error) = gone {
            for (image, tag) in astray {
                let reference = request.plan.steps[image].tagged(&tag).to_string();
                outbox.push(Event::TagFailed { image, reference, error: error.clone() });
            }
            return false;
        }
        let more = and_more(astray.len() - 1);
        let text = format!("another run moved {first}{more} at the same time: moving again");
        outbox.push(Event::Notice { text });
        tokio::time::sleep(PAUSES.pause(round, None, rand::random())).await;
        if !put(request, &astray, worker, outbox, interruption).await {
            return false;
        }
    }
    false
}

async fn lock(request: RunRequest<'_>, outbox: &mut Outbox) -> Option<TagLock> {
    let scope = request.options.lock.as_ref()?;
    let waiting = || {
        let text = format!("another run is moving the tags of {}: waiting for it", scope.namespace);
        outbox.push(Event::Notice { text });
    };
    match TagLock::acquire(scope, waiting).await {
        Ok(lock) => Some(lock),
        Err(error) => {
            // A home that cannot be written, such as a CI container's, is no reason not to build.
            let text = format!("tags move without a lock against other runs: {error}");
            outbox.push(Event::Notice { text });
            None
        }
    }
}

/// Puts the tags; from here on an interruption waits. After a failure it goes on, so that as few as possible
/// are left behind.
async fn put(
    request: RunRequest<'_>,
    moves: &[Move],
    worker: &dyn Worker,
    outbox: &mut Outbox,
    interruption: &CancellationToken,
) -> bool {
    // Collected first: a lazy iterator of borrowing futures would make this future impossible to spawn.
    let calls: Vec<_> = moves.iter().map(|(image, tag)| worker.tag(*image, tag)).collect();
    let mut results = stream::iter(calls).buffered(TAGS);
    let (mut done, mut all_moved, mut told) = (0, true, false);
    while let Some((image, tag)) = moves.get(done) {
        let result = tokio::select! {
            biased;
            () = interruption.cancelled(), if !told => {
                told = true;
                outbox.push(Event::Notice { text: "the tags are being moved: finishing that first".to_owned() });
                continue;
            }
            result = results.next() => result,
        };
        done += 1;
        let (image, reference) = (*image, request.plan.steps[*image].tagged(tag).to_string());
        match result.unwrap_or(Ok(())) {
            Ok(()) => outbox.push(Event::Tagged { image, reference, moves: true }),
            Err(error) => {
                all_moved = false;
                outbox.push(Event::TagFailed { image, reference, error });
            }
        }
    }
    all_moved
}

/// A run removes nothing: an edit that is taken back finds its image. What that comes to is said when it is much. Only a
/// build adds to it, so nothing is asked otherwise.
async fn weigh_superseded(request: RunRequest<'_>, worker: &dyn Worker, outbox: &mut Outbox) {
    if !request.plan.steps.iter().any(|step| step.action == Action::Build) {
        return;
    }
    let Superseded { references, bytes } = worker.superseded().await;
    if bytes >= limits::SUPERSEDED {
        outbox.push(Event::Superseded { references, bytes });
    }
}
