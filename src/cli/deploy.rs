use std::time::Duration;

use clap::Args;

use super::args::{ContentArgs, ImageArgs, RunArgs, SelectionArgs, word};
use super::edge::Edge;
use super::error::ExitCode;
use super::run_flags::creation;
use crate::ops::{self, DeployRequest, Deployed, Ending, Error, Moving, Probe, ProjectRequest};
use crate::registry::check_address;
use crate::report::deployed_text;

/// `shipwright deploy`.
#[derive(Clone, Debug, Args)]
pub struct DeployArgs {
    /// The container, by name or id
    #[arg(value_name = "CONTAINER", value_parser = word, required_unless_present = "compose")]
    pub container: Option<String>,

    /// A name of this checkout, or a reference [default: its own]
    ///
    /// Its own is resolved anew.
    #[arg(value_name = "IMAGE", value_parser = word)]
    pub image: Option<String>,

    /// Make it; flags of `docker run` follow `--`
    #[arg(long, requires = "image", conflicts_with_all = ["force", "renew_anon_volumes"])]
    pub create: bool,

    /// Move what this checkout builds of a project
    ///
    /// All services whose images are this checkout's, dependencies first, or none.
    #[arg(long, value_name = "PROJECT", value_parser = word, conflicts_with_all = ["container", "image", "create", "pull", "probe"])]
    pub compose: Option<String>,

    /// Ask the registry of a reference first
    ///
    /// Even if the engine has it.
    #[arg(long, conflicts_with = "dry_run")]
    pub pull: bool,

    /// Make anonymous volumes anew
    ///
    /// Instead of taking them over.
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

    /// With --create: flags of `docker run`, then the command
    #[arg(last = true, requires = "create", value_name = "FLAG|COMMAND")]
    pub run: Vec<String>,
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

    /// How long it has to run
    ///
    /// Where it has no health check.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub grace: u32,

    /// An address or a command that has to answer
    ///
    /// A command is a line for `sh` in the container.
    #[arg(long, value_name = "URL|CMD", value_parser = probe)]
    pub probe: Option<Probe>,
}

/// An address, or a line for a shell: no command begins like an address.
fn probe(text: &str) -> Result<Probe, String> {
    if ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme)) {
        return check_address(text).map(|()| Probe::Address(text.to_owned()));
    }
    word(text).map(Probe::Command)
}

impl MovingArgs {
    pub(super) fn moving(&self) -> Moving {
        Moving {
            force: self.force,
            dry_run: self.dry_run,
            shows_values: self.show_values,
            grace: Duration::from_secs(self.grace.into()),
            probe: self.probe.clone(),
            ..Moving::default()
        }
    }
}

/// `shipwright deploy CONTAINER [IMAGE]`: moves a container to a new image, leaves it as it is, or makes it.
pub(super) fn run(args: &DeployArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    let content = ContentArgs {
        build_arg: args.build_arg.clone(),
        platform: args.platform.clone(),
        ..ContentArgs::default()
    };
    let image = ImageArgs { content, ..ImageArgs::default() };
    let images = edge.images(&SelectionArgs::default(), &image, &[])?;
    let building = RunArgs::default().building(&edge.environment)?;
    let moving = Moving { renew_volumes: args.renew_anon_volumes, ..args.moving.moving() };
    if let Some(project) = args.compose.clone() {
        return of_project(&ProjectRequest { project, images, building, moving }, edge);
    }
    let request = DeployRequest {
        container: args.container.clone().unwrap_or_default(),
        image: args.image.clone(),
        create: args.create.then(|| creation(&args.run, &edge.environment)).transpose()?,
        pull: args.pull,
        images,
        building,
        moving,
    };
    let config = edge.config();
    edge.output.keep_stdout();
    let deployed = ops::block_on(ops::deploy(&config, &request, &mut edge.output))?;
    told(&deployed, edge)
}

fn of_project(request: &ProjectRequest, edge: &mut Edge) -> Result<ExitCode, Error> {
    let config = edge.config();
    edge.output.keep_stdout();
    let deployed = ops::block_on(ops::deploy_project(&config, request, &mut edge.output))?;
    for part in &deployed.parts {
        told(part, edge)?;
    }
    Ok(deployed.ending)
}

/// Says what came of it.
pub(super) fn told(deployed: &Deployed, edge: &Edge) -> Result<ExitCode, Error> {
    match deployed {
        Deployed::Failed(ending) => return Ok(*ending),
        Deployed::Difference(..) | Deployed::Later(..) => edge.output.text(&deployed_text(deployed))?,
        Deployed::Unchanged(_) | Deployed::Done(_) => {
            edge.output.result_line(deployed_text(deployed).trim_end());
        }
    }
    Ok(Ending::Done)
}
