use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;

use super::args::{GlobalArgs, InspectArgs, PlanFormat};
use super::environment::Environment;
use super::error::{CliError, ExitCode};
use super::output::Output;
use super::settings::{self, arguments};
use crate::checkout::{Checkout, FileTree, Pathspecs, Questions, WorkTree, at_most};
use crate::dockerfile::Scope;
use crate::image::Platform;
use crate::limits;
use crate::path::TreePath;
use crate::printable::printable;
use crate::project::{Inspection, inspect};
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
    // Whoever names a file means what it leads to, and it may be a pipe.
    let read = File::open(&file).and_then(|file| at_most(file, limits::DOCKERFILE));
    let source = read.map_err(|error| {
        CliError::usage(format!("cannot read {}: {error}", printable(&file.display().to_string())))
    })?;
    let Place { path, found } = place(&file, output);
    let tree = found.as_ref().map(|(_, tree)| tree);
    let platform = Platform::host_linux();
    let build_args = arguments(&args.build_arg, environment)?;
    let scope = Scope {
        build_args: &build_args,
        target: args.target.as_deref(),
        target_platform: &platform,
        build_platform: &platform,
        inherited: &BTreeMap::new(),
    };
    let mut inspection = inspect(&source, &path, &scope, tree.map(|tree| tree as &dyn FileTree))?;
    if let Some((checkout, tree)) = &found {
        let ever = |queries: &[Pathspecs]| match checkout.head().commit {
            Some(head) => Ok(checkout
                .revisions(head, &Questions::new(queries.to_vec()))?
                .iter()
                .map(Option::is_some)
                .collect()),
            None => Ok::<_, CliError>(vec![false; queries.len()]),
        };
        inspection.add_circumstances(settings::paths(tree), ever)?;
    }
    match args.format {
        PlanFormat::Json => output.result(inspection_json(&inspection).as_bytes()),
        PlanFormat::Text => {
            output.text(&text(&inspection))?;
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
