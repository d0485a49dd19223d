use clap::Args;

use super::args::word;
use super::deploy::{MovingArgs, told};
use super::edge::Edge;
use super::error::ExitCode;
use crate::ops::{self, Error, RollbackRequest};
use crate::report::revisions_text;

/// `shipwright rollback`.
#[derive(Clone, Debug, Args)]
pub struct RollbackArgs {
    /// The container, by name or id
    #[arg(value_name = "CONTAINER", value_parser = word)]
    pub container: String,

    /// List what it runs and what it ran before, and change nothing
    #[arg(long, conflicts_with_all = ["dry_run", "force", "probe"])]
    pub list: bool,

    /// How it is moved.
    #[command(flatten)]
    pub moving: MovingArgs,
}

/// `shipwright rollback CONTAINER`: moves a container back to what it ran before.
pub(super) fn run(args: &RollbackArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    let config = edge.config();
    if args.list {
        let revisions = ops::block_on(ops::revisions(&config, &args.container))?;
        edge.output.text(&revisions_text(&revisions))?;
        return Ok(ExitCode::Done);
    }
    let request = RollbackRequest { container: args.container.clone(), moving: args.moving.moving() };
    let rolled_back = ops::block_on(ops::rollback(&config, &request, &mut edge.output))?;
    told(&rolled_back, edge)
}
