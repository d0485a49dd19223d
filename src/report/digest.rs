use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use super::style::{Role, View};
use super::text;
use crate::diagnostic::{Diagnostic, Severity};
use crate::printable::few;

/// How much is said about everything that is no error. `--verbose` shows all of it.
const LINES: usize = 10;

/// So many places are named one by one.
const FEW: usize = 3;

/// What is said of warnings and notes at first: a line for each cause, with the first place and how many more there
/// are, and what to do about it where there is room.
pub(crate) fn digest(found: &[&Diagnostic], view: &View) -> String {
    let groups = groups(found);
    let hints: usize = groups.iter().filter_map(Group::hint).map(|hint| hint.lines().count()).sum();
    let with_hints = groups.len() + hints <= LINES;
    let shown = if groups.len() > LINES { LINES - 1 } else { groups.len() };
    let mut said = String::new();
    for group in &groups[..shown] {
        said.push_str(&group.line(view));
        if let Some(hint) = group.hint().filter(|_| with_hints) {
            // Writing to a String cannot fail.
            let _ = writeln!(said, "{}: {}", view.theme.paint(Role::Name, "hint"), text::lines(hint));
        }
    }
    let more: usize = groups[shown..].iter().map(|group| group.found.len()).sum();
    if more > 0 {
        let _ = writeln!(said, "and {more} more; --verbose shows all, with their places");
    }
    said
}

struct Group<'a> {
    found: Vec<&'a Diagnostic>,
}

/// The worst first, else in the order in which they were found.
fn groups<'a>(found: &[&'a Diagnostic]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut at: HashMap<(Severity, &str), usize> = HashMap::new();
    for one in found {
        let cause = one.cause.as_deref().unwrap_or(&one.message);
        let group = *at.entry((one.severity, cause)).or_insert_with(|| {
            groups.push(Group { found: Vec::new() });
            groups.len() - 1
        });
        groups[group].found.push(one);
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.found[0].severity));
    groups
}

impl Group<'_> {
    fn line(&self, view: &View) -> String {
        let first = self.found[0];
        let role = if first.severity == Severity::Note { Role::Note } else { Role::Warning };
        let word = view.theme.paint(role, first.severity.as_str());
        let count = self.counted().len();
        let what = match &first.cause {
            Some(cause) if count > 1 => format!("{count} {cause}"),
            _ => first.message.clone(),
        };
        format!("{word}: {}{}\n", text::one_line(&what), self.places())
    }

    /// What counts: of one file one, where they have a cause in common.
    fn counted(&self) -> Vec<&Diagnostic> {
        let mut seen = HashSet::new();
        let mut counted = Vec::new();
        for one in &self.found {
            if one.cause.is_none() || seen.insert(one.location.as_ref().map(|location| &location.path)) {
                counted.push(*one);
            }
        }
        counted
    }

    /// ` (jupyter/minimal/Dockerfile:9 and 21 more)`; of a few all.
    fn places(&self) -> String {
        let place = |one: &&Diagnostic| {
            let location = one.location.as_ref()?;
            let line = location.line.map(|line| format!(":{line}")).unwrap_or_default();
            Some(format!("{}{line}", location.path))
        };
        let places: Vec<String> = self.counted().iter().filter_map(place).collect();
        let shown = if places.len() <= FEW { FEW } else { 1 };
        if places.is_empty() { String::new() } else { format!(" ({})", few(places, shown)) }
    }

    /// What to do, if that is the same for all.
    fn hint(&self) -> Option<&str> {
        let hint = self.found[0].hint.as_deref()?;
        self.found.iter().all(|one| one.hint.as_deref() == Some(hint)).then_some(hint)
    }
}

#[cfg(test)]
mod tests {
    use snapbox::{assert_data_eq, str};

    use super::*;
    use crate::diagnostic::Location;
    use crate::report::testing::piped;

    fn at(path: &str, line: usize) -> Location {
        Location { path: path.into(), span: None, line: Some(line) }
    }

    fn said(found: &[Diagnostic]) -> String {
        digest(&found.iter().collect::<Vec<_>>(), &piped())
    }

    #[test]
    fn findings_of_one_cause_are_one_line() {
        let needs = |path| {
            Diagnostic::warning("base name (${BASE}) should not be blank")
                .at(at(path, 9))
                .cause("images need BASE, which has no default")
                .hint("set it with --build-arg BASE=…")
        };
        let found = [
            Diagnostic::note("2 Dockerfiles are left out"),
            needs("a/Dockerfile"),
            Diagnostic::warning("odd").at(at("b/Dockerfile", 3)),
            needs("c/Dockerfile"),
        ];
        assert_data_eq!(
            said(&found),
            str![[r#"
warning: 2 images need BASE, which has no default (a/Dockerfile:9, c/Dockerfile:9)
hint: set it with --build-arg BASE=…
warning: odd (b/Dockerfile:3)
note: 2 Dockerfiles are left out

"#]]
        );
    }

    #[test]
    fn there_are_ten_lines_at_most() {
        let found: Vec<Diagnostic> =
            (0..30).map(|at| Diagnostic::warning(format!("odd {at}")).hint("do")).collect();
        let said = said(&found);
        assert_eq!(said.lines().count(), 10);
        assert_eq!(said.lines().last(), Some("and 21 more; --verbose shows all, with their places"));
        assert!(!said.contains("hint"));
    }

    #[test]
    fn a_long_hint_counts_with_all_its_lines() {
        let names = |lines: usize| {
            let lines: Vec<String> = (0..lines).map(|line| format!("\"a{line}\" = \"b\"")).collect();
            Diagnostic::note(format!("{} Dockerfiles would be called b", lines.len())).hint(lines.join("\n"))
        };
        assert_eq!(said(&[names(8)]).lines().count(), 9);
        assert_eq!(said(&[names(5), names(4)]).lines().count(), 2);
    }
}
