use super::args::{GlobalArgs, PlanArgs, PlanFormat};
use super::environment::Environment;
use super::error::{CliError, ExitCode};
use super::lookup::{self, look_up};
use super::output::Output;
use super::registries::Registries;
use super::session::{EngineNeed, Request, Session, has_errors};
use crate::diagnostic::Diagnostic;
use crate::plan::Plan;

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
        watch: None,
    };
    let session = Session::open(&request).await?;
    if let Some(name) = &args.explain {
        for at in session.named(name)? {
            output.text(&crate::report::explanation(&session.project.images[at]))?;
        }
        return Ok(ExitCode::Done);
    }
    output.use_files(session.tree.clone());
    let (tags, mut known) = session.known().await?;
    if !global.offline {
        let registries = Registries::new(environment, &session.resolved, &args.registry.registry)?;
        let images = lookup::asked(&session, args.registry.pull_cache, &known);
        output.diagnostics(&look_up(&session, &registries, &images, &mut known).await?);
    }
    let plan = session.decide(&tags, &known);
    match args.format {
        PlanFormat::Json => {
            output.result(crate::report::plan_json(&plan).as_bytes())?;
        }
        PlanFormat::Text => {
            output.diagnostics(&plan.diagnostics);
            output.plan(&plan)?;
            output.diagnostics(&floating(&plan));
        }
    }
    Ok(if has_errors(&plan.diagnostics) { ExitCode::Wrong } else { session.blocked_code(&plan) })
}

/// Bases that may be another image tomorrow, though nothing here changes.
fn floating(plan: &Plan) -> Vec<Diagnostic> {
    const FEW: usize = 3;
    let bases: Vec<&str> = plan.floating().into_iter().collect();
    let more = match bases.len().saturating_sub(FEW) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let list = bases.iter().take(FEW).copied().collect::<Vec<_>>().join(", ");
    let text = match bases.len() {
        0 => return Vec::new(),
        1 => format!("1 base floats: {list}; `shipwright lock` pins it"),
        count => format!("{count} bases float: {list}{more}; `shipwright lock` pins them"),
    };
    vec![Diagnostic::note(text)]
}
