mod builders;
mod building;
mod choices;
mod shared;
mod values;

pub(super) use builders::BuilderArgs;
pub(super) use choices::{ColorMode, OutputFormat, ProgressMode};
pub(super) use shared::{CacheArgs, ContentArgs, ImageArgs, RegistryArgs, RunArgs, SelectionArgs};
pub(super) use values::{at_least_one, cache_limit, word};

use std::path::PathBuf;

use clap::Args;

use super::environment::Environment;

/// Options that every command takes.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Common options")]
pub struct GlobalArgs {
    /// Work in the checkout that DIR belongs to
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true, hide_short_help = true)]
    pub directory: Option<PathBuf>,

    /// The engine, such as <unix:///run/docker.sock> or <tcp://host:2375> [default: Docker's own choice]
    #[arg(short = 'H', long, value_name = "URL", global = true, value_parser = word, hide_short_help = true)]
    pub host: Option<String>,

    /// What stands in front of every image's name [default: inferred from FROM lines]
    #[arg(long, alias = "account", value_name = "NAMESPACE", global = true, value_parser = word, hide_short_help = true)]
    pub namespace: Option<String>,

    /// This registry may be plain HTTP or have a certificate that nobody signed, logins included; repeatable
    #[arg(long, value_name = "HOST[:PORT]", value_delimiter = ',', global = true, value_parser = word, hide_short_help = true)]
    pub insecure_registry: Vec<String>,

    /// How to show what happens
    #[arg(long, value_enum, default_value_t, value_name = "MODE", global = true, hide_short_help = true)]
    pub progress: ProgressMode,

    /// When to use colours
    #[arg(long, value_enum, default_value_t, value_name = "WHEN", global = true, hide_short_help = true)]
    pub color: ColorMode,

    /// Show more: unchanged images, notes, all reasons
    #[arg(short, long, action = clap::ArgAction::Count, global = true, hide_short_help = true)]
    pub verbose: u8,

    /// Show errors only
    #[arg(short, long, global = true, conflicts_with = "verbose", hide_short_help = true)]
    pub quiet: bool,

    /// Use no network and no engine for planning; what is not known counts as not built
    #[arg(long, global = true, hide_short_help = true)]
    pub offline: bool,

    /// Let images that cannot be built fail the run [default in CI]
    #[arg(long, global = true, hide_short_help = true)]
    pub strict: bool,
}

impl GlobalArgs {
    /// Where the command works.
    pub(super) fn folder(&self, environment: &Environment) -> PathBuf {
        match &self.directory {
            Some(folder) => environment.current_dir.join(folder),
            None => environment.current_dir.clone(),
        }
    }
}
