use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use super::workspace::{EngineNeed, open};
use super::{Audience, Config, Ending, Error, ImageRequest};
use crate::diagnostic::Diagnostic;
use crate::git::CheckoutError;
use crate::settings::{TOML_FILE, sketch};

/// What [`init`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Initialized {
    /// It wrote the settings file.
    Written,
    /// The checkout has settings, which stay as they are: in this file.
    Kept(String),
    /// There is nothing that settings would have to say.
    Nothing,
}

/// Writes a settings file with what other files of the checkout say about its images, and with what a person has to
/// decide. Where there are settings, nothing is changed.
///
/// # Errors
///
/// Where the checkout cannot be read or written.
pub async fn init(
    config: &Config,
    request: &ImageRequest,
    audience: &mut dyn Audience,
) -> Result<Initialized, Error> {
    let opened = open(config, request, EngineNeed::Never, None).await;
    let (workspace, _) = opened.map_err(without_work_tree)?;
    audience.reads(&workspace.tree);
    if let Some(path) = &workspace.settings.options.settings.path {
        return Ok(Initialized::Kept(path.to_string()));
    }
    let Some(text) = sketch(&workspace.project) else { return Ok(Initialized::Nothing) };
    write_new(&workspace.checkout.root().join(TOML_FILE), &text).map_err(|error| {
        let message = format!("{TOML_FILE} cannot be written: {error}");
        Error::one(Ending::Failed, Diagnostic::error(message))
    })?;
    Ok(Initialized::Written)
}

/// What other commands can do without a work tree, with `--rev`, is no help here.
fn without_work_tree(error: Error) -> Error {
    match error {
        Error::Checkout(error @ CheckoutError::Bare(_)) => Error::usage_with_hint(
            error,
            "settings are written into a work tree: clone the repository, or `git worktree add DIR`",
        ),
        error => error,
    }
}

/// Writes a file that is not there yet, all of it or nothing.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::File::options().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).inspect_err(|_| {
        let _ = fs::remove_file(path);
    })
}
