use std::fmt::Write as _;

use crate::dockerfile::ProblemKind;
use crate::naming::{Namespace, NamespaceSource, toml_string};
use crate::printable::printable;
use crate::project::{Evidence, Image, ImageState, Project};

/// A settings file that says what the checkout's other files say about its images, and what a person has to decide;
/// `None` if there is nothing of either. Images are as they are without it.
pub(crate) fn sketch(project: &Project) -> Option<String> {
    let tables: Vec<String> =
        project.images.iter().filter_map(|image| table(image, &project.namespace)).collect();
    let decisions: Vec<String> = project.images.iter().filter_map(decision).collect();
    let namespace = namespace(project);
    if tables.is_empty() && decisions.is_empty() && namespace.is_none() && project.provisional.is_empty() {
        return None;
    }
    let mut text = "\
# What the files of this checkout say about its images outside of their Dockerfiles, for review. What stands here wins
# over those files.
"
    .to_owned();
    text.extend(namespace);
    text.push_str(&names(project));
    for part in tables.iter().chain(&decisions) {
        text.push('\n');
        text.push_str(part);
    }
    Some(text)
}

fn namespace(project: &Project) -> Option<String> {
    let Namespace { value, source } = &project.namespace;
    (*source == NamespaceSource::Evidence).then(|| format!("namespace = {}\n", toml_string(value)))
}

/// Lines that settle names which several Dockerfiles would have.
fn names(project: &Project) -> String {
    if project.provisional.is_empty() {
        return String::new();
    }
    let mut text = "\n# Several Dockerfiles would have these names, so that `push` refuses them until they are settled.\n# \
                    [names]\n"
        .to_owned();
    for (_, line) in &project.provisional {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# {line}");
    }
    text
}

fn table(image: &Image, namespace: &Namespace) -> Option<String> {
    if image.evidence.is_empty() {
        return None;
    }
    let mut text = header(&name(image, namespace));
    let _ = writeln!(text, "dockerfile = {}", toml_string(&image.dockerfile.to_text()));
    for Evidence { field, value, path, line } in image.evidence.iter().filter(|said| is_setting(&said.field))
    {
        let (key, value) = match field.split_once('.') {
            Some(("args", argument)) => (format!("args.{}", key(argument)), value),
            Some(("contexts", name)) => match image.contexts.get(name) {
                Some(value) => (format!("contexts.{}", key(name)), value),
                // What settings cannot say.
                None => continue,
            },
            _ => (field.clone(), value),
        };
        let _ = writeln!(text, "{key} = {} # {path}:{line}", toml_string(value));
    }
    Some(text)
}

/// Whether settings have a key for it. A name is in the header.
fn is_setting(field: &str) -> bool {
    !matches!(field, "name" | "platforms")
}

/// What an image that cannot be built waits for.
fn decision(image: &Image) -> Option<String> {
    let ImageState::Blocked(reasons) = &image.state else { return None };
    // What a Dockerfile says must not become a line of the settings.
    let mut text = format!("# {}: {}\n", image.dockerfile, printable(&reasons.join("; ")));
    let arguments = image.evaluation.problems.iter().filter_map(|problem| match &problem.kind {
        ProblemKind::BlankReference { arguments } => Some(arguments),
        _ => None,
    });
    let arguments: std::collections::BTreeSet<&String> = arguments.flatten().collect();
    if !arguments.is_empty() {
        text.push_str(&format!("# {}", header(&image.name.title())));
        for argument in arguments {
            let _ = writeln!(text, "# args.{} = \"\"", key(argument));
        }
    }
    Some(text)
}

/// NAME; with a slash in front the whole repository, where no namespace belongs in front of it.
fn name(image: &Image, namespace: &Namespace) -> String {
    let is_under = |repository: &str| {
        repository.strip_prefix(&namespace.value).is_some_and(|rest| rest.starts_with('/'))
    };
    let full = image.name.full();
    match &image.name.claimed {
        Some(claimed) if *claimed == image.name.repository && !is_under(&claimed.familiar()) => {
            format!("/{full}")
        }
        _ => image.name.title(),
    }
}

fn header(name: &str) -> String {
    format!("[image.{}]\n", key(name))
}

fn key(text: &str) -> String {
    let is_bare =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if is_bare { text.to_owned() } else { toml_string(text) }
}
