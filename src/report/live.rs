use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::duration::{bytes, duration};
use super::log_text::{cut, log_text};
use super::renderer::Renderer;
use super::style::{ATTENTION, BAD, BUILD, FAINT, GOOD, Look};
use crate::execution::{Event, ImageOutcome};
use crate::plan::{Plan, Step};
use crate::printable::printable;

/// A line for each image in flight and a total below; what is finished scrolls away above.
pub struct Live {
    plan: Arc<Plan>,
    look: Look,
    bars: MultiProgress,
    total: ProgressBar,
    flights: BTreeMap<usize, Flight>,
    pulls: BTreeMap<String, (ProgressBar, Instant)>,
    builds: usize,
    finished: usize,
    failed: usize,
    begun: Instant,
}

/// Fewer bytes of a build context than this are sent before anybody could read it.
const WORTH_A_WORD: u64 = 1_000_000;

/// An image that is being built.
struct Flight {
    bar: ProgressBar,
    begun: Instant,
    position: Option<(usize, usize)>,
    doing: String,
}

impl Live {
    /// Draws to `target`, at most ten times a second.
    pub fn new(plan: Arc<Plan>, look: Look, target: ProgressDrawTarget) -> Self {
        let bars = MultiProgress::with_draw_target(target);
        let total = bars.add(line());
        Self {
            plan,
            look,
            bars,
            total,
            flights: BTreeMap::new(),
            pulls: BTreeMap::new(),
            builds: 0,
            finished: 0,
            failed: 0,
            begun: Instant::now(),
        }
    }

    fn width(&self) -> usize {
        self.look.width.unwrap_or(80).saturating_sub(1)
    }

    fn name(&self, image: usize) -> String {
        self.plan.steps.get(image).map(Step::name).unwrap_or_default()
    }

    fn above(&self, text: &str) {
        // Only a terminal that is gone cannot be written to.
        let _ = self.bars.println(text);
    }

    fn start(&mut self, image: usize) {
        let bar = self.bars.insert_before(&self.total, line());
        let flight = Flight { bar, begun: Instant::now(), position: None, doing: "starting".to_owned() };
        self.flights.insert(image, flight);
        self.draw(image);
    }

    /// `acme/api  2/5  RUN make  1.2 s`, cut from the middle outwards: the name and the time stay.
    fn draw(&self, image: usize) {
        let Some(flight) = self.flights.get(&image) else { return };
        let took = duration(flight.begun.elapsed());
        let position = flight.position.map(|(at, of)| format!(" {at}/{of}")).unwrap_or_default();
        let width = self.width();
        let name = cut(&self.name(image), width.saturating_sub(took.len() + 2)).into_owned();
        let used = unicode_width::UnicodeWidthStr::width(name.as_str()) + position.len() + took.len() + 4;
        let doing = cut(&flight.doing, width.saturating_sub(used)).into_owned();
        let position = if used <= width { position } else { String::new() };
        flight.bar.set_message(format!(
            "{}{} {} {}",
            self.look.paint(BUILD, &name),
            self.look.paint(FAINT, &position),
            doing,
            self.look.paint(FAINT, &took)
        ));
    }

    fn draw_total(&self) {
        let mut text = format!("{} of {} built", self.finished, self.builds);
        if self.failed > 0 {
            text.push_str(&format!(", {} failed", self.failed));
        }
        text.push_str(&format!(" · {}", duration(self.begun.elapsed())));
        self.total.set_message(self.look.paint(FAINT, &cut(&text, self.width())));
    }

    fn finish(&mut self, image: usize, outcome: &ImageOutcome, elapsed: Duration) {
        if let Some(flight) = self.flights.remove(&image) {
            flight.bar.finish_and_clear();
            self.bars.remove(&flight.bar);
        }
        let took = duration(elapsed);
        let (word, style, rest) = match outcome {
            ImageOutcome::Built => {
                self.finished += 1;
                ("built", GOOD, took)
            }
            ImageOutcome::Failed { message, .. } => {
                self.failed += 1;
                ("failed", BAD, printable(message).into_owned())
            }
            ImageOutcome::Cancelled if !elapsed.is_zero() => ("stopped", ATTENTION, took),
            _ => return,
        };
        let name = self.name(image);
        let rest = cut(&rest, self.width().saturating_sub(name.len() + 14)).into_owned();
        self.above(&format!(
            "  {} {name}  {}",
            self.look.paint(style, &format!("{word:<7}")),
            self.look.paint(FAINT, &rest)
        ));
        self.draw_total();
    }

    fn pull_started(&mut self, reference: &str) {
        let bar = self.bars.insert_before(&self.total, line());
        bar.set_message(format!("{} {}", self.look.paint(BUILD, "pulling"), printable(reference)));
        self.pulls.insert(reference.to_owned(), (bar, Instant::now()));
    }

    fn push_started(&mut self, reference: &str) {
        let bar = self.bars.insert_before(&self.total, line());
        bar.set_message(format!("{} {}", self.look.paint(BUILD, "pushing"), printable(reference)));
        self.pulls.insert(reference.to_owned(), (bar, Instant::now()));
    }

    fn push_progress(&self, reference: &str, sent: u64) {
        if let Some((bar, _)) = self.pulls.get(reference) {
            bar.set_message(format!(
                "{} {} {}",
                self.look.paint(BUILD, "pushing"),
                printable(reference),
                self.look.paint(FAINT, &bytes(sent))
            ));
        }
    }

    fn push_finished(&mut self, reference: &str, elapsed: Duration, error: Option<&str>) {
        if let Some((bar, _)) = self.pulls.remove(reference) {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
        let (word, style, rest) = match error {
            None => ("pushed ", GOOD, duration(elapsed)),
            Some(error) => ("failed ", BAD, printable(error).into_owned()),
        };
        let reference = printable(reference);
        self.above(&format!(
            "  {} {reference}  {}",
            self.look.paint(style, word),
            self.look.paint(FAINT, &rest)
        ));
    }

    fn pull_finished(&mut self, reference: &str, error: Option<&str>) {
        if let Some((bar, _)) = self.pulls.remove(reference) {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
        if let Some(error) = error {
            self.above(&format!(
                "  {} {}: {}",
                self.look.paint(BAD, "cannot pull"),
                printable(reference),
                printable(error)
            ));
        }
    }
}

fn line() -> ProgressBar {
    let style = ProgressStyle::with_template("  {msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::no_length().with_style(style)
}

/// What a step does, without the builder's brackets: `[stage 2/5] RUN make` is `RUN make`.
fn doing(name: &str) -> String {
    let text = match name.split_once("] ") {
        Some((front, rest)) if front.starts_with('[') => rest,
        _ => name,
    };
    log_text(text)
}

impl Renderer for Live {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Started { builds } => self.builds = *builds,
            Event::PullStarted { reference } => self.pull_started(reference),
            Event::PullFinished { reference, error, .. } => self.pull_finished(reference, error.as_deref()),
            Event::BuildStarted { image } => self.start(*image),
            Event::BuildProgress { image, step } => {
                if let Some(flight) = self.flights.get_mut(image)
                    && !step.completed
                    && !step.name.starts_with("[internal]")
                {
                    flight.position = step.position.or(flight.position);
                    flight.doing = doing(&step.name);
                }
            }
            Event::BuildLog { image, line, .. } => {
                let text = log_text(line);
                if let Some(flight) = self.flights.get_mut(image)
                    && !text.trim().is_empty()
                {
                    flight.doing = text;
                }
            }
            Event::ContextSent { image, bytes: sent } if *sent >= WORTH_A_WORD => {
                if let Some(flight) = self.flights.get_mut(image) {
                    flight.doing = format!("sending files, {}", bytes(*sent));
                }
            }
            Event::ImageFinished { image, outcome, elapsed } => self.finish(*image, outcome, *elapsed),
            Event::PushStarted { reference, .. } => self.push_started(reference),
            Event::PushProgress { reference, bytes, .. } => self.push_progress(reference, *bytes),
            Event::PushFinished { reference, elapsed, error, .. } => {
                self.push_finished(reference, *elapsed, error.as_deref());
            }
            Event::TagFailed { reference, error, .. } => {
                self.above(&format!(
                    "  {} {}: {}",
                    self.look.paint(BAD, "cannot tag"),
                    printable(reference),
                    printable(error)
                ));
            }
            Event::Notice { text } => self.above(&format!("  {}", printable(text))),
            Event::Interrupted => {
                self.above(&format!("  {}", self.look.paint(ATTENTION, "interrupted: stopping")));
            }
            Event::Finished { .. } => {
                self.total.finish_and_clear();
                // Leaves the screen to the summary.
                let _ = self.bars.clear();
            }
            Event::ContextSent { .. }
            | Event::Tagged { .. }
            | Event::TagsHeld { .. }
            | Event::Removed { .. } => {}
        }
    }

    fn tick(&mut self) {
        if self.builds == 0 {
            return;
        }
        self.flights.keys().for_each(|image| self.draw(*image));
        self.draw_total();
    }
}
