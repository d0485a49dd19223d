use std::collections::BTreeMap;

use super::settings::SettingsFile;
use crate::image::Platform;
use crate::naming::NamespaceSource;

/// What flags, environment and settings file say about the images. The same options over the same tree
/// give the same project.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the settings file says; the fields here win over it.
    pub settings: SettingsFile,
    /// The namespace and who said it, if anybody did.
    pub namespace: Option<(String, NamespaceSource)>,
    pub build_args: BTreeMap<String, String>,
    /// Values for build arguments that do not enter keys.
    pub unhashed_build_args: BTreeMap<String, String>,
    /// `--target`: this stage of the image that the first text names.
    pub target: Option<(String, String)>,
    pub platform: Platform,
    pub build_platform: Platform,
    /// The operating system that the engine builds for, if there is an engine: `linux`.
    pub engine_system: Option<String>,
    pub refresh: Option<u64>,
}
