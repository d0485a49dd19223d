use super::args::{GlobalArgs, PlanArgs, PlanFormat};
use super::environment::Environment;
use super::error::{CliError, ExitCode};
use super::output::Output;
use super::session::{EngineNeed, Request, Session, has_errors};

/// `shipwright plan`: what `build` would do. Changes nothing.
pub(super) async fn run(
    global: &GlobalArgs,
    args: &PlanArgs,
    environment: &Environment,
    output: &mut Output,
) -> Result<ExitCode, CliError> {
    let request = Request {
        global,
        selection: &args.selection,
        image: &args.image,
        environment,
        engine: EngineNeed::Required,
    };
    let session = Session::open(&request).await?;
    if let Some(name) = &args.explain {
        for at in session.named(name)? {
            output.text(&crate::report::explanation(&session.project.images[at]))?;
        }
        return Ok(ExitCode::Done);
    }
    let plan = session.plan().await?;
    output.use_files(session.tree.clone());
    match args.format {
        PlanFormat::Json => {
            output.result(crate::report::plan_json(&plan).as_bytes())?;
        }
        PlanFormat::Text => {
            output.diagnostics(&plan.diagnostics);
            output.plan(&plan)?;
        }
    }
    Ok(if has_errors(&plan.diagnostics) { ExitCode::Wrong } else { session.blocked_code(&plan) })
}
