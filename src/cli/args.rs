use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::hook::HookCommand;

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

/// Options that every command takes.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Common options")]
pub struct GlobalArgs {
    /// Work in the checkout that DIR belongs to
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,

    /// The engine, such as <unix:///run/docker.sock> or <tcp://host:2375> [default: Docker's own choice]
    #[arg(short = 'H', long, value_name = "URL", global = true)]
    pub host: Option<String>,

    /// What stands in front of every image's name [default: inferred from FROM lines]
    #[arg(long, alias = "account", value_name = "NAMESPACE", global = true)]
    pub namespace: Option<String>,

    /// How to show what happens
    #[arg(long, value_enum, default_value_t, value_name = "MODE", global = true)]
    pub progress: ProgressMode,

    /// When to use colours
    #[arg(long, value_enum, default_value_t, value_name = "WHEN", global = true)]
    pub color: ColorMode,

    /// Show more: unchanged images, notes, all reasons
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,

    /// Show errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Use no network and no engine for planning; what is not known counts as not built
    #[arg(long, global = true)]
    pub offline: bool,

    /// Let images that cannot be built fail the run [default in CI]
    #[arg(long, global = true)]
    pub strict: bool,
}

/// Which images.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Selection")]
pub struct SelectionArgs {
    /// Images by full name, short name or Dockerfile path, and what they depend on [default: all]
    #[arg(value_name = "TARGET", value_delimiter = ',')]
    pub targets: Vec<String>,

    /// These images and what they depend on (the same as TARGET)
    #[arg(short = 'u', long, value_name = "TARGET", value_delimiter = ',')]
    pub upto: Vec<String>,

    /// These images, what depends on them, and what all of these depend on
    #[arg(short = 'd', long, value_name = "TARGET", value_delimiter = ',')]
    pub dependents: Vec<String>,

    /// These images alone; what they depend on has to be built already
    #[arg(short = 'e', long, value_name = "TARGET", value_delimiter = ',')]
    pub exact: Vec<String>,

    /// Not these images, nor what depends on them
    #[arg(short = 'x', long, value_name = "TARGET", value_delimiter = ',')]
    pub exclude: Vec<String>,
}

/// What decides the content and the tags of images; `plan`, `images` and `build` take the same.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Images")]
pub struct ImageArgs {
    /// Read everything from this branch, tag or commit instead of the work tree, and build that
    #[arg(long, value_name = "REV")]
    pub rev: Option<String>,

    /// A moving tag instead of `latest`; repeatable
    #[arg(short = 't', long = "tag", value_name = "TAG", value_delimiter = ',')]
    pub tags: Vec<String>,

    /// The value of a build argument, NAME=VALUE, or NAME for the environment's value; repeatable
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub build_arg: Vec<String>,

    /// The same, but the value does not count as an input: for credentials that live for minutes
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub unhashed_build_arg: Vec<String>,

    /// Build for this platform [default: the engine's]
    #[arg(long, value_name = "OS/ARCH")]
    pub platform: Option<String>,

    /// Build this stage of the one image that is selected
    #[arg(long, value_name = "STAGE")]
    pub target: Option<String>,

    /// Build the selected images again although they exist, and what depends on them
    #[arg(long)]
    pub no_cache: bool,

    /// Let `push` publish uncommitted changes, under key and branch alone; they are built in any case
    #[arg(long)]
    pub dirty: bool,

    /// Under which names git pushes the commit that `rev` names, when it is git who asks.
    #[arg(skip)]
    pub pushed: Option<PushedNames>,
}

/// The names that a commit gets on a remote.
#[derive(Clone, Debug, Default)]
pub struct PushedNames {
    /// Its branch.
    pub branch: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
}

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

/// Registries; `plan`, `build` and `push` take the same.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Registries")]
pub struct RegistryArgs {
    /// Images are in this registry, with a prefix if need be; repeatable [default: the settings', else where names say]
    #[arg(long, value_name = "HOST[/PREFIX]")]
    pub registry: Vec<String>,

    /// Pull what a registry has by its key instead of building it
    #[arg(long)]
    pub pull_cache: bool,
}

/// How builds run; nothing here changes an image.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Build")]
pub struct RunArgs {
    /// How many images are built at a time [default: the processors, at most 4]
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<std::num::NonZeroUsize>,

    /// Stop everything at the first failure
    #[arg(long)]
    pub fail_fast: bool,

    /// Pull external base images even if the engine has them
    #[arg(long)]
    pub pull: bool,

    /// A secret for RUN --mount=type=secret: id=ID[,src=FILE | ,env=NAME]; repeatable
    #[arg(long, value_name = "SPEC")]
    pub secret: Vec<String>,

    /// An SSH agent for RUN --mount=type=ssh: default, or ID=SOCKET; repeatable
    #[arg(long, value_name = "SPEC")]
    pub ssh: Vec<String>,

    /// The network of RUN steps: default, none or host
    #[arg(long, value_name = "MODE")]
    pub network: Option<String>,

    /// A host name for RUN steps, HOST:IP; repeatable
    #[arg(long, value_name = "HOST:IP")]
    pub add_host: Vec<String>,

    /// Write every event to FILE as JSON lines
    #[arg(long, alias = "dump-file", value_name = "FILE")]
    pub events: Option<PathBuf>,
}

/// `shipwright push`.
#[derive(Clone, Debug, Default, Args)]
pub struct PushArgs {
    /// What `build` takes.
    #[command(flatten)]
    pub build: BuildArgs,

    /// Build nothing: push what exists, and say what does not
    #[arg(long)]
    pub no_build: bool,

    /// Move tags even away from commits that are not in this history
    #[arg(long)]
    pub force: bool,
}

/// `shipwright ensure`.
#[derive(Clone, Debug, Default, Args)]
pub struct EnsureArgs {
    /// Images by full name, short name or Dockerfile path
    #[arg(value_name = "IMAGE", value_delimiter = ',', required = true)]
    pub images: Vec<String>,

    /// What registries are for: pull what they have, push what they lack, both, or nothing
    #[arg(long, value_enum, default_value_t, value_name = "POLICY", help_heading = "Registries")]
    pub remote: RemotePolicy,

    /// Images are in this registry, with a prefix if need be; repeatable [default: the settings', else where names say]
    #[arg(long, value_name = "HOST[/PREFIX]", help_heading = "Registries")]
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
pub enum RemotePolicy {
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

impl RemotePolicy {
    /// Whether what a registry has is pulled.
    pub fn pulls(self) -> bool {
        matches!(self, Self::All | Self::Pull)
    }

    /// Whether what a registry lacks is pushed.
    pub fn pushes(self) -> bool {
        matches!(self, Self::All | Self::Push)
    }
}

/// `shipwright plan`.
#[derive(Clone, Debug, Default, Args)]
pub struct PlanArgs {
    /// Print everything that enters the key of one image, to compare two machines with diff
    #[arg(long, value_name = "IMAGE", conflicts_with = "format")]
    pub explain: Option<String>,

    /// Which images.
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// What decides the images.
    #[command(flatten)]
    pub image: ImageArgs,

    /// What registries have.
    #[command(flatten)]
    pub registry: RegistryArgs,

    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: PlanFormat,
}

/// `shipwright lock`.
#[derive(Clone, Debug, Default, Args)]
pub struct LockArgs {
    /// Ask again for these bases, or for all, and lock what their tags name now
    #[arg(long, value_name = "BASE", num_args = 0.., value_delimiter = ',', conflicts_with = "check")]
    pub update: Option<Vec<String>>,

    /// Change nothing; exit with 1 if a base moved or is not locked
    #[arg(long)]
    pub check: bool,

    /// Whose bases.
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// What decides the images.
    #[command(flatten)]
    pub image: ImageArgs,
}

/// `shipwright images`.
#[derive(Clone, Debug, Default, Args)]
pub struct ImagesArgs {
    /// Which images.
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// What decides the images.
    #[command(flatten)]
    pub image: ImageArgs,

    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: PlanFormat,
}

/// `shipwright graph`.
#[derive(Clone, Debug, Default, Args)]
pub struct GraphArgs {
    /// Which images.
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// Read everything from this branch, tag or commit instead of the work tree
    #[arg(long, value_name = "REV")]
    pub rev: Option<String>,

    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: GraphFormat,
}

/// `shipwright affected`.
#[derive(Clone, Debug, Args)]
pub struct AffectedArgs {
    /// Compare with the merge base of this branch, tag or commit and what is checked out, as a pull request does
    #[arg(long, value_name = "REV")]
    pub since: String,

    /// Compare with REV itself
    #[arg(long)]
    pub exact_rev: bool,

    /// Which images.
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// What decides the images.
    #[command(flatten)]
    pub image: ImageArgs,

    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: AffectedFormat,
}

/// `shipwright inspect`.
#[derive(Clone, Debug, Args)]
pub struct InspectArgs {
    /// The Dockerfile, in a checkout or not
    pub dockerfile: PathBuf,

    /// The value of a build argument; repeatable
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub build_arg: Vec<String>,

    /// The stage [default: the last]
    #[arg(long, value_name = "STAGE")]
    pub target: Option<String>,

    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: PlanFormat,
}

/// How a plan is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// How affected images are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum AffectedFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// A matrix for GitHub Actions, on one line.
    Github,
    /// A list of such matrices, one a layer of the graph.
    GithubLayers,
    /// A child pipeline for GitLab.
    Gitlab,
    /// NAMESPACE/NAME, one a line.
    Names,
}

/// How a graph is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// Indented, for people.
    #[default]
    Text,
    /// For Graphviz.
    Dot,
    /// For Markdown documents.
    Mermaid,
    /// For programs.
    Json,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// `live` on a terminal, else `plain`.
    #[default]
    Auto,
    /// One line for each image in flight.
    Live,
    /// Lines with the image in front.
    Plain,
    /// JSON lines on standard output.
    Json,
    /// Errors only.
    Quiet,
}

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorMode {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl BuildArgs {
    /// Options may stand before the command too: `shipwright -x api build` is `shipwright build -x api`.
    pub fn merged(mut self, later: Self) -> Self {
        self.selection.merge(later.selection);
        self.image.merge(later.image);
        self.registry.merge(later.registry);
        self.run.merge(later.run);
        self
    }
}

impl EnsureArgs {
    /// Takes what stood before the command. Images before it are more of them.
    pub fn merged(mut self, mut before: BuildArgs) -> Self {
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

impl PushArgs {
    /// Takes what stood before the command.
    pub fn merged(mut self, before: BuildArgs) -> Self {
        self.build = before.merged(self.build);
        self
    }
}

impl PlanArgs {
    /// Takes what stood before the command.
    pub fn merged(mut self, mut before: BuildArgs) -> Self {
        before.selection.merge(self.selection);
        before.image.merge(self.image);
        before.registry.merge(self.registry);
        self.registry = before.registry;
        self.selection = before.selection;
        self.image = before.image;
        self
    }
}

impl LockArgs {
    /// Takes what stood before the command.
    pub fn merged(mut self, mut before: BuildArgs) -> Self {
        before.selection.merge(self.selection);
        before.image.merge(self.image);
        self.selection = before.selection;
        self.image = before.image;
        self
    }
}

impl ImagesArgs {
    /// Takes what stood before the command.
    pub fn merged(mut self, mut before: BuildArgs) -> Self {
        before.selection.merge(self.selection);
        before.image.merge(self.image);
        self.selection = before.selection;
        self.image = before.image;
        self
    }
}

impl AffectedArgs {
    /// Takes what stood before the command.
    pub fn merged(mut self, mut before: BuildArgs) -> Self {
        before.selection.merge(self.selection);
        before.image.merge(self.image);
        self.selection = before.selection;
        self.image = before.image;
        self
    }
}

impl GraphArgs {
    /// Takes what stood before the command.
    pub fn merged(mut self, mut before: BuildArgs) -> Self {
        before.selection.merge(self.selection);
        self.selection = before.selection;
        self.rev = self.rev.or(before.image.rev);
        self
    }
}

impl SelectionArgs {
    /// Whether images are named, instead of all being meant.
    pub fn names_images(&self) -> bool {
        [&self.targets, &self.upto, &self.dependents, &self.exact].iter().any(|names| !names.is_empty())
    }

    fn merge(&mut self, later: Self) {
        self.targets.extend(later.targets);
        self.upto.extend(later.upto);
        self.dependents.extend(later.dependents);
        self.exact.extend(later.exact);
        self.exclude.extend(later.exclude);
    }
}

impl ImageArgs {
    fn merge(&mut self, later: Self) {
        self.rev = later.rev.or(self.rev.take());
        self.tags.extend(later.tags);
        self.build_arg.extend(later.build_arg);
        self.unhashed_build_arg.extend(later.unhashed_build_arg);
        self.platform = later.platform.or(self.platform.take());
        self.target = later.target.or(self.target.take());
        self.no_cache |= later.no_cache;
        self.dirty |= later.dirty;
        self.pushed = later.pushed.or(self.pushed.take());
    }
}

impl RegistryArgs {
    fn merge(&mut self, later: Self) {
        self.registry.extend(later.registry);
        self.pull_cache |= later.pull_cache;
    }
}

impl RunArgs {
    fn merge(&mut self, later: Self) {
        self.jobs = later.jobs.or(self.jobs);
        self.fail_fast |= later.fail_fast;
        self.pull |= later.pull;
        self.secret.extend(later.secret);
        self.ssh.extend(later.ssh);
        self.network = later.network.or(self.network.take());
        self.add_host.extend(later.add_host);
        self.events = later.events.or(self.events.take());
    }
}
