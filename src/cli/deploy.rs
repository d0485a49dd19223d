use std::time::Duration;

use clap::Args;

use super::args::{ContentArgs, ImageArgs, RunArgs, SelectionArgs, word};
use super::edge::Edge;
use super::error::ExitCode;
use crate::ops::{self, DeployRequest, Deployed, Ending, Error, Moving, Probe};
use crate::report::deployed_text;

/// `shipwright deploy`.
#[derive(Clone, Debug, Args)]
pub struct DeployArgs {
    /// The container, by name or id
    #[arg(value_name = "CONTAINER", value_parser = word)]
    pub container: String,

    /// A name of this checkout, or any reference [default: what the container was made from, resolved anew]
    #[arg(value_name = "IMAGE", value_parser = word)]
    pub image: Option<String>,

    /// Ask the registry of a reference first, even if the engine has it
    #[arg(long, conflicts_with = "dry_run")]
    pub pull: bool,

    /// Make the anonymous volumes anew, instead of taking them over
    #[arg(long)]
    pub renew_anon_volumes: bool,

    /// How it is moved.
    #[command(flatten)]
    pub moving: MovingArgs,

    /// The value of a build argument, as for `build`; repeatable
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = word, hide_short_help = true)]
    pub build_arg: Vec<String>,

    /// Build for this platform [default: the engine's]
    #[arg(long, value_name = "OS/ARCH", value_parser = word, hide_short_help = true)]
    pub platform: Option<String>,
}

/// What `deploy` and `rollback` take both.
#[derive(Clone, Debug, Args)]
pub struct MovingArgs {
    /// Show what would change, and change nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    /// Show values of the environment with --dry-run
    #[arg(long, requires = "dry_run")]
    pub show_values: bool,

    /// Make it anew even if it runs that image already
    #[arg(long)]
    pub force: bool,

    /// How many seconds it has to run, where it has no health check
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub grace: u32,

    /// A line for `sh` in the new container that has to succeed as well, within 30 s
    #[arg(long, value_name = "CMD", value_parser = probe)]
    pub probe: Option<String>,
}

/// A line for a shell. An address alone is none, although a probe may well be about one.
fn probe(text: &str) -> Result<String, String> {
    let is_address = ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
    if is_address && !text.contains(' ') {
        return Err(format!("write a command, such as 'wget -q -O /dev/null {text}'"));
    }
    word(text)
}

impl MovingArgs {
    pub(super) fn moving(&self) -> Moving {
        Moving {
            force: self.force,
            dry_run: self.dry_run,
            shows_values: self.show_values,
            grace: Duration::from_secs(self.grace.into()),
            probe: self.probe.clone().map(Probe),
            ..Moving::default()
        }
    }
}

/// `shipwright deploy CONTAINER [IMAGE]`: moves a container to a new image, or leaves it as it is.
pub(super) fn run(args: &DeployArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    let content = ContentArgs {
        build_arg: args.build_arg.clone(),
        platform: args.platform.clone(),
        ..ContentArgs::default()
    };
    let image = ImageArgs { content, ..ImageArgs::default() };
    let request = DeployRequest {
        container: args.container.clone(),
        image: args.image.clone(),
        pull: args.pull,
        images: edge.images(&SelectionArgs::default(), &image, &[])?,
        building: RunArgs::default().building(&edge.environment)?,
        moving: Moving { renew_volumes: args.renew_anon_volumes, ..args.moving.moving() },
    };
    let config = edge.config();
    edge.output.keep_stdout();
    let deployed = ops::block_on(ops::deploy(&config, &request, &mut edge.output))?;
    told(&deployed, edge)
}

/// Says what came of it.
pub(super) fn told(deployed: &Deployed, edge: &Edge) -> Result<ExitCode, Error> {
    match deployed {
        Deployed::Failed(ending) => return Ok((*ending).into()),
        Deployed::Difference(..) => edge.output.text(&deployed_text(deployed))?,
        Deployed::Unchanged(_) | Deployed::Done(_) => {
            edge.output.result_line(deployed_text(deployed).trim_end());
        }
    }
    Ok(Ending::Done.into())
}
