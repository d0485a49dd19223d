use clap::{Parser, Subcommand};

use super::affected::AffectedArgs;
use super::args::GlobalArgs;
use super::build::BuildArgs;
use super::ensure::EnsureArgs;
use super::graph::GraphArgs;
use super::hook::HookCommand;
use super::images::ImagesArgs;
use super::init::InitArgs;
use super::inspect::InspectArgs;
use super::lock::LockArgs;
use super::plan::PlanArgs;
use super::prune::PruneArgs;
use super::push::PushArgs;

/// Build every container image of a git checkout, in the right order, and only when it has to.
///
/// Typed in a checkout without further words, it finds every Dockerfile, reads from FROM, COPY --from and
/// RUN --mount which image is built from which, asks git what changed, builds exactly that, and tags all
/// images with revision and branch.
#[derive(Debug, Parser)]
#[command(
    name = "shipwright",
    version,
    max_term_width = 100,
    args_conflicts_with_subcommands = false,
    disable_help_subcommand = true,
    after_help = "Exit codes: 0 done, 1 a build failed, 2 usage, settings or a Dockerfile is wrong, \
                  3 no engine answers, 4 registry or login, 130 interrupted.\nFiles: shipwright.toml, \
                  shipwright.lock (optional). More: docs/cli.md."
)]
pub struct Cli {
    /// What to do; `build` if nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Images to build; see `shipwright build --help`.
    #[command(flatten)]
    pub build: BuildArgs,

    /// Options of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build and tag what is needed (the default command)
    Build(BuildArgs),
    /// Show what would happen and why; change nothing
    Plan(PlanArgs),
    /// Build, then push what the registry lacks and move its tags
    Push(PushArgs),
    /// Have images on the engine, pulled or built, and print their references
    Ensure(EnsureArgs),
    /// Pin external bases to what their tags name now, in shipwright.lock
    Lock(LockArgs),
    /// List images as NAME:src-KEY, one a line
    Images(ImagesArgs),
    /// Show which image is built from which
    Graph(GraphArgs),
    /// List the images whose content differs from another commit's
    Affected(AffectedArgs),
    /// Remove images from the engine that this checkout built and nothing needs any more
    Prune(PruneArgs),
    /// Write shipwright.toml with what other files say about the images, for review
    Init(InitArgs),
    /// Show what Shipwright reads in one Dockerfile
    Inspect(InspectArgs),
    /// Let git run Shipwright at a push and at a branch switch
    Hook {
        /// What to do.
        #[command(subcommand)]
        command: HookCommand,
    },
    /// Print completions for a shell
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the man page
    Man,
}
