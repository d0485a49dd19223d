use std::fs::File;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::args::{GlobalArgs, ImageArgs, InspectArgs, PlanFormat, SelectionArgs};
use super::environment::Environment;
use super::error::{CliError, ExitCode};
use super::output::Output;
use super::settings::{self, SettingsFile};
use crate::git::{Checkout, Pathspecs, Questions, WorkTree, at_most};
use crate::limits;
use crate::path::TreePath;
use crate::printable::printable;
use crate::project::{Inspection, Options, Surroundings, inspect, inspect_alone};
use crate::report::{inspection_json, inspection_text};

/// `shipwright inspect DOCKERFILE`: any file, in a checkout or not. What is wrong with it is the answer, not
/// a failure.
pub(super) fn run(
    global: &GlobalArgs,
    args: &InspectArgs,
    environment: &Environment,
    output: &mut Output,
) -> Result<ExitCode, CliError> {
    let start = match &global.directory {
        Some(folder) => environment.current_dir.join(folder),
        None => environment.current_dir.clone(),
    };
    let file = start.join(&args.dockerfile);
    // Whoever names a file means what it leads to, and it may be a pipe.
    let read = File::open(&file).and_then(|file| at_most(file, limits::DOCKERFILE));
    let source = read.map_err(|error| {
        CliError::usage(format!("cannot read {}: {error}", printable(&file.display().to_string())))
    })?;
    let Place { path, found } = place(&file, output);
    let Some((checkout, tree)) = &found else {
        let options = options(global, args, environment, &path, &SettingsFile::default())?;
        return show(&inspect_alone(&options, &path, &source), args.format, output);
    };
    let (file, mut wrong) = match settings::load(checkout.root()) {
        Ok(file) => (file, Vec::new()),
        Err(found) => (SettingsFile::default(), found),
    };
    let options = options(global, args, environment, &path, &file)?;
    let around = Surroundings { tree, checkout_name: checkout.name(), origin_url: checkout.origin_url() };
    let mut inspection = inspect(around, &options, &path, &source)?;
    let ever = |queries: &[Pathspecs]| match checkout.head().commit {
        Some(head) => Ok(checkout
            .revisions(head, &Questions::new(queries.to_vec()))?
            .iter()
            .map(Option::is_some)
            .collect()),
        None => Ok::<_, CliError>(vec![false; queries.len()]),
    };
    inspection.add_circumstances(settings::paths(tree), ever)?;
    wrong.append(&mut inspection.diagnostics);
    inspection.diagnostics = wrong;
    show(&inspection, args.format, output)
}

/// What decides how the Dockerfile is read, as for an image that is named on the command line.
fn options(
    global: &GlobalArgs,
    args: &InspectArgs,
    environment: &Environment,
    path: &TreePath,
    file: &SettingsFile,
) -> Result<Options, CliError> {
    let selection = SelectionArgs { targets: vec![path.to_text()], ..SelectionArgs::default() };
    let image =
        ImageArgs { build_arg: args.build_arg.clone(), target: args.target.clone(), ..ImageArgs::default() };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(settings::resolve(file, global, &selection, &image, environment, now)?.options)
}

fn show(inspection: &Inspection, format: PlanFormat, output: &Output) -> Result<ExitCode, CliError> {
    match format {
        PlanFormat::Json => output.result(inspection_json(inspection).as_bytes()),
        PlanFormat::Text => {
            output.text(&inspection_text(inspection))?;
            output.diagnostics(&inspection.diagnostics);
            Ok(ExitCode::Done)
        }
    }
}

/// Where a Dockerfile stands.
struct Place {
    /// From the root of its checkout; outside of one its name.
    path: TreePath,
    /// The checkout and its files.
    found: Option<(Checkout, WorkTree)>,
}

/// Finds the checkout around a file; outside of one its folder stands for the root.
fn place(file: &Path, output: &mut Output) -> Place {
    // The folder's links lead elsewhere; a Dockerfile that is a link counts where the link is.
    let absolute = file.parent().and_then(|folder| Some(folder.canonicalize().ok()?.join(file.file_name()?)));
    let absolute = absolute.unwrap_or_else(|| file.to_owned());
    let folder = absolute.parent().unwrap_or(&absolute);
    let alone = || TreePath::new(absolute.file_name().unwrap_or_default().as_encoded_bytes());
    let found = Checkout::discover(folder).ok().and_then(|checkout| {
        let path = TreePath::from_os(absolute.strip_prefix(checkout.root()).ok()?);
        let tree = checkout.work_tree().ok()?;
        Some((path, (checkout, tree)))
    });
    match found {
        Some((path, found)) => {
            output.use_checkout(found.0.root());
            Place { path, found: Some(found) }
        }
        None => {
            output.use_checkout(folder);
            Place { path: alone(), found: None }
        }
    }
}
