//! `skaffold.yaml`. <https://skaffold.dev/docs/references/yaml/>
//!
//! Profiles only change what stands outside of them, so they are not read.

use std::collections::BTreeMap;

use super::yaml::{self, Node};
use super::{Claim, ClaimedName, Door, Kind, NamedContext, Place, Reading, Said, Text, inside};
use crate::diagnostic::Diagnostic;
use crate::path::TreePath;

/// What skaffold files say.
pub(super) fn read(files: &[TreePath], door: &Door<'_>) -> Reading {
    let mut reading = Reading::default();
    for path in files {
        let documents = match door.read(path) {
            Ok(text) => yaml::parse(&text.unwrap_or_default()).map_err(|error| Box::new(error.note(path))),
            Err(note) => Err(note),
        };
        match documents {
            Ok(documents) => {
                let (claims, note) = claims(path, &documents, door);
                reading.claims.extend(claims);
                reading.notes.extend(note);
            }
            Err(note) => reading.notes.push(*note),
        }
    }
    reading
}

fn claims(path: &TreePath, documents: &[Node], door: &Door<'_>) -> (Vec<Claim>, Option<Diagnostic>) {
    let folder = path.parent().unwrap_or_default();
    let of = |document| Node::get(document, "build").and_then(|build| build.get("artifacts"));
    let artifacts: Vec<&Node> = documents.iter().filter_map(of).flat_map(Node::items).collect();
    let claims =
        artifacts.into_iter().filter_map(|node| claim(path, &folder, node, door).map(|claim| (node, claim)));
    let (mut claims, note) = yaml::at_most(path, claims, |(node, _)| node.line);
    // Other artifacts are named by their images.
    let places: BTreeMap<String, Place> = claims
        .iter()
        .filter_map(|(node, claim)| Some((node.get("image")?.text()?.to_owned(), claim.place.clone())))
        .collect();
    for (node, claim) in &mut claims {
        require(path, node, claim, &places);
    }
    (claims.into_iter().map(|(_, claim)| claim).collect(), note)
}

fn claim(path: &TreePath, folder: &TreePath, node: &Node, door: &Door<'_>) -> Option<Claim> {
    let place = |node: &Node| Place { path: path.clone(), line: node.line };
    // What other builders make (jib, ko, buildpacks) comes from no Dockerfile; kaniko is given one.
    let others = ["bazel", "jib", "custom", "buildpacks", "ko"];
    if others.iter().any(|builder| node.get(builder).is_some()) {
        return None;
    }
    let image = node.get("image")?;
    let docker = node.get("docker").or_else(|| node.get("kaniko"));
    let field = |key| docker.and_then(|docker| docker.get(key)).filter(|node| !node.is_null());
    let context = match node.get("context") {
        Some(context) => Said { value: inside(folder, &known(context)?)?, place: place(context) },
        None => Said { value: folder.clone(), place: place(node) },
    };
    let dockerfile = match field("dockerfile") {
        Some(dockerfile) => door.dockerfile(&inside(&context.value, &known(dockerfile)?)?)?,
        None => door.dockerfile_in(&context.value)?,
    };
    let mut claim = Claim::new(Kind::Skaffold, place(node), dockerfile);
    claim.name = image
        .text()
        .and_then(|text| ClaimedName::of(&templated(text)))
        .map(|value| Said { value, place: place(image) });
    claim.target = field("target").and_then(|node| Some(Said { value: known(node)?, place: place(node) }));
    let args = field("buildArgs").into_iter().flat_map(Node::entries);
    claim.args = args
        .filter_map(|(key, value)| {
            Some((key.text()?.to_owned(), Said { value: known(value)?, place: place(value) }))
        })
        .collect();
    let platforms = node.get("platforms").map(Node::items).unwrap_or_default();
    claim.platforms = platforms
        .iter()
        .filter_map(|node| Some(Said { value: node.text()?.parse().ok()?, place: place(node) }))
        .collect();
    claim.context = door.is_folder(&context.value).then_some(context);
    Some(claim)
}

/// `requires`: the build argument called by the alias gets the name of the image that was built. That is an edge, and
/// as a named context it stands wherever the argument is the whole of a reference.
fn require(path: &TreePath, node: &Node, claim: &mut Claim, places: &BTreeMap<String, Place>) {
    for required in node.get("requires").map(Node::items).unwrap_or_default() {
        let Some(image) = required.get("image").and_then(Node::text) else { continue };
        let alias = required.get("alias").and_then(Node::text).unwrap_or(image);
        let place = Place { path: path.clone(), line: required.line };
        claim.args.insert(alias.to_owned(), Said { value: image.to_owned(), place: place.clone() });
        if let Some(other) = places.get(image) {
            let context = NamedContext::Required { claim: other.clone() };
            claim.contexts.insert(image.to_owned(), Said { value: context, place });
        }
    }
}

fn known(node: &Node) -> Option<String> {
    templated(node.text()?).known()
}

/// `{{…}}` is filled in from the environment: unknown.
fn templated(text: &str) -> Text {
    let mut out = Text::default();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{{") {
        out.push_str(before);
        out.push_unknown();
        rest = behind.split_once("}}").map_or("", |(_, after)| after);
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
    fn artifacts_are_claims_and_what_they_require_is_an_edge() {
        let text = "apiVersion: v4\nbuild:\n  artifacts:\n  - image: acme/app\n    context: app\n    docker:\n      \
            target: prod\n      buildArgs: {X: 1, Y: '{{.Y}}'}\n    requires: [{image: acme/base, alias: BASE}]\n  \
            - image: '{{.R}}/base'\n    context: base\n  - {image: acme/base, context: base}\n  - {image: j, jib: {}}\n";
        let files = [("skaffold.yaml", text), ("app/Dockerfile", ""), ("base/Dockerfile", "")];
        let tree = MemoryTree::new(files);
        let dockerfiles = ["app/Dockerfile".into(), "base/Dockerfile".into()];
        let reading = read(&["skaffold.yaml".into()], &Door::new(&tree, &dockerfiles, &[]));
        let [app, half, base] = &reading.claims[..] else { panic!("{reading:?}") };
        assert_eq!(app.dockerfile, "app/Dockerfile".into());
        assert_eq!(app.target.as_ref().map(|target| (&*target.value, target.place.line)), Some(("prod", 7)));
        let args: Vec<_> = app.args.iter().map(|(key, value)| (&**key, &*value.value)).collect();
        assert_eq!(args, [("BASE", "acme/base"), ("X", "1")]);
        assert_eq!(app.contexts["acme/base"].value, NamedContext::Required { claim: base.place.clone() });
        assert_eq!(half.name.as_ref().map(|name| name.value.is_whole), Some(false));
    }

    #[test]
    fn long_lists_end() {
        let artifacts = "  - {image: acme/a, requires: [{image: acme/a}]}\n".repeat(3_000);
        let long = format!("build:\n  artifacts:\n{artifacts}");
        let templates = format!("build:\n  artifacts:\n  - image: 'acme/a:{}'\n", "{{}}".repeat(100_000));
        let tree = MemoryTree::new([
            ("a/skaffold.yaml", &*long),
            ("skaffold.yaml", &templates),
            ("Dockerfile", ""),
            ("a/Dockerfile", ""),
        ]);
        let files = ["a/skaffold.yaml".into(), "skaffold.yaml".into()];
        let reading = read(&files, &Door::new(&tree, &["Dockerfile".into(), "a/Dockerfile".into()], &[]));
        assert_eq!((reading.claims.len(), reading.notes.len()), (limits::EVIDENCE_BUILDS + 1, 1));
    }
}
