use super::args::{GlobalArgs, ImagesArgs, PlanFormat};
use super::environment::Environment;
use super::error::{CliError, ExitCode};
use super::output::Output;
use super::session::{EngineNeed, Request, Session, has_errors};
use crate::report::{images_json, images_text};

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
        output.result(images_json(&plan).as_bytes())?;
        return Ok(code);
    }
    output.diagnostics(&plan.diagnostics);
    let text = images_text(&session.project, &plan, &session.selected, global.verbose > 0);
    output.text(&text)?;
    Ok(code)
}
