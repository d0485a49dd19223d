//! The lines of the live display: pure functions of what runs, the time and the width.

use std::time::Duration;

use super::phrase;
use super::screen::ScreenLine;
use super::style::{Role, View};
use super::text;
use crate::builder::StepState;
use crate::plan::StepId;

/// Of the last line of output no more than this is kept: no terminal shows more.
const MAX_LOG: usize = 1024;

/// Wide enough for `9.9 s` and `59 s`.
const ELAPSED: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LiveWork {
    Build(StepId),
    Pull,
    Push,
}

/// An image that is being built, or a reference that is being pulled or pushed.
#[derive(Debug)]
pub(super) struct Running {
    pub work: LiveWork,
    pub name: String,
    /// Bytes of the context, or of what is pushed, so far.
    pub sent: u64,
    /// What there is to send at most, where that is known.
    pub all: u64,
    started: Duration,
    /// Steps that have begun and not ended, oldest first.
    steps: Vec<StepState>,
    /// Shown between two steps.
    last: Option<StepState>,
    log: String,
}

impl Running {
    pub(super) fn new(work: LiveWork, name: String, now: Duration) -> Self {
        Self { work, name, sent: 0, all: 0, started: now, steps: Vec::new(), last: None, log: String::new() }
    }

    pub(super) fn progress(&mut self, step: &StepState) {
        let at = self.steps.iter().position(|other| other.id == step.id);
        match (at, step.completed) {
            (Some(at), false) => self.steps[at] = step.clone(),
            (None, false) => {
                self.log.clear();
                self.steps.push(step.clone());
            }
            (at, true) => {
                if let Some(at) = at {
                    self.steps.remove(at);
                    self.log.clear();
                }
                self.last = Some(step.clone());
            }
        }
    }

    /// Keeps the line as it is; only what is drawn is cleaned. Of a long line the end counts, where a
    /// progress bar has its last state.
    pub(super) fn log(&mut self, line: &str) {
        // A blank line is no news.
        if line.trim().is_empty() {
            return;
        }
        let mut start = line.len().saturating_sub(MAX_LOG);
        while !line.is_char_boundary(start) {
            start += 1;
        }
        self.log.clear();
        self.log.push_str(&line[start..]);
    }

    fn elapsed(&self, now: Duration) -> String {
        phrase::duration(now.saturating_sub(self.started))
    }

    fn step(&self) -> Option<&StepState> {
        self.steps.last().or(self.last.as_ref())
    }

    fn position(&self) -> String {
        let position = self.step().and_then(|step| step.position);
        position.map(|(number, of)| format!("{number}/{of}")).unwrap_or_default()
    }

    /// `sending 142 of 300 MB`
    fn transfer(&self, verb: &str) -> String {
        match self.all {
            all if all > self.sent => format!("{verb} {}", phrase::bytes_of(self.sent, all)),
            _ => format!("{verb} {}", phrase::bytes(self.sent)),
        }
    }

    /// `RUN make`, without the stage and position in brackets.
    fn what(&self) -> String {
        let Some(step) = self.step() else {
            return match (self.work, self.sent) {
                (LiveWork::Pull, _) => "pulling".to_owned(),
                (LiveWork::Push, 0) => "pushing".to_owned(),
                (LiveWork::Push, _) => self.transfer("pushing"),
                (LiveWork::Build(_), 0) => "starting".to_owned(),
                (LiveWork::Build(_), _) => self.transfer("sending"),
            };
        };
        let title = match step.name.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
            Some((_, title)) => title,
            None => &step.name,
        };
        if title == "load build context" && self.sent > 0 {
            return self.transfer("sending");
        }
        let title = text::one_line(title);
        match step.bytes {
            Some((done, Some(all))) => format!("{title} {}", phrase::bytes_of(done, all)),
            Some((done, None)) if done > 0 => format!("{title} {}", phrase::bytes(done)),
            _ => title,
        }
    }
}

/// Numbers for the last line.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub builds: usize,
    pub built: usize,
    pub failed: usize,
    pub moved: usize,
    /// How many images were sent to registries, and how many have to be.
    pub pushes: (usize, usize),
    /// Builds that are over, one way or another.
    pub over: usize,
    pub stopping: bool,
    /// What is left of the builds, where enough is known.
    pub left: Option<Duration>,
}

/// At most `max` lines for what runs, each narrower than `width`.
pub(super) fn image_lines(
    running: &[Running],
    view: &View,
    now: Duration,
    width: usize,
    max: usize,
) -> Vec<ScreenLine> {
    let shown = if running.len() > max { &running[..max.saturating_sub(1)] } else { running };
    let longest = shown.iter().map(|one| text::columns(&one.name)).max().unwrap_or(0);
    let elapsed = |one: &Running| text::columns(&one.elapsed(now));
    let elapsed_width = shown.iter().map(elapsed).max().unwrap_or(0).max(ELAPSED);
    let room = width.saturating_sub(2 + 1 + elapsed_width);
    let name_width = longest.min((room / 2).max(12)).min(room);
    let position_width = shown.iter().map(|one| one.position().len()).max().unwrap_or(0);
    let mut lines: Vec<ScreenLine> = shown
        .iter()
        .map(|one| image_line(one, view, now, width, (name_width, elapsed_width, position_width)))
        .collect();
    if shown.len() < running.len() && max > 0 {
        let mut line = LineBuilder::new(width);
        line.push(
            Role::Faint,
            &format!("  {}and {} more", view.theme.ellipsis(), running.len() - shown.len()),
            view,
        );
        lines.push(line.line);
    }
    lines
}

fn image_line(
    running: &Running,
    view: &View,
    now: Duration,
    width: usize,
    (name_width, elapsed_width, position_width): (usize, usize, usize),
) -> ScreenLine {
    let theme = view.theme;
    let tenths = usize::try_from(now.as_millis() / 100).unwrap_or(0);
    let mut line = LineBuilder::new(width);
    line.push(Role::Work, theme.spinner(tenths), view);
    let name = text::truncate_start(&running.name, name_width, theme.ellipsis());
    line.push(Role::Name, &format!(" {name}{}", text::padding(&name, name_width)), view);
    let elapsed = running.elapsed(now);
    line.push(Role::Plain, &format!(" {elapsed:>elapsed_width$}"), view);
    if position_width > 0 && line.room() > position_width {
        line.push(Role::Faint, &format!(" {:>position_width$}", running.position()), view);
    }
    // Less than a word tells nothing.
    if line.room() >= 8 {
        let log = text::log_line(&running.log).replace('\t', " ");
        let (log, separator) = (log.trim(), format!(" {} ", theme.bar()));
        let what = running.what();
        let room = line.room() - 1;
        // A long command is known by its beginning; what it says at the moment is the news.
        let left = room.saturating_sub(text::columns(&separator) + text::columns(log));
        let limit = left.max(room / 5 * 2).min(room);
        let shows_log = !log.is_empty() && room - text::columns(&what).min(limit) >= 12;
        let what = text::truncate(&what, if shows_log { limit } else { room }, theme.ellipsis());
        line.push(Role::Plain, &format!(" {what}"), view);
        if shows_log {
            line.push(Role::Faint, &format!("{separator}{log}"), view);
        }
    }
    line.line
}

/// `  1 of 4 built · 13 s · about 40 s left · 2 running · 1 waiting`; on a narrow terminal as many of these as fit.
pub(super) fn total_line(
    totals: &Totals,
    running: &[Running],
    view: &View,
    now: Duration,
    width: usize,
) -> ScreenLine {
    let mut parts = Vec::new();
    if totals.stopping {
        parts.push((Role::Warning, "stopping".to_owned()));
    }
    if totals.builds > 0 {
        parts.push((Role::Plain, format!("{} of {} built", totals.built, totals.builds)));
    }
    if let (sent, all @ 1..) = totals.pushes {
        parts.push((Role::Plain, format!("{sent} of {all} pushed")));
    }
    if totals.moved > 0 {
        parts.push((Role::Plain, phrase::count(totals.moved, "tag") + " moved"));
    }
    parts.push((Role::Plain, phrase::duration(now)));
    if let Some(left) = totals.left.filter(|_| !totals.stopping) {
        parts.push((Role::Plain, format!("about {} left", phrase::rough(left))));
    }
    if !running.is_empty() {
        parts.push((Role::Plain, format!("{} running", running.len())));
    }
    let building = running.iter().filter(|one| matches!(one.work, LiveWork::Build(_))).count();
    let waiting = totals.builds.saturating_sub(totals.over + building);
    if waiting > 0 && !totals.stopping {
        parts.push((Role::Plain, format!("{waiting} waiting")));
    }
    if totals.failed > 0 {
        parts.push((Role::Error, format!("{} failed", totals.failed)));
    }
    let mut line = LineBuilder::new(width);
    let mut separator = "  ";
    for (role, part) in parts {
        if line.room() < text::columns(separator) + text::columns(&part) {
            break;
        }
        line.push(Role::Faint, separator, view);
        line.push(role, &part, view);
        separator = view.theme.dot();
    }
    line.line
}

/// Puts a line together and never makes it wider than it may be.
struct LineBuilder {
    line: ScreenLine,
    width: usize,
}

impl LineBuilder {
    fn new(width: usize) -> Self {
        Self { line: ScreenLine::default(), width }
    }

    fn room(&self) -> usize {
        self.width - self.line.columns
    }

    fn push(&mut self, role: Role, text: &str, view: &View) {
        let text = text::truncate(text, self.room(), view.theme.ellipsis());
        self.line.columns += text::columns(&text);
        self.line.text.push_str(&view.theme.paint(role, text).to_string());
    }
}
