use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::diagnostic::Diagnostic;
use crate::plan::{Plan, Step};
use crate::printable::printable;

/// The plan as `plan --format json` prints it: indented, with a line break at its end.
pub fn plan_json(plan: &Plan) -> String {
    json_text(&plan_value(plan))
}

/// Any value as the commands print it: indented, with a line break at its end, and free of characters that
/// a terminal would obey.
pub fn json_text(value: &Value) -> String {
    terminal_safe(format!("{value:#}\n"))
}

/// The plan as a value, for commands that print parts of it. Fields stand in the documented order.
pub fn plan_value(plan: &Plan) -> Value {
    json!({
        "schema": 1,
        "checkout": {
            "root": ".",
            "name": plan.checkout.name,
            "head": plan.checkout.head.map(|head| head.to_string()),
            "branch": plan.checkout.branch,
            "dirty": plan.checkout.dirty,
        },
        "namespace": { "value": plan.namespace.value, "source": plan.namespace.source.as_str() },
        "images": plan.steps.iter().map(image_value).collect::<Vec<_>>(),
        "diagnostics": diagnostics_value(&plan.diagnostics),
    })
}

/// One entry of `images`.
pub fn image_value(step: &Step) -> Value {
    let dependency = |one: &crate::plan::Dependency| json!({ "image": one.image, "kind": one.kind.as_str(), "line": one.line });
    let reason = |one: &crate::plan::Reason| {
        json!({
            "kind": one.kind.as_str(),
            "path": one.path.as_ref().map(|path| path.to_text()),
            "text": one.text,
        })
    };
    json!({
        "name": step.name(),
        "short_name": step.short_name,
        "dockerfile": step.dockerfile.to_text(),
        "context": step.context.as_ref().map(folder),
        "target": step.target,
        "key": step.key.map(|key| key.to_string()),
        "reference": step.reference.as_ref().map(ToString::to_string),
        "revision": step.revision.map(|revision| revision.to_string()),
        "dirty": step.dirty,
        "tag_prefix": step.tag_prefix,
        "aside": step.aside,
        "unversioned": step.unversioned.iter().map(|path| path.to_text()).collect::<Vec<_>>(),
        "dependencies": step.dependencies.iter().map(dependency).collect::<Vec<_>>(),
        "bases": step.bases,
        "inputs": { "files": step.inputs.files, "whole_context": step.inputs.whole_context },
        "action": step.action.as_str(),
        "reasons": step.reasons.iter().map(reason).collect::<Vec<_>>(),
        "tags": step.tags.iter().map(|tag| tag.tag.as_str()).collect::<Vec<_>>(),
    })
}

/// The entries of `diagnostics`.
pub fn diagnostics_value(diagnostics: &[Diagnostic]) -> Value {
    let diagnostic = |one: &Diagnostic| {
        let location = one.location.as_ref();
        json!({
            "severity": one.severity.as_str(),
            "path": location.map(|location| location.path.to_text()),
            "line": location.and_then(|location| location.line),
            "message": one.message,
            "hint": one.hint,
        })
    };
    diagnostics.iter().map(diagnostic).collect()
}

/// The root of the checkout is written `.`.
fn folder(path: &crate::path::TreePath) -> String {
    if path.is_root() { ".".to_owned() } else { path.to_text() }
}

/// JSON escapes only the first 32 control characters; this escapes the others that a terminal obeys, too.
/// They can only stand inside strings, where `\uXXXX` means the same.
pub(super) fn terminal_safe(json: String) -> String {
    let unsafe_here = |c: char| c != '\n' && !c.is_ascii_graphic() && c != ' ';
    if !json.chars().any(unsafe_here) {
        return json;
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        // Whatever `printable` would change; all of it lies in the basic plane.
        if unsafe_here(c) && printable(c.encode_utf8(&mut [0; 4])).len() > c.len_utf8() {
            let _ = write!(safe, "\\u{:04x}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use snapbox::{IntoData as _, assert_data_eq, str};

    use super::*;
    use crate::diagnostic::Location;
    use crate::plan::{Action, Dependency, DependencyKind};
    use crate::report::testing::{plan, step};

    #[test]
    fn every_field_in_its_documented_order() {
        let mut service = step(Action::Build, "service1", &["service1/app.py changed"]);
        service.reasons[0].path = Some("service1/app.py".into());
        service.dependencies =
            vec![Dependency { image: "acme/shared".into(), kind: DependencyKind::From, line: Some(1) }];
        service.unversioned = vec!["service1/app.jar".into()];
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
      "revision": "3f9ac0d1e2b4a5968778695a4b3c2d1e0f9e8d7c",
      "dirty": false,
      "tag_prefix": null,
      "aside": false,
      "unversioned": [],
      "dependencies": [],
      "bases": [
        "busybox:latest"
      ],
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
        let value = image_value(&odd);
        assert_eq!(value["dockerfile"], "\u{fffd}/Dockerfile");
        assert_eq!(value["context"], ".");
    }
}
