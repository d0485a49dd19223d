use serde_json::{Value, json};

use crate::diagnostic::Diagnostic;
use crate::plan::{Action, Plan, Step};
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
    format!("{value:#}\n")
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
