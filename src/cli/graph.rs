use clap::{Args, ValueEnum};

use super::args::{ContentArgs, SelectionArgs};
use super::browser;
use super::build::BuildArgs;
use super::edge::Edge;
use super::error::ExitCode;
use crate::diagnostic::has_errors;
use crate::graph::{ImageId, render};
use crate::ops::{self, Error, GraphRequest};
use crate::report::{Standings, graph_html, graph_json, graph_svg};

/// `shipwright graph`.
#[derive(Clone, Debug, Default, Args)]
pub struct GraphArgs {
    /// Mark what differs from the merge base with REV
    ///
    /// As `affected` compares: the merge base of that branch, tag or commit and what is checked out.
    #[arg(long, value_name = "REV")]
    pub since: Option<String>,

    /// Compare with REV itself
    #[arg(long, requires = "since")]
    pub exact_rev: bool,

    /// Which images.
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// What decides the images.
    #[command(flatten)]
    pub content: ContentArgs,

    /// How to print [default: text; with --open html]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<GraphFormat>,

    /// Show the picture in a browser
    ///
    /// That of BROWSER, else the system's. The file is .git/shipwright/graph.html.
    #[arg(long)]
    pub open: bool,
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
    /// A picture for documents.
    Svg,
    /// A page: details, chains, search.
    Html,
}

impl GraphFormat {
    /// The end of a file's name, if a browser shows it.
    fn extension(self) -> Option<&'static str> {
        match self {
            Self::Svg => Some("svg"),
            Self::Html => Some("html"),
            Self::Text | Self::Dot | Self::Mermaid | Self::Json => None,
        }
    }
}

/// `shipwright graph`: which image is built from which, and how each stands.
pub(super) fn run(before: BuildArgs, args: GraphArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    let GraphArgs { since, exact_rev, selection, content, format, open } = args;
    let format = format.unwrap_or(if open { GraphFormat::Html } else { GraphFormat::Text });
    let shown = open.then(|| format.extension().ok_or_else(not_shown)).transpose()?;
    let (selection, image) = before.choosing(selection, content.into());
    let images = edge.images(&selection, &image, &[])?;
    let asks_engine = format == GraphFormat::Text || format.extension().is_some();
    let request = GraphRequest { images, since, exact_rev, asks_engine };
    let graphed = ops::block_on(ops::graph(&edge.config(), &request, &mut edge.output))?;
    let standings = Standings::of(&graphed);
    let (graph, marks) = (&graphed.project.graph, standings.marks());
    let selected: Vec<ImageId> = graphed.planned.plan.steps.iter().map(|step| step.image).collect();
    let text = match format {
        GraphFormat::Text => render::text(graph, &selected, &marks),
        GraphFormat::Dot => render::dot(graph, &selected, &marks),
        GraphFormat::Mermaid => render::mermaid(graph, &selected, &marks),
        GraphFormat::Json => graph_json(&graphed.planned.plan, &standings),
        GraphFormat::Svg => graph_svg(&standings),
        GraphFormat::Html => graph_html(&standings),
    };
    let findings = &graphed.project.diagnostics;
    edge.output.errors(findings);
    match shown {
        Some(extension) => {
            let file = graphed.keep(extension, &text)?;
            edge.output.result_line(&format!("the picture is in {}", file.display()));
            browser::open(&file, &edge.environment)?;
        }
        None => match format {
            GraphFormat::Svg | GraphFormat::Html => edge.output.result(text.as_bytes())?,
            _ => edge.output.text(&text)?,
        },
    }
    Ok(if has_errors(findings) { ExitCode::Wrong } else { ExitCode::Done })
}

fn not_shown() -> Error {
    Error::usage_with_hint("--open shows a picture", "leave --format out, or choose svg or html")
}
