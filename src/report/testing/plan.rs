//! Plans that a test writes down in a line an image.

use crate::git::CommitId;
use crate::image::{ContentKey, Repository, Tag};
use crate::path::TreePath;
use crate::plan::{
    Action, CheckoutSummary, ImageId, InputSummary, Namespace, NamespaceSource, Plan, PlannedTag, Reason,
    ReasonKind, Step, TagKind,
};

pub(in crate::report) fn commit() -> CommitId {
    "3f9ac0d1e2b4a5968778695a4b3c2d1e0f9e8d7c".parse().expect("40 hex digits")
}

/// A plan for `shop` on `feature/login`.
pub(in crate::report) fn plan(steps: Vec<Step>) -> Plan {
    Plan {
        checkout: CheckoutSummary {
            name: "shop".into(),
            head: Some(commit()),
            branch: Some("feature/login".into()),
            dirty: false,
        },
        namespace: Namespace { value: "acme".into(), source: NamespaceSource::FromLines },
        steps,
        diagnostics: Vec::new(),
    }
}

/// An image whose Dockerfile is in the folder of its name.
pub(in crate::report) fn step(action: Action, name: &str, reasons: &[&str]) -> Step {
    let folder = TreePath::from(name);
    let key = ContentKey::new([0x9a; 32]);
    let repository = Repository::new(&format!("acme/{name}")).expect("a valid name");
    let blocked = action == Action::Blocked;
    let kind = match action {
        Action::Blocked => ReasonKind::Blocked,
        Action::Build => ReasonKind::FileChanged,
        Action::Pull | Action::Tag | Action::None => ReasonKind::Unchanged,
    };
    let tag = |tag: &str, kind| PlannedTag {
        tag: Tag::new(tag).expect("a valid tag"),
        kind,
        withheld: None,
        in_place: action == Action::None,
    };
    Step {
        image: ImageId(0),
        short_name: name.into(),
        dockerfile: folder.join("Dockerfile"),
        context: (!blocked).then_some(folder),
        target: None,
        platform: None,
        key: (!blocked).then_some(key),
        reference: (!blocked).then(|| repository.with_tag(key.tag())),
        repository,
        pulled_from: None,
        revision: Some(commit()),
        dirty: false,
        tag_prefix: None,
        aside: false,
        published: true,
        unversioned: Vec::new(),
        dependencies: Vec::new(),
        bases: vec!["busybox:latest".into()],
        locked: std::collections::BTreeMap::new(),
        contexts: Vec::new(),
        evidence: Vec::new(),
        inputs: InputSummary { files: 12, bytes: 30_000_000, whole_context: false },
        action,
        reasons: reasons.iter().map(|text| Reason { kind, path: None, text: (*text).to_owned() }).collect(),
        tags: vec![
            tag("src-9a9a9a9a9a9a9a9a", TagKind::Key),
            tag("feature-login", TagKind::Branch),
            tag("latest", TagKind::Latest),
        ],
    }
}

/// The four images of the handbook: two are built, two tagged.
pub(in crate::report) fn shop() -> Plan {
    plan(vec![
        step(Action::Tag, "base", &["unchanged since 9f3b21c04d55"]),
        step(Action::Build, "shared", &["shared/auth.py changed"]),
        step(Action::Build, "service1", &["acme/shared is rebuilt"]),
        step(Action::Tag, "admin", &["unchanged since 9f3b21c04d55"]),
    ])
}
