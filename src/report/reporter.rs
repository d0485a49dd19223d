use std::io::{self, Write};
use std::time::Duration;

use super::ci::{CiLog, GroupedRenderer};
use super::diagnostic::Sources;
use super::json_events::JsonEvents;
use super::live::LiveRenderer;
use super::output::Output;
use super::plain::PlainRenderer;
use super::record::Record;
use super::renderer::{RenderMode, Renderer};
use super::roster::Roster;
use super::style::{Size, View};
use super::summary::{build_failures, summary};
use crate::diagnostic::Diagnostic;
use crate::execution::Event;
use crate::ops::TagPosition;
use crate::plan::Plan;

/// Shows a run while it happens and sums it up at its end. See the [module](super) for how it is driven.
pub(crate) struct Reporter {
    mode: RenderMode,
    view: View,
    renderers: Vec<Box<dyn Renderer>>,
    /// Those that programs read, by their places, and what they write.
    relied_on: Vec<(usize, String)>,
    record: Record,
}

impl Reporter {
    /// A reporter for one run of `plan`, which it need not be given again.
    pub(crate) fn new(mode: RenderMode, view: View, writer: Box<dyn Write + Send>, plan: &Plan) -> Self {
        let renderer: Box<dyn Renderer> = match mode {
            RenderMode::Live => Box::new(LiveRenderer::new(view, writer, plan)),
            RenderMode::Plain => Box::new(PlainRenderer::new(view, writer, plan)),
            RenderMode::Json => Box::new(JsonEvents::new(writer, plan)),
            RenderMode::Quiet => Box::new(QuietRenderer { output: Output::new(writer) }),
        };
        let mut record = Record::new(Roster::new(plan));
        record.log_was_shown = mode == RenderMode::Live;
        Self { mode, view, renderers: vec![renderer], relied_on: Vec::new(), record }
    }

    /// A reporter whose plain lines are in sections of a CI system's log.
    pub(crate) fn grouped(view: View, writer: Box<dyn Write + Send>, plan: &Plan, log: CiLog) -> Self {
        let renderer = Box::new(GroupedRenderer::new(view, writer, plan, log));
        Self {
            mode: RenderMode::Plain,
            view,
            renderers: vec![renderer],
            relied_on: Vec::new(),
            record: Record::new(Roster::new(plan)),
        }
    }

    /// Gives every event to `renderer` as well: `--events FILE`.
    #[must_use]
    pub(crate) fn also(mut self, renderer: Box<dyn Renderer>) -> Self {
        self.renderers.push(renderer);
        self
    }

    /// The renderer that was added last is for programs, which rely on every line of `what`.
    #[must_use]
    pub(crate) fn relied_on(mut self, what: impl Into<String>) -> Self {
        self.relied_on.push((self.renderers.len() - 1, what.into()));
        self
    }

    /// What programs rely on and could not be written, and why. A reader that went away knows it itself.
    pub(crate) fn incomplete(&self) -> impl Iterator<Item = (&str, &io::Error)> {
        let error = |at: usize| self.renderers[at].error();
        self.relied_on.iter().filter_map(move |(at, what)| {
            let error = error(*at).filter(|error| error.kind() != io::ErrorKind::BrokenPipe)?;
            Some((what.as_str(), error))
        })
    }

    /// Ends the run: what failed, with its place in the Dockerfile and the end of its output, where moving
    /// tags still point, and the total. To be called after [`Event::Finished`].
    pub(crate) fn finish(&mut self, sources: Sources<'_>, positions: &[TagPosition]) {
        if self.mode == RenderMode::Json || (self.mode == RenderMode::Quiet && self.record.is_complete()) {
            return;
        }
        let summary = summary(&self.record, &self.view, sources, positions);
        self.print(&self.view.theme.decorated(&summary));
    }

    /// What failed, each with its place in the Dockerfile where it is known.
    pub(crate) fn failures(&self) -> Vec<Diagnostic> {
        build_failures(&self.record)
    }
}

impl Renderer for Reporter {
    fn event(&mut self, event: &Event) {
        self.record.event(event);
        self.renderers.iter_mut().for_each(|renderer| renderer.event(event));
    }

    fn tick(&mut self, now: Duration) {
        self.renderers.iter_mut().for_each(|renderer| renderer.tick(now));
    }

    fn resize(&mut self, size: Size) {
        self.view.size = Some(size);
        self.renderers.iter_mut().for_each(|renderer| renderer.resize(size));
    }

    fn print(&mut self, text: &str) {
        self.renderers.iter_mut().for_each(|renderer| renderer.print(text));
    }

    fn error(&self) -> Option<&io::Error> {
        self.renderers.iter().find_map(|renderer| renderer.error())
    }
}

/// Shows nothing but what is printed in so many words.
struct QuietRenderer {
    output: Output,
}

impl Renderer for QuietRenderer {
    fn event(&mut self, _event: &Event) {}

    fn print(&mut self, text: &str) {
        self.output.write(text);
    }

    fn error(&self) -> Option<&io::Error> {
        self.output.error()
    }
}

#[cfg(test)]
mod tests {
    use snapbox::{IntoData as _, assert_data_eq, str};

    use super::*;
    use crate::report::testing::run::{failing_run, good_run, seconds};
    use crate::report::testing::{Capture, piped, shop};

    /// Standard output of a run, and the file of `--events`.
    fn run(mode: RenderMode, events: &[Event]) -> (String, String) {
        let (terminal, file) = (Capture::default(), Capture::default());
        let mut reporter = Reporter::new(mode, piped(), terminal.boxed(), &shop())
            .also(Box::new(JsonEvents::new(file.boxed(), &shop())));
        reporter.print("head\n");
        for event in events {
            reporter.event(event);
        }
        reporter.tick(seconds(1.0));
        reporter.finish(&|_| None, &[]);
        drop(reporter);
        (terminal.take(), file.take())
    }

    #[test]
    fn the_summary_follows_in_every_mode_for_people() {
        for mode in [RenderMode::Live, RenderMode::Plain] {
            let (shown, _) = run(mode, &failing_run());
            assert!(shown.starts_with("head\n"), "{shown}");
            assert!(shown.ends_with("4 images: 2 unchanged, 1 failed, 1 not started, 6.1 s\n"), "{shown}");
        }
    }

    #[test]
    fn json_is_nothing_but_json() {
        let (shown, file) = run(RenderMode::Json, &failing_run());
        assert_eq!(shown, file);
        assert_eq!(shown.lines().count(), failing_run().len());
        assert!(shown.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    }

    #[test]
    fn quiet_shows_failures_only() {
        assert_eq!(run(RenderMode::Quiet, &good_run()).0, "head\n");
        assert_data_eq!(
            run(RenderMode::Quiet, &failing_run()).0,
            str![[r#"
head

error: acme/shared could not be built: process "/bin/sh -c make" did not complete successfully: exit code: 2
--> shared/Dockerfile:3
  the end of its output:
  │ cc -c main.c
  │ 100%
  │ main.c:3: error: expected ';'
  │ make: *** [all] Error 1
hint: run it alone with `-e shared`

not started: acme/service1, which needs acme/shared
not moved: `feature-login` and `latest` are where they were
4 images: 2 unchanged, 1 failed, 1 not started, 6.1 s

"#]]
            .raw()
        );
    }
}
