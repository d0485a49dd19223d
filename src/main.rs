//! The `shipwright` command: parse, run, exit.

use std::process::ExitCode;

use clap::Parser;
use shipwright::internals::{Cli, Environment, run};

fn main() -> ExitCode {
    let cli = Cli::parse();
    run(cli, Environment::of_process()).into()
}
