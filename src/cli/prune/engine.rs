use super::agreement::agreed;
use super::args::PruneArgs;
use crate::cli::args::{ImageArgs, OutputFormat, SelectionArgs};
use crate::cli::edge::Edge;
use crate::cli::error::ExitCode;
use crate::ops::{self, BuildCache, Error, PruneRequest, PruneStep, Pruned};
use crate::report::{build_cache_text, prune_json, prune_text, prune_total};

/// Images that nothing needs go, after a question.
pub(super) fn run(args: &PruneArgs, image: &ImageArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    let request = PruneRequest {
        images: edge.images(&SelectionArgs::default(), image, &[])?,
        keep: args.keep,
        all_checkouts: args.all_checkouts,
        stopped: args.stopped,
        build_cache: args.build_cache,
    };
    let config = edge.config();
    let is_verbose = edge.global.verbose > 0;
    let is_told = args.format == OutputFormat::Text && (args.dry_run || is_verbose);
    let mut agrees = |steps: &[PruneStep], cache: Option<&BuildCache>| {
        let shown = || prune_text(steps, false) + &cache.map(build_cache_text).unwrap_or_default();
        let question = if cache.is_some() { "Remove that?" } else { "Remove these images?" };
        if args.dry_run { Ok(false) } else { agreed(args.yes, question, shown) }
    };
    let pruned: Pruned = ops::block_on(ops::prune(&config, &request, &mut edge.output, &mut agrees))?;
    match args.format {
        OutputFormat::Json => edge.output.result(prune_json(&pruned).as_bytes())?,
        OutputFormat::Text if is_told => edge.output.text(&prune_text(&pruned.steps, is_verbose))?,
        OutputFormat::Text => {}
    }
    if args.format == OutputFormat::Text {
        let unpruned = pruned.build_cache.as_ref().filter(|cache| args.dry_run && cache.freed.is_none());
        edge.output.text(&unpruned.map(build_cache_text).unwrap_or_default())?;
        edge.output.text(&prune_total(&pruned))?;
    }
    Ok(pruned.ending)
}
