//! `manifest.json` of `ImageBuilder`, by which .NET's images are built. <https://github.com/dotnet/docker-tools>
//!
//! A manifest has variables and repositories; a repository has images, and an image has platforms, each built from one
//! Dockerfile in its own folder. A variable's value may name those that stand above it, others are not known.

use std::collections::{BTreeMap, BTreeSet};

use super::yaml::{self, Node};
use super::{Claim, ClaimedName, Door, Kind, Part, Place, Reading, Said, Text, inside};
use crate::diagnostic::Diagnostic;
use crate::image::Tag;
use crate::limits;
use crate::path::TreePath;

/// A manifest as written.
struct Manifest {
    path: TreePath,
    root: Node,
}

/// What manifests say. Those that others include are parts of these.
pub(super) fn read(files: &[TreePath], door: &Door<'_>) -> Reading {
    let mut reading = Reading::default();
    let mut manifests: BTreeMap<TreePath, Manifest> = BTreeMap::new();
    for path in files {
        match manifest(path, door) {
            Ok(manifest) => manifests.extend(manifest.map(|manifest| (path.clone(), manifest))),
            Err(note) => reading.notes.push(*note),
        }
    }
    let included: BTreeSet<TreePath> = manifests.values().flat_map(Manifest::includes).collect();
    for main in manifests.values().filter(|manifest| !included.contains(&manifest.path)) {
        let parts = main.includes();
        // One that is included by a name of its own is read for this alone.
        let mut others: Vec<Manifest> = Vec::new();
        for path in parts.iter().filter(|path| !manifests.contains_key(*path)) {
            match manifest(path, door) {
                Ok(manifest) => others.extend(manifest),
                Err(note) => reading.notes.push(*note),
            }
        }
        let known = parts.iter().filter_map(|path| manifests.get(path));
        let all: Vec<&Manifest> = known.chain(&others).chain([main]).collect();
        let (claims, note) = claims(main, &all, door);
        reading.claims.extend(claims);
        reading.notes.extend(note);
    }
    reading
}

/// The manifest at `path`, if what stands there is one: other programs have files of that name.
fn manifest(path: &TreePath, door: &Door<'_>) -> Result<Option<Manifest>, Box<Diagnostic>> {
    let text = door.read(path)?.unwrap_or_default();
    let text = text.trim_start_matches('\u{feff}');
    let has = |word: &str| text.contains(word);
    let is_one = has("\"repos\"") && has("\"dockerfile\"") || has("\"includes\"") || has("\"variables\"");
    if !is_one {
        return Ok(None);
    }
    // YAML does not take tabs for indentation, and JSON has none in its strings.
    match yaml::parse(&text.replace('\t', " ")) {
        Ok(documents) => {
            let root = documents.into_iter().next();
            Ok(root.map(|root| Manifest { path: path.clone(), root }))
        }
        // What cannot be read is more likely another program's.
        Err(error) if has("\"dockerfile\"") => Err(Box::new(error.note(path))),
        Err(_) => Ok(None),
    }
}

impl Manifest {
    fn folder(&self) -> TreePath {
        self.path.parent().unwrap_or_default()
    }

    fn list(&self, key: &str) -> &[Node] {
        self.root.get(key).map(Node::items).unwrap_or_default()
    }

    fn includes(&self) -> Vec<TreePath> {
        let paths = self.list("includes").iter().take(limits::MANIFEST_INCLUDES).filter_map(Node::text);
        paths.filter_map(|path| inside(&self.folder(), path)).filter(|path| *path != self.path).collect()
    }
}

/// What the manifest `main` says with what it includes, which stands in front of it in `all`.
fn claims(main: &Manifest, all: &[&Manifest], door: &Door<'_>) -> (Vec<Claim>, Option<Diagnostic>) {
    let registry = all.iter().rev().find_map(|manifest| manifest.root.get("registry")?.text());
    let mut variables = Variables::default();
    for manifest in all {
        let named = manifest.root.get("variables").into_iter().flat_map(Node::entries);
        for (name, value) in named {
            if let Some((name, value)) = name.text().zip(value.text()) {
                let value = variables.filled(value);
                variables.known.insert(name.to_owned(), value);
            }
        }
    }
    let repositories: Vec<(&Manifest, &Node)> =
        all.iter().flat_map(|manifest| manifest.list("repos").iter().map(|node| (*manifest, node))).collect();
    for (_, repository) in &repositories {
        let Some(name) = repository.get("name").and_then(Node::text) else { continue };
        let id = repository.get("id").and_then(Node::text).unwrap_or(name);
        let full = Repository::full_name(registry, &variables.filled(name));
        variables.known.insert(format!("Repo:{id}"), full);
    }
    let folder = main.folder();
    let said = repositories.iter().flat_map(|(manifest, node)| {
        let repository = Repository::of(&manifest.path, &folder, node, registry, &variables);
        repository.into_iter().flat_map(|repository| repository.claims(door))
    });
    let said = said.map(|claim| claim.resting_on(all.iter().map(|manifest| &manifest.path)));
    yaml::at_most(&main.path, said, |claim| claim.place.line)
}

/// A repository of a manifest.
struct Repository<'m> {
    /// Where it stands.
    path: &'m TreePath,
    /// What paths are relative to.
    folder: &'m TreePath,
    node: &'m Node,
    name: Text,
    name_line: usize,
    variables: &'m Variables,
}

impl<'m> Repository<'m> {
    fn of(
        path: &'m TreePath,
        folder: &'m TreePath,
        node: &'m Node,
        registry: Option<&str>,
        variables: &'m Variables,
    ) -> Option<Self> {
        let name = node.get("name")?;
        let (text, name_line) = (Self::full_name(registry, &variables.filled(name.text()?)), name.line);
        Some(Self { path, folder, node, name: text, name_line, variables })
    }

    fn full_name(registry: Option<&str>, name: &Text) -> Text {
        let mut full =
            Text::from(registry.map(|registry| format!("{registry}/")).unwrap_or_default().as_str());
        full.push(name);
        full
    }

    fn claims(self, door: &Door<'_>) -> Vec<Claim> {
        let images = self.node.get("images").map(Node::items).unwrap_or_default();
        let platforms = images.iter().flat_map(|image| {
            let platforms = image.get("platforms").map(Node::items).unwrap_or_default();
            // A tag that several platforms share is none of theirs alone.
            let shared = image.get("sharedTags").filter(|_| platforms.len() == 1);
            platforms.iter().map(move |platform| (platform, shared))
        });
        platforms.filter_map(|(platform, shared)| self.claim(platform, shared, door)).collect()
    }

    fn claim(&self, platform: &Node, shared: Option<&Node>, door: &Door<'_>) -> Option<Claim> {
        let place = |line| Place { path: self.path.clone(), line };
        let written = platform.get("dockerfile")?;
        let file = inside(self.folder, &self.variables.filled(written.text()?).known()?)?;
        let dockerfile = door.dockerfile(&file).or_else(|| door.dockerfile_in(&file))?;
        let mut claim = Claim::new(Kind::ImageBuilder, place(platform.line), dockerfile);
        let folder = claim.dockerfile.parent().unwrap_or_default();
        claim.context = Some(Said { value: folder, place: place(written.line) });
        let tags = platform.get("tags").into_iter().chain(shared).flat_map(Node::entries);
        let mut names = tags.filter_map(|(tag, _)| {
            let mut name = self.name.clone();
            name.push_str(":");
            name.push(&self.variables.filled(tag.text()?));
            Some((ClaimedName::of(&name)?, tag.line))
        });
        claim.name = names
            .next()
            .map(|(value, line)| Said { value, place: place(line) })
            .or_else(|| Some(Said { value: ClaimedName::of(&self.name)?, place: place(self.name_line) }));
        let whole = names.filter(|(name, _)| name.has_whole_tag).filter_map(|(name, _)| name.tag);
        claim.tags = whole.filter(|tag| Tag::new(tag).is_ok()).take(limits::EVIDENCE_TAGS).collect();
        for (name, value) in platform.get("buildArgs").into_iter().flat_map(Node::entries) {
            let Some((name, text)) = name.text().zip(value.text()) else { continue };
            if let Some(text) = self.variables.filled(text).known() {
                claim.args.insert(name.to_owned(), Said { value: text, place: place(value.line) });
            }
        }
        let word = |key, default| platform.get(key).and_then(Node::text).unwrap_or(default).to_owned();
        let platform = [word("os", "linux"), word("architecture", "amd64"), word("variant", "")].join("/");
        let parsed = platform.trim_end_matches('/').parse().ok();
        claim.platforms =
            parsed.into_iter().map(|value| Said { value, place: place(written.line) }).collect();
        Some(claim)
    }
}

/// Variables, with what is known of their values.
#[derive(Default)]
struct Variables {
    known: BTreeMap<String, Text>,
}

impl Variables {
    /// `text` with the values of `$(NAME)`; one that becomes too long is not known.
    fn filled(&self, text: &str) -> Text {
        let mut filled = Text::default();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("$(") {
            filled.push_str(before);
            let Some((name, after)) = behind.split_once(')') else {
                filled.push_unknown();
                return filled;
            };
            match self.known.get(name) {
                Some(value) => filled.push(value),
                None => filled.push_unknown(),
            }
            if length(&filled) > limits::MANIFEST_VALUE {
                return Text::unknown();
            }
            rest = after;
        }
        filled.push_str(rest);
        filled
    }
}

fn length(text: &Text) -> usize {
    let known = text.parts().iter().map(|part| match part {
        Part::Known(known) => known.len(),
        Part::Unknown => 1,
    });
    known.sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::git::memory_tree::MemoryTree;

    const MAIN: &str = r#"{
  "registry": "registry.example",
  "includes": ["versions.json", "more/manifest.json", "../../outside.json"],
  "variables": {"later": "$(unknown)-x", "tag": "$(version)-$(flavour)"},
  "repos": [
    {
      "id": "base", "name": "acme/base",
      "images": [
        {
          "sharedTags": {"$(version)": {}},
          "platforms": [
            {
              "dockerfile": "src/base/amd64", "os": "linux",
              "tags": {"$(tag)-amd64": {}, "$(version)-amd64": {}}
            },
            {
              "architecture": "arm64", "variant": "v8",
              "dockerfile": "src/base/arm64/Dockerfile", "os": "linux",
              "tags": {"$(tag)-arm64": {}, "$(later)-arm64": {}}
            }
          ]
        }
      ]
    },
    {
      "id": "app", "name": "acme/app",
      "images": [{
        "sharedTags": {"app": {}},
        "platforms": [{
          "buildArgs": {"REPO": "$(Repo:base)", "SHA": "$(System:Sha)"},
          "dockerfile": "$(folder)/app",
          "tags": {"$(tag)": {}, "latest": {}}
        }, {"dockerfile": "gone", "tags": {}}]
      }]
    }
  ]
}
"#;

    fn reading() -> Reading {
        let tree = MemoryTree::new([
            ("manifest.json", MAIN),
            (
                "versions.json",
                "{\n\t\"variables\": {\"version\": \"1.2\", \"flavour\": \"slim\", \"folder\": \"src\"}\n}\n",
            ),
            (
                "more/manifest.json",
                "{\"repos\": [{\"name\": \"acme/more\", \"images\": [{\"sharedTags\": {\"m\": {}}, \"platforms\": [{\"dockerfile\": \"src/more\", \
                 \"tags\": {\"more-$(version)\": {}}}]}]}]}",
            ),
            ("src/base/amd64/Dockerfile", ""),
            ("src/base/arm64/Dockerfile", ""),
            ("src/app/Dockerfile", ""),
            ("src/more/Dockerfile", ""),
        ]);
        let mut dockerfiles: Vec<TreePath> = ["src/base/amd64", "src/base/arm64", "src/app", "src/more"]
            .map(|folder| TreePath::from(folder).join("Dockerfile"))
            .into();
        dockerfiles.sort();
        let files = ["manifest.json".into(), "more/manifest.json".into()];
        let all = files.clone().map(|path: TreePath| (path, Kind::ImageBuilder));
        read(&files, &Door::new(&tree, &dockerfiles, &all))
    }

    #[test]
    fn platforms_are_claims_with_names_tags_arguments_and_lines() {
        let reading = reading();
        let line = |claim: &Claim| {
            let name = claim.name.as_ref().expect("a name");
            let platform = claim.platforms[0].value.to_string();
            let tags = claim.tags.iter().cloned().collect::<Vec<_>>().join(",");
            let context = claim.context.as_ref().map(|context| context.value.to_text()).unwrap_or_default();
            format!("{} {} {tags} {platform} {context} {}", claim.dockerfile, name.value, name.place.line)
        };
        assert_eq!(
            reading.claims.iter().map(line).collect::<Vec<_>>(),
            [
                "src/more/Dockerfile registry.example/acme/more:more-1.2 m linux/amd64 src/more 1",
                "src/base/amd64/Dockerfile registry.example/acme/base:1.2-slim-amd64 1.2-amd64 linux/amd64 src/base/amd64 14",
                "src/base/arm64/Dockerfile registry.example/acme/base:1.2-slim-arm64  linux/arm64 src/base/arm64 19",
                "src/app/Dockerfile registry.example/acme/app:1.2-slim latest linux/amd64 src/app 32",
            ]
        );
        let args: Vec<_> = reading.claims[3]
            .args
            .iter()
            .map(|(name, said)| (&**name, &*said.value, said.place.line))
            .collect();
        assert_eq!(args, [("REPO", "registry.example/acme/base", 30)]);
        assert_eq!(reading.notes, []);
    }

    #[test]
    fn manifests_of_other_programs_say_nothing() {
        for text in [
            "{\"name\": \"An extension\", \"manifest_version\": 3}",
            "{\"variables\": [1, 2], \"repos\": {\"dockerfile\": 1}}",
            "{\"includes\": \"x\", ",
            "\u{feff}{}",
            "",
        ] {
            let tree = MemoryTree::new([("manifest.json", text), ("Dockerfile", "")]);
            let reading = read(&["manifest.json".into()], &Door::new(&tree, &["Dockerfile".into()], &[]));
            assert_eq!(reading, Reading::default(), "{text}");
        }
    }

    #[test]
    fn doubling_variables_and_circles_end() {
        let doubling: Vec<String> = (1..60).map(|n| format!("\"v{n}\": \"$(v{0})$(v{0})\"", n - 1)).collect();
        let text = format!(
            "{{\"includes\": [\"manifest.json\", \"manifest.b.json\"], \"variables\": {{\"v0\": \"aaaaaaaa\", {}, \"x\": \"$(x)\"}}, \
             \"repos\": [{{\"name\": \"acme/$(v59)\", \"images\": [{{\"platforms\": [{{\"dockerfile\": \".\", \"tags\": {{\"$(v59)\": {{}}, \"$(x\": {{}}}}}}]}}]}}]}}",
            doubling.join(", ")
        );
        let tree = MemoryTree::new([
            ("manifest.json", &*text),
            ("manifest.b.json", "{\"includes\": [\"manifest.json\"]}"),
            ("Dockerfile", ""),
        ]);
        let files = ["manifest.b.json".into(), "manifest.json".into()];
        // Each includes the other: none is the main one.
        assert_eq!(read(&files, &Door::new(&tree, &["Dockerfile".into()], &[])).claims, []);
        let reading = read(&files[1..], &Door::new(&tree, &["Dockerfile".into()], &[]));
        assert_eq!(reading.claims.len(), 1);
        assert_eq!(reading.claims[0].name, None);
    }

    proptest! {
        #[test]
        fn anything_ends(text in "([\"$(){}:,]|\"repos\"|\"dockerfile\"|\"images\"|\"platforms\"|\\PC){0,40}") {
            let tree = MemoryTree::new([("manifest.json", &*text)]);
            let _ = read(&["manifest.json".into()], &Door::new(&tree, &[], &[]));
        }
    }
}
