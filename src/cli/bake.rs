use clap::Args;

use super::args::{CacheArgs, ContentArgs, ImageArgs, RegistryArgs, RunArgs, SelectionArgs, word};
use super::build::BuildArgs;
use super::edge::Edge;
use super::error::ExitCode;
use crate::diagnostic::Diagnostic;
use crate::ops::{self, BakeRequest, Ending, Error, PlanRequest};
use crate::report::bake_json;

/// `shipwright bake`.
#[derive(Clone, Debug, Default, Args)]
pub struct BakeArgs {
    /// Write every image, not only what a build would build
    ///
    /// No engine is needed then, and the builder has nothing to know already.
    #[arg(short, long, help_heading = "Selection")]
    pub all: bool,

    /// Which images.
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// What decides the images.
    #[command(flatten)]
    pub content: ContentArgs,

    /// A moving tag instead of `latest`; repeatable
    #[arg(short = 't', long = "tag", value_name = "TAG", value_delimiter = ',', value_parser = word, help_heading = "Images")]
    pub tags: Vec<String>,

    /// What registries have.
    #[command(flatten)]
    pub registry: RegistryArgs,

    /// Build caches.
    #[command(flatten)]
    pub cache: CacheArgs,
}

/// `shipwright bake`: what `build` would build, for `docker buildx bake`. Builds nothing.
pub(super) fn run(before: BuildArgs, args: BakeArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    let BakeArgs { all, selection, content, tags, registry, cache } = args;
    let later = BuildArgs {
        selection,
        image: ImageArgs { tags, ..content.into() },
        registry,
        run: RunArgs { cache, ..RunArgs::default() },
    };
    let BuildArgs { selection, image, registry, run } = before.merged(later);
    let request = BakeRequest {
        plan: PlanRequest {
            images: edge.images(&selection, &image, &registry.registry)?,
            pull_cache: registry.pull_cache,
        },
        all,
        cache_from: run.cache.from()?,
        cache_to: run.cache.to()?,
    };
    let baked = ops::block_on(ops::bake(&edge.config(), &request, &mut edge.output))?;
    edge.output.diagnostics(&baked.plan.diagnostics);
    if baked.ending != Ending::Wrong {
        if baked.file.targets.is_empty() {
            edge.output.diagnostics(&[nothing_to_build()]);
        }
        edge.output.result(bake_json(&baked.file).as_bytes())?;
    }
    Ok(baked.ending)
}

fn nothing_to_build() -> Diagnostic {
    Diagnostic::note("nothing has to be built, so that the file has no target")
        .hint("--all writes every image")
}
