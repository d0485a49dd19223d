use std::path::PathBuf;

use clap::Args;

use super::values::{at_least_one, host_line, word};

/// Which images.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Selection")]
pub struct SelectionArgs {
    /// Images, and what they depend on [default: all]
    ///
    /// By full name (acme/api), short name (api), Dockerfile path or its folder; several by comma.
    #[arg(value_name = "TARGET", value_delimiter = ',', value_parser = word)]
    pub targets: Vec<String>,

    /// The same as TARGET
    ///
    /// But --no-cache then builds what these images depend on again as well.
    #[arg(short = 'u', long, value_name = "TARGET", value_delimiter = ',', value_parser = word, hide_short_help = true)]
    pub upto: Vec<String>,

    /// Images, what depends on them, and what all need
    #[arg(short = 'd', long, value_name = "TARGET", value_delimiter = ',', value_parser = word)]
    pub dependents: Vec<String>,

    /// Images alone
    ///
    /// What they depend on has to be on the engine or in a registry.
    #[arg(short = 'e', long, value_name = "TARGET", value_delimiter = ',', value_parser = word)]
    pub exact: Vec<String>,

    /// Not these images, nor what depends on them
    #[arg(short = 'x', long, value_name = "TARGET", value_delimiter = ',', value_parser = word)]
    pub exclude: Vec<String>,
}

/// What decides the content of images; all commands that list images take the same.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Images")]
pub struct ContentArgs {
    /// Read a branch, tag or commit instead of the work tree
    #[arg(long, value_name = "REV", value_parser = word)]
    pub rev: Option<String>,

    /// The value of a build argument; repeatable
    ///
    /// NAME=VALUE, or NAME for the environment's value.
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = word, hide_short_help = true)]
    pub build_arg: Vec<String>,

    /// The same, but the value does not count as an input: for credentials that live for minutes
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = word, hide_short_help = true)]
    pub unhashed_build_arg: Vec<String>,

    /// Build for this platform [default: the engine's]
    #[arg(long, value_name = "OS/ARCH", value_parser = word, hide_short_help = true)]
    pub platform: Option<String>,

    /// Build this stage of the one image that is selected
    #[arg(long, value_name = "STAGE", value_parser = word, hide_short_help = true)]
    pub target: Option<String>,
}

/// What decides content and tags of images; `plan` and `build` take the same.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Images")]
pub struct ImageArgs {
    /// What decides the content.
    #[command(flatten)]
    pub content: ContentArgs,

    /// A moving tag instead of `latest`; repeatable
    #[arg(short = 't', long = "tag", value_name = "TAG", value_delimiter = ',', value_parser = word)]
    pub tags: Vec<String>,

    /// Build what is named again although it exists
    ///
    /// Of what is named with -u also what it depends on, with -d what depends on it; without a name everything.
    #[arg(long)]
    pub no_cache: bool,
}

/// Registries; `plan`, `build` and `push` take the same.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Registries")]
pub struct RegistryArgs {
    /// A registry of the images; repeatable
    ///
    /// With a prefix if need be [default: the settings', else where the names of the images say].
    #[arg(long, value_name = "HOST[/PREFIX]", value_parser = word)]
    pub registry: Vec<String>,

    /// Pull what a registry has by its key instead of building it
    #[arg(long, hide_short_help = true)]
    pub pull_cache: bool,
}

/// Build caches besides the builder's own; nothing here changes an image.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Build")]
pub struct CacheArgs {
    /// Read a build cache, as buildx writes it; repeatable [default: the settings' `cache`]
    ///
    /// type=registry,ref=REFERENCE or REFERENCE, with {image}, {branch} and {platform} in it; type=registry alone is beside
    /// the image in its registry. The branch's is read first, then the default branch's.
    #[arg(long, value_name = "SPEC", value_parser = word, hide_short_help = true)]
    pub cache_from: Vec<String>,

    /// Write a build cache: type=registry|inline|gha[,ref=REFERENCE][,mode=min|max]; repeatable
    #[arg(long, value_name = "SPEC", value_parser = word, hide_short_help = true)]
    pub cache_to: Vec<String>,
}

/// How builds run; nothing here changes an image.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Build")]
pub struct RunArgs {
    /// How many images are built at a time [default: the processors, at most 4]
    #[arg(short, long, value_name = "N", value_parser = at_least_one, hide_short_help = true)]
    pub jobs: Option<std::num::NonZeroUsize>,

    /// Stop everything at the first failure
    #[arg(long, hide_short_help = true)]
    pub fail_fast: bool,

    /// Pull external base images even if the engine has them
    #[arg(long, hide_short_help = true)]
    pub pull: bool,

    /// A secret for RUN --mount=type=secret: id=ID[,src=FILE | ,env=NAME]; repeatable
    #[arg(long, value_name = "SPEC", value_parser = word, hide_short_help = true)]
    pub secret: Vec<String>,

    /// An SSH agent for RUN --mount=type=ssh: default, or ID=SOCKET; repeatable
    #[arg(long, value_name = "SPEC", value_parser = word, hide_short_help = true)]
    pub ssh: Vec<String>,

    /// The network of RUN steps
    #[arg(long, value_name = "MODE", value_parser = ["default", "none", "host"], hide_short_help = true)]
    pub network: Option<String>,

    /// A host name for RUN steps; repeatable
    #[arg(long, value_name = "HOST:IP", value_parser = host_line, hide_short_help = true)]
    pub add_host: Vec<String>,

    /// Build caches.
    #[command(flatten)]
    pub cache: CacheArgs,

    /// Keep with each image how it was built: mode=min or mode=max
    #[arg(long, value_name = "SPEC", value_parser = word, num_args = 0..=1, default_missing_value = "true", require_equals = true, hide_short_help = true)]
    pub provenance: Option<String>,

    /// Keep with each image what is in it, by a scanner that the builder pulls
    #[arg(long, value_name = "SPEC", value_parser = word, num_args = 0..=1, default_missing_value = "true", require_equals = true, hide_short_help = true)]
    pub sbom: Option<String>,

    /// Write every event to FILE as JSON lines
    #[arg(long, alias = "dump-file", value_name = "FILE", hide_short_help = true)]
    pub events: Option<PathBuf>,
}

impl SelectionArgs {
    pub(in crate::cli) fn merge(&mut self, later: Self) {
        self.targets.extend(later.targets);
        self.upto.extend(later.upto);
        self.dependents.extend(later.dependents);
        self.exact.extend(later.exact);
        self.exclude.extend(later.exclude);
    }
}

impl ContentArgs {
    pub(in crate::cli) fn merge(&mut self, later: Self) {
        self.rev = later.rev.or(self.rev.take());
        self.build_arg.extend(later.build_arg);
        self.unhashed_build_arg.extend(later.unhashed_build_arg);
        self.platform = later.platform.or(self.platform.take());
        self.target = later.target.or(self.target.take());
    }
}

impl ImageArgs {
    pub(in crate::cli) fn merge(&mut self, later: Self) {
        self.content.merge(later.content);
        self.tags.extend(later.tags);
        self.no_cache |= later.no_cache;
    }
}

impl From<ContentArgs> for ImageArgs {
    fn from(content: ContentArgs) -> Self {
        Self { content, ..Self::default() }
    }
}

impl RegistryArgs {
    pub(in crate::cli) fn merge(&mut self, later: Self) {
        self.registry.extend(later.registry);
        self.pull_cache |= later.pull_cache;
    }
}

impl CacheArgs {
    pub(in crate::cli) fn merge(&mut self, later: Self) {
        self.cache_from.extend(later.cache_from);
        self.cache_to.extend(later.cache_to);
    }
}

impl RunArgs {
    pub(in crate::cli) fn merge(&mut self, later: Self) {
        self.jobs = later.jobs.or(self.jobs);
        self.fail_fast |= later.fail_fast;
        self.pull |= later.pull;
        self.secret.extend(later.secret);
        self.ssh.extend(later.ssh);
        self.network = later.network.or(self.network.take());
        self.add_host.extend(later.add_host);
        self.cache.merge(later.cache);
        self.provenance = later.provenance.or(self.provenance.take());
        self.sbom = later.sbom.or(self.sbom.take());
        self.events = later.events.or(self.events.take());
    }
}
