use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

use super::DockerfileText;
use crate::engine::RegistryLogin;
use crate::image::{ImageReference, Platform};

/// What one build asks of an engine. Everything is decided already: the engine module adds nothing that
/// could change the image.
#[derive(Clone)]
pub struct BuildSpec {
    /// The text that is built, references to dependencies already pinned. It never becomes a file of the
    /// context.
    pub dockerfile: DockerfileText,
    /// What the classic builder is sent in place of `dockerfile`: the same without the stages that the target
    /// does not need, because that builder runs them all. `None`: `dockerfile` itself.
    pub classic_dockerfile: Option<DockerfileText>,
    /// The files of the build context.
    pub context: Arc<dyn ContextSource>,
    /// Folders that are build contexts with names.
    pub named: Vec<NamedFolder>,
    /// A hash of the contexts' paths, kinds, contents and times. `BuildKit` keeps one snapshot under each such
    /// key and fetches a file again only if path, size or time differ from it; so equal keys must mean equal
    /// content, or one build gets the files of another.
    pub context_key: [u8; 32],
    /// Names that the image gets the moment it exists.
    pub references: Vec<ImageReference>,
    /// Who has it then.
    pub destination: Destination,
    /// Whether what a registry has of external bases counts, and not what the builder remembers of it.
    pub pull: bool,
    /// Labels of the image; they win over LABEL.
    pub labels: BTreeMap<String, String>,
    /// Values of ARG.
    pub build_args: BTreeMap<String, String>,
    /// The stage to build; the last one if `None`.
    pub target: Option<String>,
    /// The platform to build for; the engine's own if `None`.
    pub platform: Option<Platform>,
    /// What `RUN --mount=type=secret` sees.
    pub secrets: Vec<Secret>,
    /// What `RUN --mount=type=ssh` sees.
    pub ssh: Vec<SshAgent>,
    /// Network of RUN: `none`, `host` or `default`.
    pub network: Option<String>,
    /// Lines for /etc/hosts of RUN, `name:address`. The address `host-gateway` is the engine's host.
    pub add_hosts: Vec<String>,
    /// Runs every step again.
    pub no_cache: bool,
    /// Build caches that are read besides the builder's own.
    pub cache_from: Vec<CacheLocation>,
    /// Where the build's cache goes. That it cannot is no failed build.
    pub cache_to: Vec<CacheLocation>,
    /// What is said of the image beside it: `provenance`, `sbom`, and their attributes.
    pub attestations: BTreeMap<String, String>,
    /// Uses the engine's own Dockerfile frontend whatever `# syntax=` says. That line makes the engine ask a
    /// registry even for `docker/dockerfile`, so it cannot be followed offline.
    pub builtin_frontend: bool,
    /// Who knows the logins of registries, for what the builder fetches by itself: a frontend that `# syntax=` names.
    /// The classic builder fetches nothing.
    pub logins: Arc<dyn RegistryLogins>,
}

impl BuildSpec {
    /// A build of `dockerfile` with nothing else set.
    pub fn new(dockerfile: DockerfileText, context: Arc<dyn ContextSource>, context_key: [u8; 32]) -> Self {
        Self {
            dockerfile,
            classic_dockerfile: None,
            context,
            named: Vec::new(),
            context_key,
            references: Vec::new(),
            destination: Destination::Engine,
            pull: false,
            labels: BTreeMap::new(),
            build_args: BTreeMap::new(),
            target: None,
            platform: None,
            secrets: Vec::new(),
            ssh: Vec::new(),
            network: None,
            add_hosts: Vec::new(),
            no_cache: false,
            cache_from: Vec::new(),
            cache_to: Vec::new(),
            attestations: BTreeMap::new(),
            builtin_frontend: false,
            logins: Arc::new(Anonymous),
        }
    }
}

/// Where an image goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To the engine whose builder it is.
    Engine,
    /// Straight to the registries of its references.
    Registry {
        /// Whether these may be without encryption.
        insecure: bool,
    },
}

/// Values of build arguments may be credentials and are left out, and the context may be long.
impl fmt::Debug for BuildSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuildSpec")
            .field("references", &self.references)
            .field("target", &self.target)
            .field("platform", &self.platform)
            .field("build_args", &self.build_args.keys())
            .field("secrets", &self.secrets)
            .field("ssh", &self.ssh)
            .field("files", &self.context.entries().len())
            .finish_non_exhaustive()
    }
}

/// A folder that takes the place of what its name means in the Dockerfile.
#[derive(Clone)]
pub struct NamedFolder {
    /// As `BuildKit` looks for it: `assets`, `acme/base`.
    pub name: String,
    /// What of it may be read.
    pub files: Arc<dyn ContextSource>,
}

/// The files of a build context, as they were planned.
pub trait ContextSource: Send + Sync {
    /// Every file, link and empty folder, each once, in any order. Other folders are implied.
    fn entries(&self) -> &[ContextEntry];

    /// The bytes of the file at `index` of [`Self::entries`]. The reader fails at the latest at its end if they
    /// are not what was planned; the build then fails with [`super::BuildError::ContextChanged`].
    fn open(&self, index: usize) -> io::Result<Box<dyn Read + Send>>;

    /// Whether the engine may ask for these paths (cleaned, relative to the context, possibly with wildcards;
    /// none at all means the whole context). The error says what was not planned.
    fn admits(&self, requested: &[String]) -> Result<(), String>;
}

/// One file, link or empty folder of a build context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextEntry {
    /// Relative to the context, components separated by `/`. Bytes, because file names are.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: ContextKind,
    /// Time of the last change in nanoseconds since 1970. BuildKit compares it, and COPY keeps it.
    pub modified_ns: i64,
}

/// What a [`ContextEntry`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContextKind {
    /// A regular file, mode 644 or 755 as in git.
    File {
        /// Whether the mode is 755.
        executable: bool,
        /// Its length in bytes.
        size: u64,
    },
    /// A symbolic link.
    Link {
        /// What it says.
        target: Vec<u8>,
    },
    /// A folder that no other entry is in.
    Folder,
}

/// A secret of a build. Its value shows up nowhere but in the RUN that mounts it.
#[derive(Clone)]
pub struct Secret {
    /// The id that `RUN --mount=type=secret,id=…` names.
    pub id: String,
    /// The bytes.
    pub value: Vec<u8>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({}, …)", self.id)
    }
}

/// A build cache besides the builder's own.
#[derive(Clone, PartialEq, Eq)]
pub struct CacheLocation {
    /// As buildx names it: `registry`, `inline`, `gha`.
    pub kind: String,
    /// Where it is, and how it is written.
    pub attributes: BTreeMap<String, String>,
}

/// Attributes may be credentials and are left out.
impl fmt::Debug for CacheLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CacheLocation({}, …)", self.kind)
    }
}

/// What a run wants of a builder that not every one can do.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// The kinds of caches that are read.
    pub cache_from: BTreeSet<String>,
    /// The kinds of caches that are written.
    pub cache_to: BTreeSet<String>,
    /// Whether anything is said of images beside them.
    pub attestations: bool,
}

impl Extras {
    /// What one build wants.
    pub(super) fn of(request: &BuildSpec) -> Self {
        let kinds = |locations: &[CacheLocation]| locations.iter().map(|it| it.kind.clone()).collect();
        Self {
            cache_from: kinds(&request.cache_from),
            cache_to: kinds(&request.cache_to),
            attestations: !request.attestations.is_empty(),
        }
    }
}

/// An SSH agent that RUN steps may use.
#[derive(Clone, Debug)]
pub struct SshAgent {
    /// The id that `RUN --mount=type=ssh,id=…` names, `default` where it names none.
    pub id: String,
    /// The socket of the agent, as in `SSH_AUTH_SOCK`.
    pub socket: PathBuf,
}

/// Who knows the logins of registries.
#[async_trait]
pub trait RegistryLogins: Send + Sync {
    /// The login for a registry host, `docker.io` for Docker Hub; none means anonymous.
    async fn login(&self, host: &str) -> Option<RegistryLogin>;
}

/// No logins at all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anonymous;

#[async_trait]
impl RegistryLogins for Anonymous {
    async fn login(&self, _: &str) -> Option<RegistryLogin> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Empty;
    use super::*;

    #[test]
    fn secrets_are_not_printed() {
        let mut request = BuildSpec::new(DockerfileText::default(), Arc::new(Empty), [0; 32]);
        request.secrets.push(Secret { id: "token".into(), value: b"hunter2".to_vec() });
        request.build_args.insert("PASSWORD".into(), "hunter2".into());
        let login = RegistryLogin::Password { username: "me".into(), password: "hunter2".into() };
        let shown = format!("{request:?} {login:?} {:?}", RegistryLogin::IdentityToken("hunter2".into()));
        assert!(shown.contains("token") && shown.contains("PASSWORD") && shown.contains("me"), "{shown}");
        assert!(!shown.contains("hunter2") && !shown.contains("104, 117"), "{shown}");
    }
}
