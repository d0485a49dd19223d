use std::ffi::OsString;
use std::path::PathBuf;

use super::{Backends, BuilderChoice, Interrupts};
use crate::ci::CiJob;
use crate::engine::EngineEnvironment;
use crate::registry::ProxySettings;

/// Where use cases work, and what of the process and its user counts for them. They read no environment of their own:
/// what is not given here is not there.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// A folder of the checkout.
    pub folder: PathBuf,
    /// The engine, such as `unix:///run/docker.sock`; else what `engine` says, else Docker's own choice.
    pub host: Option<String>,
    /// What Docker's variables say about engines.
    pub engine: EngineEnvironment,
    /// Builders that stand alone, which are used instead where images go to a registry.
    pub builders: BuilderChoice,
    /// No network and no engine: what is not known counts as not built.
    pub offline: bool,
    /// Docker's folder, with the logins and the certificates of registries.
    pub docker_config: Option<PathBuf>,
    /// Where credential helpers are looked for.
    pub path: Option<OsString>,
    /// How registries are reached.
    pub proxy: ProxySettings,
    /// Where runs on one engine wait for each other; none: they do not.
    pub state: Option<PathBuf>,
    /// The CI job that this is.
    pub ci: CiJob,
    /// Whether git itself waits for this process, as it does for its hooks.
    pub inside_git: bool,
    /// By which a run is ended before its time.
    pub interrupts: Interrupts,
    /// How engines and registries are reached.
    pub backends: Backends,
}
