use clap::CommandFactory;
use clap_complete::Shell;

use super::args::Cli;
use super::error::{CliError, ExitCode};
use super::output::Output;

/// `shipwright completions SHELL`.
pub(super) fn completions(shell: Shell, output: &mut Output) -> Result<ExitCode, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "shipwright", &mut script);
    output.result(&script)
}

/// `shipwright man`.
pub(super) fn man(output: &mut Output) -> Result<ExitCode, CliError> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    output.result(&page)
}
