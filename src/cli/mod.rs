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
mod notices;
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
mod signals;
mod sparse;
mod threads;
mod undeclared;
mod watch;

pub use args::{Cli, Command, RemotePolicy};
pub use ensure_call::{Ensure, EnsureError};
pub use environment::Environment;
pub use error::{CliError, ExitCode};

use std::time::Duration;

use output::Output;

use crate::diagnostic::Diagnostic;

/// Runs a command and gives its exit code. All output happens here.
pub fn run(cli: Cli, environment: &Environment) -> ExitCode {
    let Cli { command, build, global } = cli;
    let environment = &environment.clone().listening();
    let mut output = Output::new(&global, environment);
    let command = command.unwrap_or(Command::Build(args::BuildArgs::default()));
    if !matches!(command, Command::Completions { .. } | Command::Man)
        && let Err(error) = threads::prepare()
    {
        return concluded(Err(error), &mut output);
    }
    let done = match command {
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
    let code = done.unwrap_or_else(|error| {
        if let Some(root) = &error.root {
            output.use_checkout(root);
        }
        output.diagnostics(&error.diagnostics);
        error.code
    });
    // What was done is done, but whoever reads on relies on all of the events.
    if code == ExitCode::Done && output.is_incomplete() { ExitCode::Failed } else { code }
}

/// Longer than any run.
const A_LONG_TIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// One thread drives all input and output; files are read on the blocking pool.
fn block_on(command: impl Future<Output = Result<ExitCode, CliError>>) -> Result<ExitCode, CliError> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    // One thread of the pool stays to the end: it would panic where there is none and none can be started.
    let runtime = builder.enable_all().thread_keep_alive(A_LONG_TIME).build().map_err(|error| {
        let message = format!("the process cannot wait for events: {error}");
        CliError::one(ExitCode::Failed, Diagnostic::error(message))
    })?;
    drop(runtime.spawn_blocking(|| ()));
    let done = runtime.block_on(command);
    // A read of a slow disk must not hold up the exit.
    runtime.shutdown_background();
    done
}
