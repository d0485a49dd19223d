use clap::Args;

use super::args::{ImageArgs, RegistryArgs, RunArgs, SelectionArgs};
use super::edge::Edge;
use super::error::ExitCode;
use crate::ops::{self, BuildRequest, Error};

/// `shipwright [build]`.
#[derive(Clone, Debug, Default, Args)]
pub struct BuildArgs {
    /// Which images.
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// What decides the images.
    #[command(flatten)]
    pub image: ImageArgs,

    /// What registries have.
    #[command(flatten)]
    pub registry: RegistryArgs,

    /// How to build.
    #[command(flatten)]
    pub run: RunArgs,
}

impl BuildArgs {
    /// Options may stand before the command too: `shipwright -x api build` is `shipwright build -x api`.
    pub(super) fn merged(mut self, later: Self) -> Self {
        self.selection.merge(later.selection);
        self.image.merge(later.image);
        self.registry.merge(later.registry);
        self.run.merge(later.run);
        self
    }

    /// Which images, and what decides them, with what stands later.
    pub(super) fn choosing(
        mut self,
        selection: SelectionArgs,
        image: ImageArgs,
    ) -> (SelectionArgs, ImageArgs) {
        self.selection.merge(selection);
        self.image.merge(image);
        (self.selection, self.image)
    }

    pub(super) fn request(&self, edge: &Edge) -> Result<BuildRequest, Error> {
        Ok(BuildRequest {
            building: self.run.building(&edge.environment)?,
            images: edge.images(&self.selection, &self.image, &self.registry.registry)?,
            pull_cache: self.registry.pull_cache,
        })
    }
}

/// `shipwright [build]`: build and tag what is needed.
pub(super) fn run(args: BuildArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    let (config, request) = (edge.config(), args.request(edge)?);
    edge.output.keep_events(args.run.events);
    Ok(ops::block_on(ops::build(&config, &request, &mut edge.output))?.ending)
}
