use std::borrow::Cow;

use serde_json::{Value, json};

use crate::diagnostic::Diagnostic;
use crate::plan::{Action, Plan, Step};
use crate::printable::printable;
use crate::project::Inspection;

/// Version of the JSON forms: fields may be added, never renamed.
pub(super) const SCHEMA: u32 = 1;

/// The plan as docs/cli.md describes it.
pub fn plan_json(plan: &Plan) -> String {
    let checkout = &plan.checkout;
    document(&json!({
        "schema": SCHEMA,
        "checkout": {
            "root": ".",
            "name": checkout.name,
            "head": checkout.head.map(|head| head.to_string()),
            "branch": checkout.branch,
            "dirty": checkout.dirty,
        },
        "namespace": {"value": plan.namespace.value, "source": plan.namespace.source.as_str()},
        "images": plan.steps.iter().map(step).collect::<Vec<_>>(),
        "diagnostics": plan.diagnostics.iter().map(diagnostic).collect::<Vec<_>>(),
    }))
}

/// The images of the plan: names, keys and tags.
pub fn images_json(plan: &Plan) -> String {
    let part = |step: &Step| {
        json!({
            "name": step.repository.familiar(),
            "short_name": step.short_name,
            "dockerfile": step.dockerfile.to_text(),
            "key": step.key.map(|key| key.to_string()),
            "reference": step.reference.as_ref().map(ToString::to_string),
            "tag_prefix": step.tag_prefix,
            "tags": tags(step),
        })
    };
    document(&json!({
        "schema": SCHEMA,
        "namespace": {"value": plan.namespace.value, "source": plan.namespace.source.as_str()},
        "images": plan.steps.iter().map(part).collect::<Vec<_>>(),
    }))
}

/// The graph of the plan: images and what each is built from.
pub fn graph_json(plan: &Plan) -> String {
    let part = |step: &Step| {
        json!({
            "name": step.repository.familiar(),
            "short_name": step.short_name,
            "tag_prefix": step.tag_prefix,
            "dockerfile": step.dockerfile.to_text(),
            "dependencies": dependencies(step),
            "bases": step.bases,
        })
    };
    document(&json!({"schema": SCHEMA, "images": plan.steps.iter().map(part).collect::<Vec<_>>()}))
}

/// What is read in one Dockerfile.
pub fn inspection_json(inspection: &Inspection) -> String {
    let mut value = serde_json::to_value(inspection).unwrap_or_default();
    value["diagnostics"] = inspection.diagnostics.iter().map(diagnostic).collect();
    document(&value)
}

fn document(value: &Value) -> String {
    format!("{}\n", harmless(&format!("{value:#}")))
}

/// JSON that a terminal shows as it stands: characters that it would obey, and those that reorder text, are
/// written as escapes. JSON itself only asks for that below U+0020.
pub(super) fn harmless(json: &str) -> Cow<'_, str> {
    let is_harmful = |c: char| c != '\n' && matches!(printable(c.encode_utf8(&mut [0; 4])), Cow::Owned(_));
    if !json.contains(is_harmful) {
        return Cow::Borrowed(json);
    }
    let mut text = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_harmful(c) {
            text.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            text.push(c);
        }
    }
    Cow::Owned(text)
}

fn step(step: &Step) -> Value {
    json!({
        "name": step.repository.familiar(),
        "short_name": step.short_name,
        "dockerfile": step.dockerfile.to_text(),
        "context": step.context.as_ref().map(|context| {
            if context.is_root() { ".".to_owned() } else { context.to_text() }
        }),
        "target": step.target,
        "key": step.key.map(|key| key.to_string()),
        "reference": step.reference.as_ref().map(ToString::to_string),
        "revision": step.revision.filter(|_| step.action != Action::Blocked).map(|revision| revision.to_string()),
        "dirty": step.dirty,
        "tag_prefix": step.tag_prefix,
        "aside": step.aside,
        "unversioned": step.unversioned.iter().map(crate::path::TreePath::to_text).collect::<Vec<_>>(),
        "dependencies": dependencies(step),
        "bases": step.bases,
        "inputs": {"files": step.inputs.files, "whole_context": step.inputs.whole_context},
        "action": step.action.as_str(),
        "reasons": step.reasons.iter().map(|reason| json!({
            "kind": reason.kind.as_str(),
            "path": reason.path.as_ref().map(crate::path::TreePath::to_text),
            "text": reason.text,
        })).collect::<Vec<_>>(),
        "tags": tags(step),
    })
}

fn tags(step: &Step) -> Vec<&str> {
    step.tags.iter().map(|tag| tag.tag.as_str()).collect()
}

fn dependencies(step: &Step) -> Vec<Value> {
    let part = |dependency: &crate::plan::Dependency| json!({"image": dependency.image, "kind": dependency.kind.as_str(), "line": dependency.line});
    step.dependencies.iter().map(part).collect()
}

fn diagnostic(diagnostic: &Diagnostic) -> Value {
    let location = diagnostic.location.as_ref();
    json!({
        "severity": diagnostic.severity.as_str(),
        "path": location.map(|location| location.path.to_text()),
        "line": location.and_then(|location| location.line),
        "message": diagnostic.message,
        "hint": diagnostic.hint,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_json_and_obeys_nobody() {
        let text = "a\u{9b}31m\u{7f}\u{202e}\u{1b}é";
        let json = json!({"name": text}).to_string();
        let shown = harmless(&json);
        assert!(!shown.contains(['\u{9b}', '\u{7f}', '\u{202e}', '\u{1b}']), "{shown:?}");
        let read: Value = serde_json::from_str(&shown).expect("JSON");
        assert_eq!(read["name"], text);
    }
}
