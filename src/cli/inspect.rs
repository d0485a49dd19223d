use std::path::PathBuf;

use clap::Args;

use super::args::{ImageArgs, PlanFormat, SelectionArgs};
use super::edge::Edge;
use super::error::ExitCode;
use crate::ops::{self, Error};
use crate::report::{inspection_json, inspection_text};

/// `shipwright inspect`.
#[derive(Clone, Debug, Args)]
pub struct InspectArgs {
    /// The Dockerfile, in a checkout or not
    pub dockerfile: PathBuf,

    /// The value of a build argument; repeatable
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub build_arg: Vec<String>,

    /// The stage [default: the last]
    #[arg(long, value_name = "STAGE")]
    pub target: Option<String>,

    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: PlanFormat,
}

/// `shipwright inspect DOCKERFILE`: any file, in a checkout or not. What is wrong with it is the answer, not
/// a failure.
pub(super) fn run(args: InspectArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    let image = ImageArgs { build_arg: args.build_arg, ..ImageArgs::default() };
    let choices = edge.images(&SelectionArgs::default(), &image, &[])?.choices;
    let file = edge.folder().join(args.dockerfile);
    let found = ops::inspect(&file, &choices, args.target.as_deref())?;
    match args.format {
        PlanFormat::Json => edge.output.result(inspection_json(&found.inspection).as_bytes())?,
        PlanFormat::Text => {
            edge.output.use_checkout(&found.root);
            edge.output.text(&inspection_text(&found.inspection))?;
            edge.output.diagnostics(&found.inspection.diagnostics);
        }
    }
    Ok(ExitCode::Done)
}
