use std::path::PathBuf;

use clap::Args;

use super::{
    AffectedFormat, GraphFormat, ImageArgs, PlanFormat, RegistryArgs, RemotePolicy, RunArgs, SelectionArgs,
};

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

    /// What decides the images.
    #[command(flatten)]
    pub image: ImageArgs,

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

impl BuildArgs {
    /// Options may stand before the command too: `shipwright -x api build` is `shipwright build -x api`.
    pub fn merged(mut self, later: Self) -> Self {
        self.selection.merge(later.selection);
        self.image.merge(later.image);
        self.registry.merge(later.registry);
        self.run.merge(later.run);
        self
    }

    /// Which images, and what decides them, with what stands later.
    fn choosing(mut self, selection: SelectionArgs, image: ImageArgs) -> (SelectionArgs, ImageArgs) {
        self.selection.merge(selection);
        self.image.merge(image);
        (self.selection, self.image)
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
    pub fn merged(mut self, before: BuildArgs) -> Self {
        (self.selection, self.image) = before.choosing(self.selection, self.image);
        self
    }
}

impl ImagesArgs {
    /// Takes what stood before the command.
    pub fn merged(mut self, before: BuildArgs) -> Self {
        (self.selection, self.image) = before.choosing(self.selection, self.image);
        self
    }
}

impl AffectedArgs {
    /// Takes what stood before the command.
    pub fn merged(mut self, before: BuildArgs) -> Self {
        (self.selection, self.image) = before.choosing(self.selection, self.image);
        self
    }
}

impl GraphArgs {
    /// Takes what stood before the command.
    pub fn merged(mut self, before: BuildArgs) -> Self {
        (self.selection, self.image) = before.choosing(self.selection, self.image);
        self
    }
}
