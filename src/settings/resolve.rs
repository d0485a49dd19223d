use std::collections::BTreeMap;
use std::time::Duration;

use super::{Choices, SettingsFile};
use crate::diagnostic::Diagnostic;
use crate::dockerfile::is_proxy;
use crate::image::{Platform, Tag};
use crate::naming::NamespaceSource;
use crate::project::Options;

/// Everything that is decided before anything is read of the checkout's images. What the user chose wins over the
/// settings file.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// For reading the images; the platform is still to be filled in from the engine where nobody chose one.
    pub options: Options,
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

/// Puts together what was chosen and what the file says. `now` is the time since 1970, for the refresh period.
///
/// # Errors
///
/// What the file says and an engine cannot do, with its place.
pub(crate) fn resolve(
    choices: &Choices,
    file: &SettingsFile,
    now: Duration,
) -> Result<Resolved, Vec<Diagnostic>> {
    let chosen = choices.platform.as_ref().or(choices.default_platform.as_ref());
    // Where a proxy stands says nothing about what is built.
    let (proxies, build_args): (BTreeMap<_, _>, BTreeMap<_, _>) =
        choices.build_args.clone().into_iter().partition(|(name, _)| is_proxy(name));
    let mut unhashed_build_args = choices.unhashed_build_args.clone();
    unhashed_build_args.extend(proxies);
    let host = Platform::host_linux();
    let or_else =
        |chosen: &[Tag], file: &[Tag]| if chosen.is_empty() { file.to_vec() } else { chosen.to_vec() };
    Ok(Resolved {
        platform_is_chosen: chosen.is_some(),
        uncommitted_options: !build_args.is_empty() || choices.target.is_some() || choices.platform.is_some(),
        moving_tags: or_else(&choices.moving_tags, &file.tags),
        registries: if choices.registries.is_empty() { &file.registries } else { &choices.registries }
            .clone(),
        insecure_registries: choices.insecure_registries.clone(),
        checkouts_insecure_registries: file.insecure_registries.clone(),
        strict: choices.strict,
        options: Options {
            namespace: namespace(choices, file),
            build_args,
            unhashed_build_args,
            target: choices.target.clone(),
            platform: chosen.unwrap_or(&host).clone(),
            build_platform: host,
            engine_system: None,
            refresh: file.refresh.as_ref().map(|refresh| refresh.number_at(now)),
            settings: with_one_platform_each(file)?,
        },
    })
}

fn with_one_platform_each(file: &SettingsFile) -> Result<SettingsFile, Vec<Diagnostic>> {
    let Some((name, image)) = file.images.iter().find(|(_, image)| image.platforms.len() > 1) else {
        return Ok(file.clone());
    };
    let message = format!("[image.{name}] has several platforms; an engine's image has one");
    let diagnostic = image.at_its_place(Diagnostic::error(message));
    Err(vec![diagnostic.hint("leave one, or choose with --platform")])
}

fn namespace(choices: &Choices, file: &SettingsFile) -> Option<(String, NamespaceSource)> {
    let setting = || file.namespace.clone().map(|value| (value, NamespaceSource::Settings));
    let (value, source) = choices.namespace.clone().or_else(setting)?;
    Some((value.trim_end_matches('/').to_owned(), source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_chosen_wins_over_the_file() {
        let file = SettingsFile {
            namespace: Some("file".into()),
            registries: vec!["file.example".into()],
            ..SettingsFile::default()
        };
        let resolved = |choices: &Choices| resolve(choices, &file, Duration::ZERO).expect("right");
        let chosen = Choices {
            namespace: Some(("flag/".into(), NamespaceSource::Flag)),
            registries: vec!["flag.example".into()],
            ..Choices::default()
        };
        assert_eq!(resolved(&chosen).options.namespace, Some(("flag".into(), NamespaceSource::Flag)));
        assert_eq!(resolved(&chosen).registries, ["flag.example"]);
        let nothing = resolved(&Choices::default());
        assert_eq!(nothing.options.namespace, Some(("file".into(), NamespaceSource::Settings)));
        assert_eq!(nothing.registries, ["file.example"]);
    }

    #[test]
    fn a_proxy_changes_no_image() {
        let build_args = [("HTTPS_PROXY", "http://p"), ("A", "1")];
        let build_args = build_args.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let choices = Choices { build_args, ..Choices::default() };
        let resolved = resolve(&choices, &SettingsFile::default(), Duration::ZERO).expect("right");
        assert_eq!(resolved.options.build_args.keys().collect::<Vec<_>>(), ["A"]);
        assert_eq!(resolved.options.unhashed_build_args.keys().collect::<Vec<_>>(), ["HTTPS_PROXY"]);
    }
}
