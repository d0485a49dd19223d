use std::collections::BTreeMap;
use std::path::PathBuf;

use super::args::{BuilderArgs, GlobalArgs, ImageArgs, SelectionArgs};
use super::ci_output::ci_event;
use super::environment::Environment;
use super::output::Output;
use crate::ci::CiJob;
use crate::engine::EngineEnvironment;
use crate::graph::Selector;
use crate::image::Platform;
use crate::naming::NamespaceSource;
use crate::ops::{Backends, Config, Error, ImageRequest, Interrupts};
use crate::registry::ProxySettings;
use crate::settings::{Choices, chosen_platform, registry, registry_host, user_tag};

const INSECURE_REGISTRIES: &str = "SHIPWRIGHT_INSECURE_REGISTRIES";

/// What every command is given: the options of all, the process, and where its words go.
pub(super) struct Edge {
    pub(super) global: GlobalArgs,
    pub(super) environment: Environment,
    pub(super) interrupts: Interrupts,
    pub(super) output: Output,
}

impl Edge {
    /// Where the command works.
    pub(super) fn folder(&self) -> PathBuf {
        self.global.folder(&self.environment)
    }

    /// What of the process counts for use cases.
    pub(super) fn config(&self) -> Config {
        let environment = &self.environment;
        let first = |names: [&str; 2]| names.iter().find_map(|name| environment.get(name)).map(str::to_owned);
        Config {
            folder: self.folder(),
            host: self.global.host.clone(),
            engine: EngineEnvironment::new(&|name| environment.get(name).map(str::to_owned)),
            builders: BuilderArgs::default().choice(environment),
            offline: self.global.offline,
            docker_config: environment.docker_config(),
            path: environment.get("PATH").map(Into::into),
            proxy: ProxySettings {
                http: first(["http_proxy", "HTTP_PROXY"]),
                https: first(["https_proxy", "HTTPS_PROXY"]),
                none: first(["no_proxy", "NO_PROXY"]),
            },
            state: Some(environment.state_dir()),
            ci: CiJob::new(environment.variables().clone(), ci_event(environment)),
            inside_git: environment.get("GIT_INDEX_FILE").is_some(),
            interrupts: self.interrupts.clone(),
            backends: Backends::default(),
        }
    }

    /// What is chosen for every command.
    pub(super) fn choices(&self) -> Result<Choices, Error> {
        let environment = &self.environment;
        let default_platform = environment.get("DOCKER_DEFAULT_PLATFORM");
        Ok(Choices {
            namespace: self.namespace(),
            default_platform: default_platform.map(platform).transpose()?,
            insecure_registries: self.insecure_registries()?,
            strict: self.global.strict || environment.is_on("CI"),
            ..Choices::default()
        })
    }

    /// Which images, and what decides them.
    pub(super) fn images(
        &self,
        selection: &SelectionArgs,
        image: &ImageArgs,
        registries: &[String],
    ) -> Result<ImageRequest, Error> {
        let registries: Result<Vec<String>, _> = registries.iter().map(|text| registry(text)).collect();
        let tags: Result<Vec<_>, _> = image.tags.iter().map(|text| user_tag(text)).collect();
        let general = self.choices()?;
        let chosen = image.content.platform.as_deref().map(platform).transpose()?;
        Ok(ImageRequest {
            revision: image.content.rev.clone(),
            selector: Selector {
                targets: selection.targets.clone(),
                upto: selection.upto.clone(),
                dependents: selection.dependents.clone(),
                exact: selection.exact.clone(),
                exclude: selection.exclude.clone(),
                rebuild: image.no_cache,
                ..Selector::default()
            },
            choices: Choices {
                platform: chosen,
                build_args: arguments(&image.content.build_arg, &self.environment)?,
                unhashed_build_args: arguments(&image.content.unhashed_build_arg, &self.environment)?,
                target: target(image.content.target.as_deref(), selection)?,
                moving_tags: tags.map_err(Error::usage)?,
                registries: registries.map_err(|error| Error::usage(format!("--registry: {error}")))?,
                ..general
            },
            pushed: None,
        })
    }

    fn namespace(&self) -> Option<(String, NamespaceSource)> {
        let flag = self.global.namespace.clone().map(|value| (value, NamespaceSource::Flag));
        let variable = || {
            let value =
                ["SHIPWRIGHT_NAMESPACE", "SW_NAMESPACE"].iter().find_map(|name| self.environment.get(name));
            value.map(|value| (value.to_owned(), NamespaceSource::Environment))
        };
        flag.or_else(variable)
    }

    /// A flag or the environment: nothing that comes with a checkout decides where a password may be read on the way.
    fn insecure_registries(&self) -> Result<Vec<String>, Error> {
        let variable = self.environment.get(INSECURE_REGISTRIES).unwrap_or_default();
        let words = variable.split([',', ' ']).filter(|word| !word.is_empty());
        let named = words.map(|word| (INSECURE_REGISTRIES, word));
        let flags = self.global.insecure_registry.iter().map(|word| ("--insecure-registry", word.as_str()));
        let checked = |(source, word): (&str, &str)| {
            registry_host(word).map_err(|error| Error::usage(format!("{source}: {error}")))
        };
        named.chain(flags).map(checked).collect()
    }
}

fn platform(text: &str) -> Result<Platform, Error> {
    chosen_platform(text).map_err(Error::usage)
}

/// `NAME=VALUE`, or `NAME` for the value that the environment has; an unset one is left out, as
/// `docker build` does.
pub(super) fn arguments(
    specs: &[String],
    environment: &Environment,
) -> Result<BTreeMap<String, String>, Error> {
    let mut arguments = BTreeMap::new();
    for spec in specs {
        let (name, value) = match spec.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (spec.as_str(), environment.get_even_empty(spec)),
        };
        if name.is_empty() {
            return Err(Error::usage_with_hint("--build-arg: the name is missing", "write NAME=VALUE"));
        }
        if let Some(value) = value {
            arguments.insert(name.to_owned(), value.to_owned());
        }
    }
    Ok(arguments)
}

/// `--target` needs to know of which image.
fn target(stage: Option<&str>, selection: &SelectionArgs) -> Result<Option<(String, String)>, Error> {
    let Some(stage) = stage else { return Ok(None) };
    let named: Vec<&String> = selection
        .targets
        .iter()
        .chain(&selection.upto)
        .chain(&selection.exact)
        .chain(&selection.dependents)
        .collect();
    match named[..] {
        [image] => Ok(Some((image.clone(), stage.to_owned()))),
        _ => Err(Error::usage_with_hint(
            "--target chooses a stage of one image",
            format!("name that image: shipwright IMAGE --target {stage}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(global: GlobalArgs, variables: &[(&str, &str)]) -> Edge {
        let environment = Environment::with_variables(variables.iter().copied());
        let output = Output::new(&global, &environment);
        Edge { global, environment, interrupts: Interrupts::default(), output }
    }

    #[test]
    fn the_flag_wins_over_the_environment() {
        let variables = [("SW_NAMESPACE", "old"), ("SHIPWRIGHT_NAMESPACE", "new")];
        let flag = GlobalArgs { namespace: Some("flag".into()), ..GlobalArgs::default() };
        let namespace = |global, variables: &[_]| edge(global, variables).namespace();
        assert_eq!(namespace(flag, &variables), Some(("flag".into(), NamespaceSource::Flag)));
        let none = GlobalArgs::default();
        assert_eq!(namespace(none.clone(), &variables), Some(("new".into(), NamespaceSource::Environment)));
        assert_eq!(namespace(none, &[]), None);
    }

    #[test]
    fn a_build_argument_without_value_takes_the_environment_s() {
        let variables = Environment::with_variables([("A", "from env"), ("EMPTY", "")]);
        let specs = ["A", "B=x=y", "EMPTY", "UNSET"].map(str::to_owned);
        let expected = [("A", "from env"), ("B", "x=y"), ("EMPTY", "")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(arguments(&specs, &variables).expect("valid"), expected);
        assert!(arguments(&["=x".to_owned()], &variables).is_err());
    }

    #[test]
    fn tags_of_the_immutable_shapes_are_refused() {
        let edge = edge(GlobalArgs::default(), &[]);
        let images = |tag: &str| {
            let image = ImageArgs { tags: vec![tag.to_owned()], ..ImageArgs::default() };
            edge.images(&SelectionArgs::default(), &image, &[])
        };
        for wrong in ["src-abc", "0123456789ab", ".x", "a b"] {
            assert!(images(wrong).is_err(), "{wrong}");
        }
        assert_eq!(images("edge").expect("valid").choices.moving_tags.len(), 1);
    }

    #[test]
    fn a_target_needs_exactly_one_image() {
        let one = SelectionArgs { targets: vec!["api".into()], ..SelectionArgs::default() };
        assert_eq!(target(Some("dev"), &one).expect("valid"), Some(("api".into(), "dev".into())));
        assert!(target(Some("dev"), &SelectionArgs::default()).is_err());
    }
}
