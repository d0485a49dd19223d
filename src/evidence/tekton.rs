//! Tekton's pipeline runs (`.tekton/*.yaml`), whose parameters say what is built.
//! <https://konflux-ci.dev/docs/building/customizing-the-build/>

use super::yaml::{self, Node, Value};
use super::{Claim, ClaimedName, Door, Kind, Place, Reading, Said, Text, inside};
use crate::path::TreePath;

/// What Tekton's files among `files` say.
pub(super) fn read(files: &[TreePath], door: &Door<'_>) -> Reading {
    let mut reading = Reading::default();
    let is_tekton = |path: &&TreePath| path.components().any(|part| part == ".tekton");
    for path in files.iter().filter(is_tekton) {
        let documents = match door.read(path) {
            Ok(text) => yaml::parse(&text.unwrap_or_default()).map_err(|error| Box::new(error.note(path))),
            Err(note) => Err(note),
        };
        match documents {
            Ok(documents) => {
                let claims = documents.iter().filter_map(|node| claim(path, node, door));
                let (claims, note) = yaml::at_most(path, claims, |claim| claim.place.line);
                reading.claims.extend(claims);
                reading.notes.extend(note);
            }
            Err(note) => reading.notes.push(*note),
        }
    }
    reading
}

fn claim(path: &TreePath, document: &Node, door: &Door<'_>) -> Option<Claim> {
    let place = |node: &Node| Place { path: path.clone(), line: node.line };
    let params = document.get("spec")?.get("params")?.items();
    let param = |name: &str| {
        let named = params.iter().find(|param| param.get("name").and_then(Node::text) == Some(name));
        named.and_then(|param| param.get("value"))
    };
    let image = param("output-image")?;
    let context = match param("path-context") {
        Some(node) => Some(Said { value: inside(&TreePath::root(), &known(node)?)?, place: place(node) }),
        None => None,
    };
    // The task looks in the context first, then at the root.
    let root = context.as_ref().map_or_else(TreePath::root, |context| context.value.clone());
    let dockerfile = match param("dockerfile") {
        Some(node) => {
            let file = known(node)?;
            let candidates = [inside(&root, &file), inside(&TreePath::root(), file.trim_start_matches('/'))];
            candidates.into_iter().flatten().find_map(|path| door.dockerfile(&path))?
        }
        None => door.dockerfile_in(&root)?,
    };
    let mut claim = Claim::new(Kind::Workflow, place(document), dockerfile);
    claim.name = image
        .text()
        .and_then(|text| ClaimedName::of(&filled(text)))
        .map(|value| Said { value, place: place(image) });
    claim.context = Some(context.unwrap_or_else(|| Said { value: TreePath::root(), place: place(image) }));
    let args = param("build-args").filter(|node| matches!(node.value, Value::Sequence(_))).map(Node::items);
    for node in args.unwrap_or_default() {
        if let Some((key, value)) = known(node).as_deref().and_then(|text| text.split_once('=')) {
            claim.args.insert(key.to_owned(), Said { value: value.to_owned(), place: place(node) });
        }
    }
    Some(claim)
}

fn known(node: &Node) -> Option<String> {
    filled(node.text()?).known()
}

/// `{{revision}}` and `$(params.x)` are filled in when it runs: unknown.
fn filled(text: &str) -> Text {
    let mut out = Text::default();
    let mut rest = text;
    // One search for both: two would each go to the end again and again.
    while let Some(at) = rest.find(['{', '$']) {
        let behind = &rest[at..];
        let close = match () {
            () if behind.starts_with("{{") => "}}",
            () if behind.starts_with("$(") => ")",
            () => {
                out.push_str(&rest[..=at]);
                rest = &rest[at + 1..];
                continue;
            }
        };
        out.push_str(&rest[..at]);
        out.push_unknown();
        rest = behind.split_once(close).map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::memory_tree::MemoryTree;
    use crate::limits;

    #[test]
    fn parameters_say_what_is_built() {
        let text = "kind: PipelineRun\nspec:\n  params:\n  - name: output-image\n    value: quay.io/acme/api:{{revision}}\n  \
            - {name: dockerfile, value: docker/Api.Dockerfile}\n  - {name: path-context, value: api}\n  - name: build-args\n    \
            value: [A=1, 'B=$(params.b)', C]\n";
        let tree =
            MemoryTree::new([(".tekton/push.yaml", text), ("docker/Api.Dockerfile", ""), ("api/x", "")]);
        let dockerfiles = ["docker/Api.Dockerfile".into()];
        let reading = read(&[".tekton/push.yaml".into()], &Door::new(&tree, &dockerfiles, &[]));
        let [claim] = &reading.claims[..] else { panic!("{reading:?}") };
        assert_eq!(claim.name.as_ref().map(|name| &*name.value.repository), Some("quay.io/acme/api"));
        assert_eq!(claim.context.as_ref().map(|context| context.value.clone()), Some("api".into()));
        assert_eq!(claim.args.keys().collect::<Vec<_>>(), ["A"]);
    }

    #[test]
    fn long_lists_end() {
        let documents = "---\nspec: {params: [{name: output-image, value: acme/a}]}\n".repeat(3_000);
        let values =
            format!("spec: {{params: [{{name: output-image, value: '{}'}}]}}\n", "{{}}".repeat(100_000));
        let tree = MemoryTree::new([
            (".tekton/a.yaml", &*documents),
            (".tekton/b.yaml", &values),
            ("Dockerfile", ""),
        ]);
        let files = [".tekton/a.yaml".into(), ".tekton/b.yaml".into()];
        let reading = read(&files, &Door::new(&tree, &["Dockerfile".into()], &[]));
        assert_eq!((reading.claims.len(), reading.notes.len()), (limits::EVIDENCE_BUILDS + 1, 1));
    }
}
