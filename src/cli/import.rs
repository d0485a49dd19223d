use clap::Args;

use super::args::word;
use super::edge::Edge;
use super::error::ExitCode;
use crate::ops::{self, Error, ImageRequest, ImportRequest};
use crate::report::imported;

/// `shipwright import`.
#[derive(Clone, Debug, Default, Args)]
pub struct ImportArgs {
    /// A builder.yaml of docker-builder, or a .shipwright.json
    #[arg(value_name = "FILE", value_parser = word, value_hint = clap::ValueHint::FilePath)]
    pub file: String,

    /// Show what would be added, and write nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// `shipwright import`: another tool's settings, added to shipwright.toml.
pub(super) fn run(args: ImportArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    let config = edge.config();
    let images = ImageRequest { choices: edge.choices()?, ..ImageRequest::default() };
    let request = ImportRequest { file: args.file, dry_run: args.dry_run, images };
    let done = ops::block_on(ops::import(&config, &request, &mut edge.output))?;
    edge.output.text(&imported(&done))?;
    Ok(ExitCode::Done)
}
