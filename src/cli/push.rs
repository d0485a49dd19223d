use clap::Args;

use super::args::BuilderArgs;
use super::build::BuildArgs;
use super::edge::Edge;
use super::error::ExitCode;
use crate::ops::{self, Config, Error, PushRequest};

/// `shipwright push`.
#[derive(Clone, Debug, Default, Args)]
pub struct PushArgs {
    /// What `build` takes.
    #[command(flatten)]
    pub build: BuildArgs,

    /// Builders that stand alone.
    #[command(flatten)]
    pub builders: BuilderArgs,

    /// Build nothing: push what exists
    ///
    /// What does not exist is said.
    #[arg(long, help_heading = "Registries")]
    pub no_build: bool,

    /// Publish uncommitted changes too
    ///
    /// Only under key and branch.
    #[arg(long, help_heading = "Registries")]
    pub dirty: bool,

    /// Move tags even away from commits that are not in this history
    #[arg(long, help_heading = "Registries", hide_short_help = true)]
    pub force: bool,
}

/// `shipwright push`: build what neither the engine nor the registry has, push what the registry lacks, and move
/// its tags.
pub(super) fn run(before: BuildArgs, args: PushArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    let PushArgs { build, builders, no_build, dirty, force } = args;
    let build = before.merged(build);
    let request = PushRequest { build: build.request(edge)?, dirty, no_build, force };
    let config = Config { builders: builders.choice(&edge.environment), ..edge.config() };
    edge.output.keep_events(build.run.events);
    ops::block_on(ops::push(&config, &request, &mut edge.output))
}
