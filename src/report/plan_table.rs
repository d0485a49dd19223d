use std::fmt::Write as _;

use super::phrase;
use super::style::{Role, View};
use super::text;
use crate::plan::{Action, Plan, Step};
use crate::printable::{and_more, printable};

/// Unchanged images up to this number are all listed; of more, only [`FEW`].
const MANY: usize = 10;
const FEW: usize = 5;

/// Between two columns.
const GAP: usize = 3;

/// Below this width a column of folders or reasons says nothing and is left out.
const MIN_COLUMN: usize = 8;
const MIN_REASON: usize = 16;

/// A reason is worth this much more than a folder, which mostly repeats the name.
const FAIR_REASON: usize = 36;

/// Less of a branch says nothing.
const MIN_BRANCH: usize = 16;

/// All that `shipwright plan` prints: headline, table and total.
pub(crate) fn plan_text(plan: &Plan, view: &View) -> String {
    format!("{}{}{}", headline(plan, view), table(plan, view), total(plan, view))
}

/// What stands above the progress of a run: headline and table, which a blank line separates from the
/// progress where there will be any.
pub(crate) fn run_head(plan: &Plan, view: &View) -> String {
    let works = plan.steps.iter().any(|step| matches!(step.action, Action::Build | Action::Pull));
    let work = works.then(|| counts(plan, &[Action::Build, Action::Pull, Action::Tag]));
    format!("{}{}{}", head(plan, work, view), table(plan, view), if works { "\n" } else { "" })
}

/// `shop · feature/login · 3f9ac0d1e2b4`, with what is unusual about the checkout.
pub(super) fn headline(plan: &Plan, view: &View) -> String {
    head(plan, None, view)
}

/// The same, and what there is to do; on a line of
/// its own where there is no room for it.
fn head(plan: &Plan, work: Option<String>, view: &View) -> String {
    let checkout = &plan.checkout;
    let theme = view.theme;
    let mut parts = vec![(Role::Name, printable(&checkout.name).replace('\t', " "))];
    match (&checkout.branch, checkout.head) {
        (Some(branch), _) => parts.push((Role::Plain, printable(branch).replace('\t', " "))),
        (None, Some(_)) => parts.push((Role::Plain, "detached".to_owned())),
        (None, None) => {}
    }
    match checkout.head {
        Some(head) => parts.push((Role::Plain, head.short())),
        None => parts.push((Role::Faint, "no commit yet".to_owned())),
    }
    if checkout.dirty {
        parts.push((Role::Warning, "uncommitted changes".to_owned()));
    }
    let mut line = String::new();
    let gap = text::columns(theme.dot());
    let taken: usize = parts.iter().map(|(_, part)| text::columns(part) + gap).sum::<usize>() - gap;
    // The end of a long branch is worth less than what stands behind it.
    let over = view.columns().map_or(0, |columns| taken.saturating_sub(columns));
    if let (1.., Some(_)) = (over, &checkout.branch) {
        let branch = &mut parts[1].1;
        let limit = text::columns(branch).saturating_sub(over).max(MIN_BRANCH);
        *branch = text::truncate(branch, limit, theme.ellipsis()).into_owned();
    }
    let width: usize = parts
        .iter()
        .chain(&work.clone().map(|work| (Role::Work, work)))
        .map(|(_, part)| text::columns(part) + gap)
        .sum();
    let fits = view.columns().is_none_or(|columns| width.saturating_sub(gap) <= columns);
    let below = if fits { None } else { work.clone() };
    parts.extend(work.filter(|_| fits).map(|work| (Role::Work, work)));
    let mut room = view.columns().unwrap_or(usize::MAX);
    for (number, (role, part)) in parts.iter().enumerate() {
        if number > 0 {
            // Less than a few characters of a branch or commit says nothing.
            if room < text::columns(theme.dot()) + MIN_COLUMN {
                break;
            }
            let _ = write!(line, "{}", theme.paint(Role::Faint, theme.dot()));
            room -= text::columns(theme.dot());
        }
        let part = text::truncate(part, room, theme.ellipsis());
        room -= text::columns(&part);
        let _ = write!(line, "{}", theme.paint(*role, part));
    }
    line.push('\n');
    if let Some(work) = below {
        let work = text::truncate(&work, view.columns().unwrap_or(usize::MAX), theme.ellipsis());
        let _ = writeln!(line, "{}", theme.paint(Role::Work, work));
    }
    line
}

/// `2 to build, 28 to tag`
fn counts(plan: &Plan, of: &[Action]) -> String {
    let parts = of.iter().filter_map(|action| {
        let count = plan.steps.iter().filter(|step| step.action == *action).count();
        let words = match action {
            Action::Build => "to build",
            Action::Pull => "to pull",
            Action::Tag => "to tag",
            Action::None => "unchanged",
            Action::Blocked => "blocked",
        };
        (count > 0).then(|| format!("{count} {words}"))
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// One line an image, after a blank line: what is built or pulled first, then what is there, then what is
/// blocked; within each in build order. Without an entry where there is nothing to do.
pub(super) fn table(plan: &Plan, view: &View) -> String {
    if !view.verbose && plan.steps.iter().all(|step| step.action == Action::None) {
        return String::new();
    }
    let with =
        |wanted: &'static [Action]| plan.steps.iter().filter(move |step| wanted.contains(&step.action));
    let work = with(&[Action::Build, Action::Pull]);
    let unchanged: Vec<&Step> = with(&[Action::Tag]).chain(with(&[Action::None])).collect();
    let blocked = with(&[Action::Blocked]);
    let shown = if view.verbose || unchanged.len() <= MANY { unchanged.len() } else { FEW };

    let before: Vec<Row> = work.chain(unchanged[..shown].iter().copied()).map(Row::of).collect();
    let after: Vec<Row> = blocked.map(Row::of).collect();
    let widths = Widths::of(before.iter().chain(&after), view.columns());
    let mut table = String::from("\n");
    for row in &before {
        draw(&mut table, row, &widths, view);
    }
    if shown < unchanged.len() {
        let is_tagged = |step: &&&Step| step.action == Action::Tag;
        let what = match unchanged[shown..].iter().filter(is_tagged).count() {
            0 => "unchanged",
            tagged if tagged == unchanged.len() - shown => "to tag",
            _ => "to tag or unchanged",
        };
        let more =
            format!("{}{} {what}", view.theme.ellipsis(), and_more(unchanged.len() - shown).trim_start());
        let more = text::truncate(&more, widths.line.saturating_sub(2), view.theme.ellipsis());
        let _ = writeln!(table, "  {}", view.theme.paint(Role::Faint, more));
    }
    for row in &after {
        draw(&mut table, row, &widths, view);
    }
    table
}

/// `30 images: 2 to build, 28 to tag`, or `30 images: nothing to do`.
pub(super) fn total(plan: &Plan, view: &View) -> String {
    let number = |action| plan.steps.iter().filter(|step| step.action == action).count();
    let all = plan.steps.len();
    let parts = counts(plan, &[Action::Build, Action::Pull, Action::Tag, Action::None, Action::Blocked]);
    let line = if all == 0 {
        phrase::NO_IMAGES.to_owned()
    } else if number(Action::None) == all {
        format!("{}: nothing to do", phrase::count(all, "image"))
    } else {
        format!("{}: {}", phrase::count(all, "image"), parts)
    };
    format!("{}\n", text::truncate(&line, view.columns().unwrap_or(usize::MAX), view.theme.ellipsis()))
}

/// What is read in the first column; the summary has the same words.
fn word(action: Action) -> &'static str {
    if action == Action::None { "unchanged" } else { action.as_str() }
}

struct Row {
    action: Action,
    name: String,
    place: String,
    reasons: Vec<String>,
}

impl Row {
    fn of(step: &Step) -> Self {
        let reasons = step.reasons.iter().map(|reason| text::one_line(&reason.text)).collect();
        Self { action: step.action, name: step.name(), place: place(step), reasons }
    }

    /// The lines of the last column. What has to be set is never left out, even if the terminal wraps it: the
    /// image stays blocked until all of it is. Of other reasons as many are named as there is room for.
    fn reasons(&self, width: usize, view: &View) -> Vec<String> {
        let ellipsis = view.theme.ellipsis();
        if self.action == Action::Blocked {
            return vec![self.reasons.join("; ")];
        }
        if width == 0 {
            return Vec::new();
        }
        if view.verbose {
            let line = |reason: &String| text::truncate(reason, width, ellipsis).into_owned();
            return self.reasons.iter().map(line).collect();
        }
        let count = self.reasons.len();
        let some = |shown: usize| {
            let text = self.reasons[..shown].join(", ");
            if shown < count { format!("{text} (+{})", count - shown) } else { text }
        };
        let fitting = (1..=count).rev().map(some).find(|text| text::columns(text) <= width);
        let line = fitting.or_else(|| self.reasons.first().cloned()).unwrap_or_default();
        vec![text::truncate(&line, width, ellipsis).into_owned()]
    }
}

/// The Dockerfile's folder, or the Dockerfile where its name says more; the context where it is elsewhere.
fn place(step: &Step) -> String {
    let folder = step.dockerfile.parent().unwrap_or_default();
    let plain =
        ["Dockerfile", "dockerfile", "Containerfile"].iter().any(|name| step.dockerfile.file_name() == name);
    let plain = plain && !folder.is_root();
    let mut place = if plain { folder.to_string() } else { step.dockerfile.to_string() };
    if let Some(target) = &step.target {
        let _ = write!(place, " ({})", printable(target));
    }
    if let Some(context) = step.context.as_ref().filter(|context| **context != folder) {
        let _ = write!(place, " in {context}");
    }
    place.replace('\t', " ")
}

struct Widths {
    line: usize,
    action: usize,
    name: usize,
    place: usize,
    reason: usize,
}

impl Widths {
    /// As wide as the longest entries; on a narrow terminal folders give way first, then names and reasons.
    fn of<'a>(rows: impl Iterator<Item = &'a Row>, columns: Option<usize>) -> Self {
        let mut widths =
            Self { line: columns.unwrap_or(usize::MAX), action: 0, name: 0, place: 0, reason: usize::MAX };
        let mut wanted = MIN_REASON;
        for row in rows {
            let reason = row.reasons.first().map_or(0, |reason| text::columns(reason));
            wanted = wanted.max(reason.min(FAIR_REASON));
            widths.action = widths.action.max(word(row.action).len());
            widths.name = widths.name.max(text::columns(&row.name));
            widths.place = widths.place.max(text::columns(&row.place));
        }
        let Some(columns) = columns else { return widths };
        let mut room = columns.saturating_sub(2 + widths.action + GAP);
        // One image with a long name or folder must not push everybody's reasons out.
        if widths.name + widths.place + 2 * GAP + wanted > room {
            widths.name = widths.name.min((room * 2 / 5).max(MIN_REASON)).min(room);
            room -= widths.name;
            widths.place = widths.place.min(room.saturating_sub(2 * GAP + wanted));
            if widths.place < MIN_COLUMN.min(room) {
                widths.place = 0;
            }
        } else {
            room -= widths.name;
        }
        let used = if widths.place > 0 { widths.place + GAP } else { 0 };
        widths.reason = room.saturating_sub(used + GAP);
        if widths.reason < MIN_COLUMN {
            widths.reason = 0;
        }
        widths
    }
}

fn draw(out: &mut String, row: &Row, widths: &Widths, view: &View) {
    let theme = view.theme;
    let ellipsis = theme.ellipsis();
    let (role, reason_role) = match row.action {
        Action::Build | Action::Pull => (Role::Work, Role::Plain),
        Action::Tag => (Role::Success, Role::Faint),
        Action::None => (Role::Faint, Role::Faint),
        Action::Blocked => (Role::Warning, Role::Plain),
    };
    let mut line = Line::default();
    line.push(2, "", Role::Plain, view);
    line.push(widths.action + GAP, word(row.action), role, view);
    line.push(widths.name + GAP, &text::truncate_start(&row.name, widths.name, ellipsis), Role::Name, view);
    if widths.place > 0 {
        line.push(widths.place + GAP, &text::truncate(&row.place, widths.place, ellipsis), Role::Plain, view);
    }
    let indent = line.used;
    let mut reasons = row.reasons(widths.reason, view).into_iter();
    line.push(0, &reasons.next().unwrap_or_default(), reason_role, view);
    out.push_str(line.text.trim_end());
    out.push('\n');
    for more in reasons {
        let _ = writeln!(out, "{:indent$}{}", "", theme.paint(reason_role, more));
    }
}

#[derive(Default)]
struct Line {
    text: String,
    used: usize,
}

impl Line {
    fn push(&mut self, width: usize, cell: &str, role: Role, view: &View) {
        if !cell.is_empty() {
            let _ = write!(self.text, "{}", view.theme.paint(role, cell));
        }
        self.text.push_str(&text::padding(cell, width));
        self.used += width.max(text::columns(cell));
    }
}

#[cfg(test)]
mod tests;
