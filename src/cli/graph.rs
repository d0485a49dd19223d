use super::args::{GlobalArgs, GraphArgs, GraphFormat, ImageArgs};
use super::environment::Environment;
use super::error::{CliError, ExitCode};
use super::output::Output;
use super::session::{EngineNeed, Request, Session, has_errors};
use crate::graph::render;

/// `shipwright graph`.
pub(super) async fn run(
    global: &GlobalArgs,
    args: &GraphArgs,
    environment: &Environment,
    output: &mut Output,
) -> Result<ExitCode, CliError> {
    let image = ImageArgs { rev: args.rev.clone(), ..ImageArgs::default() };
    let request = Request {
        global,
        selection: &args.selection,
        image: &image,
        environment,
        engine: EngineNeed::Platform,
        watch: None,
    };
    let session = Session::open(&request).await?;
    output.use_files(session.tree.clone());
    let graph = &session.project.graph;
    let text = match args.format {
        GraphFormat::Text => render::text(graph, &session.selected),
        GraphFormat::Dot => render::dot(graph, &session.selected),
        GraphFormat::Mermaid => render::mermaid(graph, &session.selected),
        GraphFormat::Json => crate::report::graph_json(&session.plan_without_engine()?),
    };
    output.diagnostics(&session.project.diagnostics);
    output.text(&text)?;
    Ok(if has_errors(&session.project.diagnostics) { ExitCode::Wrong } else { ExitCode::Done })
}
