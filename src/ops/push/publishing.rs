use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::diagnostic::Diagnostic;
use crate::execution::{EVENT_CAPACITY, Event, Outcome};
use crate::ops::audience::follow;
use crate::ops::made_tags::MadeTags;
use crate::ops::registries::Registries;
use crate::ops::workspace::Workspace;
use crate::ops::{Audience, Ending, Error, Extent, Move, News, PushEnd, Services, Work};
use crate::plan::Plan;
use crate::publish::{FailureKind, Judgement, Lent, Publication, Publisher, Report, TagFailure};

/// A run that puts images and tags into registries, and tells how.
pub(in crate::ops) struct Publishing<'a> {
    pub workspace: &'a Workspace,
    pub services: &'a Services,
    pub plan: &'a Arc<Plan>,
    pub registries: &'a Registries,
    /// Where tags may be moved from.
    pub judgement: &'a Judgement<'a>,
    /// Images that builders have put there before.
    pub sent: usize,
}

impl Publishing<'_> {
    pub(in crate::ops) async fn carry_out(
        self,
        publications: &[Publication],
        audience: &mut dyn Audience,
    ) -> Result<Ending, Error> {
        let extent = extent(publications);
        if self.sent == 0 && publications.iter().all(Publication::is_in_place) {
            audience.hears(News::InRegistry { plan: self.plan, extent });
            return Ok(Ending::Done);
        }
        audience.hears(News::Moves(&moves(publications, self.plan)));
        let begun = Instant::now();
        audience.begins(self.plan, Work::Publish)?;
        MadeTags::of(&self.workspace.checkout).add(self.plan);
        let (events, received) = mpsc::channel(EVENT_CAPACITY);
        self.services.notices.shown_by(&events);
        let careful = self.services.interrupts.careful();
        let publisher = Publisher {
            lent: Lent::default(),
            store: self.services.store.clone(),
            registry: Arc::clone(&self.registries.client),
            standings: Arc::clone(&self.registries.standings),
            credentials: Arc::clone(&self.registries.credentials),
            plan: Arc::clone(self.plan),
            guard: self.workspace.guard(),
            events: events.clone(),
        };
        let publishing = async {
            let report = publisher.run(publications, self.judgement, careful.token()).await;
            let outcome = outcome(&report, careful.was_told());
            events.send(Event::Finished { outcome, elapsed: begun.elapsed() }).await.ok();
            drop((events, publisher));
            report
        };
        let mut nobody = |_: &Event| {};
        let (report, _) = tokio::join!(publishing, follow(audience, received, &mut nobody));
        audience.ends(&[]);
        let report =
            Report { pushed: report.pushed + self.sent, tagged: report.tagged + self.sent, ..report };
        Ok(conclude(&report, extent, begun.elapsed(), careful.was_told(), audience))
    }
}

fn outcome(report: &Report, was_told: bool) -> Outcome {
    match report {
        report if report.interrupted => Outcome::Interrupted,
        report if !report.failures.is_empty() => Outcome::Failed,
        _ if was_told => Outcome::Interrupted,
        _ => Outcome::Succeeded,
    }
}

/// From where to where tags move.
fn moves(publications: &[Publication], plan: &Plan) -> Vec<Move> {
    let of_one = |publication: &Publication| {
        let step = &plan.steps[publication.wanted.step];
        let to = step.revision.filter(|_| !step.dirty);
        let moves = publication.moves.iter().map(|moved| Move {
            reference: publication.tagged(&moved.tag),
            from: moved.from.as_ref().map(|from| from.revision),
            to,
        });
        moves.collect::<Vec<_>>()
    };
    publications.iter().flat_map(of_one).collect()
}

fn conclude(
    report: &Report,
    extent: Extent,
    elapsed: Duration,
    was_told: bool,
    audience: &mut dyn Audience,
) -> Ending {
    audience.finds(&report.failures.iter().map(failure).collect::<Vec<_>>());
    audience.finds(&report.left_behind.iter().map(left_behind).collect::<Vec<_>>());
    let end = match report {
        report if report.interrupted => PushEnd::Interrupted,
        report if report.failures.is_empty() => PushEnd::Done,
        _ => PushEnd::Failed,
    };
    audience.hears(News::Pushed { extent, pushed: report.pushed, tagged: report.tagged, end, elapsed });
    match end {
        PushEnd::Interrupted => Ending::Interrupted,
        PushEnd::Done if was_told => {
            audience.hears(News::FinishedFirst);
            Ending::Interrupted
        }
        PushEnd::Done => Ending::Done,
        PushEnd::Failed if report.failures.iter().any(|it| it.kind == FailureKind::Registry) => {
            Ending::Registry
        }
        PushEnd::Failed => Ending::Failed,
    }
}

fn left_behind(reference: &impl std::fmt::Display) -> Diagnostic {
    Diagnostic::error(format!("{reference} could not be put back and does not belong with the others"))
        .hint("run the command again: it repairs that")
}

fn failure(failure: &TagFailure) -> Diagnostic {
    let diagnostic = Diagnostic::error(failure.message.clone());
    match &failure.hint {
        Some(hint) => diagnostic.hint(hint.clone()),
        None => diagnostic,
    }
}

fn extent(publications: &[Publication]) -> Extent {
    let images =
        publications.iter().map(|publication| publication.wanted.step).collect::<BTreeSet<_>>().len();
    Extent { images, registries: publications.len() / images.max(1) }
}
