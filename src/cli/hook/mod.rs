//! `shipwright hook`: git runs Shipwright at a push and at a branch switch.

mod args;
mod check;
mod install;
mod place;
mod post_checkout;
mod pre_push;

pub(super) use args::HookCommand;

use args::{HookArg, RunArgs};

use super::args::GlobalArgs;
use super::block_on;
use super::environment::Environment;
use super::error::{CliError, ExitCode};
use super::output::Output;

/// Runs one of them.
pub(super) fn run(
    global: &GlobalArgs,
    command: &HookCommand,
    environment: &Environment,
    output: &mut Output,
) -> Result<ExitCode, CliError> {
    match command {
        HookCommand::Install(args) => install::install(global, args, environment, output),
        HookCommand::Uninstall(args) => install::uninstall(global, args, environment, output),
        HookCommand::Status(args) => install::status(global, args, environment, output),
        HookCommand::Run(args) => run_hook(global, args, environment, output),
    }
}

fn run_hook(
    global: &GlobalArgs,
    args: &RunArgs,
    environment: &Environment,
    output: &mut Output,
) -> Result<ExitCode, CliError> {
    let global = place::where_git_is(global, environment);
    match args.hook {
        HookArg::PrePush => block_on(pre_push::run(&global, args, environment, output)),
        HookArg::PostCheckout => {
            block_on(async { Ok(post_checkout::run(&global, args, environment, output).await) })
        }
    }
}
