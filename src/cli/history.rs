use clap::{Args, ValueEnum};

use super::args::{ContentArgs, ImageArgs, SelectionArgs, word};
use super::build::BuildArgs;
use super::edge::Edge;
use super::error::ExitCode;
use crate::ops::{self, Error, HistoryRequest, NarrowLine};
use crate::report::{history_html, history_json};

/// `shipwright history`.
#[derive(Clone, Debug, Args)]
pub struct HistoryArgs {
    /// Which commits [default: 90.days]
    ///
    /// A span of time (90.days, 2.weeks, 1.year), a date (2026-01-31), REV..REV, or REV for REV..HEAD. First parents alone
    /// count, so a merge is one commit.
    #[arg(long, value_name = "TIME|REV..REV", allow_hyphen_values = true)]
    pub since: Option<String>,

    /// Count again as if this stood in every ignore file; repeatable
    #[arg(long, value_name = "PATTERN", value_parser = word)]
    pub what_if_ignore: Vec<String>,

    /// Count again as if this line copied other sources; repeatable
    ///
    /// Sources are relative to the build context, several by comma.
    #[arg(long, value_name = "DOCKERFILE:LINE=SOURCE", value_parser = narrow_line)]
    pub what_if_copy: Vec<NarrowLine>,

    /// Which images.
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// The value of a build argument; repeatable
    ///
    /// NAME=VALUE, or NAME for the environment's value.
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = word, help_heading = "Images", hide_short_help = true)]
    pub build_arg: Vec<String>,

    /// For this platform [default: this machine's, as linux]
    #[arg(long, value_name = "OS/ARCH", value_parser = word, help_heading = "Images", hide_short_help = true)]
    pub platform: Option<String>,

    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: HistoryFormat,
}

/// How a history is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum HistoryFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// A page.
    Html,
}

fn narrow_line(text: &str) -> Result<NarrowLine, String> {
    text.parse()
}

/// `shipwright history`: what commits needed to rebuild, and why. Asks no engine and builds nothing.
pub(super) fn run(before: BuildArgs, args: HistoryArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    let content =
        ContentArgs { build_arg: args.build_arg, platform: args.platform, ..ContentArgs::default() };
    let (selection, image) = before.choosing(args.selection, ImageArgs::from(content));
    let request = HistoryRequest {
        images: edge.images(&selection, &image, &[])?,
        since: args.since,
        ignore: args.what_if_ignore,
        copy: args.what_if_copy,
    };
    let history = ops::block_on(ops::history(&edge.config(), &request, &mut edge.output))?;
    if args.format != HistoryFormat::Json {
        edge.output.diagnostics(&history.findings);
    }
    match args.format {
        HistoryFormat::Text => edge.output.history(&history)?,
        HistoryFormat::Json => edge.output.result(history_json(&history).as_bytes())?,
        HistoryFormat::Html => edge.output.result(history_html(&history).as_bytes())?,
    }
    Ok(ExitCode::Done)
}
