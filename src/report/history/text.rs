use std::fmt::Write as _;

use super::words::{cause, headline, heaviest, rebuilt};
use crate::ops::{History, ImageHistory};
use crate::printable::{and_more, few};
use crate::report::style::{Role, View};
use crate::report::{phrase, text};

/// So many images, groups and commits are shown; all of them if nothing is to be left out.
const IMAGES: usize = 20;
const GROUPS: usize = 5;
const COMMITS: usize = 5;
const CAUSES: usize = 3;
const NAMES: usize = 6;

/// For people: images by rebuilds with their causes, what would have saved some, what goes together, the heaviest commits.
pub(crate) fn history_text(history: &History, view: &View) -> String {
    let theme = view.theme;
    let name = text::one_line(&history.checkout);
    let mut out = format!("{}{}{}\n", theme.paint(Role::Name, name), theme.dot(), headline(history));
    images(&mut out, history, view);
    savings(&mut out, history, view);
    let groups = if view.verbose { usize::MAX } else { GROUPS };
    if !history.together.is_empty() {
        let _ = writeln!(out, "\nalways rebuilt together:");
    }
    for group in history.together.iter().take(groups) {
        let names =
            few(group.iter().map(|name| text::one_line(name)), if view.verbose { usize::MAX } else { NAMES });
        line(&mut out, &format!("  {names}"), view);
    }
    more(&mut out, history.together.len().saturating_sub(groups), view);
    let heaviest = heaviest(history, if view.verbose { usize::MAX } else { COMMITS });
    if !heaviest.is_empty() {
        let _ = writeln!(out, "\ncommits that rebuilt most:");
    }
    for commit in heaviest {
        let subject = text::one_line(&commit.commit.subject);
        line(
            &mut out,
            &format!("{:>6}  {}  {subject}", commit.rebuilt.len(), commit.commit.id.short()),
            view,
        );
    }
    out
}

fn images(out: &mut String, history: &History, view: &View) {
    let all: Vec<&ImageHistory> = rebuilt(history).collect();
    let shown = if view.verbose { all.len() } else { all.len().min(IMAGES) };
    if shown > 0 {
        out.push('\n');
    }
    let width = all[..shown].iter().map(|image| text::columns(&image.name)).max().unwrap_or(0);
    for image in &all[..shown] {
        let mut causes = few(
            image.causes.iter().map(|it| format!("{} ({})", text::one_line(&cause(it)), it.rebuilds)),
            if view.verbose { usize::MAX } else { CAUSES },
        );
        if let Some(took) = image.took.filter(|took| !took.is_zero()) {
            causes = format!("about {}{}{causes}", phrase::rough(took), view.theme.dot());
        }
        let saved = if history.is_what_if { format!(" of {}", image.needed) } else { String::new() };
        let padding = text::padding(&image.name, width);
        line(out, &format!("{:>6}{saved}  {}{padding}   {causes}", image.rebuilds, image.name), view);
        if view.verbose {
            for cause in &image.causes {
                for (path, times, alone) in &cause.files {
                    let path = text::one_line(path);
                    line(out, &format!("          {path}: {times}, alone {alone}"), view);
                }
            }
        }
    }
    more(out, all.len() - shown, view);
}

fn savings(out: &mut String, history: &History, view: &View) {
    let mut is_first = true;
    for image in rebuilt(history) {
        let Some(best) = image.savings.first().filter(|best| best.rebuilds > 1) else { continue };
        if std::mem::take(&mut is_first) {
            let _ = writeln!(out, "\nan ignore entry would have saved:");
        }
        let name = text::one_line(&image.name);
        let of = phrase::count(image.rebuilds, "rebuild");
        line(
            out,
            &format!("{:>6} of {of} of {name}: `{}`", best.rebuilds, text::one_line(&best.ignore)),
            view,
        );
    }
}

fn line(out: &mut String, line: &str, view: &View) {
    let line = text::truncate(line, view.columns().unwrap_or(usize::MAX), view.theme.ellipsis());
    let _ = writeln!(out, "{line}");
}

fn more(out: &mut String, count: usize, view: &View) {
    if count > 0 {
        let more = format!("  {}{}", view.theme.ellipsis(), and_more(count));
        let _ = writeln!(out, "{}", view.theme.paint(Role::Faint, more));
    }
}
