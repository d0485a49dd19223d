//! The command line: arguments and environment become one request to [`ops`](crate::ops), and its answers become
//! output and an exit code. One file a command, with its arguments.

mod affected;
mod args;
mod bake;
mod browser;
mod build;
mod ci_output;
mod command;
mod completing;
mod completions;
mod deploy;
mod edge;
mod ensure;
mod environment;
mod error;
mod graph;
mod history;
mod hook;
mod images;
mod import;
mod init;
mod inspect;
mod lock;
mod logs;
mod memory;
mod output;
mod plan;
mod prune;
mod push;
mod release;
mod rollback;
mod run_flags;
mod signals;
mod threads;
mod waiting;

pub use command::Cli;
pub(crate) use command::Command;
pub use completing::complete;
pub use environment::Environment;
pub(crate) use error::ExitCode;

use build::BuildArgs;
use edge::Edge;
use output::Output;

use clap::CommandFactory;

use crate::diagnostic::closest;
use crate::graph::UnknownImage;
use crate::ops::{Error, Interrupts};
use crate::printable::printable;

/// Runs a command and gives its exit code. All output happens here.
pub fn run(cli: Cli, environment: Environment) -> ExitCode {
    let Cli { command, build, global, version: _ } = cli;
    let interrupts = Interrupts::default();
    signals::listen_for(interrupts.clone());
    let output = Output::new(&global, &environment);
    let mut edge = Edge { global, environment, interrupts, output };
    let is_bare = command.is_none();
    edge.output.waits();
    let done = dispatch(command.unwrap_or(Command::Build(BuildArgs::default())), build, &mut edge);
    let done = done.map_err(|error| if is_bare { no_command(error) } else { error });
    waiting::end();
    let code = done.unwrap_or_else(|error| refused(error, &mut edge.output));
    // What was done is done, but whoever reads on relies on all of the events.
    if code == ExitCode::Done && edge.output.is_incomplete() { ExitCode::Failed } else { code }
}

fn dispatch(command: Command, before: BuildArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    if !matches!(command, Command::Completions { .. } | Command::Man | Command::Version) {
        threads::prepare()?;
        memory::check()?;
    }
    match command {
        Command::Build(args) => build::run(before.merged(args), edge),
        Command::Plan(args) => plan::run(before, args, edge),
        Command::Push(args) => push::run(before, args, edge),
        Command::Ensure(args) => ensure::run(before, args, edge),
        Command::Release(args) => release::run(args, edge),
        Command::Lock(args) => lock::run(before, args, edge),
        Command::Logs(args) => logs::run(&args, edge),
        Command::Images(args) => images::run(before, args, edge),
        Command::Graph(args) => graph::run(before, args, edge),
        Command::Bake(args) => bake::run(before, args, edge),
        Command::Affected(args) => affected::run(before, args, edge),
        Command::History(args) => history::run(before, args, edge),
        Command::Deploy(args) => deploy::run(&args, edge),
        Command::Rollback(args) => rollback::run(&args, edge),
        Command::Prune(args) => prune::run(&args, edge),
        Command::Init(args) => init::run(args, edge),
        Command::Import(args) => import::run(args, edge),
        Command::Inspect(args) => inspect::run(args, edge),
        Command::Hook { command } => hook::run(command, edge),
        Command::Completions { shell } => completions::completions(shell, &edge.output),
        Command::Man => completions::man(&edge.output),
        Command::Version => {
            edge.output.result(format!("shipwright {}\n", env!("CARGO_PKG_VERSION")).as_bytes())?;
            Ok(ExitCode::Done)
        }
    }
}

/// A word without a command before it may have been meant for one.
fn no_command(error: Error) -> Error {
    let Error::UnknownImage(UnknownImage::Unknown { value, closest: images }) = &error else { return error };
    let commands = Cli::command();
    let names: Vec<&str> = commands.get_subcommands().map(clap::Command::get_name).collect();
    let hint = match closest(value, names).first() {
        Some(name) if name == value => format!("`{name}` is a command: write it in front of the images"),
        Some(name) if images.is_empty() => format!("did you mean the command `{name}`?"),
        Some(name) => {
            format!("did you mean the command `{name}`, or one of the images {}?", images.join(", "))
        }
        None => UnknownImage::hint(&UnknownImage::Unknown { value: value.clone(), closest: images.clone() }),
    };
    Error::usage_with_hint(format!("no command or image `{}`", printable(value)), hint)
}

/// Says what went wrong, and gives the exit code.
fn refused(error: Error, output: &mut Output) -> ExitCode {
    if let Some(root) = error.root() {
        output.use_checkout(root);
    }
    let code = error.ending();
    output.diagnostics(&error.into_findings());
    code
}
