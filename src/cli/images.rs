use clap::Args;

use super::args::{ContentArgs, ImageArgs, OutputFormat, SelectionArgs, word};
use super::build::BuildArgs;
use super::edge::Edge;
use super::error::ExitCode;
use crate::diagnostic::has_errors;
use crate::ops::{self, Error};
use crate::report::{images_json, images_text, nothing_listed};

/// `shipwright images`.
#[derive(Clone, Debug, Default, Args)]
pub struct ImagesArgs {
    /// Which images.
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// What decides the images.
    #[command(flatten)]
    pub content: ContentArgs,

    /// A moving tag instead of `latest`; repeatable
    #[arg(short = 't', long = "tag", value_name = "TAG", value_delimiter = ',', value_parser = word)]
    pub tags: Vec<String>,

    /// Print text or json
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", hide_possible_values = true)]
    pub format: OutputFormat,
}

/// `shipwright images`: `NAME:src-KEY`, one a line, in build order.
pub(super) fn run(before: BuildArgs, args: ImagesArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    let image = ImageArgs { tags: args.tags, ..args.content.into() };
    let (selection, image) = before.choosing(args.selection, image);
    let (config, request) = (edge.config(), edge.images(&selection, &image, &[])?);
    let list = ops::block_on(ops::list(&config, &request, &mut edge.output))?;
    let plan = &list.planned.plan;
    let code = if has_errors(&plan.diagnostics) { ExitCode::Wrong } else { ExitCode::Done };
    if args.format == OutputFormat::Json {
        edge.output.result(images_json(plan).as_bytes())?;
        return Ok(code);
    }
    edge.output.errors(&plan.diagnostics);
    let text = images_text(&list.project, plan, edge.global.verbose > 0);
    if text.is_empty() {
        edge.output.diagnostics(&[nothing_listed(plan)]);
    }
    edge.output.text(&text)?;
    Ok(code)
}
