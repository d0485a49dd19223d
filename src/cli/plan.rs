use clap::Args;

use super::args::{ImageArgs, OutputFormat, RegistryArgs, SelectionArgs, word};
use super::build::BuildArgs;
use super::edge::Edge;
use super::error::ExitCode;
use crate::ops::{self, Error, PlanRequest};
use crate::report::{explanation, floating_note, plan_json};

/// `shipwright plan`.
#[derive(Clone, Debug, Default, Args)]
pub struct PlanArgs {
    /// Print all that enters the key of one image
    ///
    /// To compare two machines with diff.
    #[arg(long, value_name = "IMAGE", value_parser = word, conflicts_with = "format")]
    pub explain: Option<String>,

    /// Which images.
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// What decides the images.
    #[command(flatten)]
    pub image: ImageArgs,

    /// What registries have.
    #[command(flatten)]
    pub registry: RegistryArgs,

    /// Print text or json
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", hide_possible_values = true, help_heading = None::<&'static str>)]
    pub format: OutputFormat,
}

/// `shipwright plan`: what `build` would do. Changes nothing.
pub(super) fn run(before: BuildArgs, args: PlanArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    let PlanArgs { explain, selection, image, registry, format } = args;
    let later = BuildArgs { selection, image, registry, ..BuildArgs::default() };
    let BuildArgs { selection, image, registry, .. } = before.merged(later);
    let request = PlanRequest {
        images: edge.images(&selection, &image, &registry.registry)?,
        pull_cache: registry.pull_cache,
    };
    let config = edge.config();
    if let Some(name) = &explain {
        let (project, images) = ops::block_on(ops::named(&config, &request.images, name))?;
        for at in images {
            edge.output.text(&explanation(&project.images[at]))?;
        }
        return Ok(ExitCode::Done);
    }
    let planned = ops::block_on(ops::plan(&config, &request, &mut edge.output))?;
    match format {
        OutputFormat::Json => edge.output.result(plan_json(&planned.plan).as_bytes())?,
        OutputFormat::Text => {
            edge.output.plan(&planned.plan)?;
            edge.output.diagnostics(&planned.plan.diagnostics);
            edge.output.diagnostics(floating_note(&planned.plan).as_slice());
        }
    }
    Ok(planned.ending)
}
