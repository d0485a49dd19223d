use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;

use super::error::{CliError, ExitCode};
use super::output::{Output, follow};
use super::registries::Registries;
use super::session::Session;
use crate::diagnostic::Diagnostic;
use crate::execution::{EVENT_CAPACITY, Event, Outcome};
use crate::git::CommitId;
use crate::plan::Plan;
use crate::publish::{Failure, FailureKind, Judgement, Lent, Publication, Publisher, Report};
use crate::report::Work;

/// A run that puts images and tags into registries, and shows how.
pub(super) struct Publishing<'a> {
    pub(super) session: &'a Session,
    /// What the publications' images are.
    pub(super) plan: &'a Arc<Plan>,
    pub(super) registries: &'a Registries,
    /// Where tags may be moved from.
    pub(super) judgement: &'a Judgement<'a>,
    /// `--events`.
    pub(super) events: Option<&'a Path>,
}

impl Publishing<'_> {
    pub(super) async fn carry_out(
        self,
        publications: &[Publication],
        output: &mut Output,
    ) -> Result<ExitCode, CliError> {
        if publications.iter().all(Publication::is_in_place) {
            output.result_line(&format!("{}: nothing to push", what(publications)));
            output.summarise_in_place(self.plan);
            return Ok(ExitCode::Done);
        }
        for line in moves(publications, self.plan) {
            output.result_line(&line);
        }
        let begun = Instant::now();
        let mut reporter = output.reporter(self.plan, Work::Publish, self.events)?;
        let (events, received) = mpsc::channel(EVENT_CAPACITY);
        self.session.notices.shown_by(&events);
        let careful = self.session.signals.careful();
        let publisher = Publisher {
            lent: Lent::default(),
            engine: self.session.engine.clone(),
            registry: self.registries.client.clone(),
            standings: Arc::clone(&self.registries.standings),
            credentials: Arc::clone(&self.registries.credentials),
            plan: Arc::clone(self.plan),
            guard: self.session.guard(),
            events: events.clone(),
        };
        let publishing = async {
            let report = publisher.run(publications, self.judgement, careful.token()).await;
            let outcome = match &report {
                report if report.interrupted => Outcome::Interrupted,
                report if report.failures.is_empty() && careful.token().is_cancelled() => {
                    Outcome::Interrupted
                }
                report if report.failures.is_empty() => Outcome::Succeeded,
                _ => Outcome::Failed,
            };
            events.send(Event::Finished { outcome, elapsed: begun.elapsed() }).await.ok();
            drop((events, publisher));
            report
        };
        let (report, ()) = tokio::join!(publishing, follow(&mut reporter, received));
        output.check(&reporter);
        drop(reporter);
        let was_told = careful.token().is_cancelled();
        Ok(conclude(&report, publications, begun, was_told, output))
    }
}

/// Says from where to where tags move, before they do.
fn moves(publications: &[Publication], plan: &Plan) -> Vec<String> {
    let moves = publications.iter().flat_map(|publication| {
        let to =
            commit(plan.steps[publication.step].revision.filter(|_| !plan.steps[publication.step].dirty));
        publication.moves.iter().map(move |moved| {
            let from = match &moved.from {
                None => "new".to_owned(),
                Some(from) => commit(from.revision),
            };
            (publication.tagged(&moved.tag).to_string(), format!("{from} → {to}"))
        })
    });
    let moves: Vec<(String, String)> = moves.collect();
    let width = moves.iter().map(|(reference, _)| reference.len()).max().unwrap_or_default();
    moves.iter().map(|(reference, way)| format!("  move   {reference:width$}   {way}")).collect()
}

fn commit(revision: Option<CommitId>) -> String {
    revision.map_or_else(|| "no commit".to_owned(), |revision| revision.short())
}

fn conclude(
    report: &Report,
    publications: &[Publication],
    begun: Instant,
    was_told: bool,
    output: &Output,
) -> ExitCode {
    let failures: Vec<Diagnostic> = report.failures.iter().map(failure).collect();
    output.diagnostics(&failures);
    let behind: Vec<Diagnostic> = report
        .left_behind
        .iter()
        .map(|reference| {
            Diagnostic::error(format!(
                "{reference} could not be put back and does not belong with the others"
            ))
            .hint("run `shipwright push` again: it repairs that")
        })
        .collect();
    output.diagnostics(&behind);
    let took = begun.elapsed().as_secs_f64();
    if report.interrupted {
        output.result_line("interrupted: run again to finish");
        return ExitCode::Interrupted;
    }
    if report.failures.is_empty() {
        output.result_line(&format!(
            "{}: {} pushed, {} tags written, {took:.1} s",
            what(publications),
            report.pushed,
            report.tagged
        ));
        if was_told {
            output.result_line("interrupted when the tags were moving: that was finished first");
            return ExitCode::Interrupted;
        }
        return ExitCode::Done;
    }
    output.result_line(&format!(
        "failed: {} pushed, {} tags written, {took:.1} s",
        report.pushed, report.tagged
    ));
    if report.failures.iter().any(|failure| failure.kind == FailureKind::Registry) {
        ExitCode::Registry
    } else {
        ExitCode::Failed
    }
}

fn failure(failure: &Failure) -> Diagnostic {
    let diagnostic = Diagnostic::error(failure.message.clone());
    match &failure.hint {
        Some(hint) => diagnostic.hint(hint.clone()),
        None => diagnostic,
    }
}

/// `3 images`, `3 images in 2 registries`.
fn what(publications: &[Publication]) -> String {
    let images = publications.iter().map(|publication| publication.step).collect::<BTreeSet<_>>().len();
    let s = if images == 1 { "" } else { "s" };
    let places = publications.len() / images.max(1);
    let places = if places > 1 { format!(" in {places} registries") } else { String::new() };
    format!("{images} image{s}{places}")
}
