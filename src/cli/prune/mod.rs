mod agreement;
mod args;
mod engine;
mod registry;

pub(crate) use args::PruneArgs;

use super::args::{ContentArgs, ImageArgs};
use super::edge::Edge;
use super::error::ExitCode;
use crate::ops::Error;

/// `shipwright prune`: what nothing needs goes, from the engine or from registries.
pub(super) fn run(args: &PruneArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    let content = ContentArgs {
        build_arg: args.build_arg.clone(),
        platform: args.platform.clone(),
        ..ContentArgs::default()
    };
    let image = ImageArgs { content, ..ImageArgs::default() };
    if args.registry.is_empty() { engine::run(args, &image, edge) } else { registry::run(args, &image, edge) }
}
