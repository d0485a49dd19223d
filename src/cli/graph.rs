use clap::{Args, ValueEnum};

use super::args::{ContentArgs, SelectionArgs};
use super::build::BuildArgs;
use super::edge::Edge;
use super::error::ExitCode;
use crate::diagnostic::has_errors;
use crate::graph::{ImageId, render};
use crate::ops::{self, Error};
use crate::report::graph_json;

/// `shipwright graph`.
#[derive(Clone, Debug, Default, Args)]
pub struct GraphArgs {
    /// Which images.
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// What decides the images.
    #[command(flatten)]
    pub content: ContentArgs,

    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: GraphFormat,
}

/// How a graph is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// Indented, for people.
    #[default]
    Text,
    /// For Graphviz.
    Dot,
    /// For Markdown documents.
    Mermaid,
    /// For programs.
    Json,
}

/// `shipwright graph`: which image is built from which.
pub(super) fn run(before: BuildArgs, args: GraphArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    let (selection, image) = before.choosing(args.selection, args.content.into());
    let (config, request) = (edge.config(), edge.images(&selection, &image, &[])?);
    let list = ops::block_on(ops::list(&config, &request, &mut edge.output))?;
    let graph = &list.project.graph;
    let selected: Vec<ImageId> = list.planned.plan.steps.iter().map(|step| step.image).collect();
    let text = match args.format {
        GraphFormat::Text => render::text(graph, &selected),
        GraphFormat::Dot => render::dot(graph, &selected),
        GraphFormat::Mermaid => render::mermaid(graph, &selected),
        GraphFormat::Json => graph_json(&list.planned.plan),
    };
    let findings = &list.project.diagnostics;
    edge.output.errors(findings);
    edge.output.text(&text)?;
    Ok(if has_errors(findings) { ExitCode::Wrong } else { ExitCode::Done })
}
