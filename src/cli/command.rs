use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::affected::AffectedArgs;
use super::args::GlobalArgs;
use super::bake::BakeArgs;
use super::build::BuildArgs;
use super::deploy::DeployArgs;
use super::ensure::EnsureArgs;
use super::graph::GraphArgs;
use super::history::HistoryArgs;
use super::hook::HookCommand;
use super::images::ImagesArgs;
use super::import::ImportArgs;
use super::init::InitArgs;
use super::inspect::InspectArgs;
use super::lock::LockArgs;
use super::logs::LogsArgs;
use super::plan::PlanArgs;
use super::prune::PruneArgs;
use super::push::PushArgs;
use super::release::ReleaseArgs;
use super::rollback::RollbackArgs;
use crate::printable::printable;

/// Build the container images of a git checkout: in order, and only what changed.
///
/// Typed in a checkout without further words, it finds every Dockerfile, reads from FROM, COPY --from and
/// RUN --mount which image is built from which, asks git what changed, builds exactly that, and tags all
/// images with revision and branch.
#[derive(Debug, Parser)]
#[command(
    name = "shipwright",
    version,
    disable_version_flag = true,
    max_term_width = 100,
    args_conflicts_with_subcommands = false,
    override_usage = "shipwright [build|COMMAND] [OPTIONS] [TARGET]...",
    mut_args = |arg: clap::Arg| arg.hide_short_help(true),
    // All of it fits a screen of 24 lines.
    after_help = "Also: bake, history, init, import, inspect, logs, completions, man (help NAME)",
    after_long_help = "Also:\n  \
        bake         Print what a build needs as a docker-bake.json, for builders of buildx\n  \
        history      Tell what the last commits rebuilt, and which lines caused it\n  \
        init         Write shipwright.toml with what other files say about the images, for review\n  \
        import       Take the settings of docker-builder or the Python shipwright over\n  \
        inspect      Show what Shipwright reads in one Dockerfile\n  \
        logs         Show all that the last build of an image printed\n  \
        completions  Print completions for a shell\n  \
        man          Print the man page\n\n\
        Examples:\n  \
        shipwright                       build what changed, tag everything\n  \
        shipwright plan api              what a build of api would do, and why\n  \
        docker run $(shipwright ensure api)\n  \
        shipwright help push             the options of a command\n\n\
        Exit codes: 0 done, 1 a build failed, 2 usage, settings or a Dockerfile is wrong, \
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

    /// Print version
    #[arg(short = 'V', long, action = ArgAction::Version)]
    pub version: Option<bool>,
}

/// Short help leaves out what is rarely needed.
const MORE: &str = "More, with what all commands take (-C, -H, -v, -q, --offline, ...): --help";

/// The commands. The options of one are made when it is asked for: most of starting is making them.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Build and tag what is needed (the default command)
    #[command(after_help = MORE, after_long_help = "Examples:\n  shipwright build api web         these two and what they need\n  shipwright -d base --no-cache    base and what is built on it, again\n  shipwright --rev main            what main holds, whatever is checked out")]
    Build(BuildArgs),
    /// Show what would happen and why; change nothing
    #[command(after_help = MORE, after_long_help = "Examples:\n  shipwright plan                  what a build would do\n  shipwright plan --offline api    without asking an engine\n  shipwright plan --explain api    what enters the key of api")]
    Plan(PlanArgs),
    /// Build, then push what the registry lacks and move its tags
    #[command(after_help = MORE, after_long_help = "Examples:\n  shipwright push                  publish what the registry lacks\n  shipwright push --registry ghcr.io/acme api")]
    Push(PushArgs),
    /// Have images on the engine, pulled or built; print their references
    #[command(after_help = MORE, after_long_help = "Examples:\n  docker run $(shipwright ensure api)\n  shipwright ensure --remote none api web")]
    Ensure(EnsureArgs),
    /// Give images a version, push it, and move references to older ones
    #[command(after_help = MORE, after_long_help = "Examples:\n  shipwright release 1.4.0 api     api:1.4.0 is what is checked out\n  shipwright release 1.1.0 base --prefix base --dry-run\n  shipwright release 2.0 api web --registry ghcr.io")]
    Release(ReleaseArgs),
    /// Pin external bases to what their tags name now, in shipwright.lock
    #[command(after_help = MORE, after_long_help = "Examples:\n  shipwright lock                  lock bases that are not locked yet\n  shipwright lock --update alpine  ask again for alpine\n  shipwright lock --check          for a nightly job")]
    Lock(LockArgs),
    /// List images as NAME:src-KEY, one a line
    #[command(after_help = MORE, after_long_help = "Examples:\n  shipwright images                NAME:src-KEY of all\n  shipwright images -v api         all tags, and where the name comes from")]
    Images(ImagesArgs),
    /// Show which image is built from which
    #[command(after_help = MORE, after_long_help = "Examples:\n  shipwright graph -d base         what is built on base\n  shipwright graph --open          a page with details, chains and search\n  shipwright graph --since main --format svg > graph.svg")]
    Graph(GraphArgs),
    /// Print what a build needs as a docker-bake.json, for builders of buildx
    #[command(hide = true, after_help = MORE, after_long_help = "Examples:\n  shipwright bake | docker buildx bake -f -\n  shipwright bake --all api > docker-bake.json")]
    Bake(BakeArgs),
    /// List the images whose content differs from another commit's
    #[command(after_help = MORE, after_long_help = "Examples:\n  shipwright affected              since the default branch\n  shipwright affected --since origin/main --format github")]
    Affected(AffectedArgs),
    /// Tell what the last commits rebuilt, and which lines caused it
    #[command(hide = true, after_help = MORE, after_long_help = "Examples:\n  shipwright history               the last 90 days\n  shipwright history --since v1.2..main api\n  shipwright history --what-if-ignore '**/*.md' --since 1.year\n  shipwright history --format html > history.html")]
    History(HistoryArgs),
    /// Move a running container to a new image, or make one
    #[command(after_help = MORE, after_long_help = "Examples:\n  shipwright deploy web api        the container web gets this checkout's api\n  shipwright deploy proxy nginx:1.27 --pull\n  shipwright deploy web -n         what would change\n  shipwright deploy --create web api -- -p 8080:80 --restart always\n  shipwright deploy --compose shop")]
    Deploy(DeployArgs),
    /// Move a container back to what it ran before
    #[command(after_help = MORE, after_long_help = "Examples:\n  shipwright rollback web\n  shipwright rollback web --list   what it runs and ran")]
    Rollback(RollbackArgs),
    /// Remove images, or their tags in registries, that nothing needs
    #[command(after_help = MORE, after_long_help = "Examples:\n  shipwright prune --dry-run       what would go, and why\n  shipwright prune --yes --keep 5  without a question\n  shipwright prune --registry -n   what would go from the registry")]
    Prune(PruneArgs),
    /// Show all that the last build of an image printed
    #[command(hide = true)]
    Logs(LogsArgs),
    /// Write shipwright.toml with what other files say about the images, for review
    #[command(hide = true)]
    Init(InitArgs),
    /// Take the settings of docker-builder or the Python shipwright over into shipwright.toml
    #[command(hide = true)]
    Import(ImportArgs),
    /// Show what Shipwright reads in one Dockerfile
    #[command(hide = true, after_help = MORE, after_long_help = "Examples:\n  shipwright inspect api           the Dockerfile of an image\n  shipwright inspect ./Dockerfile --format json")]
    Inspect(InspectArgs),
    /// Let git run Shipwright at a push and at a branch switch
    Hook {
        /// What to do.
        #[command(subcommand)]
        command: HookCommand,
    },
    /// Print completions for a shell
    #[command(hide = true)]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the man page
    #[command(hide = true)]
    Man,
    /// Print the version
    #[command(hide = true)]
    Version,
}

/// What commands take of the options of all commands and would ignore.
const IGNORED: [(&str, &[&str]); 12] = [
    ("import", &["host", "insecure_registry", "progress", "offline", "strict"]),
    ("rollback", &["directory", "namespace", "insecure_registry", "progress", "strict"]),
    ("logs", &["host", "insecure_registry", "progress", "offline", "strict"]),
    ("init", &["host", "insecure_registry", "progress", "offline", "strict"]),
    ("inspect", &["host", "insecure_registry", "progress", "offline", "strict"]),
    ("images", &["insecure_registry", "strict"]),
    ("graph", &["insecure_registry", "strict"]),
    ("affected", &["host", "insecure_registry"]),
    ("history", &["host", "insecure_registry", "strict"]),
    ("completions", NOTHING),
    ("man", NOTHING),
    ("version", NOTHING),
];

const NOTHING: &[&str] =
    &["directory", "host", "namespace", "insecure_registry", "progress", "offline", "strict"];

impl Cli {
    /// Reads the process's arguments. Help, and what is wrong, ends the process as clap does.
    pub fn of_process() -> Self {
        Self::read(std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    /// Reads arguments, the program's name first.
    ///
    /// # Errors
    ///
    /// Where they make no sense, or ask for help. An option that the command would ignore is refused: whoever writes it
    /// expects something of it.
    pub fn read<T: Into<OsString>>(arguments: impl IntoIterator<Item = T>) -> Result<Self, clap::Error> {
        let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
        let mut command = Self::command();
        let matches = command.try_get_matches_from_mut(&arguments);
        let matches = matches.map_err(|error| about_builders(&mut command, &arguments, error))?;
        if let Some((name, option)) = ignored(&command, &matches) {
            let message = format!("`shipwright {name}` does not take {option}");
            return Err(command.error(ErrorKind::UnknownArgument, message));
        }
        Self::from_arg_matches(&matches)
    }
}

/// Builders are for one command alone: whoever gives them to another is told which.
fn about_builders(root: &mut clap::Command, arguments: &[OsString], error: clap::Error) -> clap::Error {
    let words: Vec<&str> = arguments.iter().skip(1).filter_map(|word| word.to_str()).collect();
    let is_about_them = error.kind() == ErrorKind::UnknownArgument
        && matches!(error.get(ContextKind::InvalidArg), Some(ContextValue::String(option)) if option.starts_with("--builder"));
    if !is_about_them {
        return error;
    }
    let value = |(at, word): (usize, &&str)| match word.strip_prefix("--builder")? {
        "" => words.get(at + 1).map(ToString::to_string),
        rest => rest.strip_prefix('=').map(str::to_owned),
    };
    let builder = words.iter().enumerate().find_map(value).unwrap_or_else(|| "ADDRESS".to_owned());
    let name = words.iter().find(|word| root.find_subcommand(word).is_some()).unwrap_or(&"build");
    let what = match *name {
        "push" => "the options of builders stand behind `push`".to_owned(),
        name => format!("`{name}` does not use builders: what they build is in a registry alone"),
    };
    let hint = format!(
        "hint: `shipwright push --builder {}` builds there; -H or DOCKER_HOST names another engine",
        printable(&builder)
    );
    root.error(ErrorKind::UnknownArgument, format!("{what}\n{hint}"))
}

/// The command, and what was written that it would ignore.
fn ignored(root: &clap::Command, matches: &ArgMatches) -> Option<(String, String)> {
    let (name, of_command) = matches.subcommand()?;
    let command = root.find_subcommand(name)?;
    let is_written = |matches: &ArgMatches, id: &str| {
        matches.ids().any(|known| known == id) && matches.value_source(id) == Some(ValueSource::CommandLine)
    };
    let takes = |id: &str| match id {
        "targets" if name == "ensure" => true,
        id => command.get_arguments().any(|arg| arg.get_id() == id),
    };
    let ignores = IGNORED.iter().find(|(of, _)| *of == name).map(|(_, ids)| *ids).unwrap_or_default();
    let found = root.get_arguments().find(|arg| {
        let id = arg.get_id().as_str();
        let is_ignored = if arg.is_global_set() { ignores.contains(&id) } else { !takes(id) };
        is_ignored && (is_written(matches, id) || is_written(of_command, id))
    })?;
    let shown = match found.get_long() {
        Some(long) => format!("--{long}"),
        None => "images".to_owned(),
    };
    Some((name.to_owned(), shown))
}
