use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use super::output::Output;
use super::phrase;
use super::pushes::Pushes;
use super::renderer::Renderer;
use super::roster::Roster;
use super::style::{Role, View};
use super::text;
use crate::builder::StepState;
use crate::execution::{Event, ImageOutcome};
use crate::plan::{Action, Plan, StepId};

/// Names are aligned up to this width.
const MAX_NAME: usize = 56;

/// Lines of text as they come: `acme/shared │ #5 [2/4] RUN make`.
pub(super) struct PlainRenderer {
    output: Output,
    lines: PlainLines,
}

impl PlainRenderer {
    /// Writes into `writer`. The view's size does not matter: lines are never cut.
    pub(super) fn new(view: View, writer: Box<dyn Write + Send>, plan: &Plan) -> Self {
        Self { output: Output::new(writer), lines: PlainLines::new(view, plan, true) }
    }
}

impl Renderer for PlainRenderer {
    fn event(&mut self, event: &Event) {
        let lines = self.lines.of(event);
        self.output.write(&lines);
    }

    fn print(&mut self, text: &str) {
        self.output.write(text);
    }

    fn error(&self) -> Option<&io::Error> {
        self.output.error()
    }
}

pub(super) struct PlainLines {
    view: View,
    roster: Roster,
    /// Whether each line of a build has its image in front.
    named: bool,
    name_width: usize,
    /// Steps that were announced, by image and number, and whether as cached.
    steps: HashMap<(StepId, usize), bool>,
    pushes: Pushes,
}

impl PlainLines {
    pub(super) fn new(view: View, plan: &Plan, named: bool) -> Self {
        let roster = Roster::new(plan);
        let built = roster.images().iter().filter(|image| image.action == Action::Build);
        let name_width = built.map(|image| text::columns(&image.name)).max().unwrap_or(0).min(MAX_NAME);
        Self { view, roster, named, name_width, steps: HashMap::new(), pushes: Pushes::default() }
    }

    pub(super) fn name(&self, image: StepId) -> &str {
        self.roster.name(image)
    }

    /// Whole lines, or nothing.
    pub(super) fn of(&mut self, event: &Event) -> String {
        let arrived = self.pushes.event(event, &self.roster);
        match event {
            Event::PullStarted { reference } => self.say(Role::Plain, "pulling", reference),
            Event::PushStarted { reference, .. } => self.say(Role::Plain, "pushing", reference),
            Event::PushFinished { reference, elapsed, error: None, .. } => {
                let place = format!("{} of {}", self.pushes.sent, self.pushes.all.max(self.pushes.sent));
                let took = phrase::duration(*elapsed);
                self.say(Role::Plain, "pushed", &format!("{reference} in {took} ({place})"))
            }
            // What was sent has its own line already.
            Event::Published { .. } => {
                let with_tags = arrived.iter().filter(|one| one.what.ends_with(')'));
                with_tags.map(|one| self.say(Role::Success, "tagged", &one.what)).collect()
            }
            Event::PullFinished { reference, elapsed, error } => {
                self.transferred(("pulled", "could not pull"), reference, *elapsed, error.as_deref())
            }
            Event::PushFinished { reference, elapsed, error, .. } => {
                self.transferred(("pushed", "could not push"), reference, *elapsed, error.as_deref())
            }
            Event::BuildStarted { image, builder } => {
                self.steps.retain(|(of, _), _| of != image);
                let place = builder.as_ref().map(|name| format!(" on {}", text::one_line(name)));
                self.line(*image, Role::Work, &format!("build{}", place.unwrap_or_default()))
            }
            Event::BuildProgress { image, step } => self.progress(*image, step),
            Event::BuildLog { image, step, line, .. } => {
                let shown = format!("#{step} {}", text::log_line(line));
                self.step_line(*image, Role::Plain, shown.trim_end())
            }
            Event::ImageFinished { image, outcome, elapsed } => self.finished(*image, outcome, *elapsed),
            Event::Tagged { image, reference, .. } if self.view.verbose => {
                self.line(*image, Role::Faint, &format!("tagged {}", text::one_line(reference)))
            }
            Event::TagFailed { reference, error, .. } => {
                self.say(Role::Error, "could not tag", &format!("{reference}: {error}"))
            }
            Event::Notice { text } => self.say(Role::Note, "note:", &self.view.theme.decorated(text)),
            Event::Interrupted => self.say(Role::Warning, "interrupted:", "stopping"),
            Event::Started { .. }
            | Event::ContextSent { .. }
            | Event::PushProgress { .. }
            | Event::PublishingStarted { .. }
            | Event::Tagged { .. }
            | Event::TagsHeld { .. }
            | Event::Superseded { .. } => String::new(),
            Event::Finished { .. } => {
                let tagged = arrived.iter().filter(|one| one.took.is_none());
                tagged.map(|one| self.say(Role::Success, one.word, &one.what)).collect()
            }
        }
    }

    /// A line about what happens inside a build.
    fn step_line(&self, image: StepId, role: Role, text: &str) -> String {
        if self.named {
            self.line(image, role, text)
        } else {
            format!("{}\n", self.view.theme.paint(role, text))
        }
    }

    fn line(&self, image: StepId, role: Role, text: &str) -> String {
        let name = self.roster.name(image);
        let theme = self.view.theme;
        let mut line = format!(
            "{}{} {}",
            theme.paint(Role::Name, name),
            text::padding(name, self.name_width),
            theme.paint(Role::Faint, theme.bar()),
        );
        if !text.is_empty() {
            let _ = write!(line, " {}", theme.paint(role, text));
        }
        line.push('\n');
        line
    }

    /// A step is announced once; that it is over is clear from what follows.
    fn progress(&mut self, image: StepId, step: &StepState) -> String {
        if step.name.starts_with("[internal]") && !self.view.verbose {
            return String::new();
        }
        let id = step.id;
        match self.steps.insert((image, id), step.cached) {
            None => {
                let cached = if step.cached { " (cached)" } else { "" };
                self.step_line(image, Role::Plain, &format!("#{id} {}{cached}", text::one_line(&step.name)))
            }
            Some(false) if step.cached => self.step_line(image, Role::Faint, &format!("#{id} cached")),
            Some(_) => String::new(),
        }
    }

    /// A line that is about no image, or about more than one.
    fn say(&self, role: Role, word: &str, rest: &str) -> String {
        format!("{} {}\n", self.view.theme.paint(role, word), text::one_line(rest))
    }

    fn transferred(
        &self,
        (done, failed): (&str, &str),
        reference: &str,
        elapsed: Duration,
        error: Option<&str>,
    ) -> String {
        match error {
            None => self.say(Role::Plain, done, &format!("{reference} in {}", phrase::duration(elapsed))),
            Some(error) => self.say(Role::Error, failed, &format!("{reference}: {error}")),
        }
    }

    fn finished(&mut self, image: StepId, outcome: &ImageOutcome, elapsed: Duration) -> String {
        self.steps.retain(|(of, _), _| *of != image);
        let took = phrase::duration(elapsed);
        match outcome {
            ImageOutcome::Built => self.line(image, Role::Success, &format!("built in {took}")),
            ImageOutcome::Failed { message, .. } => {
                let text = format!("failed after {took}: {}", phrase::short_failure(message));
                self.line(image, Role::Error, &text)
            }
            ImageOutcome::DependencyFailed { dependency } => {
                let text = format!("not started: {} failed", self.roster.name(*dependency));
                self.line(image, Role::Warning, &text)
            }
            ImageOutcome::Cancelled if elapsed > Duration::ZERO => {
                self.line(image, Role::Warning, &format!("stopped after {took}"))
            }
            ImageOutcome::Cancelled => self.line(image, Role::Warning, "not started"),
            // The table above has said so.
            ImageOutcome::Reused | ImageOutcome::Blocked => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use snapbox::{IntoData as _, assert_data_eq, str};

    use super::*;
    use crate::report::testing::run::{failing_run, finished, good_run, log, publishing_run};
    use crate::report::testing::{Capture, ascii, colored, feed, piped, shop, visible};

    fn play(view: View, events: &[Event]) -> String {
        let capture = Capture::default();
        let mut renderer = PlainRenderer::new(view, capture.boxed(), &shop());
        feed(&mut renderer, events);
        capture.take()
    }

    #[test]
    fn a_failing_run() {
        assert_data_eq!(
            play(piped(), &failing_run()),
            str![[r#"
pulling busybox:latest
pulled busybox:latest in 1.2 s
acme/shared   │ build
acme/shared   │ #2 [1/2] FROM docker.io/library/busybox:latest (cached)
acme/shared   │ #3 [2/2] RUN make
acme/shared   │ #3 cc -c main.c
acme/shared   │ #3
acme/shared   │ #3 100%
acme/shared   │ #3 main.c:3: error \u{9b}31m
note: `base:1.0` already names another key and stays
acme/shared   │ failed after 4.2 s: exit code: 2
acme/service1 │ not started: acme/shared failed

"#]]
            .raw()
        );
    }

    #[test]
    fn a_good_run() {
        assert_data_eq!(
            play(ascii(), &good_run()),
            str![[r#"
acme/shared   | build
acme/shared   | #1 [1/2] FROM docker.io/library/busybox:latest
acme/shared   | built in 3.9 s
acme/service1 | build
acme/service1 | built in 2.0 s

"#]]
        );
        let verbose = View { verbose: true, ..colored() };
        assert_data_eq!(
            visible(&play(verbose, &good_run())),
            str![[r#"
␛[1macme/shared␛[0m   ␛[2m│␛[0m ␛[1m␛[36mbuild␛[0m
␛[1macme/shared␛[0m   ␛[2m│␛[0m #1 [1/2] FROM docker.io/library/busybox:latest
␛[1macme/shared␛[0m   ␛[2m│␛[0m ␛[32mbuilt in 3.9 s␛[0m
␛[1macme/service1␛[0m ␛[2m│␛[0m ␛[1m␛[36mbuild␛[0m
␛[1macme/service1␛[0m ␛[2m│␛[0m ␛[32mbuilt in 2.0 s␛[0m
␛[1macme/base␛[0m     ␛[2m│␛[0m ␛[2mtagged acme/base:feature-login␛[0m
␛[1macme/shared␛[0m   ␛[2m│␛[0m ␛[2mtagged acme/shared:feature-login␛[0m
␛[1macme/service1␛[0m ␛[2m│␛[0m ␛[2mtagged acme/service1:feature-login␛[0m
␛[1macme/admin␛[0m    ␛[2m│␛[0m ␛[2mtagged acme/admin:feature-login␛[0m

"#]]
        );
    }

    #[test]
    fn a_run_that_publishes() {
        assert_data_eq!(
            play(piped(), &publishing_run()),
            str![[r#"
pushing hub.acme.com/acme/base:src-1
pushing hub.acme.com/acme/admin:src-2
could not push hub.acme.com/acme/admin:src-2: denied\u{7}
pushed hub.acme.com/acme/base:src-1 in 1.5 s (1 of 3)
tagged acme/base (main, v1\u{7})
could not tag hub.acme.com/acme/base:main: too many requests

"#]]
            .raw()
        );
    }

    #[test]
    fn odd_events() {
        let events = [
            Event::PullFinished {
                reference: "x\u{1b}[2J".into(),
                elapsed: Duration::ZERO,
                error: Some("no such\nhost".into()),
            },
            log(99, 1, "an image that the plan does not have"),
            Event::Interrupted,
            finished(1, ImageOutcome::Cancelled, 1.0),
            finished(2, ImageOutcome::Cancelled, 0.0),
        ];
        assert_data_eq!(
            play(piped(), &events),
            str![[r#"
could not pull x\u{1b}[2J: no such host
?             │ #1 an image that the plan does not have
interrupted: stopping
acme/shared   │ stopped after 1.0 s
acme/service1 │ not started

"#]]
            .raw()
        );
    }

    #[test]
    fn a_closed_pipe_ends_the_output_and_nothing_else() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut renderer = PlainRenderer::new(piped(), Box::new(Closed), &shop());
        feed(&mut renderer, &failing_run());
        assert_eq!(renderer.error().map(io::Error::kind), Some(io::ErrorKind::BrokenPipe));
    }
}
