use std::collections::BTreeMap;

use crate::image::{Platform, Tag};
use crate::naming::NamespaceSource;

/// What a user chose for one run, by flags or variables of the environment. It wins over the settings file, which has
/// what was not chosen.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// What stands in front of every image's name, and who said it.
    pub namespace: Option<(String, NamespaceSource)>,
    /// What images are built for.
    pub platform: Option<Platform>,
    /// The same where nobody says it for this run (`DOCKER_DEFAULT_PLATFORM`).
    pub default_platform: Option<Platform>,
    /// Values of build arguments.
    pub build_args: BTreeMap<String, String>,
    /// Values of build arguments that do not count as inputs.
    pub unhashed_build_args: BTreeMap<String, String>,
    /// A stage, of the image that the first text names.
    pub target: Option<(String, String)>,
    /// Moving tags instead of `latest`.
    pub moving_tags: Vec<Tag>,
    /// Where images are, HOST or HOST/PREFIX.
    pub registries: Vec<String>,
    /// Registries, HOST or HOST:PORT, that may be without encryption, logins included.
    pub insecure_registries: Vec<String>,
    /// Whether images that cannot be built fail the run.
    pub strict: bool,
}
