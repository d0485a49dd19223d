//! `devcontainer.json`. <https://containers.dev/implementors/json_reference/>
//!
//! It is JSON with comments and commas at the end. Without its comments it is YAML, which gives the lines.

use super::yaml::{self, Node};
use super::{Claim, Door, Kind, Place, Reading, Said, inside};
use crate::path::TreePath;

/// What `devcontainer.json` files say.
pub(super) fn read(files: &[TreePath], door: &Door<'_>) -> Reading {
    let mut reading = Reading::default();
    for path in files {
        let documents = match door.read(path) {
            Ok(text) => {
                yaml::parse(&plain(&text.unwrap_or_default())).map_err(|error| Box::new(error.note(path)))
            }
            Err(note) => Err(note),
        };
        match documents {
            Ok(documents) => {
                reading.claims.extend(documents.first().and_then(|node| claim(path, node, door)));
            }
            Err(note) => reading.notes.push(*note),
        }
    }
    reading
}

fn claim(path: &TreePath, document: &Node, door: &Door<'_>) -> Option<Claim> {
    let place = |node: &Node| Place { path: path.clone(), line: node.line };
    let folder = path.parent().unwrap_or_default();
    let build = document.get("build");
    let field = |key| build.and_then(|build| build.get(key));
    // The first format has both at its top.
    let dockerfile = field("dockerfile").or_else(|| document.get("dockerFile"))?;
    let context = field("context").or_else(|| document.get("context"));
    let file = door.dockerfile(&inside(&folder, &known(dockerfile)?)?)?;
    let mut claim = Claim::new(Kind::Devcontainer, place(dockerfile), file);
    let (root, said) = match context {
        Some(node) => (inside(&folder, &known(node)?)?, node),
        None => (folder, dockerfile),
    };
    claim.context = door.is_folder(&root).then(|| Said { value: root, place: place(said) });
    claim.target = field("target").and_then(|node| Some(Said { value: known(node)?, place: place(node) }));
    let args = field("args").into_iter().flat_map(Node::entries);
    claim.args = args
        .filter_map(|(key, value)| {
            Some((key.text()?.to_owned(), Said { value: known(value)?, place: place(value) }))
        })
        .collect();
    Some(claim)
}

/// `${localEnv:X}` and the like are filled in on somebody's machine: unknown.
fn known(node: &Node) -> Option<String> {
    node.text().filter(|text| !text.contains("${")).map(str::to_owned)
}

/// Blanks out comments, and tabs, which YAML does not take for indentation. Lines stay where they are.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut is_quoted = false;
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(_)) if is_quoted => {
                out.push(c);
                out.extend(chars.next());
            }
            ('"', _) => {
                is_quoted = !is_quoted;
                out.push(c);
            }
            ('/', Some('/')) if !is_quoted => while chars.next_if(|c| *c != '\n').is_some() {},
            ('/', Some('*')) if !is_quoted => {
                chars.next();
                let mut last = ' ';
                for c in chars.by_ref() {
                    if (last, c) == ('*', '/') {
                        break;
                    }
                    if c == '\n' {
                        out.push(c);
                    }
                    last = c;
                }
            }
            ('\t', _) if !is_quoted => out.push(' '),
            // YAML wants a blank behind it.
            (':', _) if !is_quoted => out.push_str(": "),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::git::memory_tree::MemoryTree;

    #[test]
    fn the_build_is_read_with_its_lines() {
        let text = "// a \"comment\"\n{\n\t\"name\": \"x // y\", /* more\n */\n\t\"build\": {\n\t\t\"dockerfile\":\"./Dockerfile\",\n\
            \t\t\"context\": \"..\",\n\t\t\"args\": {\"V\": \"1\", \"W\": \"${localEnv:W}\",},\n\t},\n}\n";
        let tree =
            MemoryTree::new([(".devcontainer/devcontainer.json", text), (".devcontainer/Dockerfile", "")]);
        let dockerfiles = [".devcontainer/Dockerfile".into()];
        let reading = read(&[".devcontainer/devcontainer.json".into()], &Door::new(&tree, &dockerfiles, &[]));
        let [claim] = &reading.claims[..] else { panic!("{reading:?}") };
        assert_eq!(claim.place.line, 6);
        assert_eq!(claim.context.as_ref().map(|context| context.value.clone()), Some(TreePath::root()));
        assert_eq!(claim.args.keys().collect::<Vec<_>>(), ["V"]);
    }

    #[test]
    fn long_and_deep_files_end() {
        let deep = "{\"a\":".repeat(100_000);
        let long = format!(
            "{{\"build\": {{\"dockerfile\": \"Dockerfile\", \"args\": {{{}}}}}}}",
            (0..20_000).map(|n| format!("\"A{n}\":\"{{/*:*/\",")).collect::<Vec<_>>().concat()
        );
        let tree = MemoryTree::new([
            ("a/.devcontainer.json", &*deep),
            ("b/.devcontainer.json", &long),
            ("b/Dockerfile", ""),
        ]);
        let files = ["a/.devcontainer.json".into(), "b/.devcontainer.json".into()];
        let reading = read(&files, &Door::new(&tree, &["b/Dockerfile".into()], &[]));
        assert_eq!((reading.claims.len(), reading.notes.len()), (1, 1));
        assert_eq!(reading.claims[0].args.len(), 20_000);
    }

    proptest! {
        #[test]
        fn anything_ends(text in "([\"/*\\\\{},:\t\n]|\\PC){0,40}") {
            let _ = yaml::parse(&plain(&text));
        }
    }
}
