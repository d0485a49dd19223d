use clap::CommandFactory;
use clap_complete::Shell;
use clap_complete::env::Shells;

use super::command::Cli;
use super::completing::VARIABLE;
use super::error::ExitCode;
use super::output::Output;
use crate::ops::Error;

/// `shipwright completions SHELL`: a script by which the shell asks the program at every Tab, so that it knows images and
/// branches, and the options of the version that is there.
pub(super) fn completions(shell: Shell, output: &Output) -> Result<ExitCode, Error> {
    let shells = Shells::builtins();
    let Some(completer) = shells.completer(&shell.to_string()) else {
        return Err(Error::usage(format!("there are no completions for {shell}")));
    };
    let (name, mut script) = ("shipwright", Vec::new());
    completer.write_registration(VARIABLE, name, name, name, &mut script)?;
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
