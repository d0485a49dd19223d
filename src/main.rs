//! The `shipwright` command: parse, run, exit.

use std::process::ExitCode;

use shipwright::internals::{Cli, Environment, run};

fn main() -> ExitCode {
    run(Cli::of_process(), Environment::of_process()).into()
}
