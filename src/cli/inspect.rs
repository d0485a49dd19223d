use std::fmt::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::args::{GlobalArgs, ImageArgs, InspectArgs, PlanFormat, SelectionArgs};
use super::environment::Environment;
use super::error::{CliError, ExitCode};
use super::output::Output;
use super::settings::{self, SettingsFile};
use crate::checkout::{Checkout, Pathspecs, Questions, WorkTree};
use crate::path::TreePath;
use crate::printable::printable;
use crate::project::{Inspection, Options, Surroundings, inspect, inspect_alone};
use crate::report::inspection_json;

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
    let source = std::fs::read(&file).map_err(|error| {
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
            output.text(&text(inspection))?;
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

fn text(inspection: &Inspection) -> String {
    let mut text = String::new();
    let mut block = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{title}");
            for line in lines {
                let _ = writeln!(text, "  {}", printable(&line));
            }
        }
    };
    let stages = inspection.stages.iter().map(|stage| {
        let mut line = format!("{}: {}", stage.line, stage.base);
        if let Some(expanded) = stage.base_expanded.as_ref().filter(|expanded| **expanded != stage.base) {
            line.push_str(&format!(" = {expanded}"));
        }
        if !stage.name.is_empty() {
            line.push_str(&format!(" as {}", stage.name));
        }
        if !stage.needed {
            line.push_str(" (not needed)");
        }
        line
    });
    block("stages", stages.collect());
    block("images", inspection.images.clone());
    block("context", vec![inspection.context.clone()]);
    block("ignore file", inspection.ignore_file.iter().cloned().collect());
    let mut sources: Vec<String> = inspection
        .context_sources
        .iter()
        .map(|source| if source.is_empty() { ".".to_owned() } else { source.clone() })
        .collect();
    if inspection.whole_context {
        sources.push("the whole context".to_owned());
    }
    block("sources", sources);
    block("inputs", inspection.inputs.clone());
    text
}
