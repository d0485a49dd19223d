use clap::Args;

use super::args::{ImageArgs, SelectionArgs, word};
use super::edge::Edge;
use super::error::ExitCode;
use crate::ops::{self, Error};
use crate::report::log_text;

/// `shipwright logs`.
#[derive(Clone, Debug, Default, Args)]
pub struct LogsArgs {
    /// The image
    #[arg(value_name = "IMAGE", value_parser = word)]
    pub image: String,
}

/// `shipwright logs IMAGE`: all that its last build from this repository printed.
pub(super) fn run(args: &LogsArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    let request = edge.images(&SelectionArgs::default(), &ImageArgs::default(), &[])?;
    let config = edge.config();
    let log = ops::block_on(ops::logs(&config, &request, &args.image))?;
    edge.output.text(&log_text(&log))?;
    Ok(ExitCode::Done)
}
