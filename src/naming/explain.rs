//! What naming has to say: notes, warnings and errors, each with the settings line that settles it.

use std::collections::{BTreeMap, HashSet};

use super::folders::NameSource;
use super::model::Naming;
use super::name::ImageName;
use super::namespace::{Candidature, Inference, InvalidNamespace, NamespaceSource};
use super::places::{Places, toml_string};
use super::template::{InvalidName, escape};
use super::words::words;
use crate::diagnostic::{Diagnostic, Location, closest};
use crate::image::ImageReference;
use crate::path::TreePath;
use crate::printable::printable;

/// How many places one diagnostic shows.
const SHOWN: usize = 8;

fn about_line(found: Diagnostic, place: Option<&Location>) -> Diagnostic {
    match place {
        Some(place) => found.at(place.clone()),
        None => found,
    }
}

pub(super) fn bad_line(key: &str, place: Option<&Location>, error: &InvalidName) -> Diagnostic {
    let message = format!("names, \"{}\": {}", printable(key), printable(&error.to_string()));
    about_line(Diagnostic::error(message), place)
        .hint("a line reads \"src/{repo}/{version}\" = \"tools/{repo}:{version}\", the part after the colon being optional")
}

pub(super) fn bad_name(path: &TreePath, source: &NameSource, error: &InvalidName) -> Diagnostic {
    let error = error.to_string();
    Diagnostic::error(format!("{}: {}", source.describe(), printable(&error)))
        .at(Location::file(path.clone()))
}

pub(super) fn unused_line<'a>(
    key: &str,
    place: Option<&Location>,
    paths: impl Iterator<Item = &'a TreePath>,
) -> Diagnostic {
    let message = format!("names, \"{}\" matches no Dockerfile", printable(key));
    let warning = about_line(Diagnostic::warning(message), place);
    let wanted = key.trim_matches('/');
    let paths = paths.flat_map(|path| [path.to_text(), path.parent().unwrap_or_default().to_text()]);
    match closest(wanted, paths).first() {
        Some(text) => warning.hint(format!("the closest path is {}", toml_string(text))),
        None => warning,
    }
}

pub(super) fn bad_namespace(error: &InvalidNamespace, source: NamespaceSource) -> Diagnostic {
    let by = match source {
        NamespaceSource::Flag => "--namespace",
        NamespaceSource::Environment => "the environment",
        _ => "the settings",
    };
    Diagnostic::error(format!("{}, from {by}", printable(&error.to_string())))
        .hint("write it as in a reference, in lower case: acme, or quay.io/acme")
}

pub(super) fn duplicate(name: &str, places: &[(&TreePath, &NameSource)]) -> Diagnostic {
    let mut error = Diagnostic::error(format!("{} images would be called {name}", places.len()))
        .hint("give each a name of its own, or the same name with different tag prefixes (\"name:prefix\")");
    for (at, (path, source)) in places.iter().take(SHOWN).enumerate() {
        let location = Location::file((*path).clone());
        error = match at {
            0 => error.at(location),
            _ => error.related(location, source.describe()),
        };
    }
    error
}

/// Names that several Dockerfiles had. Where all of them stand aside there is nothing to settle.
pub(super) fn contested<'a>(
    contested: &'a BTreeMap<String, Vec<usize>>,
    names: &'a [ImageName],
    places: &'a Places,
) -> impl Iterator<Item = Diagnostic> + 'a {
    let contested =
        contested.iter().filter(|(_, images)| !images.iter().all(|image| places.is_aside(*image)));
    contested.map(|(name, images)| {
        let mut note = Diagnostic::note(format!("{} Dockerfiles would be called {name}", images.len()));
        for image in images.iter().take(SHOWN) {
            let location = Location::file(places.path(*image).clone());
            note = note.related(location, format!("is {}", names[*image].title()));
        }
        let unsettled = images.iter().filter(|image| names[**image].provisional);
        let lines: Vec<String> =
            unsettled.take(SHOWN).map(|image| settle_line(*image, names, places)).collect();
        note.hint(format!(
            "to publish them, put these or other names under [names] of shipwright.toml:\n{}",
            lines.join("\n")
        ))
    })
}

/// Images that gave way to one that nothing renames: untracked ones to tracked ones, those aside to others,
/// all to those that the settings name.
pub(super) fn displaced<'a>(
    contested: &'a BTreeMap<String, Vec<usize>>,
    names: &'a [ImageName],
    places: &'a Places,
) -> impl Iterator<Item = Diagnostic> + 'a {
    let others: HashSet<usize> = contested.values().flatten().copied().collect();
    let displaced = names
        .iter()
        .enumerate()
        .filter(move |(image, _)| !others.contains(image) && !places.is_aside(*image));
    displaced.filter_map(|(image, name)| {
        let plain = name.plain.as_ref().filter(|_| name.provisional)?;
        let message = format!("it is called {}: another image has the name {plain}", name.title());
        let line = settle_line(image, names, places);
        Some(Diagnostic::note(message).at(Location::file(places.path(image).clone())).hint(format!(
            "to publish it, put this or another name under [names] of shipwright.toml: {line}"
        )))
    })
}

/// Images in folders whose names give none: what they are called instead is not obvious.
pub(super) fn nameless<'a>(
    names: &'a [ImageName],
    places: &'a Places,
) -> impl Iterator<Item = Diagnostic> + 'a {
    names.iter().enumerate().filter_map(|(image, name)| {
        let path = places.path(image);
        let folder = path.parent().filter(|folder| !folder.is_root() && !places.is_aside(image))?;
        let last = folder.file_name();
        words(last).is_empty().then(|| {
            let shown = printable(&last.to_string()).into_owned();
            Diagnostic::note(format!(
                "{path}: `{shown}` has no letter or digit for an image's name, so it is called {}",
                name.title()
            ))
            .hint(format!(
                "for another name put under [names] of shipwright.toml: {}",
                settle_line(image, names, places)
            ))
        })
    })
}

/// Namespaces that references speak for and that were not taken.
pub(super) fn others(inference: &Inference, path: &dyn Fn(usize) -> TreePath) -> Vec<Diagnostic> {
    inference.others.iter().filter_map(|other| other_namespace(other, inference, path)).collect()
}

fn other_namespace(
    other: &Candidature,
    inference: &Inference,
    path: &dyn Fn(usize) -> TreePath,
) -> Option<Diagnostic> {
    let first = other.evidence.first()?;
    let reason = match (&inference.winner, other.refused) {
        (_, true) => format!("{} is well known for its own images", other.prefix),
        (_, false) if other.unclear => "more than one Dockerfile would be called that".to_owned(),
        (Some(winner), false) => format!("more references speak for the namespace {winner}"),
        (None, false) => format!("{} is too long for a namespace", other.prefix),
    };
    let mut note = Diagnostic::note(format!(
        "{} is taken for a published image, not for {}: {reason}",
        first.reference.reference,
        path(first.image)
    ))
    .at(first.reference.location.clone());
    for evidence in other.evidence.iter().skip(1).take(SHOWN) {
        note = note.related(
            evidence.reference.location.clone(),
            format!("{}, likewise", evidence.reference.reference),
        );
    }
    Some(note.hint(format!(
        "if it means the one built here, put into shipwright.toml: namespace = {}",
        toml_string(&other.prefix)
    )))
}

impl Naming {
    /// The error for a reference to a name that several Dockerfiles had.
    pub(crate) fn ambiguous(
        &self,
        reference: &ImageReference,
        images: &[usize],
        location: Location,
    ) -> Diagnostic {
        let mut error = Diagnostic::error(format!(
            "{reference} could be any of {} images: their Dockerfiles would all have that name",
            images.len()
        ))
        .at(location);
        for image in images.iter().take(SHOWN) {
            let label = format!("is {}", self.names[*image].title());
            error = error.related(Location::file(self.places.path(*image).clone()), label);
        }
        let hint = images.first().map(|image| {
            let name = &self.names[*image];
            format!(
                "refer to one by the name it has, or settle who has this one under [names] of shipwright.toml: {} = {}",
                toml_string(&escape(&self.places.settings_key(*image))),
                toml_string(name.plain.as_ref().unwrap_or(&name.short))
            )
        });
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    /// The warning for a reference into the namespace that nothing here builds.
    pub(crate) fn unbuilt(
        &self,
        reference: &ImageReference,
        closest: &[String],
        location: Location,
    ) -> Diagnostic {
        let warning = Diagnostic::warning(format!(
            "{reference} is in this checkout's namespace, but no Dockerfile here builds it: taken for a published image"
        ))
        .cause("Dockerfiles refer to images of this checkout's namespace that nothing here builds")
        .at(location);
        let name =
            self.name_in_namespace(&reference.repository).unwrap_or_else(|| reference.repository.familiar());
        let example = closest.first().and_then(|closest| {
            let found = self.names.iter().position(|image| {
                closest.strip_suffix(&image.title()).is_some_and(|rest| rest.ends_with('/'))
            });
            found.map(|image| self.places.settings_key(image))
        });
        let line = |key: String| format!("{} = {}", toml_string(&escape(&key)), toml_string(&escape(&name)));
        warning.hint(match (closest, example) {
            ([], _) => format!("if an image of this checkout is meant, call it {name} under [names] of shipwright.toml"),
            (names, None) => format!("the closest are {}; if one is meant, write that", names.join(", ")),
            (names, Some(key)) => format!(
                "the closest are {}; if one is meant, write that, or put under [names] of shipwright.toml: {}",
                names.join(", "),
                line(key)
            ),
        })
    }

    /// The images whose names `push` refuses, each with the line that settles it.
    pub(crate) fn provisional(&self) -> Vec<(usize, String)> {
        (0..self.names.len())
            .filter(|image| self.names[*image].provisional)
            .map(|image| (image, settle_line(image, &self.names, &self.places)))
            .collect()
    }
}

fn settle_line(image: usize, names: &[ImageName], places: &Places) -> String {
    let key = escape(&places.settings_key(image));
    format!("{} = {}", toml_string(&key), toml_string(&names[image].title()))
}
