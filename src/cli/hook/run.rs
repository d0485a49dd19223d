use std::ffi::OsString;
use std::io::{IsTerminal, Read};

use super::args::{HookArg, RunHookArgs};
use super::place::where_git_is;
use super::pre_commit::{PreCommitPush, pre_commit_push};
use crate::cli::edge::Edge;
use crate::cli::error::ExitCode;
use crate::hook::{Mode, parse_updates};
use crate::ops::{self, Config, Error, PrePushRequest};
use crate::report::switched_text;

/// What an installed hook calls.
pub(super) fn run(args: &RunHookArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    let mut config = edge.config();
    config.folder = where_git_is(config.folder, edge);
    match args.hook {
        HookArg::PrePush => pre_push(&args.arguments, args.mode.into(), &config, edge),
        HookArg::PostCheckout => {
            post_checkout(&args.arguments, &config, edge);
            Ok(ExitCode::Done)
        }
    }
}

fn pre_push(arguments: &[OsString], mode: Mode, config: &Config, edge: &mut Edge) -> Result<ExitCode, Error> {
    let request = told(arguments, mode, edge)?;
    ops::block_on(ops::pre_push(config, &request, &mut edge.output))
}

/// What git says on standard input, or pre-commit in the environment.
fn told(arguments: &[OsString], mode: Mode, edge: &Edge) -> Result<PrePushRequest, Error> {
    let choices = edge.choices()?;
    let mut arguments = arguments.iter().map(|argument| argument.to_string_lossy().into_owned());
    let remote = arguments.next();
    if remote.is_none()
        && let Some(PreCommitPush { remote, url, update }) = pre_commit_push(&edge.environment)
    {
        return Ok(PrePushRequest { remote, url, updates: vec![update], mode, choices });
    }
    if std::io::stdin().is_terminal() {
        return Err(Error::usage_with_hint(
            "git runs this hook, and says on standard input what it pushes",
            "`shipwright hook install` lets it; `shipwright plan --rev REV` looks at a commit by hand",
        ));
    }
    let mut lines = Vec::new();
    std::io::stdin().lock().read_to_end(&mut lines)?;
    Ok(PrePushRequest {
        remote: remote.unwrap_or_else(|| "origin".to_owned()),
        url: arguments.next().unwrap_or_default(),
        updates: parse_updates(&String::from_utf8_lossy(&lines)).map_err(Error::usage)?,
        mode,
        choices,
    })
}

/// The switch is done: whatever goes wrong here is one line, and no failure.
fn post_checkout(arguments: &[OsString], config: &Config, edge: &mut Edge) {
    let switched = edge.choices().and_then(|choices| {
        let following = async { Ok(ops::post_checkout(config, &choices, arguments, &mut edge.output).await) };
        ops::block_on(following)
    });
    if let Some(line) = switched_text(switched) {
        edge.output.result_line(&line);
    }
}
