use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Location};
use crate::image::Platform;
use crate::lockfile::Lockfile;
use crate::naming::NamespaceSource;
use crate::path::TreePath;

/// What flags, environment and settings file say about the images. The same options over the same tree
/// give the same project.
#[derive(Clone, Debug)]
pub struct Options {
    /// The namespace and who said it, if anybody did.
    pub namespace: Option<(String, NamespaceSource)>,
    /// Names by path, with patterns.
    pub names: Vec<(String, String)>,
    /// Where their lines stand, by path.
    pub name_locations: BTreeMap<String, Location>,
    /// Globs that take Dockerfiles back from the left-out and aside ones.
    pub include: Vec<String>,
    /// Globs of Dockerfiles that do not count.
    pub exclude: Vec<String>,
    /// Tags that follow the image built here as `latest` does.
    pub follow: Vec<String>,
    /// Values for build arguments.
    pub build_args: BTreeMap<String, String>,
    /// Values for build arguments that do not enter keys.
    pub unhashed_build_args: BTreeMap<String, String>,
    /// `--target`: this stage of the image that the first text names.
    pub target: Option<(String, String)>,
    /// What the images are built for.
    pub platform: Platform,
    /// What the engine runs on.
    pub build_platform: Platform,
    /// The operating system that the engine builds for, if there is an engine: `linux`.
    pub engine_system: Option<String>,
    /// Free text that enters every key.
    pub metadata: Option<String>,
    /// The number of the refresh period.
    pub refresh: Option<u64>,
    /// The settings file, whose change is a change of every image.
    pub settings_file: Option<TreePath>,
    /// The digests that stand for external bases.
    pub lock: Lockfile,
    /// Images that the settings define or adjust, by name.
    pub images: BTreeMap<String, ImageOptions>,
}

/// `[image.NAME]` of the settings file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageOptions {
    /// Where the settings say it.
    pub location: Option<Location>,
    /// The Dockerfile, from the root of the checkout; the one of that name otherwise.
    pub dockerfile: Option<TreePath>,
    /// The root of the build context, from the root of the checkout.
    pub context: Option<TreePath>,
    /// The stage to build.
    pub target: Option<String>,
    /// Values for build arguments; those of the command line win.
    pub args: BTreeMap<String, String>,
    /// What it is built for.
    pub platform: Option<Platform>,
    /// Images it needs though its Dockerfile does not say so.
    pub depends_on: Vec<String>,
    /// Every file of the context is an input.
    pub whole_context: bool,
}

impl ImageOptions {
    /// What is found out about them, with their place.
    pub(super) fn at_its_place(&self, found: Diagnostic) -> Diagnostic {
        match &self.location {
            Some(location) => found.at(location.clone()),
            None => found,
        }
    }
}
