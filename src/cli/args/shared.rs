use std::path::PathBuf;

use clap::Args;

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

    /// These images alone; what they depend on has to be on the engine or in a registry
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

impl SelectionArgs {
    pub(super) fn merge(&mut self, later: Self) {
        self.targets.extend(later.targets);
        self.upto.extend(later.upto);
        self.dependents.extend(later.dependents);
        self.exact.extend(later.exact);
        self.exclude.extend(later.exclude);
    }
}

impl ImageArgs {
    pub(super) fn merge(&mut self, later: Self) {
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
    pub(super) fn merge(&mut self, later: Self) {
        self.registry.extend(later.registry);
        self.pull_cache |= later.pull_cache;
    }
}

impl RunArgs {
    pub(super) fn merge(&mut self, later: Self) {
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
