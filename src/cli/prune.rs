use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::args::{ContentArgs, ImageArgs, SelectionArgs, at_least_one, cache_limit, word};
use super::edge::Edge;
use super::error::ExitCode;
use super::registry_prune;
use crate::ops::{self, BuildCache, CacheLimit, Error, PruneRequest, PruneStep, Pruned};
use crate::report::{build_cache_text, prune_json, prune_text, prune_total};

/// `--registry` without a value. No host is called so.
pub(super) const OF_SETTINGS: &str = ".";

/// `shipwright prune`.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[derive(Clone, Debug, Args)]
pub struct PruneArgs {
    /// Say what would be removed, and remove nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,

    /// Keep the images of the last N revisions of each branch
    #[arg(long, value_name = "N", default_value = "3", value_parser = at_least_one)]
    pub keep: NonZeroUsize,

    /// Also remove what other checkouts built on this engine; what only they need is not known
    #[arg(long)]
    pub all_checkouts: bool,

    /// Remove containers that do not run first, where nothing else keeps their image
    #[arg(long)]
    pub stopped: bool,

    /// Also remove from the engine's build cache what is beyond a size (10GB) or was not used for an age (7d, 168h)
    ///
    /// The cache is that of all users of the engine, and removing images frees nothing of it. What builds use goes not.
    #[arg(long, value_name = "SIZE|AGE", value_parser = cache_limit)]
    pub build_cache: Option<CacheLimit>,

    /// Remove tags from this registry instead of images from the engine; repeatable
    ///
    /// Without HOST from those of the settings. Only tags that Shipwright makes go, in the repositories of this
    /// checkout's images, and only from images of this repository. `git fetch` first: docs/prune.md says what is kept.
    #[arg(long, value_name = "HOST[/PREFIX]", num_args = 0..=1, default_missing_value = OF_SETTINGS, value_parser = word, conflicts_with_all = ["all_checkouts", "stopped", "build_cache"], help_heading = "Registries")]
    pub registry: Vec<String>,

    /// This branch or pull request (pr-N) is gone, even if nothing here says so; repeatable
    #[arg(long, value_name = "NAME", value_parser = word, requires = "registry", help_heading = "Registries")]
    pub dead_branch: Vec<String>,

    /// Also remove what was made from commits that this clone does not have
    #[arg(long, requires = "registry", help_heading = "Registries")]
    pub unknown_commits: bool,

    /// Write what was kept and removed, and why, to this file as JSON
    #[arg(long, value_name = "FILE", requires = "registry", help_heading = "Registries")]
    pub certificate: Option<PathBuf>,

    /// Images that are built with this argument are needed; as for `build`, repeatable
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = word)]
    pub build_arg: Vec<String>,

    /// Images for this platform are needed [default: the engine's]
    #[arg(long, value_name = "OS/ARCH", value_parser = word)]
    pub platform: Option<String>,

    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: PruneFormat,
}

/// How it is told what becomes of images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PruneFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// `shipwright prune`: images that nothing needs go, after a question.
pub(super) fn run(args: &PruneArgs, edge: &mut Edge) -> Result<ExitCode, Error> {
    let content = ContentArgs {
        build_arg: args.build_arg.clone(),
        platform: args.platform.clone(),
        ..ContentArgs::default()
    };
    let image = ImageArgs { content, ..ImageArgs::default() };
    if !args.registry.is_empty() {
        return registry_prune::run(args, &image, edge);
    }
    let request = PruneRequest {
        images: edge.images(&SelectionArgs::default(), &image, &[])?,
        keep: args.keep,
        all_checkouts: args.all_checkouts,
        stopped: args.stopped,
        build_cache: args.build_cache,
    };
    let config = edge.config();
    let is_verbose = edge.global.verbose > 0;
    let is_told = args.format == PruneFormat::Text && (args.dry_run || is_verbose);
    let mut agrees = |steps: &[PruneStep], cache: Option<&BuildCache>| {
        let shown = || prune_text(steps, false) + &cache.map(build_cache_text).unwrap_or_default();
        let question = if cache.is_some() { "Remove that?" } else { "Remove these images?" };
        if args.dry_run { Ok(false) } else { agreed(args.yes, question, shown) }
    };
    let pruned: Pruned = ops::block_on(ops::prune(&config, &request, &mut edge.output, &mut agrees))?;
    match args.format {
        PruneFormat::Json => edge.output.result(prune_json(&pruned).as_bytes())?,
        PruneFormat::Text if is_told => edge.output.text(&prune_text(&pruned.steps, is_verbose))?,
        PruneFormat::Text => {}
    }
    if args.format == PruneFormat::Text {
        let unpruned = pruned.build_cache.as_ref().filter(|cache| args.dry_run && cache.freed.is_none());
        edge.output.text(&unpruned.map(build_cache_text).unwrap_or_default())?;
        edge.output.text(&prune_total(&pruned))?;
    }
    Ok(pruned.ending.into())
}

/// Asks on a terminal. Where nobody can answer, nothing is removed without `--yes`.
pub(super) fn agreed(yes: bool, question: &str, shown: impl Fn() -> String) -> Result<bool, Error> {
    if yes {
        return Ok(true);
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Error::usage_with_hint(
            "nobody is asked here, so nothing was removed",
            "`--dry-run` shows what would go, `--yes` removes it",
        ));
    }
    let mut terminal = io::stderr().lock();
    write!(terminal, "{}{question} [y/N] ", shown())?;
    terminal.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
