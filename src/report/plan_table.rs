use std::fmt::Write as _;

use super::phrase;
use super::style::{Role, View};
use super::text;
use crate::plan::{Action, Plan, Step};
use crate::printable::printable;

/// Unchanged images up to this number are all listed; of more, only [`FEW`].
const MANY: usize = 10;
const FEW: usize = 5;

/// Between two columns.
const GAP: usize = 3;

/// Below this width a column of folders or reasons says nothing and is left out.
const MIN_COLUMN: usize = 8;
const MIN_REASON: usize = 16;

/// All that `shipwright plan` prints: headline, table and total.
pub fn plan_text(plan: &Plan, view: &View) -> String {
    format!("{}{}{}", headline(plan, view), table(plan, view), total(plan, view))
}

/// What stands above the progress of a run: headline and table, which a blank line separates from the
/// progress where there will be any.
pub fn run_head(plan: &Plan, view: &View) -> String {
    let works = plan.steps.iter().any(|step| matches!(step.action, Action::Build | Action::Pull));
    format!("{}{}{}", headline(plan, view), table(plan, view), if works { "\n" } else { "" })
}

/// `shop · feature/login · 3f9ac0d1e2b4`, with what is unusual about the checkout.
pub(super) fn headline(plan: &Plan, view: &View) -> String {
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
    line
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
    before.iter().for_each(|row| draw(&mut table, row, &widths, view));
    if shown < unchanged.len() {
        let more = format!("{}and {} more unchanged", view.theme.ellipsis(), unchanged.len() - shown);
        let more = text::truncate(&more, widths.line.saturating_sub(2), view.theme.ellipsis());
        let _ = writeln!(table, "  {}", view.theme.paint(Role::Faint, more));
    }
    after.iter().for_each(|row| draw(&mut table, row, &widths, view));
    table
}

/// `30 images: 2 to build, 28 to tag`, or `30 images: nothing to do`.
pub(super) fn total(plan: &Plan, view: &View) -> String {
    let number = |action| plan.steps.iter().filter(|step| step.action == action).count();
    let all = plan.steps.len();
    let parts: Vec<String> = [
        (Action::Build, "to build"),
        (Action::Pull, "to pull"),
        (Action::Tag, "to tag"),
        (Action::None, "in place"),
        (Action::Blocked, "blocked"),
    ]
    .into_iter()
    .map(|(action, words)| (number(action), words))
    .filter(|(count, _)| *count > 0)
    .map(|(count, words)| format!("{count} {words}"))
    .collect();
    let line = if all == 0 {
        phrase::NO_IMAGES.to_owned()
    } else if number(Action::None) == all {
        format!("{}: nothing to do", phrase::count(all, "image"))
    } else {
        format!("{}: {}", phrase::count(all, "image"), parts.join(", "))
    };
    format!("{}\n", text::truncate(&line, view.columns().unwrap_or(usize::MAX), view.theme.ellipsis()))
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
    /// As wide as the longest entries; on a narrow terminal reasons give way first, then folders, then names.
    fn of<'a>(rows: impl Iterator<Item = &'a Row>, columns: Option<usize>) -> Self {
        let mut widths =
            Self { line: columns.unwrap_or(usize::MAX), action: 0, name: 0, place: 0, reason: usize::MAX };
        for row in rows {
            widths.action = widths.action.max(row.action.as_str().len());
            widths.name = widths.name.max(text::columns(&row.name));
            widths.place = widths.place.max(text::columns(&row.place));
        }
        let Some(columns) = columns else { return widths };
        let mut room = columns.saturating_sub(2 + widths.action + GAP);
        // One image with a long name or folder must not push everybody's reasons out.
        if widths.name + widths.place + 2 * GAP + MIN_REASON > room {
            widths.name = widths.name.min((room * 2 / 5).max(MIN_REASON)).min(room);
            room -= widths.name;
            widths.place = widths.place.min(room.saturating_sub(2 * GAP + MIN_REASON));
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
    line.push(widths.action + GAP, row.action.as_str(), role, view);
    line.push(widths.name + GAP, &text::truncate(&row.name, widths.name, ellipsis), Role::Name, view);
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
mod tests {
    use proptest::prelude::*;
    use snapbox::{IntoData as _, assert_data_eq, str};

    use super::*;
    use crate::report::testing::{ascii, colored, narrow, piped, plan, shop, step, visible};

    #[test]
    fn the_four_images() {
        assert_data_eq!(
            plan_text(&shop(), &piped()),
            str![[r#"
shop · feature/login · 3f9ac0d1e2b4

  build   acme/shared     shared     shared/auth.py changed
  build   acme/service1   service1   acme/shared is rebuilt
  tag     acme/base       base       unchanged since 9f3b21c04d55
  tag     acme/admin      admin      unchanged since 9f3b21c04d55
4 images: 2 to build, 2 to tag

"#]]
        );
        assert_data_eq!(
            plan_text(&shop(), &ascii()),
            str![[r#"
shop - feature/login - 3f9ac0d1e2b4

  build   acme/shared     shared     shared/auth.py changed
  build   acme/service1   service1   acme/shared is rebuilt
  tag     acme/base       base       unchanged since 9f3b21c04d55
  tag     acme/admin      admin      unchanged since 9f3b21c04d55
4 images: 2 to build, 2 to tag

"#]]
        );
        assert_data_eq!(
            visible(&run_head(&shop(), &colored())),
            str![[r#"
␛[1mshop␛[0m␛[2m · ␛[0mfeature/login␛[2m · ␛[0m3f9ac0d1e2b4

  ␛[1m␛[36mbuild␛[0m   ␛[1macme/shared␛[0m     shared     shared/auth.py changed
  ␛[1m␛[36mbuild␛[0m   ␛[1macme/service1␛[0m   service1   acme/shared is rebuilt
  ␛[32mtag␛[0m     ␛[1macme/base␛[0m       base       ␛[2munchanged since 9f3b21c04d55␛[0m
  ␛[32mtag␛[0m     ␛[1macme/admin␛[0m      admin      ␛[2munchanged since 9f3b21c04d55␛[0m


"#]]
        );
    }

    #[test]
    fn narrow_terminals() {
        assert_data_eq!(
            plan_text(&shop(), &narrow(20)),
            str![[r#"
shop · feature/login

  build   acme/shar…
  build   acme/serv…
  tag     acme/base
  tag     acme/admin
4 images: 2 to buil…

"#]]
        );
        assert_data_eq!(
            plan_text(&shop(), &narrow(40)),
            str![[r#"
shop · feature/login · 3f9ac0d1e2b4

  build   acme/shared     shared/auth.p…
  build   acme/service1   acme/shared i…
  tag     acme/base       unchanged sin…
  tag     acme/admin      unchanged sin…
4 images: 2 to build, 2 to tag

"#]]
        );
        assert_data_eq!(
            plan_text(&shop(), &narrow(55)),
            str![[r#"
shop · feature/login · 3f9ac0d1e2b4

  build   acme/shared     shared     shared/auth.py ch…
  build   acme/service1   service1   acme/shared is re…
  tag     acme/base       base       unchanged since 9…
  tag     acme/admin      admin      unchanged since 9…
4 images: 2 to build, 2 to tag

"#]]
        );
        assert_eq!(plan_text(&shop(), &narrow(200)), plan_text(&shop(), &piped()));
        assert_eq!(plan_text(&shop(), &narrow(80)), plan_text(&shop(), &piped()));
    }

    #[test]
    fn headlines() {
        let mut plan = plan(Vec::new());
        plan.checkout.dirty = true;
        let mut lines = headline(&plan, &piped()) + &headline(&plan, &narrow(24));
        plan.checkout.branch = None;
        lines += &headline(&plan, &ascii());
        plan.checkout.dirty = false;
        plan.checkout.head = None;
        lines += &headline(&plan, &piped());
        plan.checkout.branch = Some("main".into());
        lines += &headline(&plan, &piped());
        plan.checkout.name = "日本\u{1b}[2J\n".into();
        plan.checkout.branch = Some("feature/日本語".into());
        lines += &headline(&plan, &piped());
        lines += &headline(&plan, &narrow(30));
        assert_data_eq!(
            lines,
            str![[r#"
shop · feature/login · 3f9ac0d1e2b4 · uncommitted changes
shop · feature/login
shop - detached - 3f9ac0d1e2b4 - uncommitted changes
shop · no commit yet
shop · main · no commit yet
日本\u{1b}[2J\n · feature/日本語 · no commit yet
日本\u{1b}[2J\n · feature/日…

"#]]
            .raw()
        );
    }

    #[test]
    fn nothing_to_do() {
        let idle = |name: usize| step(Action::None, &format!("s{name}"), &["unchanged since 9f3b21c04d55"]);
        let mut idle_plan = plan((0..30).map(idle).collect());
        assert_data_eq!(
            plan_text(&idle_plan, &piped()),
            str![[r#"
shop · feature/login · 3f9ac0d1e2b4
30 images: nothing to do

"#]]
        );
        idle_plan.steps.truncate(2);
        let verbose = View { verbose: true, ..piped() };
        assert_data_eq!(
            plan_text(&idle_plan, &verbose),
            str![[r#"
shop · feature/login · 3f9ac0d1e2b4

  none   acme/s0   s0   unchanged since 9f3b21c04d55
  none   acme/s1   s1   unchanged since 9f3b21c04d55
2 images: nothing to do

"#]]
        );
        idle_plan.steps.clear();
        assert_data_eq!(
            plan_text(&idle_plan, &piped()),
            str![[r#"
shop · feature/login · 3f9ac0d1e2b4
no images: no Dockerfile was found or selected

"#]]
        );
    }

    #[test]
    fn a_thousand_images_of_which_three_matter() {
        let mut steps: Vec<Step> = (0..1000)
            .map(|n| step(Action::Tag, &format!("service{n}"), &["unchanged since 9f3b21c04d55"]))
            .collect();
        steps[500] = step(Action::Build, "service500", &["a.py changed", "b.py added", "argument X"]);
        steps[600] = step(Action::Pull, "service600", &["the registry has it"]);
        steps[700] =
            step(Action::Blocked, "service700", &["set BASE: --build-arg BASE=…", "set the context"]);
        let plan = plan(steps);
        assert_data_eq!(
            plan_text(&plan, &piped()),
            str![[r#"
shop · feature/login · 3f9ac0d1e2b4

  build     acme/service500   service500   a.py changed, b.py added, argument X
  pull      acme/service600   service600   the registry has it
  tag       acme/service0     service0     unchanged since 9f3b21c04d55
  tag       acme/service1     service1     unchanged since 9f3b21c04d55
  tag       acme/service2     service2     unchanged since 9f3b21c04d55
  tag       acme/service3     service3     unchanged since 9f3b21c04d55
  tag       acme/service4     service4     unchanged since 9f3b21c04d55
  …and 992 more unchanged
  blocked   acme/service700   service700   set BASE: --build-arg BASE=…; set the context
1000 images: 1 to build, 1 to pull, 997 to tag, 1 blocked

"#]]
        );
        // What has to be set is not cut, whatever the width.
        assert_data_eq!(
            table(&plan, &narrow(30)),
            str![[r#"

  build     acme/service500
  pull      acme/service600
  tag       acme/service0
  tag       acme/service1
  tag       acme/service2
  tag       acme/service3
  tag       acme/service4
  …and 992 more unchanged
  blocked   acme/service700   set BASE: --build-arg BASE=…; set the context

"#]]
        );
        let verbose = table(&plan, &View { verbose: true, ..piped() });
        assert_eq!(verbose.lines().count(), 1 + 1000 + 2);
    }

    #[test]
    fn places_say_what_is_unusual() {
        let mut variant = step(Action::Build, "api", &["never built here"]);
        variant.dockerfile = "api/Dockerfile.dev".into();
        let mut outer = step(Action::Build, "web", &["never built here"]);
        outer.context = Some(crate::path::TreePath::root());
        outer.target = Some("prod".into());
        let mut root = step(Action::Build, "shop", &["never built here"]);
        root.dockerfile = "Dockerfile".into();
        root.context = Some(crate::path::TreePath::root());
        let mut hostile = step(Action::Build, "evil", &["a\u{1b}[31m\tb\nchanged"]);
        hostile.dockerfile = "e\u{1b}]0;x\u{7}\tvil/Dockerfile".into();
        hostile.context = hostile.dockerfile.parent();
        let mut wide = step(Action::Build, "wide", &["日本語/設定 changed"]);
        wide.dockerfile = "日本語/Dockerfile".into();
        wide.context = wide.dockerfile.parent();
        assert_data_eq!(
            table(&plan(vec![variant, outer, root, hostile, wide]), &piped()),
            str![[r#"

  build   acme/api    api/Dockerfile.dev     never built here
  build   acme/web    web (prod) in .        never built here
  build   acme/shop   Dockerfile             never built here
  build   acme/evil   e\u{1b}]0;x\u{7} vil   a\u{1b}[31m b changed
  build   acme/wide   日本語                 日本語/設定 changed

"#]]
            .raw()
        );
    }

    #[test]
    fn one_long_name_does_not_cost_everybody_the_reasons() {
        let long = "averyveryveryverylongnameofanimagethatsomebodythoughtwasagoodidea";
        let steps = vec![
            step(Action::Build, long, &["shared/auth.py changed"]),
            step(Action::Build, "api", &["api/main.go changed"]),
        ];
        assert_data_eq!(
            table(&plan(steps), &narrow(80)),
            str![[r#"

  build   acme/averyveryveryverylongn…   averyveryveryverylo…   shared/auth.py…
  build   acme/api                       api                    api/main.go cha…

"#]]
        );
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_terminal(
            width in 12_usize..120,
            names in proptest::collection::vec("[a-z]{1,40}", 0..5),
            reason in "\\PC{0,60}",
        ) {
            let steps = names.iter().map(|name| step(Action::Build, name, &[&reason])).collect();
            for line in plan_text(&plan(steps), &narrow(width)).lines() {
                prop_assert!(text::columns(line) <= width, "{line:?}");
            }
        }
    }
}
