use super::phrase::{self, NO_IMAGES};
use crate::diagnostic::Diagnostic;
use crate::ops::{Imported, Initialized};
use crate::plan::Plan;
use crate::printable::printable;
use crate::project::{Evidence, Project};
use crate::settings::TOML_FILE;

/// `NAME:src-KEY` of each image of a plan, one a line; `verbose` adds the Dockerfile, where the name comes from, and all
/// tags.
pub(crate) fn images_text(project: &Project, plan: &Plan, verbose: bool) -> String {
    let mut text = String::new();
    for step in &plan.steps {
        let Some(reference) = &step.reference else { continue };
        text.push_str(&format!("{reference}\n"));
        if !verbose {
            continue;
        }
        let image = &project.images[step.image];
        text.push_str(&format!(
            "    {}\n    name from {}, namespace {} from {}\n",
            image.dockerfile,
            image.name.source.describe(),
            printable(&project.namespace.value),
            project.namespace.source.as_str(),
        ));
        for evidence in &step.evidence {
            text.push_str(&format!("    {}\n", evidence_line(evidence)));
        }
        for tag in &step.tags {
            text.push_str(&format!("    {}\n", step.tagged(tag)));
        }
    }
    text
}

/// What became of the settings file.
pub(crate) fn initialized(done: &Initialized) -> String {
    match done {
        Initialized::Written => format!("{TOML_FILE} is written: read it, and keep what is right"),
        Initialized::Kept(path) => format!("{path} is there already, and stays as it is"),
        Initialized::Nothing => "no settings are needed: nothing was written".to_owned(),
    }
}

/// What was taken over from another tool's file: the lines that are new.
pub(crate) fn imported(done: &Imported) -> String {
    let Imported { added, is_new, dry_run } = done;
    if added.is_empty() {
        return format!("{TOML_FILE}: nothing to add\n");
    }
    let what = match (dry_run, is_new) {
        (true, _) => "would get",
        (false, true) => "is written, with",
        (false, false) => "got",
    };
    let lines: String = added.iter().map(|line| format!("  {}\n", printable(line))).collect();
    format!("{TOML_FILE} {what} {}:\n{lines}", phrase::count(added.len(), "line"))
}

/// Why no image is listed.
pub(crate) fn nothing_listed(plan: &Plan) -> Diagnostic {
    match plan.steps.len() {
        0 => Diagnostic::note(NO_IMAGES),
        1 => Diagnostic::note("the only image cannot be built").hint("`shipwright plan` says why"),
        count => Diagnostic::note(format!("none of {count} images can be built"))
            .hint("`shipwright plan` says why"),
    }
}

/// `target prod (compose.yaml:12)`.
pub(super) fn evidence_line(evidence: &Evidence) -> String {
    let Evidence { field, value, path, line } = evidence;
    format!("{} {} ({path}:{line})", printable(field), printable(value))
}
