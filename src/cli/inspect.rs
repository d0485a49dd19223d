use std::path::PathBuf;

use clap::Args;

use super::args::{ContentArgs, ImageArgs, OutputFormat, SelectionArgs, word};
use super::edge::Edge;
use super::error::ExitCode;
use crate::ops::{self, Error};
use crate::report::{inspection_json, inspection_text};

/// `shipwright inspect`.
#[derive(Clone, Debug, Args)]
pub struct InspectArgs {
    /// A Dockerfile, in a checkout or not, or an image
    #[arg(value_name = "DOCKERFILE")]
    pub dockerfile: PathBuf,

    /// The value of a build argument; repeatable
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = word)]
    pub build_arg: Vec<String>,

    /// The stage [default: the last]
    #[arg(long, value_name = "STAGE", value_parser = word)]
    pub target: Option<String>,

    /// Print text or json
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", hide_possible_values = true)]
    pub format: OutputFormat,
}

/// `shipwright inspect DOCKERFILE`: any file, in a checkout or not, or the Dockerfile of an image. What is wrong with it is
/// part of the answer, and of the exit code.
pub(super) fn run(args: InspectArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    let content = ContentArgs { build_arg: args.build_arg, ..ContentArgs::default() };
    let image = ImageArgs::from(content);
    let request = edge.images(&SelectionArgs::default(), &image, &[])?;
    let mut file = edge.folder().join(&args.dockerfile);
    if file.is_dir() || !file.exists() {
        let word = args.dockerfile.to_string_lossy();
        let config = edge.config();
        file = ops::block_on(ops::dockerfile_of(&config, &request, &word))?.unwrap_or(file);
    }
    let found = ops::inspect(&file, &request.choices, args.target.as_deref())?;
    match args.format {
        OutputFormat::Json => edge.output.result(inspection_json(&found.inspection).as_bytes())?,
        OutputFormat::Text => {
            edge.output.use_checkout(&found.root);
            edge.output.text(&inspection_text(&found.inspection))?;
            edge.output.diagnostics(&found.inspection.diagnostics);
        }
    }
    Ok(if found.inspection.valid { ExitCode::Done } else { ExitCode::Wrong })
}
