use std::path::PathBuf;

use super::args::{EnsureArgs, GlobalArgs, RemotePolicy};
use super::ensure::ensure;
use super::environment::Environment;
use super::error::ExitCode;
use super::output::Output;
use crate::image::ImageReference;

/// `shipwright ensure` as a call: has images on an engine, pulled or built, and gives their references.
///
/// Nothing is printed and no signal is handled. Of the environment only what is given counts.
///
/// ```no_run
/// use shipwright::cli::{Ensure, EnsureError, Environment, RemotePolicy};
///
/// fn main() -> Result<(), EnsureError> {
///     let references = Ensure::new(["api"])
///         .checkout("/srv/shop")
///         .registry("ghcr.io/acme")
///         .remote(RemotePolicy::All)
///         .environment(Environment::of_process())
///         .run()?;
///     println!("docker run {}", references[0]);
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Ensure {
    args: EnsureArgs,
    global: GlobalArgs,
    environment: Environment,
}

/// Why images cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EnsureError {
    /// What `shipwright ensure` says, in plain text: the error with its place and what to do, or what a build
    /// printed last.
    pub message: String,
    /// The exit code that the command has for it.
    pub code: ExitCode,
}

impl Ensure {
    /// These images, by full name, short name or Dockerfile path.
    pub fn new<I: Into<String>>(images: impl IntoIterator<Item = I>) -> Self {
        let images = images.into_iter().map(Into::into).collect();
        Self { args: EnsureArgs { images, ..EnsureArgs::default() }, ..Self::default() }
    }

    /// The checkout, by any folder in it. Without it the environment's current folder.
    #[must_use]
    pub fn checkout(mut self, folder: impl Into<PathBuf>) -> Self {
        self.global.directory = Some(folder.into());
        self
    }

    /// A branch, tag or commit to read everything from, instead of the work tree.
    #[must_use]
    pub fn revision(mut self, revision: impl Into<String>) -> Self {
        self.args.image.rev = Some(revision.into());
        self
    }

    /// The engine. Without it `DOCKER_HOST`, the current docker context, or the usual place.
    #[must_use]
    pub fn host(mut self, url: impl Into<String>) -> Self {
        self.global.host = Some(url.into());
        self
    }

    /// What stands in front of every image's name. Without it what the settings or the FROM lines say.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.global.namespace = Some(namespace.into());
        self
    }

    /// A registry that has images, HOST or HOST/PREFIX; may be called again for more.
    #[must_use]
    pub fn registry(mut self, registry: impl Into<String>) -> Self {
        self.args.registry.push(registry.into());
        self
    }

    /// What registries are for: pull alone, unless something else is said.
    #[must_use]
    pub fn remote(mut self, policy: RemotePolicy) -> Self {
        self.args.remote = policy;
        self
    }

    /// The value of a build argument, which counts as an input.
    #[must_use]
    pub fn build_arg(mut self, name: &str, value: &str) -> Self {
        self.args.image.build_arg.push(format!("{name}={value}"));
        self
    }

    /// The value of a build argument that does not count as an input.
    #[must_use]
    pub fn unhashed_build_arg(mut self, name: &str, value: &str) -> Self {
        self.args.image.unhashed_build_arg.push(format!("{name}={value}"));
        self
    }

    /// OS/ARCH instead of the engine's own.
    #[must_use]
    pub fn platform(mut self, platform: impl Into<String>) -> Self {
        self.args.image.platform = Some(platform.into());
        self
    }

    /// Variables such as `DOCKER_HOST`, `DOCKER_CONFIG`, `HOME` and those of proxies.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Waits until the images are there, and gives their references in the order of the names. To be called
    /// outside of an asynchronous runtime, or on a thread of its own.
    pub fn run(self) -> Result<Vec<ImageReference>, EnsureError> {
        let Self { args, global, mut environment } = self;
        environment.handles_signals = false;
        let (mut output, transcript) = Output::unheard();
        let mut references = Vec::new();
        let command = async {
            let ensured = ensure(&global, &args, &environment, &mut output).await?;
            Ok(match ensured {
                Ok(found) => {
                    references = found;
                    ExitCode::Done
                }
                Err(code) => code,
            })
        };
        match super::concluded(super::block_on(command), &mut output) {
            ExitCode::Done => Ok(references),
            code => Err(EnsureError { message: transcript.text(), code }),
        }
    }
}
