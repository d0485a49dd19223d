use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, json};

use super::json_facts::{
    CheckoutFacts, ContextFacts, DependencyFacts, DiagnosticFacts, EvidenceFacts, ImageFacts, InputFacts,
    NamespaceFacts, PlanDocument, ReasonFacts,
};
use super::picture::Standings;
use crate::diagnostic::Diagnostic;
use crate::path::TreePath;
use crate::plan::{Action, Dependency, NamedInputs, Plan, Reason, Step};
use crate::printable::{commands, is_unsafe};
use crate::project::{Evidence, Inspection};

/// Version of the JSON forms: fields may be added, never renamed.
pub(super) const SCHEMA: u32 = 1;

/// The plan as docs/cli.md describes it.
pub(crate) fn plan_json(plan: &Plan) -> String {
    let checkout = &plan.checkout;
    document(&PlanDocument {
        schema: SCHEMA,
        checkout: CheckoutFacts {
            root: ".",
            name: &checkout.name,
            head: checkout.head.map(|head| head.to_string()),
            branch: checkout.branch.as_deref(),
            dirty: checkout.dirty,
        },
        namespace: namespace(plan),
        images: plan.steps.iter().map(image).collect(),
        diagnostics: plan.diagnostics.iter().map(diagnostic).collect(),
    })
}

/// The images of the plan: names, keys and tags.
pub(crate) fn images_json(plan: &Plan) -> String {
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
        "namespace": namespace(plan),
        "images": plan.steps.iter().map(part).collect::<Value>(),
    }))
}

/// The graph of the plan: images and what each is built from; where they are compared, which are affected and why.
pub(crate) fn graph_json(plan: &Plan, standings: &Standings<'_>) -> String {
    let part = |step: &Step| {
        let mut part = json!({
            "name": step.repository.familiar(),
            "short_name": step.short_name,
            "tag_prefix": step.tag_prefix,
            "dockerfile": step.dockerfile.to_text(),
            "dependencies": dependencies(step),
            "bases": step.bases,
        });
        if let Some(is_affected) = standings.is_affected(step.image) {
            let reasons = if is_affected { standings.reasons(step) } else { &[] };
            part["affected"] = json!(is_affected);
            part["reasons"] = json!(reasons.iter().map(reason).collect::<Vec<_>>());
        }
        part
    };
    document(&json!({"schema": SCHEMA, "images": plan.steps.iter().map(part).collect::<Value>()}))
}

pub(crate) fn inspection_json(inspection: &Inspection) -> String {
    let mut value = serde_json::to_value(inspection).unwrap_or_default();
    if !inspection.evidence.is_empty() {
        value["evidence"] = json!(inspection.evidence.iter().map(evidence).collect::<Vec<_>>());
    }
    value["diagnostics"] = json!(inspection.diagnostics.iter().map(diagnostic).collect::<Vec<_>>());
    document(&value)
}

pub(super) fn document(value: &impl Serialize) -> String {
    // Nothing in it can fail: no map has keys that are not texts.
    let json = serde_json::to_string_pretty(value).unwrap_or_default();
    format!("{}\n", harmless(&json))
}

/// JSON that is shown as it stands: characters that a terminal would obey, that nobody sees or that reorder text
/// are written as escapes, and so is what CI systems obey. JSON itself only asks for that below U+0020.
pub(super) fn harmless(json: &str) -> Cow<'_, str> {
    let is_harmful = |c: char| c != '\n' && is_unsafe(c);
    let is_plain = |byte: u8| byte == b'\n' || matches!(byte, b' '..=b'~');
    if !json.contains("##") && (json.bytes().all(is_plain) || !json.contains(is_harmful)) {
        return Cow::Borrowed(json);
    }
    // Outside of its strings JSON has neither.
    let mut marks = commands(json).peekable();
    let mut text = String::with_capacity(json.len() + 16);
    for (at, c) in json.char_indices() {
        if is_harmful(c) || marks.next_if_eq(&at).is_some() {
            for unit in c.encode_utf16(&mut [0; 2]) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            text.push(c);
        }
    }
    Cow::Owned(text)
}

pub(super) fn image(step: &Step) -> ImageFacts<'_> {
    let is_blocked = step.action == Action::Blocked;
    ImageFacts {
        name: step.repository.familiar(),
        short_name: &step.short_name,
        dockerfile: step.dockerfile.to_text(),
        context: step.context.as_ref().map(folder),
        target: step.target.as_deref(),
        key: step.key.map(|key| key.to_string()),
        reference: step.reference.as_ref().map(ToString::to_string),
        revision: step.revision.filter(|_| !is_blocked).map(|revision| revision.to_string()),
        dirty: step.dirty,
        tag_prefix: step.tag_prefix.as_deref(),
        aside: step.aside,
        unversioned: step.unversioned.iter().map(TreePath::to_text).collect(),
        dependencies: dependencies(step),
        bases: &step.bases,
        locked: step.locked.iter().map(|(base, digest)| (base.as_str(), digest.as_str())).collect(),
        contexts: step.contexts.iter().map(context).collect(),
        evidence: step.evidence.iter().map(evidence).collect(),
        inputs: InputFacts { files: step.inputs.files, whole_context: step.inputs.whole_context },
        action: step.action.as_str(),
        reasons: step.reasons.iter().map(reason).collect(),
        tags: tags(step),
    }
}

fn folder(path: &TreePath) -> String {
    if path.is_root() { ".".to_owned() } else { path.to_text() }
}

fn context(context: &NamedInputs) -> ContextFacts<'_> {
    ContextFacts {
        name: &context.name,
        folder: folder(&context.folder),
        files: context.files,
        whole_context: context.whole,
    }
}

fn namespace(plan: &Plan) -> NamespaceFacts<'_> {
    NamespaceFacts { value: &plan.namespace.value, source: plan.namespace.source.as_str() }
}

fn reason(reason: &Reason) -> ReasonFacts<'_> {
    ReasonFacts {
        kind: reason.kind.as_str(),
        path: reason.path.as_ref().map(TreePath::to_text),
        text: &reason.text,
    }
}

fn evidence(evidence: &Evidence) -> EvidenceFacts<'_> {
    EvidenceFacts {
        field: &evidence.field,
        value: &evidence.value,
        path: evidence.path.to_text(),
        line: evidence.line,
    }
}

fn tags(step: &Step) -> Vec<&str> {
    step.tags.iter().map(|tag| tag.tag.as_str()).collect()
}

fn dependencies(step: &Step) -> Vec<DependencyFacts<'_>> {
    step.dependencies.iter().map(dependency).collect()
}

fn dependency(dependency: &Dependency) -> DependencyFacts<'_> {
    DependencyFacts {
        image: &dependency.image,
        kind: dependency.kind.as_str(),
        line: dependency.line,
        inferred: dependency.is_inferred,
    }
}

pub(super) fn diagnostic(diagnostic: &Diagnostic) -> DiagnosticFacts<'_> {
    let location = diagnostic.location.as_ref();
    DiagnosticFacts {
        severity: diagnostic.severity.as_str(),
        path: location.map(|location| location.path.to_text()),
        line: location.and_then(|location| location.line),
        message: &diagnostic.message,
        hint: diagnostic.hint.as_deref(),
    }
}

#[cfg(test)]
mod tests {
    use snapbox::{IntoData as _, assert_data_eq, str};

    use super::*;
    use crate::diagnostic::Location;
    use crate::plan::{Action, Dependency, DependencyKind};
    use crate::report::testing::{plan, step};

    #[test]
    #[expect(clippy::too_many_lines, reason = "the snapshot is the contract as a whole")]
    fn every_field_in_its_documented_order() {
        let mut service = step(Action::Build, "service1", &["service1/app.py changed"]);
        service.reasons[0].path = Some("service1/app.py".into());
        service.dependencies = vec![Dependency {
            image: "acme/shared".into(),
            step: None,
            kind: DependencyKind::From,
            line: Some(1),
            is_inferred: false,
        }];
        service.unversioned = vec!["service1/app.jar".into()];
        service.contexts =
            vec![NamedInputs { name: "assets".into(), folder: "db".into(), files: 2, whole: true }];
        service.evidence = vec![Evidence {
            field: "target".into(),
            value: "prod".into(),
            path: "compose.yaml".into(),
            line: 12,
        }];
        let mut plan = plan(vec![service, step(Action::Blocked, "broken", &["set BASE"])]);
        plan.diagnostics = vec![
            Diagnostic::warning("odd").at(Location::span("a/Dockerfile".into(), 3, 1..2)).hint("even it"),
            Diagnostic::note("nowhere"),
        ];
        assert_data_eq!(
            plan_json(&plan),
            str![[r#"
{
  "schema": 1,
  "checkout": {
    "root": ".",
    "name": "shop",
    "head": "3f9ac0d1e2b4a5968778695a4b3c2d1e0f9e8d7c",
    "branch": "feature/login",
    "dirty": false
  },
  "namespace": {
    "value": "acme",
    "source": "from-lines"
  },
  "images": [
    {
      "name": "acme/service1",
      "short_name": "service1",
      "dockerfile": "service1/Dockerfile",
      "context": "service1",
      "target": null,
      "key": "9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a",
      "reference": "acme/service1:src-9a9a9a9a9a9a9a9a",
      "revision": "3f9ac0d1e2b4a5968778695a4b3c2d1e0f9e8d7c",
      "dirty": false,
      "tag_prefix": null,
      "aside": false,
      "unversioned": [
        "service1/app.jar"
      ],
      "dependencies": [
        {
          "image": "acme/shared",
          "kind": "from",
          "line": 1
        }
      ],
      "bases": [
        "busybox:latest"
      ],
      "locked": {},
      "contexts": [
        {
          "name": "assets",
          "folder": "db",
          "files": 2,
          "whole_context": true
        }
      ],
      "evidence": [
        {
          "field": "target",
          "value": "prod",
          "path": "compose.yaml",
          "line": 12
        }
      ],
      "inputs": {
        "files": 12,
        "whole_context": false
      },
      "action": "build",
      "reasons": [
        {
          "kind": "file-changed",
          "path": "service1/app.py",
          "text": "service1/app.py changed"
        }
      ],
      "tags": [
        "src-9a9a9a9a9a9a9a9a",
        "feature-login",
        "latest"
      ]
    },
    {
      "name": "acme/broken",
      "short_name": "broken",
      "dockerfile": "broken/Dockerfile",
      "context": null,
      "target": null,
      "key": null,
      "reference": null,
      "revision": null,
      "dirty": false,
      "tag_prefix": null,
      "aside": false,
      "unversioned": [],
      "dependencies": [],
      "bases": [
        "busybox:latest"
      ],
      "locked": {},
      "contexts": [],
      "evidence": [],
      "inputs": {
        "files": 12,
        "whole_context": false
      },
      "action": "blocked",
      "reasons": [
        {
          "kind": "blocked",
          "path": null,
          "text": "set BASE"
        }
      ],
      "tags": [
        "src-9a9a9a9a9a9a9a9a",
        "feature-login",
        "latest"
      ]
    }
  ],
  "diagnostics": [
    {
      "severity": "warning",
      "path": "a/Dockerfile",
      "line": 3,
      "message": "odd",
      "hint": "even it"
    },
    {
      "severity": "note",
      "path": null,
      "line": null,
      "message": "nowhere",
      "hint": null
    }
  ]
}

"#]]
            .raw()
        );
    }

    #[test]
    fn an_unborn_detached_and_hostile_checkout_is_still_json() {
        let mut plan = plan(Vec::new());
        plan.checkout.head = None;
        plan.checkout.branch = None;
        plan.checkout.name = "a\"\u{1b}\u{9b}\u{202e}\u{7f}é\n".into();
        let text = plan_json(&plan);
        assert_data_eq!(
            &text,
            str![[r#"
{
  "schema": 1,
  "checkout": {
    "root": ".",
    "name": "a\"\u001b\u009b\u202e\u007fé\n",
    "head": null,
    "branch": null,
    "dirty": false
  },
  "namespace": {
    "value": "acme",
    "source": "from-lines"
  },
  "images": [],
  "diagnostics": []
}

"#]]
            .raw()
        );
        let read: Value = serde_json::from_str(&text).expect("valid JSON");
        assert_eq!(read["checkout"]["name"], plan.checkout.name);
    }

    #[test]
    fn names_that_are_no_text_do_not_break_it() {
        let mut odd = step(Action::Build, "odd", &["x"]);
        odd.dockerfile = crate::path::TreePath::new(b"\xff/Dockerfile");
        odd.context = Some(crate::path::TreePath::root());
        let value = json!(image(&odd));
        assert_eq!(value["dockerfile"], "\u{fffd}/Dockerfile");
        assert_eq!(value["context"], ".");
    }
}
