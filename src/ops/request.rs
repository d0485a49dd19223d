use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use crate::builder::{Secret, SshAgent};
use crate::execution::BuildOptions;
use crate::graph::Selector;
use crate::project::CacheSpec;
use crate::settings::Choices;

/// Which images, and what decides them. The default is all images of the work tree.
#[derive(Clone, Debug, Default)]
pub struct ImageRequest {
    /// A branch, tag or commit to read everything from, instead of the work tree.
    pub revision: Option<String>,
    /// Which images. Its folder is filled in.
    pub selector: Selector,
    /// What was chosen for this run.
    pub choices: Choices,
    /// The names that `revision` gets on a remote, where git is pushing it.
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

/// How images are built. Nothing here changes an image.
#[derive(Clone, Debug, Default)]
pub struct Building {
    /// How many at a time; none: as many as there are processors, at most 4.
    pub jobs: Option<NonZeroUsize>,
    /// Whether the first failure stops everything.
    pub fail_fast: bool,
    /// Whether external bases are pulled although the engine has them.
    pub pull: bool,
    /// For `RUN --mount=type=secret`.
    pub secrets: Vec<Secret>,
    /// For `RUN --mount=type=ssh`.
    pub ssh: Vec<SshAgent>,
    /// The network of RUN steps: `default`, `none` or `host`.
    pub network: Option<String>,
    /// Host names for RUN steps, `HOST:IP`.
    pub add_hosts: Vec<String>,
    /// Build caches that are read; none: those of the settings.
    pub cache_from: Vec<CacheSpec>,
    /// Where the caches of builds go.
    pub cache_to: Vec<CacheSpec>,
    /// What is said of images beside them: `provenance`, `sbom`, with their attributes.
    pub attestations: BTreeMap<String, String>,
}

impl Building {
    pub(super) fn jobs(&self) -> usize {
        match self.jobs {
            Some(jobs) => jobs.get(),
            None => std::thread::available_parallelism().map_or(1, usize::from).min(4),
        }
    }

    pub(super) fn options(&self, no_cache: bool) -> BuildOptions {
        BuildOptions {
            secrets: self.secrets.clone(),
            ssh: self.ssh.clone(),
            network: self.network.clone(),
            add_hosts: self.add_hosts.clone(),
            attestations: self.attestations.clone(),
            no_cache,
            ..BuildOptions::default()
        }
    }
}
