use clap::CommandFactory;
use clap_complete::Shell;

use super::command::Cli;
use super::error::ExitCode;
use super::output::Output;
use crate::ops::Error;

/// `shipwright completions SHELL`.
pub(super) fn completions(shell: Shell, output: &Output) -> Result<ExitCode, Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "shipwright", &mut script);
    output.result(&script)?;
    Ok(ExitCode::Done)
}

/// `shipwright man`.
pub(super) fn man(output: &Output) -> Result<ExitCode, Error> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    output.result(&page)?;
    Ok(ExitCode::Done)
}
