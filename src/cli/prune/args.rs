use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use crate::cli::args::{OutputFormat, at_least_one, cache_limit, word};
use crate::ops::CacheLimit;

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

    /// Keep N revisions of each branch
    ///
    /// The images of its last N, the newest included.
    #[arg(long, value_name = "N", default_value = "3", value_parser = at_least_one)]
    pub keep: NonZeroUsize,

    /// Also remove what other checkouts built here
    ///
    /// What only they need is not known.
    #[arg(long)]
    pub all_checkouts: bool,

    /// First remove stopped containers of such images
    ///
    /// Where nothing else keeps the image.
    #[arg(long)]
    pub stopped: bool,

    /// Also shrink the engine's cache (10GB, 7d)
    ///
    /// To a size, or to what was used within an age.
    ///
    /// The cache is that of all users of the engine, and removing images frees nothing of it. What builds use goes not.
    #[arg(long, value_name = "SIZE|AGE", value_parser = cache_limit)]
    pub build_cache: Option<CacheLimit>,

    /// Remove tags in registries instead
    ///
    /// Repeatable; without HOST those of the settings. Only tags that Shipwright makes go, in the repositories of this
    /// checkout's images, and only from images of this repository. `git fetch` first: docs/prune.md says what is kept.
    #[arg(long, value_name = "HOST[/PREFIX]", num_args = 0..=1, default_missing_value = OF_SETTINGS, value_parser = word, conflicts_with_all = ["all_checkouts", "stopped", "build_cache"], help_heading = "Registries")]
    pub registry: Vec<String>,

    /// This branch or pull request (pr-N) is gone, even if nothing here says so; repeatable
    #[arg(long, value_name = "NAME", value_parser = word, requires = "registry", hide_short_help = true, help_heading = "Registries")]
    pub dead_branch: Vec<String>,

    /// Also remove what was made from commits that this clone does not have
    #[arg(long, requires = "registry", hide_short_help = true, help_heading = "Registries")]
    pub unknown_commits: bool,

    /// Write what was decided, as JSON
    ///
    /// What was kept and removed, and why.
    #[arg(long, value_name = "FILE", requires = "registry", help_heading = "Registries")]
    pub certificate: Option<PathBuf>,

    /// Images that are built with this argument are needed; as for `build`, repeatable
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = word, hide_short_help = true)]
    pub build_arg: Vec<String>,

    /// Images for this platform are needed [default: the engine's]
    #[arg(long, value_name = "OS/ARCH", value_parser = word, hide_short_help = true)]
    pub platform: Option<String>,

    /// Print text or json
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", hide_possible_values = true)]
    pub format: OutputFormat,
}
