//! What the checkout says about its images outside of their Dockerfiles, where settings say nothing.

use super::settings::{GivenContext, ImageSettings};
use crate::dockerfile::Dockerfile;
use crate::evidence::{Account, NamedContext, Place, Said};
use crate::image::ImageReference;
use crate::path::TreePath;

/// A value that counts for an image because a file of the checkout, which is no Dockerfile, says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What it is: `name`, `context`, `target`, `args.VERSION`, `contexts.base`; `platforms` are only shown.
    pub field: String,
    /// The value, as text.
    pub value: String,
    /// The file.
    pub path: TreePath,
    /// The line, from 1.
    pub line: usize,
}

impl Evidence {
    pub(super) fn of<T>(field: impl Into<String>, value: &str, said: &Said<T>) -> Self {
        let Place { path, line } = said.place.clone();
        Self { field: field.into(), value: value.to_owned(), path, line }
    }
}

/// What `settings` say, and for the rest what `account` says; with a list of the latter.
pub(super) fn completed(
    settings: &ImageSettings,
    account: &Account,
    file: &Dockerfile,
) -> (ImageSettings, Vec<Evidence>) {
    let (mut options, mut evidence) = (settings.clone(), Vec::new());
    if let Some(context) = account.context.as_ref().filter(|_| options.context.is_none()) {
        options.context = Some(context.value.clone());
        let text = if context.value.is_root() { ".".to_owned() } else { context.value.to_text() };
        evidence.push(Evidence::of("context", &text, context));
    }
    // A file that has not followed its Dockerfile is not believed.
    let has_stage = |target: &&Said<String>| file.has_stage(&target.value);
    if let Some(target) = account.target.as_ref().filter(has_stage).filter(|_| options.target.is_none()) {
        options.target = Some(target.value.clone());
        evidence.push(Evidence::of("target", &target.value, target));
    }
    for (name, value) in account.args.iter().filter(|(name, _)| is_argument(name)) {
        if !options.args.contains_key(name) {
            options.args.insert(name.clone(), value.value.clone());
            evidence.push(Evidence::of(format!("args.{name}"), &value.value, value));
        }
    }
    // They are shown; which are built, the command line and the settings say.
    if let Some(first) = account.platforms.first().filter(|_| options.platforms.is_empty()) {
        let platforms: Vec<String> = account.platforms.iter().map(|said| said.value.to_string()).collect();
        evidence.push(Evidence::of("platforms", &platforms.join(","), first));
    }
    for (name, context) in &account.contexts {
        // BuildKit looks for no other names.
        let Ok(name) = name.parse::<ImageReference>().map(|name| name.context_name()) else { continue };
        if options.contexts.contains_key(&name) {
            continue;
        }
        let Place { path, line } = context.place.clone();
        options.contexts.insert(name.clone(), GivenContext { what: context.value.clone(), path, line });
        let text = match &context.value {
            NamedContext::Claimed { claim } | NamedContext::Required { claim } => {
                format!("{}:{}", claim.path, claim.line)
            }
            NamedContext::Image(image) => image.to_string(),
            NamedContext::Built(name) => name.clone(),
            NamedContext::Folder(folder) => folder.to_string(),
            NamedContext::Elsewhere(elsewhere) => elsewhere.clone(),
        };
        evidence.push(Evidence::of(format!("contexts.{name}"), &text, context));
    }
    (options, evidence)
}

/// Whether a build argument can be called so: what settings would refuse, no file gives.
fn is_argument(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0'])
}
