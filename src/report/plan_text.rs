use super::style::{ATTENTION, BUILD, FAINT, GOOD, HEADING, Look};
use super::table::{Row, table};
use crate::plan::{Action, Plan, Step};
use crate::printable::printable;
use anstyle::Style;

/// More images that only get tags than this are counted instead of listed.
const LISTED: usize = 12;

/// `shop · feature/login · 3f9ac0d1e2b4`.
pub fn headline(plan: &Plan, look: Look) -> String {
    let checkout = &plan.checkout;
    let mut parts = vec![printable(&checkout.name).into_owned()];
    parts.push(match (&checkout.branch, checkout.head) {
        (Some(branch), _) => printable(branch).into_owned(),
        (None, Some(_)) => "detached".to_owned(),
        (None, None) => "no branch".to_owned(),
    });
    parts.push(checkout.head.map_or_else(|| "no commit yet".to_owned(), |head| head.short()));
    if checkout.dirty {
        parts.push("uncommitted changes".to_owned());
    }
    format!("{}\n", look.paint(HEADING, &parts.join(" · ")))
}

/// The plan for people: headline, a line for each image with the reasons, and a count.
pub fn plan_text(plan: &Plan, look: Look) -> String {
    let mut text = headline(plan, look);
    text.push('\n');
    let shown = shown(plan, look);
    if !shown.is_empty() {
        let rows: Vec<Row> = shown.iter().map(|step| row(step)).collect();
        text.push_str(&table(&rows, look));
        let hidden = plan.steps.len() - shown.len();
        if hidden > 0 {
            text.push_str(&format!("  {}\n", look.paint(FAINT, &format!("… and {hidden} more unchanged"))));
        }
        text.push('\n');
    }
    text.push_str(&count(plan));
    text.push('\n');
    text
}

/// Everything that is done; what is not needs a word only if it was asked for or there is little of it.
fn shown(plan: &Plan, look: Look) -> Vec<&Step> {
    let quiet = |step: &&Step| matches!(step.action, Action::Tag | Action::None);
    let quiet_steps = plan.steps.iter().filter(quiet).count();
    let all_in_place = plan.steps.iter().all(|step| step.action == Action::None);
    if look.verbose || (quiet_steps <= LISTED && !all_in_place) {
        return plan.steps.iter().collect();
    }
    plan.steps.iter().filter(|step| !quiet(step)).collect()
}

fn row(step: &Step) -> Row {
    let style = match step.action {
        Action::Build | Action::Pull => BUILD,
        Action::Tag => GOOD,
        Action::None => FAINT,
        Action::Blocked => ATTENTION,
    };
    let reasons: Vec<&str> = step.reasons.iter().map(|reason| reason.text.as_str()).collect();
    vec![
        (step.action.as_str().to_owned(), style),
        (step.name(), Style::new()),
        (place(step), FAINT),
        (printable(&reasons.join(", ")).into_owned(), Style::new()),
    ]
}

/// The Dockerfile's folder, or the Dockerfile where that is not its plain one; and the context's root, if
/// it is elsewhere.
fn place(step: &Step) -> String {
    let folder = step.dockerfile.parent().unwrap_or_default();
    let is_plain = step.dockerfile.file_name().eq_ignore_ascii_case(b"dockerfile");
    let own = if is_plain && !folder.is_root() { folder.to_string() } else { step.dockerfile.to_string() };
    match &step.context {
        Some(context) if *context != folder => format!("{own} (in {context})"),
        _ => own,
    }
}

fn count(plan: &Plan) -> String {
    let of = |action: Action| plan.steps.iter().filter(|step| step.action == action).count();
    let total = plan.steps.len();
    let images = if total == 1 { "1 image".to_owned() } else { format!("{total} images") };
    let parts: Vec<String> = [
        (Action::Build, "to build"),
        (Action::Pull, "to pull"),
        (Action::Tag, "to tag"),
        (Action::Blocked, "blocked"),
    ]
    .into_iter()
    .filter(|(action, _)| of(*action) > 0)
    .map(|(action, what)| format!("{} {what}", of(action)))
    .collect();
    match (total, parts.is_empty()) {
        (0, _) => "no Dockerfile was found".to_owned(),
        (_, true) => format!("{images}: nothing to do"),
        (_, false) => format!("{images}: {}", parts.join(", ")),
    }
}
