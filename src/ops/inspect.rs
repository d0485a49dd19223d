use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::workspace::{EngineNeed, open};
use super::{Config, Error, ImageRequest};
use crate::git::{Checkout, Pathspecs, Questions, WorkTree, at_most};
use crate::graph::UnknownImage;
use crate::limits;
use crate::path::TreePath;
use crate::printable::printable;
use crate::project::{InspectedCheckout, Inspection, inspect as inspect_in, inspect_alone};
use crate::settings::{self, Choices, SettingsFile};

/// What is read in one Dockerfile.
#[derive(Debug)]
pub struct Inspected {
    /// What was read, with what is wrong with it.
    pub inspection: Inspection,
    /// The folder that its places are in: the checkout, or where there is none the Dockerfile's own.
    pub root: PathBuf,
}

/// Reads a Dockerfile, in a checkout or not, up to its last stage or the one that is named. What is wrong with it is the answer, not a failure.
///
/// # Errors
///
/// Where the file, or the checkout around it, cannot be read. What is wrong with it names places below the checkout's root.
pub fn inspect(file: &Path, choices: &Choices, stage: Option<&str>) -> Result<Inspected, Error> {
    // Whoever names a file means what it leads to, and it may be a pipe.
    let read = File::open(file).and_then(|file| at_most(file, limits::DOCKERFILE));
    let source = read.map_err(|error| unreadable(file, &error))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let DockerfilePlace { path, root, found } = place(file);
    let target = stage.map(|stage| (path.to_text(), stage.to_owned()));
    let choices = Choices { target, ..choices.clone() };
    let options = |file: &SettingsFile| {
        Ok::<_, Error>(
            settings::resolve(&choices, file, now).map_err(|found| Error::in_files(&root, found))?.options,
        )
    };
    let Some((checkout, tree)) = &found else {
        let inspection = inspect_alone(&options(&SettingsFile::default())?, &path, &source);
        return Ok(Inspected { inspection, root });
    };
    let (file, mut wrong) = match settings::load(checkout.root()) {
        Ok(file) => (file, Vec::new()),
        Err(found) => (SettingsFile::default(), found),
    };
    let around =
        InspectedCheckout { tree, checkout_name: checkout.name(), origin_url: checkout.origin_url() };
    let mut inspection = inspect_in(around, &options(&file)?, &path, &source)?;
    let ever = |queries: &[Pathspecs]| match checkout.head().commit {
        Some(head) => Ok(checkout
            .revisions(head, &Questions::new(queries.to_vec()))?
            .iter()
            .map(Option::is_some)
            .collect()),
        None => Ok::<_, Error>(vec![false; queries.len()]),
    };
    inspection.add_circumstances(settings::paths(tree), ever)?;
    wrong.append(&mut inspection.diagnostics);
    inspection.diagnostics = wrong;
    Ok(Inspected { inspection, root })
}

/// What stands in the way, in words of what was written.
fn unreadable(file: &Path, error: &io::Error) -> Error {
    let shown = printable(&file.display().to_string()).into_owned();
    let hint = "`shipwright images -v` lists the Dockerfiles of a checkout";
    match error.kind() {
        io::ErrorKind::IsADirectory => {
            Error::usage_with_hint(format!("{shown} is a folder, not a Dockerfile"), hint)
        }
        io::ErrorKind::NotFound => {
            Error::usage_with_hint(format!("there is no file {shown}, and no image is called that"), hint)
        }
        _ => Error::usage(format!("cannot read {shown}: {error}")),
    }
}

/// The Dockerfile that a word means which is no file: that of an image, or of the one image in a folder.
///
/// # Errors
///
/// Where several images could be meant.
pub async fn dockerfile_of(
    config: &Config,
    request: &ImageRequest,
    word: &str,
) -> Result<Option<PathBuf>, Error> {
    let Ok((workspace, _)) = open(config, request, EngineNeed::Never, None).await else { return Ok(None) };
    match workspace.named(word) {
        Ok(images) => Ok(images
            .first()
            .map(|at| workspace.project.images[*at].dockerfile.to_os(workspace.checkout.root()))),
        Err(error @ Error::UnknownImage(UnknownImage::Ambiguous { .. })) => Err(error),
        Err(_) => Ok(None),
    }
}

/// Where a Dockerfile stands.
struct DockerfilePlace {
    /// From the root of its checkout; outside of one its name.
    path: TreePath,
    /// That root; outside of a checkout its folder.
    root: PathBuf,
    found: Option<(Checkout, WorkTree)>,
}

/// Finds the checkout around a file; outside of one its folder stands for the root.
fn place(file: &Path) -> DockerfilePlace {
    // The folder's links lead elsewhere; a Dockerfile that is a link counts where the link is.
    let absolute = file.parent().and_then(|folder| Some(folder.canonicalize().ok()?.join(file.file_name()?)));
    let absolute = absolute.unwrap_or_else(|| file.to_owned());
    let folder = absolute.parent().unwrap_or(&absolute);
    let found = Checkout::discover(folder).ok().and_then(|checkout| {
        let path = TreePath::from_os(absolute.strip_prefix(checkout.root()).ok()?);
        let tree = checkout.work_tree().ok()?;
        Some(DockerfilePlace { path, root: checkout.root().to_owned(), found: Some((checkout, tree)) })
    });
    found.unwrap_or_else(|| DockerfilePlace {
        path: TreePath::new(absolute.file_name().unwrap_or_default().as_encoded_bytes()),
        root: folder.to_owned(),
        found: None,
    })
}
