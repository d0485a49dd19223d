//! `shipwright hook`: git runs Shipwright at a push and at a branch switch.

mod args;
mod install;
mod place;
mod pre_commit;
mod run;

pub(in crate::cli) use args::HookCommand;

use super::edge::Edge;
use super::error::ExitCode;
use crate::ops::Error;

/// Runs one of them.
pub(super) fn run(command: HookCommand, edge: &mut Edge) -> Result<ExitCode, Error> {
    match command {
        HookCommand::Install(args) => install::install(&args, edge),
        HookCommand::Uninstall(args) => install::uninstall(&args, edge),
        HookCommand::Status(args) => install::status(&args, edge),
        HookCommand::Run(args) => run::run(&args, edge),
    }
}
