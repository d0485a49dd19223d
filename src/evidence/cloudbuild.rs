//! Google Cloud Build (`cloudbuild.yaml`), whose steps are containers that are called with arguments.
//! <https://cloud.google.com/build/docs/build-config-file-schema>

use std::collections::BTreeMap;

use super::shell::{Build, Script, Spot, claim, from_marked, marked, may_build, sanitized, to_build};
use super::yaml::{self, Node};
use super::{Claim, Door, Kind, Place, Reading, Text, inside};
use crate::path::TreePath;

/// What `substitutions` gives names that begin with `_`. Others are of the project and the run: unknown.
type Substitutions<'y> = BTreeMap<&'y str, &'y str>;

/// Whether a file is one by its name.
pub(super) fn is_one(path: &TreePath) -> bool {
    let name = path.file_name().to_string().to_ascii_lowercase();
    name.split(['.', '-', '_']).any(|part| part == "cloudbuild")
}

/// What Cloud Build's files among `files` say.
pub(super) fn read(files: &[TreePath], door: &Door<'_>) -> Reading {
    let mut reading = Reading::default();
    for path in files.iter().filter(|path| is_one(path)) {
        let text = match door.read(path) {
            Ok(Some(text)) if text.contains("steps") => text,
            Ok(_) => continue,
            Err(note) => {
                reading.notes.push(*note);
                continue;
            }
        };
        match yaml::parse(&sanitized(&text)) {
            Ok(documents) => {
                let claims = documents.iter().flat_map(|root| claims(path, root, door));
                let (claims, note) = yaml::at_most(path, claims, |claim| claim.place.line);
                reading.claims.extend(claims);
                reading.notes.extend(note);
            }
            Err(error) => reading.notes.push(error.note(path)),
        }
    }
    reading
}

fn claims<'y>(
    path: &'y TreePath,
    root: &'y Node,
    door: &'y Door<'_>,
) -> impl Iterator<Item = Claim> + use<'y> {
    let entries = root.get("substitutions").into_iter().flat_map(Node::entries);
    let known: Substitutions<'_> =
        entries.filter_map(|(name, value)| name.text().zip(value.text())).collect();
    let steps = root.get("steps").map(Node::items).unwrap_or_default();
    steps.iter().flat_map(move |step| of_step(path, step, &known, door))
}

fn of_step(path: &TreePath, step: &Node, known: &Substitutions<'_>, door: &Door<'_>) -> Vec<Claim> {
    let value = |key: &str| step.get(key).and_then(Node::text);
    // A build is begun where its file is, or at the root.
    let starts: Vec<TreePath> = [path.parent().unwrap_or_default(), TreePath::root()]
        .iter()
        .filter_map(|start| match value("dir") {
            Some(dir) => inside(start, &filled(dir, known).known()?),
            None => Some(start.clone()),
        })
        .filter(|start| door.is_folder(start))
        .collect();
    let script = |text: &str, line: usize| {
        let text = marked(&filled(text, known));
        let script =
            Script { text: &text, path, line, kind: Kind::Workflow, starts: &starts, variables: &[] };
        if may_build(&text) { script.claims(door) } else { Vec::new() }
    };
    if let Some(node) = step.get("script") {
        return node.text().map(|text| script(text, node.line)).unwrap_or_default();
    }
    let arguments: Vec<&Node> = step.get("args").map(Node::items).unwrap_or_default().iter().collect();
    let program = value("entrypoint").or(value("name")).unwrap_or_default();
    let program =
        program.rsplit('/').next().and_then(|name| name.split([':', '@']).next()).unwrap_or_default();
    match (program, &arguments[..]) {
        ("bash" | "sh", [flag, text, ..]) if flag.text().is_some_and(|flag| flag.ends_with('c')) => {
            text.text().map(|content| script(content, text.line)).unwrap_or_default()
        }
        ("docker" | "executor" | "podman" | "buildah", _) => {
            let words = arguments
                .iter()
                .map(|node| node.text().map_or_else(Text::unknown, |text| argument(text, known)));
            let program = if program == "executor" { "/kaniko/executor" } else { program };
            let words: Vec<Text> = std::iter::once(Text::from(program)).chain(words).collect();
            let Some(build) = to_build(&words) else { return Vec::new() };
            of_build(&build, path, step, &starts, door).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// What a build says from the first folder from which all paths lead to something.
fn of_build(
    build: &Build,
    path: &TreePath,
    step: &Node,
    starts: &[TreePath],
    door: &Door<'_>,
) -> Option<Claim> {
    let place = Place { path: path.clone(), line: step.line };
    let from = |folder: &TreePath| {
        claim(build, &Spot { kind: Kind::Workflow, place: &place, folder: Some(folder) }, door)
    };
    let mut claims = starts.iter().filter_map(from);
    let first = claims.next()?;
    if first.context.is_some() {
        Some(first)
    } else {
        claims.find(|claim| claim.context.is_some()).or(Some(first))
    }
}

/// An argument. What substitutions give the tag of an image is a placeholder for what each run gives it.
fn argument(text: &str, known: &Substitutions<'_>) -> Text {
    let is_tag = |at: usize| !text[at..].contains('/') && text[..at].contains('/');
    match text.rfind(':').filter(|at| is_tag(*at) && !text.contains("://")) {
        Some(at) => {
            let mut whole = filled(&text[..at], known);
            whole.push(&filled(&text[at..], &Substitutions::new()));
            whole
        }
        None => filled(text, known),
    }
}

/// Puts in values for `$_NAME` and `${_NAME}`; `$$` is a `$`.
fn filled(text: &str, known: &Substitutions<'_>) -> Text {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut out = Text::default();
    let mut rest = text;
    while let Some((front, behind)) = rest.split_once('$') {
        out.push(&from_marked(front));
        if let Some(behind) = behind.strip_prefix('$') {
            out.push_str("$");
            rest = behind;
            continue;
        }
        let (inner, after) = match behind.strip_prefix('{') {
            Some(inner) => inner.split_once('}').unwrap_or((inner, "")),
            None => behind.split_at(behind.find(|c| !is_of_name(c)).unwrap_or(behind.len())),
        };
        match known.get(inner) {
            Some(value) if inner.starts_with('_') => out.push_str(value),
            // A variable of a shell, where the run allows that.
            _ if inner.is_empty() => out.push_str("$"),
            _ => out.push_unknown(),
        }
        rest = after;
    }
    out.push(&from_marked(rest));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::shell::tests::shown;
    use crate::git::memory_tree::MemoryTree;
    use crate::limits;

    fn said(path: &str, text: &str) -> Vec<String> {
        let dockerfiles = ["Dockerfile", "images/api/Dockerfile", "images/api/Dockerfile.alpine"];
        let tree = dockerfiles.iter().fold(MemoryTree::default(), |tree, file| tree.file(file, "FROM a"));
        let dockerfiles: Vec<TreePath> = dockerfiles.iter().map(|path| (*path).into()).collect();
        shown(&read(&[path.into()], &Door::new(&tree.file(path, text), &dockerfiles, &[])).claims)
    }

    #[test]
    fn steps_that_build() {
        for (path, step, expected) in [
            (
                "cloudbuild.yaml",
                "{name: gcr.io/cloud-builders/docker, dir: images/api, args: [build, --tag=gcr.io/$PROJECT_ID/api:$_TAG, --build-arg=A=$_A, '--build-arg=B=$B', .]}",
                "images/api/Dockerfile images/api …/api A=1",
            ),
            (
                "images/api/cloudbuild.yaml",
                "{name: 'gcr.io/cloud-builders/docker:24.0', args: ['build', '-t', 'acme/api:${_TAG}-alpine', '--file=Dockerfile.alpine', '.']}",
                "images/api/Dockerfile.alpine images/api acme/api:alpine",
            ),
            (
                "images/api/cloudbuild.yaml",
                "{name: docker, args: [build, -t, acme/root, .]}",
                "images/api/Dockerfile images/api acme/root",
            ),
            (
                "images/cloudbuild-push.yaml",
                "{name: docker, args: [buildx, build, -t, acme/root, .]}",
                "Dockerfile . acme/root",
            ),
            (
                "cloudbuild.yaml",
                "{name: x, entrypoint: bash, dir: images, args: [-c, 'T=acme/api; docker build -t $$T --build-arg A=${_A} api']}",
                "images/api/Dockerfile images/api acme/api A=1",
            ),
            (
                "cloudbuild.yaml",
                "{name: x, script: 'docker build -t acme/api images/api'}",
                "images/api/Dockerfile images/api acme/api",
            ),
            (
                "cloudbuild.yaml",
                "{name: 'gcr.io/kaniko-project/executor:v1.9.0', args: [--destination=gcr.io/$PROJECT_ID/api, --context=images/api, --cache=true]}",
                "images/api/Dockerfile images/api …/api",
            ),
        ] {
            let text = format!("steps:\n- {step}\nsubstitutions: {{_TAG: '12345', _A: 1}}\n");
            assert_eq!(said(path, &text), [expected], "{step}");
        }
    }

    #[test]
    fn what_builds_nothing_says_nothing() {
        for step in [
            "{name: gcr.io/cloud-builders/docker, args: [push, acme/api]}",
            "{name: gcr.io/cloud-builders/go, args: [build, .]}",
            "{name: docker, dir: '../..', args: [build, .]}",
            "{name: docker, dir: nowhere, args: [build, .]}",
            "{name: docker}",
            "text",
        ] {
            assert_eq!(said("cloudbuild.yaml", &format!("steps:\n- {step}\n")), [""; 0], "{step}");
        }
    }

    #[test]
    fn long_lists_end() {
        let steps = "- {name: docker, args: [build, .]}\n".repeat(3_000);
        let found = said("cloudbuild.yaml", &format!("steps:\n{steps}"));
        assert_eq!(found.len(), limits::EVIDENCE_BUILDS);
        let _ = said(
            "cloudbuild.yaml",
            &format!("steps:\n- {{name: docker, args: [build, '{}']}}\n", "${".repeat(100_000)),
        );
    }
}
