use clap::{Args, ValueEnum};

use super::args::{ImageArgs, RunArgs, SelectionArgs, word};
use super::build::BuildArgs;
use super::edge::Edge;
use super::error::ExitCode;
use crate::ops::{self, EnsureRequest, Ensured, Error, RemotePolicy};

/// `shipwright ensure`.
#[derive(Clone, Debug, Default, Args)]
pub struct EnsureArgs {
    /// Images by full name, short name or Dockerfile path
    #[arg(value_name = "IMAGE", value_delimiter = ',', required = true, value_parser = word)]
    pub images: Vec<String>,

    /// What registries are for
    #[arg(long, value_enum, default_value_t, value_name = "POLICY", help_heading = "Registries")]
    pub remote: Remote,

    /// The registry of the images; repeatable
    ///
    /// With a prefix if need be [default: the settings', else where the names of the images say].
    #[arg(long, value_name = "HOST[/PREFIX]", value_parser = word, help_heading = "Registries")]
    pub registry: Vec<String>,

    /// What decides the images.
    #[command(flatten)]
    pub image: ImageArgs,

    /// How to build.
    #[command(flatten)]
    pub run: RunArgs,
}

/// What `shipwright ensure` does with registries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Remote {
    /// Pull what they have, build the rest and push it.
    All,
    /// Pull what they have, build the rest.
    #[default]
    Pull,
    /// Build, and push what they lack.
    Push,
    /// Leave them alone.
    None,
}

impl From<Remote> for RemotePolicy {
    fn from(remote: Remote) -> Self {
        match remote {
            Remote::All => Self::All,
            Remote::Pull => Self::Pull,
            Remote::Push => Self::Push,
            Remote::None => Self::None,
        }
    }
}

impl EnsureArgs {
    /// Takes what stood before the command. Images before it are more of them.
    fn merged(mut self, mut before: BuildArgs) -> Self {
        before.image.merge(self.image);
        before.run.merge(self.run);
        before.registry.registry.extend(self.registry);
        before.selection.targets.extend(self.images);
        self.images = before.selection.targets;
        self.registry = before.registry.registry;
        self.image = before.image;
        self.run = before.run;
        self
    }
}

/// `shipwright ensure`: have images on the engine, pulled or built, and print their references, one a line.
/// Everything else goes to standard error, so that `docker run $(shipwright ensure api)` works.
pub(super) fn run(before: BuildArgs, args: EnsureArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    let args = args.merged(before);
    // `--target` is of the one image that is named.
    let named = SelectionArgs { targets: args.images.clone(), ..SelectionArgs::default() };
    let request = EnsureRequest {
        building: args.run.building(&edge.environment)?,
        images: edge.images(&named, &args.image, &args.registry)?,
        names: args.images,
        remote: args.remote.into(),
    };
    let config = edge.config();
    edge.output.keep_stdout();
    edge.output.keep_events(args.run.events);
    match ops::block_on(ops::ensure(&config, &request, &mut edge.output))? {
        Ensured::There(references) => {
            let lines: Vec<String> = references.iter().map(ToString::to_string).collect();
            edge.output.result(format!("{}\n", lines.join("\n")).as_bytes())?;
            Ok(ExitCode::Done)
        }
        Ensured::Missing(ending) => Ok(ending),
    }
}
