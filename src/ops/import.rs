//! Takes the settings of older tools over into `shipwright.toml`.

use super::workspace::{EngineNeed, Workspace, open};
use super::{Audience, Config, Ending, Error, ImageRequest};
use crate::diagnostic::{Diagnostic, Location};
use crate::git::{LinkTarget, Replacement, follow, read_on_disk, read_own, replace_on_disk};
use crate::limits;
use crate::path::TreePath;
use crate::plan::ImageId;
use crate::printable::few;
use crate::settings::{
    Foreign, JSON_FILE, Merged, TOML_FILE, merged, parse_builder_yaml, parse_json, parse_toml,
};

const SHOWN: usize = 10;

/// What [`import`](fn@import) is to do.
#[derive(Clone, Debug, Default)]
pub struct ImportRequest {
    /// The other tool's file, from the folder that the command works in: `builder.yaml` of docker-builder, or
    /// `.shipwright.json` of the Python shipwright.
    pub file: String,
    /// Whether nothing is written.
    pub dry_run: bool,
    /// The checkout.
    pub images: ImageRequest,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The lines that are new in `shipwright.toml`.
    pub added: Vec<String>,
    /// Whether there was no such file before.
    pub is_new: bool,
    /// Whether nothing was written.
    pub dry_run: bool,
}

/// Adds to `shipwright.toml` what another tool's file says and settings can say. What stands there stays; what is not
/// carried over is told with its line and reason.
///
/// # Errors
///
/// Where the file is none of these tools', or the settings cannot be read or written.
pub async fn import(
    config: &Config,
    request: &ImportRequest,
    audience: &mut dyn Audience,
) -> Result<Imported, Error> {
    let (workspace, _) = open(config, &request.images, EngineNeed::Never, None).await?;
    audience.reads(&workspace.tree);
    let (file, text) = read(config, &workspace, &request.file)?;
    let mut foreign = parsed(&file, &text).map_err(Error::wrong)?;
    refuse_hidden(&workspace, &file)?;
    look_at_folders(&workspace, &file, &mut foreign);
    // A link leads to the file that is written.
    let path = match follow(&*workspace.tree, &TreePath::from(TOML_FILE)) {
        LinkTarget::File(path) => path,
        _ => TreePath::from(TOML_FILE),
    };
    let unreadable = |error: &dyn std::fmt::Display| {
        Error::one(
            Ending::Failed,
            Diagnostic::error(format!("{TOML_FILE} cannot be read or written: {error}")),
        )
    };
    let root = workspace.checkout.root();
    let before = read_on_disk(root, &path, limits::SETTINGS).map_err(|error| unreadable(&error))?;
    let own = before.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
    let settings = parse_toml(&own, &path).map_err(Error::wrong)?;
    let Merged { text, added, kept } = merged(&own, &settings, &foreign, &file);
    if let (Some(text), false) = (&text, request.dry_run) {
        let new = Replacement { path, before: before.clone(), after: text.clone().into_bytes() };
        replace_on_disk(root, &[new]).map_err(|(_, error)| unreadable(&error))?;
    }
    foreign.lost.extend(kept);
    if file == TreePath::from(JSON_FILE) && (text.is_some() || before.is_some()) {
        let note = Diagnostic::note(format!("{JSON_FILE} is not read beside {TOML_FILE}"));
        foreign.lost.push(note.hint(format!("delete it: `git rm {JSON_FILE}`")));
    }
    audience.finds(&foreign.lost);
    Ok(Imported { added, is_new: before.is_none(), dry_run: request.dry_run })
}

/// The file that is named, and its path as messages show it: in the checkout from its root.
fn read(config: &Config, workspace: &Workspace, file: &str) -> Result<(TreePath, String), Error> {
    let place = config.folder.join(file);
    let wrong = |why: &dyn std::fmt::Display| {
        Error::usage_with_hint(
            format!("{file} is not read: {why}"),
            format!("name a builder.yaml of docker-builder, or a {JSON_FILE}"),
        )
    };
    let bytes = read_own(&place, limits::SETTINGS).map_err(|error| wrong(&error))?;
    let bytes = bytes.ok_or_else(|| wrong(&"there is no such file"))?;
    let text = String::from_utf8(bytes).map_err(|_| wrong(&"it is not UTF-8"))?;
    let root = workspace.checkout.root();
    let real = place.canonicalize().ok().zip(root.canonicalize().ok());
    let inside = real.and_then(|(place, root)| place.strip_prefix(root).ok().map(TreePath::from_os));
    Ok((inside.unwrap_or_else(|| file.into()), text))
}

fn parsed(file: &TreePath, text: &str) -> Result<Foreign, Vec<Diagnostic>> {
    let name = file.file_name().to_string();
    let kind = name.rsplit_once('.').map(|(_, kind)| kind.to_ascii_lowercase()).unwrap_or_default();
    if kind == "json" {
        let settings = parse_json(text, file)?;
        let line = |location: Option<&Location>| location.and_then(|it| it.line).unwrap_or(1);
        let names = settings.names.iter().map(|(pattern, name)| {
            (pattern.clone(), name.clone(), line(settings.name_locations.get(pattern)))
        });
        let of_namespace =
            text.lines().position(|line| line.contains("\"namespace\"")).map_or(1, |at| at + 1);
        return Ok(Foreign {
            namespace: settings.namespace.clone().map(|namespace| (namespace, of_namespace)),
            names: names.collect(),
            lost: settings.diagnostics.clone(),
            ..Foreign::default()
        });
    }
    if matches!(&*kind, "yaml" | "yml") {
        return parse_builder_yaml(text, file);
    }
    let error = Diagnostic::error(format!("{file} is neither a builder.yaml nor a {JSON_FILE}"));
    Err(vec![error.hint("its name has to end in .yaml, .yml or .json")])
}

/// A settings file that would not be read any more.
fn refuse_hidden(workspace: &Workspace, file: &TreePath) -> Result<(), Error> {
    let json = TreePath::from(JSON_FILE);
    if workspace.settings.options.settings.path.as_ref() != Some(&json) || *file == json {
        return Ok(());
    }
    Err(Error::usage_with_hint(
        format!("{JSON_FILE} would not be read any more beside a {TOML_FILE}"),
        format!("take it over first: `shipwright import {JSON_FILE}`"),
    ))
}

/// Compares the folders, which are images there, with the images here: names that differ become lines of the settings,
/// the rest is said.
fn look_at_folders(workspace: &Workspace, file: &TreePath, foreign: &mut Foreign) {
    let (project, around) = (&workspace.project, file.parent().unwrap_or_default());
    let mut listed: Vec<(ImageId, usize)> = Vec::new();
    let warn = |line: usize, message: String| {
        let place = Location { line: Some(line), ..Location::file(file.clone()) };
        Diagnostic::warning(message).at(place)
    };
    for (folder, line) in foreign.folders.clone() {
        let dockerfile = around.join(&folder).join("Dockerfile");
        let found = ImageId::all(&project.images).find(|at| project.images[*at].dockerfile == dockerfile);
        let Some(at) = found else {
            foreign.lost.push(warn(line, format!("{folder} is not carried over: there is no {dockerfile}")));
            continue;
        };
        let name = &project.images[at].name;
        let full = foreign.namespace.as_ref().map(|(namespace, _)| format!("{namespace}/{folder}"));
        if name.title() != folder && full.as_ref() != Some(&name.full()) {
            let pattern = around.join(&folder).to_text().replace('{', "{{").replace('}', "}}");
            foreign.names.push((pattern, folder.clone(), line));
        }
        let later: Vec<String> = listed
            .iter()
            .filter(|(before, _)| project.graph.with_dependencies([*before]).contains(&at))
            .map(|(before, _)| project.images[*before].name.title())
            .collect();
        if !later.is_empty() {
            let message = format!("{folder} is built before {}, which is built from it", later.join(", "));
            foreign.lost.push(warn(line, message));
        }
        listed.push((at, line));
    }
    if listed.is_empty() {
        return;
    }
    let is_new = |id: &ImageId| !project.images[*id].aside && listed.iter().all(|(listed, _)| listed != id);
    let others: Vec<String> = ImageId::all(&project.images)
        .filter(is_new)
        .map(|at| project.images[at].dockerfile.to_string())
        .collect();
    if !others.is_empty() {
        let message = format!("not in {file}, and built here: {}", few(others, SHOWN));
        let hint = format!("`exclude = [\"PATTERN\"]` in {TOML_FILE} leaves Dockerfiles out");
        foreign.lost.push(Diagnostic::warning(message).hint(hint));
    }
}
