use super::args::{GlobalArgs, ImagesArgs, PlanFormat};
use super::environment::Environment;
use super::error::{CliError, ExitCode};
use super::output::Output;
use super::session::{EngineNeed, Request, Session, has_errors};
use crate::printable::printable;

/// `shipwright images`: `NAME:src-KEY`, one a line, in build order.
pub(super) async fn run(
    global: &GlobalArgs,
    args: &ImagesArgs,
    environment: &Environment,
    output: &mut Output,
) -> Result<ExitCode, CliError> {
    let request = Request {
        global,
        selection: &args.selection,
        image: &args.image,
        environment,
        engine: EngineNeed::Platform,
        watch: None,
    };
    let session = Session::open(&request).await?;
    let plan = session.plan_without_engine()?;
    output.use_files(session.tree.clone());
    let code = if has_errors(&plan.diagnostics) { ExitCode::Wrong } else { ExitCode::Done };
    if args.format == PlanFormat::Json {
        output.result(crate::report::images_json(&plan).as_bytes())?;
        return Ok(code);
    }
    output.diagnostics(&plan.diagnostics);
    let mut text = String::new();
    for (step, at) in plan.steps.iter().zip(&session.selected) {
        let Some(reference) = &step.reference else { continue };
        text.push_str(&format!("{reference}\n"));
        if global.verbose > 0 {
            let image = &session.project.images[*at];
            let source = session.project.namespace.source.as_str();
            text.push_str(&format!(
                "    {}\n    name from {}, namespace {} from {source}\n",
                image.dockerfile,
                image.name.source.describe(),
                printable(&session.project.namespace.value),
            ));
            for tag in &step.tags {
                text.push_str(&format!("    {}\n", step.tagged(tag)));
            }
        }
    }
    output.text(&text)?;
    Ok(code)
}
