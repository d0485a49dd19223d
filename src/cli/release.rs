use clap::Args;

use super::args::{ImageArgs, OutputFormat, RunArgs, SelectionArgs, word};
use super::edge::Edge;
use super::error::ExitCode;
use crate::ops::{self, Error, ReleaseRequest};
use crate::report::{release_json, release_text};

/// `shipwright release`.
#[derive(Clone, Debug, Default, Args)]
pub struct ReleaseArgs {
    /// The version, such as 1.4.0, v2 or 1.4.0-rc.1
    #[arg(value_parser = word)]
    pub version: String,

    /// Images by full name, short name or Dockerfile path
    #[arg(value_name = "IMAGE", value_delimiter = ',', required = true, value_parser = word)]
    pub images: Vec<String>,

    /// What stands in front of the version in the tag: `base` gives base-1.4.0
    #[arg(long, value_name = "PREFIX", value_parser = word)]
    pub prefix: Option<String>,

    /// Leave references to older versions in Dockerfiles as they are
    #[arg(long)]
    pub no_edit: bool,

    /// Show all that would change, and change nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    /// Release images with uncommitted changes too
    #[arg(long)]
    pub allow_dirty: bool,

    /// Print text or json
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", hide_possible_values = true)]
    pub format: OutputFormat,

    /// The registry of the images; repeatable
    ///
    /// With a prefix if need be [default: the settings', else where the names of the images say].
    #[arg(long, value_name = "HOST[/PREFIX]", value_parser = word, help_heading = "Registries")]
    pub registry: Vec<String>,

    /// How to build.
    #[command(flatten)]
    pub run: RunArgs,
}

/// `shipwright release`: a version for images, everywhere.
pub(super) fn run(args: ReleaseArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    let named = SelectionArgs { targets: args.images.clone(), ..SelectionArgs::default() };
    let request = ReleaseRequest {
        building: args.run.building(&edge.environment)?,
        images: edge.images(&named, &ImageArgs::default(), &args.registry)?,
        version: args.version,
        names: args.images,
        prefix: args.prefix,
        no_edit: args.no_edit,
        dry_run: args.dry_run,
        allow_dirty: args.allow_dirty,
    };
    let config = edge.config();
    edge.output.keep_stdout();
    edge.output.keep_events(args.run.events);
    let released = ops::block_on(ops::release(&config, &request, &mut edge.output))?;
    match args.format {
        OutputFormat::Json => edge.output.result(release_json(&released).as_bytes())?,
        OutputFormat::Text if released.ending == ops::Ending::Done => {
            edge.output.text(&release_text(&released))?;
        }
        OutputFormat::Text => {}
    }
    Ok(released.ending)
}
