use clap::Args;

use super::edge::Edge;
use super::error::ExitCode;
use crate::ops::{self, Error, ImageRequest};
use crate::report::initialized;

/// `shipwright init`.
#[derive(Clone, Debug, Default, Args)]
pub struct InitArgs {}

/// `shipwright init`: a settings file with what is inferred, for review.
pub(super) fn run(_args: InitArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    let config = edge.config();
    let request = ImageRequest { choices: edge.choices()?, ..ImageRequest::default() };
    let done = ops::block_on(ops::init(&config, &request, &mut edge.output))?;
    edge.output.result_line(&initialized(&done));
    Ok(ExitCode::Done)
}
