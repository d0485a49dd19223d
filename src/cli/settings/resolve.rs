use std::collections::BTreeMap;
use std::time::Duration;

use super::values::registry_host;
use super::{SettingsFile, user_tag};
use crate::cli::args::{GlobalArgs, ImageArgs, SelectionArgs};
use crate::cli::environment::Environment;
use crate::cli::error::CliError;
use crate::diagnostic::Diagnostic;
use crate::dockerfile::is_proxy;
use crate::image::{Platform, Tag};
use crate::naming::NamespaceSource;
use crate::project::Options;

const INSECURE_REGISTRIES: &str = "SHIPWRIGHT_INSECURE_REGISTRIES";

/// Everything that flags, environment and settings file decide before anything is read of the checkout's
/// images. A flag wins over the environment, and that over the file.
#[derive(Debug)]
pub struct Resolved {
    /// For reading the images; the platform is still to be filled in from the engine where nobody chose one.
    pub options: Options,
    /// Whether somebody chose the platform.
    pub platform_is_chosen: bool,
    /// Whether options make images that the commit and the settings alone do not give.
    pub uncommitted_options: bool,
    /// Moving tags instead of `latest`.
    pub moving_tags: Vec<Tag>,
    /// Where images are pushed, HOST or HOST/PREFIX; none: where their names say.
    pub registries: Vec<String>,
    /// Registries, HOST or HOST:PORT, that may be without encryption: the user's word.
    pub insecure_registries: Vec<String>,
    /// The same for those that then get no login: the checkout's word.
    pub checkouts_insecure_registries: Vec<String>,
    /// Whether images that cannot be built fail the run.
    pub strict: bool,
}

/// Resolves what decides the images. `now` is the time since 1970, for the refresh period.
pub fn resolve(
    file: &SettingsFile,
    global: &GlobalArgs,
    selection: &SelectionArgs,
    image: &ImageArgs,
    environment: &Environment,
    now: Duration,
) -> Result<Resolved, CliError> {
    let chosen = match (image.platform.as_deref(), environment.get("DOCKER_DEFAULT_PLATFORM")) {
        (Some(text), _) | (None, Some(text)) => Some(text.parse::<Platform>().map_err(CliError::usage)?),
        (None, None) => None,
    };
    // Where a proxy stands says nothing about what is built.
    let (proxies, build_args): (BTreeMap<_, _>, BTreeMap<_, _>) =
        arguments(&image.build_arg, environment)?.into_iter().partition(|(name, _)| is_proxy(name));
    let mut unhashed_build_args = arguments(&image.unhashed_build_arg, environment)?;
    unhashed_build_args.extend(proxies);
    let host = Platform::host_linux();
    let uncommitted_options = !build_args.is_empty() || image.target.is_some() || image.platform.is_some();
    Ok(Resolved {
        platform_is_chosen: chosen.is_some(),
        uncommitted_options,
        moving_tags: moving_tags(&image.tags, &file.tags)?,
        registries: file.registries.clone(),
        insecure_registries: insecure_registries(global, environment)?,
        checkouts_insecure_registries: file.insecure_registries.clone(),
        strict: global.strict || environment.is_on("CI"),
        options: Options {
            namespace: namespace(global, file, environment),
            build_args,
            unhashed_build_args,
            target: target(image.target.as_deref(), selection)?,
            platform: chosen.unwrap_or_else(|| host.clone()),
            build_platform: host,
            engine_system: None,
            refresh: file.refresh.as_ref().map(|refresh| refresh.number_at(now)),
            settings: with_one_platform_each(file)?,
        },
    })
}

fn with_one_platform_each(file: &SettingsFile) -> Result<SettingsFile, CliError> {
    let Some((name, image)) = file.images.iter().find(|(_, image)| image.platforms.len() > 1) else {
        return Ok(file.clone());
    };
    let message = format!("[image.{name}] has several platforms; an engine's image has one");
    let diagnostic = image.at_its_place(Diagnostic::error(message));
    Err(CliError::wrong(vec![diagnostic.hint("leave one, or choose with --platform")]))
}

fn namespace(
    global: &GlobalArgs,
    file: &SettingsFile,
    environment: &Environment,
) -> Option<(String, NamespaceSource)> {
    let flag = global.namespace.as_deref().map(|value| (value, NamespaceSource::Flag));
    let variable = ["SHIPWRIGHT_NAMESPACE", "SW_NAMESPACE"]
        .into_iter()
        .find_map(|name| environment.get(name))
        .map(|value| (value, NamespaceSource::Environment));
    let setting = file.namespace.as_deref().map(|value| (value, NamespaceSource::Settings));
    let (value, source) = flag.or(variable).or(setting)?;
    Some((value.trim_end_matches('/').to_owned(), source))
}

/// `NAME=VALUE`, or `NAME` for the value that the environment has; an unset one is left out, as
/// `docker build` does.
pub fn arguments(specs: &[String], environment: &Environment) -> Result<BTreeMap<String, String>, CliError> {
    let mut arguments = BTreeMap::new();
    for spec in specs {
        let (name, value) = match spec.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (spec.as_str(), environment.get_even_empty(spec)),
        };
        if name.is_empty() {
            return Err(CliError::usage_with_hint("--build-arg: the name is missing", "write NAME=VALUE"));
        }
        if let Some(value) = value {
            arguments.insert(name.to_owned(), value.to_owned());
        }
    }
    Ok(arguments)
}

/// A flag or the environment: nothing that comes with a checkout decides where a password may be read on the way.
fn insecure_registries(global: &GlobalArgs, environment: &Environment) -> Result<Vec<String>, CliError> {
    let variable = environment.get(INSECURE_REGISTRIES).unwrap_or_default();
    let words = variable.split([',', ' ']).filter(|word| !word.is_empty());
    let named = words.map(|word| (INSECURE_REGISTRIES, word));
    let flags = global.insecure_registry.iter().map(|word| ("--insecure-registry", word.as_str()));
    let checked = |(source, word): (&str, &str)| {
        registry_host(word).map_err(|error| CliError::usage(format!("{source}: {error}")))
    };
    named.chain(flags).map(checked).collect()
}

fn moving_tags(flags: &[String], settings: &[Tag]) -> Result<Vec<Tag>, CliError> {
    if flags.is_empty() {
        return Ok(settings.to_vec());
    }
    flags.iter().map(|text| user_tag(text).map_err(CliError::usage)).collect()
}

/// `--target` needs to know of which image.
fn target(stage: Option<&str>, selection: &SelectionArgs) -> Result<Option<(String, String)>, CliError> {
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
        _ => Err(CliError::usage_with_hint(
            "--target chooses a stage of one image",
            format!("name that image: shipwright IMAGE --target {stage}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::with_variables(variables.iter().copied())
    }

    #[test]
    fn the_flag_wins_over_the_environment_and_that_over_the_file() {
        let file = SettingsFile { namespace: Some("file".into()), ..SettingsFile::default() };
        let flag = GlobalArgs { namespace: Some("flag/".into()), ..GlobalArgs::default() };
        let variables = environment(&[("SW_NAMESPACE", "old"), ("SHIPWRIGHT_NAMESPACE", "new")]);
        let of = |global: &GlobalArgs, variables: &Environment| namespace(global, &file, variables);
        assert_eq!(of(&flag, &variables), Some(("flag".into(), NamespaceSource::Flag)));
        let none = GlobalArgs::default();
        assert_eq!(of(&none, &variables), Some(("new".into(), NamespaceSource::Environment)));
        assert_eq!(of(&none, &environment(&[])), Some(("file".into(), NamespaceSource::Settings)));
    }

    #[test]
    fn a_build_argument_without_value_takes_the_environment_s() {
        let variables = environment(&[("A", "from env"), ("EMPTY", "")]);
        let specs = ["A", "B=x=y", "EMPTY", "UNSET"].map(str::to_owned);
        let expected = [("A", "from env"), ("B", "x=y"), ("EMPTY", "")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(arguments(&specs, &variables).expect("valid"), expected);
        assert!(arguments(&["=x".to_owned()], &variables).is_err());
    }

    #[test]
    fn tags_of_the_immutable_shapes_are_refused() {
        for wrong in ["src-abc", "0123456789ab", ".x", "a b"] {
            assert!(moving_tags(&[wrong.to_owned()], &[]).is_err(), "{wrong}");
        }
        assert_eq!(moving_tags(&["edge".to_owned()], &[]).expect("valid").len(), 1);
    }

    #[test]
    fn a_target_needs_exactly_one_image() {
        let one = SelectionArgs { targets: vec!["api".into()], ..SelectionArgs::default() };
        assert_eq!(target(Some("dev"), &one).expect("valid"), Some(("api".into(), "dev".into())));
        assert!(target(Some("dev"), &SelectionArgs::default()).is_err());
    }
}
