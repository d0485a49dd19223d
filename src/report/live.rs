use std::io::{self, Write};
use std::time::Duration;

use super::live_lines::{LiveWork, Running, Totals, image_lines, total_line};
use super::output::Output;
use super::phrase;
use super::pushes::Pushes;
use super::renderer::Renderer;
use super::roster::Roster;
use super::screen::Screen;
use super::style::{Role, Size, View};
use super::summary::log_end;
use super::text;
use crate::execution::{Event, Forecast, ImageOutcome};
use crate::plan::{Action, Plan, StepId};

/// For a terminal that does not tell its size.
const DEFAULT_SIZE: Size = Size { columns: 80, rows: 24 };

/// Drawing more often than this is lost on a person.
const FRAME: Duration = Duration::from_millis(80);

/// The name of a finished image is aligned up to this width.
const MAX_NAME: usize = 72;

/// Wide enough for `2 min 05 s`: the same for all, so that times stand below each other.
const TOOK: usize = 10;

const MAX_PUSHED: usize = 80;

/// A line an image in flight, redrawn in place, and a total; what is finished scrolls away above them.
pub(super) struct LiveRenderer {
    screen: Screen,
    view: View,
    roster: Roster,
    name_width: usize,
    /// The same for images with their tags in registries.
    push_width: usize,
    now: Duration,
    last_frame: Option<Duration>,
    /// In the order in which they began.
    running: Vec<Running>,
    totals: Totals,
    forecast: Forecast,
    pushes: Pushes,
    /// Finished lines that wait for the next frame.
    above: String,
    ended: bool,
}

impl LiveRenderer {
    /// Writes to `writer`, a terminal; the view has its size.
    pub(super) fn new(view: View, writer: Box<dyn Write + Send>, plan: &Plan) -> Self {
        let roster = Roster::new(plan);
        let push_width = roster.images().iter().map(|image| image.pushed_width).max();
        let built = roster.images().iter().filter(|image| image.action == Action::Build);
        Self {
            screen: Screen::new(Output::new(writer), view.size.unwrap_or(DEFAULT_SIZE)),
            view,
            name_width: built.map(|image| text::columns(&image.name)).max().unwrap_or(0).min(MAX_NAME),
            push_width: push_width.unwrap_or(0).min(MAX_PUSHED),
            roster,
            now: Duration::ZERO,
            last_frame: None,
            running: Vec::new(),
            totals: Totals::default(),
            forecast: Forecast::new(plan),
            pushes: Pushes::default(),
            above: String::new(),
            ended: false,
        }
    }

    fn find(&mut self, image: StepId) -> Option<&mut Running> {
        self.running.iter_mut().find(|running| running.work == LiveWork::Build(image))
    }

    fn begin(&mut self, work: LiveWork, name: String) {
        self.running.push(Running::new(work, name, self.now));
    }

    fn transferred(&mut self, work: LiveWork, reference: &str, elapsed: Duration, error: Option<&str>) {
        self.running.retain(|running| running.work != work || running.name != reference);
        let took = phrase::duration(elapsed);
        match error {
            // Told with its tags, once these are put.
            None if work == LiveWork::Push => {}
            None => self.say(Role::Success, "pulled", reference, &took),
            // What was cut short is no news.
            Some(_) if self.totals.stopping => {}
            Some(error) => {
                let rest = format!("{took}  {}", text::one_line(error));
                self.say(Role::Error, "failed", reference, &rest);
            }
        }
    }

    /// `  built    acme/shared  6.1 s`
    fn say(&mut self, role: Role, word: &str, what: &str, rest: &str) {
        self.say_aligned(role, word, what, rest, self.name_width);
    }

    fn say_aligned(&mut self, role: Role, word: &str, what: &str, rest: &str, width: usize) {
        let theme = self.view.theme;
        let room = self.screen.size().columns.saturating_sub(2 + 9);
        let least = if rest.is_empty() { 0 } else { 2 + TOOK };
        let limit = room.saturating_sub(least).max(room.min(12));
        let name = text::truncate_start(what, limit, theme.ellipsis());
        let left = room.saturating_sub(text::columns(&name) + 2);
        // Where there is little room, a time counts for more than its column.
        let pad = text::padding(&name, width.min(room.saturating_sub(2 + TOOK)));
        let left = left.saturating_sub(pad.len());
        let rest = text::truncate(rest, left, theme.ellipsis());
        let line = format!("  {}{} {name}{pad}  {rest}", theme.paint(role, word), text::padding(word, 8));
        self.above.push_str(line.trim_end());
        self.above.push('\n');
    }

    fn finished(&mut self, image: StepId, outcome: &ImageOutcome, elapsed: Duration) {
        let running = self.running.len();
        self.running.retain(|running| running.work != LiveWork::Build(image));
        let is_build = self.roster.images().get(image.0).is_some_and(|it| it.action == Action::Build);
        let began = self.running.len() < running;
        self.totals.over += usize::from(began || is_build && *outcome != ImageOutcome::Blocked);
        let name = self.roster.name(image).to_owned();
        let took = phrase::duration(elapsed);
        match outcome {
            ImageOutcome::Built => {
                self.totals.built += 1;
                self.say(Role::Success, "built", &name, &took);
            }
            ImageOutcome::Failed { message, log, .. } => {
                self.totals.failed += 1;
                let rest = format!("{took}  {}", phrase::short_failure(message));
                self.say(Role::Error, "failed", &name, &rest);
                // At once: what else is running may take hours.
                self.above.push_str(&log_end(log, &self.view));
            }
            ImageOutcome::Cancelled if !elapsed.is_zero() => self.say(Role::Warning, "stopped", &name, &took),
            // The table has shown these, or the summary will list them.
            ImageOutcome::Reused
            | ImageOutcome::Blocked
            | ImageOutcome::DependencyFailed { .. }
            | ImageOutcome::Cancelled => {}
        }
    }

    fn draw(&mut self) {
        let width = self.screen.size().columns.saturating_sub(1);
        let max = self.screen.max_lines();
        let mut lines = Vec::new();
        if !self.ended {
            self.totals.left = self.forecast.left(self.now);
            lines = image_lines(&self.running, &self.view, self.now, width, max.saturating_sub(1));
            lines.push(total_line(&self.totals, &self.running, &self.view, self.now, width));
        }
        self.screen.draw(&std::mem::take(&mut self.above), &lines);
        self.last_frame = Some(self.now);
    }
}

impl Renderer for LiveRenderer {
    fn event(&mut self, event: &Event) {
        self.forecast.event(event, self.now);
        for arrived in self.pushes.event(event, &self.roster) {
            let took = arrived.took.map(phrase::duration).unwrap_or_default();
            self.say_aligned(Role::Success, arrived.word, &arrived.what, &took, self.push_width);
        }
        self.totals.pushes = (self.pushes.sent, self.pushes.all);
        match event {
            Event::Started { builds, .. } => self.totals.builds = *builds,
            Event::PullStarted { reference } => self.begin(LiveWork::Pull, text::reference(reference)),
            Event::PushStarted { image, reference } => {
                self.begin(LiveWork::Push, self.pushes.name(&self.roster, *image, reference));
            }
            Event::PushProgress { image, reference, bytes, all } => {
                let name = self.pushes.name(&self.roster, *image, reference);
                let is_it = |one: &&mut Running| one.work == LiveWork::Push && one.name == name;
                if let Some(running) = self.running.iter_mut().find(is_it) {
                    (running.sent, running.all) = (*bytes, *all);
                }
            }
            Event::PullFinished { reference, elapsed, error } => {
                self.transferred(LiveWork::Pull, &text::reference(reference), *elapsed, error.as_deref());
            }
            Event::PushFinished { image, reference, elapsed, error } => {
                let name = self.pushes.name(&self.roster, *image, reference);
                self.transferred(LiveWork::Push, &name, *elapsed, error.as_deref());
            }
            Event::BuildStarted { image, .. } => {
                // It may have begun on a builder that was lost.
                self.running.retain(|running| running.work != LiveWork::Build(*image));
                self.begin(LiveWork::Build(*image), self.roster.name(*image).to_owned());
                let bytes = self.roster.images().get(image.0).map(|image| image.bytes);
                if let Some(running) = self.running.last_mut() {
                    running.all = bytes.unwrap_or_default();
                }
            }
            Event::BuildProgress { image, step } => {
                if let Some(running) = self.find(*image) {
                    running.progress(step);
                }
            }
            Event::BuildLog { image, line, .. } => {
                if let Some(running) = self.find(*image) {
                    running.log(line);
                }
            }
            Event::ContextSent { image, bytes } => {
                if let Some(running) = self.find(*image) {
                    running.sent = *bytes;
                }
            }
            Event::ImageFinished { image, outcome, elapsed } => self.finished(*image, outcome, *elapsed),
            Event::Tagged { reference, moves, .. } => {
                self.totals.moved += usize::from(*moves);
                if self.view.verbose {
                    self.say(Role::Success, "tagged", &text::one_line(reference), "");
                }
            }
            Event::Notice { text: sentence } => {
                let note = self.view.theme.paint(Role::Note, "note");
                let sentence = text::one_line(sentence);
                self.above.push_str(&format!("{note}: {}\n", self.view.theme.decorated(&sentence)));
            }
            Event::TagFailed { reference, error, .. } => {
                self.say(Role::Error, "failed", &text::one_line(reference), &text::one_line(error));
            }
            // The summary says so.
            Event::TagsHeld { .. }
            | Event::Superseded { .. }
            | Event::PublishingStarted { .. }
            | Event::Published { .. } => {}
            Event::Interrupted => self.totals.stopping = true,
            Event::Finished { .. } => {
                self.ended = true;
                self.draw();
            }
        }
    }

    fn tick(&mut self, now: Duration) {
        self.now = self.now.max(now);
        let due = self.last_frame.is_none_or(|last| self.now.saturating_sub(last) >= FRAME);
        if due && !self.ended {
            self.draw();
        }
    }

    fn resize(&mut self, size: Size) {
        if self.screen.size() != size {
            self.screen.resize(size);
            // At once, because a terminal that reflowed shows the last frame in pieces.
            if self.last_frame.is_some() && !self.ended {
                self.draw();
            }
        }
    }

    fn print(&mut self, text: &str) {
        self.above.push_str(text);
        if self.ended || self.last_frame.is_none() {
            self.screen.draw(&std::mem::take(&mut self.above), &[]);
        }
    }

    fn error(&self) -> Option<&io::Error> {
        self.screen.error()
    }
}

impl Drop for LiveRenderer {
    /// A run that ends without its last event leaves no half-drawn lines behind.
    fn drop(&mut self) {
        self.ended = true;
        self.draw();
    }
}

#[cfg(test)]
mod tests;
