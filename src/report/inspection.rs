use std::fmt::Write as _;

use super::images::evidence_line;
use crate::printable::printable;
use crate::project::Inspection;

/// What is read in one Dockerfile, for people: a block for each kind of thing.
pub(crate) fn inspection_text(inspection: &Inspection) -> String {
    let mut text = String::new();
    let mut block = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{title}");
            for line in lines {
                let _ = writeln!(text, "  {}", printable(&line));
            }
        }
    };
    let stages = inspection.stages.iter().map(|stage| {
        let mut line = format!("{}: {}", stage.line, stage.base);
        if let Some(expanded) = stage.base_expanded.as_ref().filter(|expanded| **expanded != stage.base) {
            line.push_str(&format!(" = {expanded}"));
        }
        if !stage.name.is_empty() {
            line.push_str(&format!(" as {}", stage.name));
        }
        if !stage.needed {
            line.push_str(" (not needed)");
        }
        line
    });
    block("stages", stages.collect());
    block("images", inspection.images.clone());
    block("context", vec![inspection.context.clone()]);
    block("said elsewhere", inspection.evidence.iter().map(evidence_line).collect());
    block("ignore file", inspection.ignore_file.iter().cloned().collect());
    let mut sources: Vec<String> = inspection
        .context_sources
        .iter()
        .map(|source| if source.is_empty() { ".".to_owned() } else { source.clone() })
        .collect();
    if inspection.whole_context {
        sources.push("the whole context".to_owned());
    }
    block("sources", sources);
    block("inputs", inspection.inputs.clone());
    for context in &inspection.contexts {
        let what = format!("context {} = {}", printable(&context.name), context.folder);
        block(&what, context.inputs.clone());
    }
    text
}
