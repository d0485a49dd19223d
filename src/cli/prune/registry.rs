use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::agreement::agreed;
use super::args::{OF_SETTINGS, PruneArgs};
use crate::cli::args::{ImageArgs, OutputFormat, SelectionArgs};
use crate::cli::edge::Edge;
use crate::cli::error::ExitCode;
use crate::ops::{self, Error, RegistryPruneRequest, RegistryPruned, RegistryStep};
use crate::report::{registry_certificate, registry_prune_json, registry_prune_text, registry_prune_total};

/// Tags that nothing needs go, after a question.
pub(super) fn run(args: &PruneArgs, image: &ImageArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    let named: Vec<String> = args.registry.iter().filter(|it| *it != OF_SETTINGS).cloned().collect();
    let request = RegistryPruneRequest {
        images: edge.images(&SelectionArgs::default(), image, &named)?,
        keep: args.keep,
        dead_branches: args.dead_branch.clone(),
        unknown_commits: args.unknown_commits,
    };
    let config = edge.config();
    // A certificate that cannot be written is an error before anything is removed, not after.
    let mut certificate = args.certificate.as_deref().map(create).transpose()?;
    let is_verbose = edge.global.verbose > 0;
    let mut agrees = |steps: &[RegistryStep]| {
        let shown = || registry_prune_text(steps, false);
        if args.dry_run { Ok(false) } else { agreed(args.yes, "Remove these tags?", shown) }
    };
    let pruned: RegistryPruned =
        ops::block_on(ops::prune_registry(&config, &request, &mut edge.output, &mut agrees))?;
    if let (Some(file), Some(path)) = (&mut certificate, &args.certificate) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let text = registry_certificate(&pruned, now);
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(|error| unwritable(path, &error))?;
    }
    match args.format {
        OutputFormat::Json => edge.output.result(registry_prune_json(&pruned).as_bytes())?,
        OutputFormat::Text => {
            if args.dry_run || is_verbose {
                edge.output.text(&registry_prune_text(&pruned.steps, is_verbose))?;
            }
            edge.output.text(&registry_prune_total(&pruned))?;
        }
    }
    Ok(pruned.ending)
}

fn create(path: &Path) -> Result<File, Error> {
    File::create(path).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    Error::usage_with_hint(
        format!("cannot write the certificate {}: {error}", path.display()),
        "name a file in a folder that can be written to",
    )
}
