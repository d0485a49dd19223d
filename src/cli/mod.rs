//! The command line: arguments, environment and settings file become one request to the library, and its
//! answers become output and an exit code. One file a command.

mod affected;
mod args;
mod build;
mod build_options;
mod committed;
mod completions;
mod ensure;
mod ensure_call;
mod environment;
mod error;
mod files;
mod forks;
mod graph;
mod hook;
mod images;
mod inspect;
mod known;
mod lock;
mod lock_answers;
mod lookup;
mod others;
mod output;
mod plan;
mod positions;
mod previous;
mod publishing;
mod push;
mod push_refusals;
mod registries;
mod session;
pub mod settings;
mod sparse;
mod undeclared;
mod watch;

pub use args::{Cli, Command, RemotePolicy};
pub use ensure_call::{Ensure, EnsureError};
pub use environment::Environment;
pub use error::{CliError, ExitCode};

use output::Output;

/// Runs a command and gives its exit code. All output happens here.
pub fn run(cli: Cli, environment: &Environment) -> ExitCode {
    let Cli { command, build, global } = cli;
    let mut output = Output::new(&global, environment);
    let done = match command.unwrap_or(Command::Build(args::BuildArgs::default())) {
        Command::Build(args) => block_on(build::run(&global, &build.merged(args), environment, &mut output)),
        Command::Plan(args) => block_on(plan::run(&global, &args.merged(build), environment, &mut output)),
        Command::Push(args) => block_on(push::run(&global, &args.merged(build), environment, &mut output)),
        Command::Ensure(args) => {
            block_on(ensure::run(&global, &args.merged(build), environment, &mut output))
        }
        Command::Lock(args) => block_on(lock::run(&global, &args.merged(build), environment, &mut output)),
        Command::Images(args) => {
            block_on(images::run(&global, &args.merged(build), environment, &mut output))
        }
        Command::Graph(args) => block_on(graph::run(&global, &args.merged(build), environment, &mut output)),
        Command::Affected(args) => {
            block_on(affected::run(&global, &args.merged(build), environment, &mut output))
        }
        Command::Inspect(args) => inspect::run(&global, &args, environment, &mut output),
        Command::Hook { command } => hook::run(&global, &command, environment, &mut output),
        Command::Completions { shell } => completions::completions(shell, &mut output),
        Command::Man => completions::man(&mut output),
    };
    concluded(done, &mut output)
}

/// Says what went wrong, and gives the exit code.
fn concluded(done: Result<ExitCode, CliError>, output: &mut Output) -> ExitCode {
    done.unwrap_or_else(|error| {
        if let Some(root) = &error.root {
            output.use_checkout(root);
        }
        output.diagnostics(&error.diagnostics);
        error.code
    })
}

/// One thread drives all input and output; files are read on the blocking pool.
fn block_on(command: impl Future<Output = Result<ExitCode, CliError>>) -> Result<ExitCode, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(command);
    // A read of a slow disk must not hold up the exit.
    runtime.shutdown_background();
    done
}
