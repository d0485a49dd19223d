use std::io::{self, Write};
use std::time::Duration;

use super::log::{CiLog, without_commands};
use crate::execution::{Event, ImageOutcome};
use crate::plan::{Plan, StepId};
use crate::report::output::Output;
use crate::report::plain::PlainLines;
use crate::report::renderer::Renderer;
use crate::report::style::View;

/// Plain lines, those of each build in a section of the CI system's log. Sections cannot interleave, so of builds
/// that run side by side one is shown as it goes, and the others when its section is closed.
pub(in crate::report) struct GroupedRenderer {
    output: Output,
    lines: PlainLines,
    log: CiLog,
    now: Duration,
    open: Option<StepId>,
    waiting: Vec<Waiting>,
    /// What was said of no build while a section was open.
    loose: String,
}

/// A build that is not shown yet.
struct Waiting {
    image: StepId,
    text: String,
    /// How it ended, if it did.
    end: Option<String>,
}

impl GroupedRenderer {
    pub(in crate::report) fn new(view: View, writer: Box<dyn Write + Send>, plan: &Plan, log: CiLog) -> Self {
        Self {
            output: Output::new(writer),
            lines: PlainLines::new(view, plan, false),
            log,
            now: Duration::ZERO,
            open: None,
            waiting: Vec::new(),
            loose: String::new(),
        }
    }

    fn write(&mut self, text: &str) {
        self.output.write(&without_commands(text));
    }

    fn open(&mut self, image: StepId) {
        let title = without_commands(self.lines.name(image)).into_owned();
        self.output.write(&self.log.open(image.0, &title, self.now));
        self.open = Some(image);
    }

    fn close(&mut self, image: StepId, end: &str) {
        self.output.write(&self.log.close(image.0, self.now));
        self.open = None;
        self.write(end);
        let loose = std::mem::take(&mut self.loose);
        self.write(&loose);
    }

    fn started(&mut self, image: StepId) {
        // What begins again, on another builder, goes on where it is shown.
        let is_known = self.open == Some(image) || self.waiting.iter().any(|waiting| waiting.image == image);
        if is_known {
            return;
        }
        if self.open.is_none() {
            self.open(image);
        } else {
            self.waiting.push(Waiting { image, text: String::new(), end: None });
        }
    }

    fn said(&mut self, image: StepId, text: &str) {
        if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.image == image) {
            waiting.text.push_str(text);
        } else if self.open == Some(image) {
            self.write(text);
        } else {
            self.say(text);
        }
    }

    fn finished(&mut self, image: StepId, end: String) {
        if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.image == image) {
            waiting.end = Some(end);
        } else if self.open == Some(image) {
            self.close(image, &end);
            self.show_finished();
            if !self.waiting.is_empty() {
                let next = self.waiting.remove(0);
                self.open(next.image);
                self.write(&next.text);
            }
        } else {
            self.say(&end);
        }
    }

    /// Shows the builds that have ended while another one was open.
    fn show_finished(&mut self) {
        let (finished, waiting) =
            std::mem::take(&mut self.waiting).into_iter().partition(|waiting| waiting.end.is_some());
        self.waiting = waiting;
        let finished: Vec<Waiting> = finished;
        for build in finished {
            self.show(&build);
        }
    }

    fn show(&mut self, build: &Waiting) {
        self.open(build.image);
        self.write(&build.text);
        self.close(build.image, build.end.as_deref().unwrap_or_default());
    }

    fn close_all(&mut self) {
        if let Some(image) = self.open {
            self.close(image, "");
        }
        for build in std::mem::take(&mut self.waiting) {
            self.show(&build);
        }
    }

    /// Says what belongs to no build.
    fn say(&mut self, text: &str) {
        if self.open.is_none() {
            self.write(text);
        } else {
            self.loose.push_str(text);
        }
    }
}

impl Renderer for GroupedRenderer {
    fn event(&mut self, event: &Event) {
        let text = self.lines.of(event);
        match event {
            Event::BuildStarted { image, .. } => self.started(*image),
            Event::BuildProgress { image, .. } | Event::BuildLog { image, .. } => self.said(*image, &text),
            Event::ImageFinished { outcome: ImageOutcome::Reused | ImageOutcome::Blocked, .. } => {}
            Event::ImageFinished { image, .. } => self.finished(*image, text),
            Event::Finished { .. } => self.close_all(),
            _ => self.say(&text),
        }
    }

    fn tick(&mut self, now: Duration) {
        self.now = now;
    }

    fn print(&mut self, text: &str) {
        self.close_all();
        self.write(text);
    }

    fn error(&self) -> Option<&io::Error> {
        self.output.error()
    }
}

#[cfg(test)]
mod tests {
    use snapbox::{IntoData as _, assert_data_eq, str};

    use super::*;
    use crate::execution::Outcome;
    use crate::report::testing::run::{begin, failing_run, finished, log, over, seconds};
    use crate::report::testing::{Capture, feed, piped, shop, visible};

    fn play(log: CiLog, events: &[Event]) -> String {
        let capture = Capture::default();
        let mut renderer = GroupedRenderer::new(piped(), capture.boxed(), &shop(), log);
        renderer.tick(seconds(2.0));
        feed(&mut renderer, events);
        capture.take()
    }

    #[test]
    fn a_failing_run() {
        assert_data_eq!(
            play(CiLog::GitHub, &failing_run()),
            str![[r#"
pulling busybox:latest
pulled busybox:latest in 1.2 s
::group::acme/shared
#2 [1/2] FROM docker.io/library/busybox:latest (cached)
#3 [2/2] RUN make
#3 cc -c main.c
#3
#3 100%
#3 main.c:3: error \u{9b}31m
::endgroup::
acme/shared   │ failed after 4.2 s: exit code: 2
note: `base:1.0` already names another key and stays
acme/service1 │ not started: acme/shared failed

"#]]
            .raw()
        );
    }

    #[test]
    fn sections_do_not_interleave_and_the_first_is_shown_as_it_goes() {
        let events = [
            Event::BuildStarted { image: StepId(1), builder: None },
            log(1, 1, "one"),
            Event::BuildStarted { image: StepId(2), builder: None },
            Event::BuildStarted { image: StepId(3), builder: None },
            log(2, 1, "two"),
            log(3, 1, "three"),
            Event::Notice { text: "meanwhile".into() },
            log(1, 1, "one again"),
            finished(3, ImageOutcome::Built, 1.0),
        ];
        let shown = play(CiLog::GitHub, &events);
        assert_eq!(shown, "::group::acme/shared\n#1 one\n#1 one again\n", "the open one is not held back");
        let rest = [
            finished(1, ImageOutcome::Built, 2.0),
            log(2, 1, "two again"),
            finished(2, ImageOutcome::Cancelled, 3.0),
            over(Outcome::Failed, 3.0),
        ];
        assert_data_eq!(
            play(CiLog::GitHub, &[&events[..], &rest].concat()),
            str![[r#"
::group::acme/shared
#1 one
#1 one again
::endgroup::
acme/shared   │ built in 2.0 s
note: meanwhile
::group::acme/admin
#1 three
::endgroup::
acme/admin    │ built in 1.0 s
::group::acme/service1
#1 two
#1 two again
::endgroup::
acme/service1 │ stopped after 3.0 s

"#]]
            .raw()
        );
    }

    #[test]
    fn what_is_open_at_the_end_is_closed() {
        let events = [
            Event::BuildStarted { image: StepId(1), builder: None },
            Event::BuildStarted { image: StepId(2), builder: None },
            log(2, 1, "two"),
            over(Outcome::Interrupted, 1.0),
        ];
        assert_eq!(
            play(CiLog::GitHub, &events),
            "::group::acme/shared\n::endgroup::\n::group::acme/service1\n#1 two\n::endgroup::\n"
        );
    }

    #[test]
    fn gitlab_s_sections_have_times_and_names_of_their_own() {
        let events = [
            Event::BuildStarted { image: StepId(1), builder: None },
            log(1, 1, "one"),
            finished(1, ImageOutcome::Built, 1.0),
        ];
        let shown = play(CiLog::GitLab { begun: seconds(1_700_000_000.0) }, &events);
        assert_eq!(
            visible(&shown).replace('\r', "␍"),
            "␛[0Ksection_start:1700000002:shipwright_1700000000000_1[collapsed=true]␍␛[0Kacme/shared\n#1 one\n\
             ␛[0Ksection_end:1700000002:shipwright_1700000000000_1␍␛[0K\nacme/shared   │ built in 1.0 s\n"
        );
    }

    #[test]
    fn builds_give_no_commands() {
        let hostile = "::endgroup::\r::set-output name=a::b ##[add-mask]x\u{1b}[0Ksection_end:1:x\r\u{1b}[0K";
        let events = [
            Event::BuildStarted { image: StepId(1), builder: None },
            begin(1, 1, "[1/2] RUN echo '\n::stop-commands::x' ##[group]"),
            log(1, 1, hostile),
            finished(1, ImageOutcome::Built, 1.0),
        ];
        for log in [CiLog::GitHub, CiLog::GitLab { begun: seconds(1.0) }] {
            let shown = play(log.clone(), &events);
            assert!(!shown.contains("##["), "{shown}");
            let commands = shown.lines().filter(|line| line.trim_start().starts_with("::")).count();
            assert_eq!(commands, if log == CiLog::GitHub { 2 } else { 0 }, "{shown}");
            assert_eq!(shown.matches("section_end:1:x\r").count(), 0, "{shown:?}");
        }
    }
}
