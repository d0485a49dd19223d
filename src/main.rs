//! The `shipwright` command: parse, run, exit.

use std::process::ExitCode;

use shipwright::internals::{Cli, Environment, complete, run};

fn main() -> ExitCode {
    if complete() {
        return ExitCode::SUCCESS;
    }
    run(Cli::of_process(), Environment::of_process()).into()
}
