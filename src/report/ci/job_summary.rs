use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use crate::execution::{Event, ImageOutcome, Outcome};
use crate::ops::Work;
use crate::plan::{Plan, StepId};
use crate::report::output::Output;
use crate::report::record::Record;
use crate::report::renderer::Renderer;
use crate::report::roster::Roster;
use crate::report::style::View;
use crate::report::{phrase, summary, text};

/// More images than this are only counted.
const MAX_ROWS: usize = 500;

/// A table of all images in Markdown, written when the run is over: what was done with each, why, and how long it
/// took.
pub(crate) struct JobSummary {
    output: Output,
    view: View,
    work: Work,
    title: String,
    reasons: Vec<String>,
    record: Record,
    took: BTreeMap<StepId, Duration>,
    pushed: BTreeMap<StepId, bool>,
}

impl JobSummary {
    /// Writes into `writer` when the run of `plan` is over.
    pub(crate) fn new(view: View, writer: Box<dyn Write + Send>, plan: &Plan, work: Work) -> Self {
        let parts = [Some(plan.checkout.name.clone()), plan.checkout.branch.clone()];
        let head = plan.checkout.head.map(|head| head.short());
        let parts: Vec<String> =
            parts.into_iter().chain([head]).flatten().map(|part| markdown(&part)).collect();
        let reasons = |step: &crate::plan::Step| {
            let texts: Vec<&str> = step.reasons.iter().map(|reason| reason.text.as_str()).collect();
            texts.join(", ")
        };
        Self {
            output: Output::new(writer),
            view,
            work,
            title: parts.join(" · "),
            reasons: plan.steps.iter().map(reasons).collect(),
            record: Record::new(Roster::new(plan)),
            took: BTreeMap::new(),
            pushed: BTreeMap::new(),
        }
    }

    fn table(&self) -> String {
        let what = if self.work == Work::Publish { "Pushed" } else { "Images" };
        let mut out = format!("### {what}: {}\n\n", self.title);
        let images = self.record.roster.images();
        if !images.is_empty() {
            out.push_str("| image | action | reason | time |\n|---|---|---|---|\n");
        }
        for (at, image) in StepId::all(images).zip(images).take(MAX_ROWS) {
            let (action, reason) = self.row(at);
            let took = self.took.get(&at).filter(|took| !took.is_zero()).map(|took| phrase::duration(*took));
            let _ = writeln!(
                out,
                "| {} | {action} | {} | {} |",
                markdown(&image.name),
                markdown(&reason),
                took.unwrap_or_default()
            );
        }
        if images.len() > MAX_ROWS {
            let _ = writeln!(out, "\nand {} more", images.len() - MAX_ROWS);
        }
        if self.work == Work::Build {
            let _ = writeln!(out, "\n{}", markdown(summary::total(&self.record, &self.view).trim_end()));
        }
        out.push('\n');
        out
    }

    fn row(&self, id: StepId) -> (&'static str, String) {
        let run = &self.record.run;
        let planned = || self.reasons.get(id.0).cloned().unwrap_or_default();
        match (self.work, self.pushed.get(&id)) {
            (_, Some(true)) => return ("pushed", planned()),
            (_, Some(false)) => return ("**failed**", "could not be pushed".to_owned()),
            (Work::Publish, None) => {
                let is_tagged = run.was_touched(id);
                return (if is_tagged { "tagged" } else { "unchanged" }, "the registry has it".to_owned());
            }
            (Work::Build, None) => {}
        }
        if run.built.contains(&id) {
            ("built", planned())
        } else if run.failed.contains(&id) {
            let failure =
                self.record.failures.get(&id).map(|failure| phrase::short_failure(&failure.message));
            ("**failed**", failure.unwrap_or_default())
        } else if run.tagged.contains(&id) {
            ("tagged", planned())
        } else if run.reused.contains(&id) {
            ("unchanged", planned())
        } else if run.blocked.contains(&id) {
            ("blocked", planned())
        } else {
            ("not started", self.why_not_started(id))
        }
    }

    fn why_not_started(&self, id: StepId) -> String {
        let failed = self.record.skipped.iter().find(|(_, images)| images.contains(&id));
        match failed {
            Some((dependency, _)) => format!("{} failed", self.record.roster.name(*dependency)),
            None if self.record.run.outcome == Some(Outcome::Interrupted) => "interrupted".to_owned(),
            None => String::new(),
        }
    }
}

/// Text that Markdown shows as it stands, in one cell of a table.
fn markdown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text::one_line(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' | '$' | '@' => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    safe
}

impl Renderer for JobSummary {
    fn event(&mut self, event: &Event) {
        self.record.event(event);
        match event {
            Event::ImageFinished {
                image,
                outcome: ImageOutcome::Built | ImageOutcome::Failed { .. },
                elapsed,
            } => {
                self.took.insert(*image, *elapsed);
            }
            Event::PushFinished { image, elapsed, error, .. } => {
                self.took.insert(*image, *elapsed);
                let is_fine = error.is_none();
                self.pushed.entry(*image).and_modify(|fine| *fine &= is_fine).or_insert(is_fine);
            }
            Event::Finished { .. } => {
                let table = self.table();
                self.output.write(&table);
            }
            _ => {}
        }
    }

    fn error(&self) -> Option<&io::Error> {
        self.output.error()
    }
}

#[cfg(test)]
mod tests {
    use snapbox::{IntoData as _, assert_data_eq, str};

    use super::*;
    use crate::plan::Action;
    use crate::report::testing::run::{failing_run, finished, good_run, over, publishing_run};
    use crate::report::testing::{Capture, feed, piped, plan, shop, step};

    fn play(plan: &Plan, work: Work, events: &[Event]) -> String {
        let capture = Capture::default();
        feed(&mut JobSummary::new(piped(), capture.boxed(), plan, work), events);
        capture.take()
    }

    #[test]
    fn a_good_run() {
        assert_data_eq!(
            play(&shop(), Work::Build, &good_run()),
            str![[r#"
### Images: shop · feature/login · 3f9ac0d1e2b4

| image | action | reason | time |
|---|---|---|---|
| acme/base | tagged | unchanged since 9f3b21c04d55 |  |
| acme/shared | built | shared/auth.py changed | 3.9 s |
| acme/service1 | built | acme/shared is rebuilt | 2.0 s |
| acme/admin | tagged | unchanged since 9f3b21c04d55 |  |

4 images: 2 built, 2 tagged, 6.1 s


"#]]
            .raw()
        );
    }

    #[test]
    fn failures_and_what_they_cost() {
        let shown = play(&shop(), Work::Build, &failing_run());
        assert!(shown.contains("| acme/shared | **failed** | exit code: 2 | 4.2 s |\n"), "{shown}");
        assert!(shown.contains("| acme/service1 | not started | acme/shared failed |  |\n"), "{shown}");
        assert!(shown.contains("| acme/base | unchanged |"), "{shown}");
    }

    #[test]
    fn what_a_registry_got() {
        let shown = play(&shop(), Work::Publish, &publishing_run());
        assert!(shown.starts_with("### Pushed: shop"), "{shown}");
        assert!(shown.contains("| acme/base | pushed | unchanged since 9f3b21c04d55 | 1.5 s |\n"), "{shown}");
        assert!(shown.contains("| acme/admin | **failed** | could not be pushed | 0.3 s |\n"), "{shown}");
        assert!(shown.contains("| acme/shared | unchanged | the registry has it |  |\n"), "{shown}");
    }

    #[test]
    fn text_of_the_outside_stays_in_its_cell() {
        let hostile = "a|b`c` <img src=x>\n# [x](http://x) \u{1b}[2J\\";
        let plan = plan(vec![step(Action::Build, "shared", &[hostile])]);
        let shown =
            play(&plan, Work::Build, &[finished(0, ImageOutcome::Built, 1.0), over(Outcome::Succeeded, 1.0)]);
        let row = shown.lines().find(|line| line.starts_with("| acme/shared")).expect("a row");
        assert_eq!(
            row,
            "| acme/shared | built | a\\|b\\`c\\` &lt;img src=x&gt; \\# \\[x\\](http://x) \\\\u{1b}\\[2J\\\\ | 1.0 s |"
        );
    }
}
