use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::values::{at_least_one, word};
use crate::cli::environment::Environment;
use crate::ops::{BuilderCertificates, BuilderChoice};

/// Builders that stand alone. Only `push` takes them: what they build goes to a registry.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Builders")]
pub struct BuilderArgs {
    /// Push what these build: no engine is needed; repeatable [default: `BUILDKIT_HOST`, then the settings']
    ///
    /// <unix:///run/buildkit/buildkitd.sock>, <tcp://HOST:PORT>, <ssh://USER@HOST>, <docker-container://NAME>, <kube-pod://POD>,
    /// or the name of a builder that `docker buildx create` made. `engine` is the engine, whatever else is said.
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', value_parser = word, hide_short_help = true)]
    pub builder: Vec<String>,

    /// The authority that signed the certificates of builders at <tcp://> addresses
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub builder_cacert: Option<PathBuf>,

    /// The client certificate that they want
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub builder_cert: Option<PathBuf>,

    /// Its key
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub builder_key: Option<PathBuf>,

    /// The name in their certificates, where it is not their host's
    #[arg(long, value_name = "NAME", value_parser = word, hide_short_help = true)]
    pub builder_servername: Option<String>,

    /// How long a builder may be silent before others build its images [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = at_least_one, hide_short_help = true)]
    pub builder_timeout: Option<std::num::NonZeroUsize>,
}

impl BuilderArgs {
    /// What they and the environment ask for.
    pub(in crate::cli) fn choice(&self, environment: &Environment) -> BuilderChoice {
        let variable = environment.get("BUILDKIT_HOST").map(str::to_owned);
        let file = |path: &Option<PathBuf>| path.as_ref().map(|path| environment.current_dir.join(path));
        let configured = environment.get("BUILDX_CONFIG").map(PathBuf::from);
        let seconds = self.builder_timeout.map(|seconds| Duration::from_secs(seconds.get() as u64));
        BuilderChoice {
            named: if self.builder.is_empty() {
                variable.into_iter().collect()
            } else {
                self.builder.clone()
            },
            certificates: BuilderCertificates {
                authority: file(&self.builder_cacert),
                certificate: file(&self.builder_cert),
                key: file(&self.builder_key),
                server_name: self.builder_servername.clone(),
            },
            timeout: seconds.unwrap_or(BuilderChoice::TIMEOUT),
            stored: configured.or_else(|| Some(environment.docker_config()?.join("buildx"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_wins_over_the_variable() {
        let environment = Environment::with_variables([("BUILDKIT_HOST", "tcp://v:1"), ("HOME", "/h")]);
        let choice = |builder: &[&str]| {
            let builder = builder.iter().map(ToString::to_string).collect();
            BuilderArgs { builder, ..BuilderArgs::default() }.choice(&environment)
        };
        assert_eq!(choice(&[]).named, ["tcp://v:1"]);
        assert_eq!(choice(&["tcp://f:1", "b"]).named, ["tcp://f:1", "b"]);
        assert_eq!(choice(&[]).stored, Some("/h/.docker/buildx".into()));
        let own =
            Environment::with_variables([("BUILDX_CONFIG", "/x"), ("HOME", "/h"), ("BUILDKIT_HOST", "")]);
        let choice = BuilderArgs::default().choice(&own);
        assert_eq!((choice.stored, choice.named), (Some("/x".into()), vec![]));
    }
}
