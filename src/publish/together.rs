use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{StreamExt, stream};

use super::carry_out::WRITES;
use super::failure::registry_failure;
use super::observe::look_at_moves;
use super::{FailureKind, Judgement, Publication, Publisher, Report, TagFailure, TagMove};
use crate::execution::Event;
use crate::image::{Digest, ImageReference, Tag};
use crate::plan::Turn;
use crate::printable::and_more;
use crate::registry::Manifest;
use crate::retry::RetryPolicy;

/// How often tags are put again that another push moves at the same time.
const ROUNDS: u32 = 5;

/// The pauses in between, spread so that two pushes do not meet again and again.
const PAUSES: RetryPolicy = RetryPolicy::new(ROUNDS, Duration::from_millis(500));

/// A tag that does not stand where this push has put it, or left it.
struct Astray<'a> {
    at: usize,
    publication: &'a Publication,
    moved: TagMove,
}

impl Publisher {
    /// Registries know no locks: while the tags of a turn moved, another push may have moved some of them. So all of
    /// them are looked at again, also those that were in place. Whoever writes last looks last, and finds out if the
    /// tags do not belong together. What stands elsewhere is judged as before it moved: put again, or named.
    pub(super) async fn keep_together(
        &self,
        publications: &[Publication],
        manifests: &BTreeMap<usize, Manifest>,
        turn: Turn,
        judgement: &Judgement<'_>,
        report: &mut Report,
    ) {
        for round in 1..=ROUNDS {
            let astray = match self.astray(publications, manifests, turn).await {
                Ok(astray) => astray,
                Err(failure) => return report.failures.push(failure),
            };
            let Some(first) = astray.first() else { return };
            for Astray { publication, moved, .. } in &astray {
                self.overtaken(publication, moved, judgement, report).await;
            }
            if !report.failures.is_empty() {
                return report.failures.extend(left(publications, &astray, turn));
            }
            if round == ROUNDS {
                return report.failures.extend(astray.iter().map(contested));
            }
            let first = first.publication.tagged(&first.moved.tag);
            let more = and_more(astray.len() - 1);
            let text = format!("another push moved {first}{more} at the same time: moving again");
            self.send(Event::Notice { text }).await;
            tokio::time::sleep(PAUSES.pause(round, None, rand::random())).await;
            for Astray { at, publication, moved } in &astray {
                if let Err(failure) = self.put_again(publication, manifests.get(at), &moved.tag).await {
                    report.failures.push(failure);
                }
            }
            if !report.failures.is_empty() {
                return;
            }
        }
    }

    async fn astray<'a>(
        &self,
        publications: &'a [Publication],
        manifests: &BTreeMap<usize, Manifest>,
        turn: Turn,
    ) -> Result<Vec<Astray<'a>>, TagFailure> {
        let looked = publications.iter().enumerate().map(|(at, publication)| async move {
            let moves = of_turn(publication, turn).map(|tag| TagMove { tag: tag.clone(), turn, from: None });
            let asked = Publication { moves: moves.collect(), ..publication.clone() };
            let own = own_digest(publication, manifests.get(&at));
            (at, publication, look_at_moves(&self.standings, &asked, own).await)
        });
        // Collected first: a lazy iterator of borrowing futures would not be general enough for callers.
        let looked: Vec<_> = looked.collect();
        let looked: Vec<_> = stream::iter(looked).buffered(WRITES).collect().await;
        let mut astray = Vec::new();
        for (at, publication, moves) in looked {
            let moves = moves.map_err(|(reference, error)| registry_failure(&reference, &error))?;
            astray.extend(moves.into_iter().map(|moved| Astray { at, publication, moved }));
        }
        Ok(astray)
    }

    async fn put_again(
        &self,
        publication: &Publication,
        manifest: Option<&Manifest>,
        tag: &Tag,
    ) -> Result<(), TagFailure> {
        if let Some(manifest) = manifest {
            return self.write(publication, tag, manifest, true).await;
        }
        // A tag that was in place, so that nothing had to be fetched for it.
        let reference = match &publication.found {
            Some(digest) => publication.wanted.repository.with_digest(digest.clone()),
            None => publication.tagged(&publication.wanted.key),
        };
        let manifest = self.registry.manifest(&reference).await;
        let manifest = manifest.map_err(|error| registry_failure(&reference, &error))?;
        self.write(publication, tag, &manifest, true).await
    }
}

fn of_turn(publication: &Publication, turn: Turn) -> impl Iterator<Item = &Tag> {
    publication.wanted.moving.iter().filter(move |(of, _)| *of == turn).map(|(_, tag)| tag)
}

fn own_digest<'a>(publication: &'a Publication, manifest: Option<&'a Manifest>) -> Option<&'a Digest> {
    manifest.map(|manifest| &manifest.descriptor.digest).or(publication.found.as_ref())
}

/// The tags that stand on images of this push although others of the turn have been taken over.
fn left(publications: &[Publication], astray: &[Astray<'_>], turn: Turn) -> Vec<TagFailure> {
    let is_astray = |reference: &ImageReference| {
        astray.iter().any(|one| one.publication.tagged(&one.moved.tag) == *reference)
    };
    let all = publications
        .iter()
        .flat_map(|publication| of_turn(publication, turn).map(|tag| publication.tagged(tag)));
    all.filter(|reference| !is_astray(reference))
        .map(|reference| TagFailure {
            message: format!(
                "{reference} was left on the image of this push, and does not belong with those of the other"
            ),
            kind: FailureKind::Overtaken,
            hint: Some("push the newest commit again: that moves all of them".to_owned()),
            reference,
        })
        .collect()
}

fn contested(one: &Astray<'_>) -> TagFailure {
    let reference = one.publication.tagged(&one.moved.tag);
    TagFailure {
        message: format!("{reference} is moved by another push again and again"),
        kind: FailureKind::Overtaken,
        hint: Some("run again when no other push of this branch is under way".to_owned()),
        reference,
    }
}
